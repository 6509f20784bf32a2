import { type KzgDialect, plainBytes } from './binding.js'
import type { KzgBackend, KzgMethod } from './kzg.js'

/** The functions of the specification that both native libraries have to have. */
export const specified = [
  'blobToKzgCommitment',
  'computeBlobKzgProof',
  'verifyBlobKzgProof',
  'verifyBlobKzgProofBatch',
  'computeKzgProof',
  'verifyKzgProof',
  'computeCells',
  'computeCellsAndKzgProofs',
  'recoverCellsAndKzgProofs',
  'verifyCellKzgProofBatch',
] as const satisfies readonly KzgMethod[]

/**
 * How both native libraries spell the port: the specification's names, results as Node buffers, pairs either as a tuple (c-kzg) or
 * as an object (eth-kzg).
 */
export function nativeDialect(backend: KzgBackend): KzgDialect {
  return {
    backend,
    request: (method, args) => ({ name: method, args: [...args] }),
    result(method, raw) {
      switch (method) {
        case 'blobToKzgCommitment':
        case 'computeBlobKzgProof':
          return plainBytes(raw)
        case 'computeCells':
          return (raw as unknown[]).map(plainBytes)
        case 'computeKzgProof': {
          const [proof, y] = raw as unknown[]
          return { proof: plainBytes(proof), y: plainBytes(y) }
        }
        case 'computeCellsAndKzgProofs':
        case 'recoverCellsAndKzgProofs': {
          const [cells, proofs] = Array.isArray(raw)
            ? raw
            : [(raw as { cells: unknown[] }).cells, (raw as { proofs: unknown[] }).proofs]
          return { cells: cells.map(plainBytes), proofs: proofs.map(plainBytes) }
        }
        default:
          return raw
      }
    },
  }
}
