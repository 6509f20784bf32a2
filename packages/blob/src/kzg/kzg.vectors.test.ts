import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import { runs, vectorFiles } from '@l2/common/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { cKzg } from './c-kzg.js'
import { ethKzg } from './eth-kzg.js'
import type { Kzg, KzgMethod } from './kzg.js'
import { nobleKzg } from './noble.js'

// What a backend's library lacks, and so is not asked of it. Nothing at present.
const lacking: Partial<Record<string, readonly KzgMethod[]>> = {}

type Fields = Record<string, unknown>

// Anything that is not hex becomes a byte string that no length check lets pass.
const bytes = (value: unknown): Uint8Array => (typeof value === 'string' && hexToBytes(value)) || new Uint8Array()
const list = (value: unknown): Uint8Array[] => (value as unknown[]).map(bytes)

const functions: Record<string, { method: KzgMethod; call: (kzg: Kzg, input: Fields) => unknown }> = {
  blob_to_kzg_commitment: {
    method: 'blobToKzgCommitment',
    call: (kzg, { blob }) => kzg.blobToKzgCommitment(bytes(blob)),
  },
  compute_blob_kzg_proof: {
    method: 'computeBlobKzgProof',
    call: (kzg, { blob, commitment }) => kzg.computeBlobKzgProof(bytes(blob), bytes(commitment)),
  },
  verify_blob_kzg_proof: {
    method: 'verifyBlobKzgProof',
    call: (kzg, { blob, commitment, proof }) => kzg.verifyBlobKzgProof(bytes(blob), bytes(commitment), bytes(proof)),
  },
  verify_blob_kzg_proof_batch: {
    method: 'verifyBlobKzgProofBatch',
    call: (kzg, { blobs, commitments, proofs }) =>
      kzg.verifyBlobKzgProofBatch(list(blobs), list(commitments), list(proofs)),
  },
  compute_kzg_proof: {
    method: 'computeKzgProof',
    call: (kzg, { blob, z }) => {
      const { proof, y } = kzg.computeKzgProof(bytes(blob), bytes(z))
      return [proof, y]
    },
  },
  verify_kzg_proof: {
    method: 'verifyKzgProof',
    call: (kzg, { commitment, z, y, proof }) => kzg.verifyKzgProof(bytes(commitment), bytes(z), bytes(y), bytes(proof)),
  },
  compute_cells: { method: 'computeCells', call: (kzg, { blob }) => kzg.computeCells(bytes(blob)) },
  compute_cells_and_kzg_proofs: {
    method: 'computeCellsAndKzgProofs',
    call: (kzg, { blob }) => {
      const { cells, proofs } = kzg.computeCellsAndKzgProofs(bytes(blob))
      return [cells, proofs]
    },
  },
  recover_cells_and_kzg_proofs: {
    method: 'recoverCellsAndKzgProofs',
    call: (kzg, input) => {
      const { cells, proofs } = kzg.recoverCellsAndKzgProofs(input['cell_indices'] as number[], list(input['cells']))
      return [cells, proofs]
    },
  },
  verify_cell_kzg_proof_batch: {
    method: 'verifyCellKzgProofBatch',
    call: (kzg, { commitments, cell_indices, cells, proofs }) =>
      kzg.verifyCellKzgProofBatch(list(commitments), cell_indices as number[], list(cells), list(proofs)),
  },
}

function toHex(value: unknown): unknown {
  if (value instanceof Uint8Array) return bytesToHex(value)
  return Array.isArray(value) ? value.map(toHex) : value
}

const files = vectorFiles('kzg')

/** JavaScript takes seconds for what native code does in milliseconds: of the answers that it has to compute a share is in the suite. */
const computedByNoble = runs({ suite: 1, soak: Number.POSITIVE_INFINITY })
const isSlow = (kzg: Kzg, method: KzgMethod, output: unknown): boolean =>
  kzg.backend === 'noble' && !method.startsWith('verify') && output !== null

describe.skipIf(files === undefined)('KZG conformance vectors, every backend', () => {
  const backends: Kzg[] = []
  const computed = new Map<KzgMethod, number>()
  beforeAll(async () => {
    backends.push(cKzg(), ethKzg(), await nobleKzg())
    for (const kzg of backends) kzg.load()
  })

  it.each((files ?? []).map(file => [`${basename(dirname(file))}/${basename(file)}`, file]))('%s', (_, file) => {
    const known = functions[basename(dirname(file))]
    if (known === undefined) throw new Error(`no function for ${file}`)
    const vector = parse(readFileSync(file, 'utf8')) as { input: Fields; output: unknown }
    expect(Object.keys(vector).sort()).toEqual(['input', 'output'])
    const { input, output } = vector
    for (const kzg of backends) {
      if (lacking[kzg.backend]?.includes(known.method)) continue
      if (isSlow(kzg, known.method, output)) {
        const before = computed.get(known.method) ?? 0
        if (before >= computedByNoble) continue
        computed.set(known.method, before + 1)
      }
      let got: unknown
      try {
        got = toHex(known.call(kzg, input))
      } catch (error) {
        // Null stands for "must be refused": with a typed error, not with a crash and not with `false`.
        expect(isL2Error(error), `${kzg.backend}: ${String(error)}`).toBe(true)
        got = null
      }
      expect(got, kzg.backend).toEqual(output)
    }
  })
})
