import { bytesToHex, hexToBytes } from '@l2/common'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import type { KzgDialect } from './binding.js'
import { pointsOf } from './check.js'
import type { KzgMethod } from './kzg.js'

/** The library's names where they differ from the specification's. */
const names: Partial<Record<KzgMethod, string>> = {
  computeBlobKzgProof: 'computeBlobProof',
  verifyBlobKzgProof: 'verifyBlobProof',
  verifyBlobKzgProofBatch: 'verifyBlobProofBatch',
  computeKzgProof: 'computeProof',
  verifyKzgProof: 'verifyProof',
  computeCellsAndKzgProofs: 'computeCellsAndProofs',
  recoverCellsAndKzgProofs: 'recoverCellsAndProofs',
}

function toLibrary(value: unknown): unknown {
  if (value instanceof Uint8Array) return bytesToHex(value)
  return Array.isArray(value) ? value.map(toLibrary) : value
}

function toBytes(hex: unknown): Uint8Array {
  return hexToBytes(hex as string)!
}

function checkPoint(bytes: Uint8Array): void {
  // Infinity is a legal commitment and proof, which the curve library's own check refuses.
  if (bytes[0] === 0xc0 && bytes.subarray(1).every(byte => byte === 0)) return
  const point = bls12_381.G1.Point.fromBytes(bytes)
  point.assertValidity()
}

/** How micro-eth-signer spells the port: names of its own, everything in hex, and `false` for what is malformed. */
export const nobleDialect: KzgDialect = {
  backend: 'noble',
  request: (method, args) => ({ name: names[method] ?? method, args: args.map(toLibrary) }),
  result(method, raw, args) {
    switch (method) {
      case 'blobToKzgCommitment':
      case 'computeBlobKzgProof':
        return toBytes(raw)
      case 'computeCells':
        return (raw as unknown[]).map(toBytes)
      case 'computeKzgProof': {
        const [proof, y] = raw as unknown[]
        return { proof: toBytes(proof), y: toBytes(y) }
      }
      case 'computeCellsAndKzgProofs':
      case 'recoverCellsAndKzgProofs': {
        const [cells, proofs] = raw as [unknown[], unknown[]]
        return { cells: cells.map(toBytes), proofs: proofs.map(toBytes) }
      }
      default:
        // "Does not hold" and "is no point" are different answers; the library gives one.
        if (raw === false) for (const point of pointsOf(method, args)) checkPoint(point)
        return raw
    }
  },
}
