import { readFileSync } from 'node:fs'
import { concatBytes, hexToBytes } from '@l2/common'
import { vectorFiles } from '@l2/common/testing'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../internal/base64.js'
import {
  mountainSizes,
  nextShareIndex,
  shareCommitment,
  subtreeRoots,
  subtreeRootThreshold,
  subtreeWidth,
} from './commitment.js'
import { merkleRoot } from './merkle.js'
import { checkNamespace, isBlobNamespace, namespaceBytes, namespaceV0 } from './namespace.js'
import { parseCommitmentProof, verifyCommitmentProof } from './proof.js'
import {
  estimateGas,
  joinShares,
  type ShareVersion,
  shareBytes,
  sharesNeeded,
  signerBytes,
  splitShares,
} from './shares.js'

// The cases are read as what their section says; a wrong shape fails the expectations.
type Json = Record<string, never>
type Section = (section: never) => void
const hex = (text: string) => hexToBytes(text)!
const base64 = (text: string) => fromBase64(text)!
const cases = (section: { cases: Json[] }) => section.cases.entries()

/** Data given as hex, base64, or a rule in words. */
function dataOf(vector: { data?: string; dataHex?: string; dataRule?: string; dataLen?: number }): Uint8Array {
  if (vector.dataHex !== undefined) return hex(vector.dataHex)
  if (vector.dataRule !== undefined) {
    const rule = /^byte\[i\]=\((\d+)\*i\+(\d+)\)&255, length (\d+)$/.exec(vector.dataRule)
    if (rule === null) return dataOf({ data: vector.dataRule })
    const [, factor, offset, length] = rule.map(Number)
    return Uint8Array.from({ length: length! }, (_, i) => (factor! * i + offset!) & 255)
  }
  const parts = vector.data!.split('++').map(part => part.trim())
  const words = parts.map(part => {
    const run = /^0x([0-9a-f]{2})\s*\*\s*(\d+)$/i.exec(part)
    return run === null ? undefined : new Uint8Array(Number(run[2])).fill(Number.parseInt(run[1]!, 16))
  })
  if (words.every(word => word === undefined)) return base64(vector.data!)
  return concatBytes(...words.map((word, i) => word ?? hex(parts[i]!)))
}

/** `0x01 * 20`, hex, or base64. */
function signerOf(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  if (text.includes('*')) return dataOf({ data: text })
  return text.length === 2 * signerBytes ? hex(text) : base64(text)
}

const sections: Record<string, Section> = {
  constants: (constants: Record<string, number>) => {
    const ours: Record<string, number> = {
      shareSize: shareBytes,
      namespaceSize: namespaceBytes,
      nsIdSize: namespaceBytes - 1,
      v0PrefixZeroBytes: 18,
      v0UserBytes: 10,
      shareInfoBytes: 1,
      sequenceLenBytes: 4,
      signerSize: signerBytes,
      firstSparseContent: 478,
      firstSparseContentWithSigner: 458,
      continuationContent: 482,
      subtreeRootThreshold,
    }
    for (const [name, value] of Object.entries(constants)) expect(ours[name], name).toBe(value)
    expect(sharesNeeded(constants['firstSparseContent']!, 0)).toBe(1)
    expect(sharesNeeded(constants['firstSparseContentWithSigner']! + 1, 1)).toBe(2)
    expect(sharesNeeded(constants['firstSparseContent']! + constants['continuationContent']! + 1, 0)).toBe(3)
  },
  namespaces: (section: { newV0: Json[]; fromBytes: Json[]; reserved: Record<string, string> }) => {
    for (const vector of section.newV0 as unknown as {
      subIdHex: string
      bytesHex?: string
      base64?: string
      error?: boolean
    }[]) {
      if (vector.error === true) {
        expect(() => namespaceV0(hex(vector.subIdHex))).toThrow(expect.objectContaining({ code: 'DA_OPTIONS_INVALID' }))
        continue
      }
      const namespace = namespaceV0(hex(vector.subIdHex))
      expect(namespace).toEqual(hex(vector.bytesHex!))
      if (vector.base64 !== undefined) expect(toBase64(namespace)).toBe(vector.base64)
    }
    for (const vector of section.fromBytes as unknown as { hex: string; ok: boolean }[]) {
      if (vector.ok) expect(checkNamespace(hex(vector.hex))).toEqual(hex(vector.hex))
      else expect(() => checkNamespace(hex(vector.hex)), vector.hex).toThrow()
    }
    for (const [name, text] of Object.entries(section.reserved)) expect(isBlobNamespace(hex(text)), name).toBe(false)
  },
  sharesNeeded: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) {
      const { sequenceLen, signer, want } = vector as unknown as { sequenceLen: number; signer: boolean; want: number }
      expect(sharesNeeded(sequenceLen, signer ? 1 : 0)).toBe(want)
    }
  },
  mmrSizes: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section))
      expect(mountainSizes(vector['total']!, vector['max']!)).toEqual(vector['want'])
  },
  subtreeWidth: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) expect(subtreeWidth(vector['shares']!)).toBe(vector['want'])
  },
  nextShareIndex: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) {
      expect(nextShareIndex(vector['cursor']!, vector['shares']!)).toBe(vector['want'])
    }
  },
  shares: (section: Record<string, string>[]) => {
    for (const vector of section) {
      const namespace = hex(vector['namespaceHex']!)
      const data = dataOf(vector)
      const signer = signerOf(vector['signerHex'])
      const shareVersion = Number(vector['shareVersion'] ?? 0) as ShareVersion
      const shares = splitShares({ namespace, data, shareVersion, signer })
      expect(joinShares(shares).data).toEqual(data)
      const starts = Object.keys(vector).filter(key => /^share(Start|\d+Start)/.test(key))
      expect(starts.length, vector['name']).toBeGreaterThan(0)
      for (const key of starts) {
        const index = Number(/\d+/.exec(key)?.[0] ?? 0)
        const share = shares.subarray(index * shareBytes, (index + 1) * shareBytes)
        const start = key.startsWith('shareStart') ? hex(vector[key]!) : described(vector[key]!, namespace)
        expect(share.subarray(0, start.length), `${vector['name']} ${key}`).toEqual(start)
        if (share.length - start.length > 0 && (key.startsWith('shareStart') || vector[key]!.includes('zeros'))) {
          expect(share.subarray(start.length).every(byte => byte === 0)).toBe(true)
        }
      }
    }
  },
  commitments: (section: Record<string, string>[]) => {
    for (const vector of section) {
      const data = dataOf(vector)
      const shareVersion = Number(vector['share_version']) as ShareVersion
      const blob = { namespace: base64(vector['namespace']!), data, shareVersion, signer: signerOf(vector['signer']) }
      expect(data.length).toBe(Number(vector['dataLen']))
      expect(Buffer.from(sha256(data)).toString('hex')).toBe(vector['dataSha256'])
      expect(sharesNeeded(data.length, shareVersion)).toBe(vector['shares'])
      expect(subtreeRoots(blob)).toHaveLength(Number(vector['subtreeRoots']))
      expect(toBase64(shareCommitment(blob)), vector['name']).toBe(vector['commitment'])
      if (vector['commitmentHex'] !== undefined) expect(shareCommitment(blob)).toEqual(hex(vector['commitmentHex']))
    }
  },
  goSquareUnitVectors: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) {
      const { namespaceHex, shareVersion, signer, data, expectedHex } = vector as unknown as Record<string, string>
      const namespace = hex(namespaceHex ?? '0000000000000000000000000000000000000001010101010101010101')
      const version = Number(shareVersion) as ShareVersion
      // Some write the first part of the data as plain hex, which is also base64: the length tells.
      const bytes = dataOf({ data: data! })
      const roots = subtreeRoots({ namespace, data: bytes, shareVersion: version, signer: signerOf(signer) })
      // The unit tests of go-square pass a merkle function of their own, not the protocol's.
      const hashed = roots.map(root => sha256(root))
      const root = version === 2 ? hashed[0]! : sha256(concatBytes(...hashed))
      expect(Buffer.from(root).toString('hex')).toBe(expectedHex)
    }
  },
  commitmentProofs: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) {
      const { dataRoot, commitment, commitment_proof } = vector as unknown as Record<string, string>
      const proof = parseCommitmentProof(commitment_proof)
      const claim = { dataRoot: base64(dataRoot!), commitment: base64(commitment!) }
      const namespace = concatBytes(Uint8Array.of(proof.namespaceVersion), proof.namespaceId)
      if ((vector as { ok?: boolean }).ok === false) {
        expect(() => verifyCommitmentProof(proof, { ...claim, namespace })).toThrow()
        continue
      }
      verifyCommitmentProof(proof, claim)
      for (const wrong of ['dataRoot', 'commitment'] as const) {
        expect(() => verifyCommitmentProof(proof, { ...claim, [wrong]: new Uint8Array(32) })).toThrow(
          expect.objectContaining({ code: 'DA_PROOF_INVALID' }),
        )
      }
    }
  },
  dah: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) {
      const { row_roots, column_roots, data_hash } = vector as unknown as {
        row_roots: string[]
        column_roots: string[]
        data_hash: string
      }
      const root = merkleRoot([...row_roots, ...column_roots].map(base64))
      expect(Buffer.from(root).toString('hex').toUpperCase()).toBe(data_hash)
    }
  },
  gas: (section: { cases: Json[] }) => {
    for (const [, vector] of cases(section)) expect(estimateGas(vector['blobSizes']!)).toBe(BigInt(vector['gas']!))
  },
}

/** `ns,01,000001e5,07*478`: parts that stand one behind the other. */
function described(text: string, namespace: Uint8Array): Uint8Array {
  const parts = text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== 'zeros')
  return concatBytes(
    ...parts.map(part => {
      if (part === 'ns') return namespace
      const [byte, times] = part.split('*')
      return times === undefined ? hex(part) : new Uint8Array(Number(times)).fill(Number.parseInt(byte!, 16))
    }),
  )
}

const files = vectorFiles('celestia')

describe.runIf(files !== undefined)('celestia vectors', () => {
  for (const file of files ?? []) {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, never>
    for (const [name, section] of Object.entries(content)) {
      if (name.startsWith('_')) continue
      it(`${file.split('/').at(-1)} ${name}`, () => {
        expect(sections[name], `unknown section "${name}"`).toBeDefined()
        sections[name]!(section)
      })
    }
  }
})
