import { bytesPerCell, bytesPerPoint, cellsPerExtBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { checkBlobLength, checkFieldElements, isBytes, isCanonical } from '../internal/check.js'
import type { KzgMethod } from './kzg.js'

type Kind = 'blob' | 'point' | 'scalar' | 'cell' | 'index'
type Parameter = { name: string; kind: Kind; list?: true }

const blob: Parameter = { name: 'blob', kind: 'blob' }
const commitment: Parameter = { name: 'commitment', kind: 'point' }
const proof: Parameter = { name: 'proof', kind: 'point' }
const z: Parameter = { name: 'z', kind: 'scalar' }
const y: Parameter = { name: 'y', kind: 'scalar' }
const blobs: Parameter = { name: 'blobs', kind: 'blob', list: true }
const commitments: Parameter = { name: 'commitments', kind: 'point', list: true }
const proofs: Parameter = { name: 'proofs', kind: 'point', list: true }
const cells: Parameter = { name: 'cells', kind: 'cell', list: true }
const cellIndices: Parameter = { name: 'cellIndices', kind: 'index', list: true }

const signatures: Record<KzgMethod, readonly Parameter[]> = {
  blobToKzgCommitment: [blob],
  computeBlobKzgProof: [blob, commitment],
  verifyBlobKzgProof: [blob, commitment, proof],
  verifyBlobKzgProofBatch: [blobs, commitments, proofs],
  computeKzgProof: [blob, z],
  verifyKzgProof: [commitment, z, y, proof],
  computeCells: [blob],
  computeCellsAndKzgProofs: [blob],
  recoverCellsAndKzgProofs: [cellIndices, cells],
  verifyCellKzgProofBatch: [commitments, cellIndices, cells, proofs],
}

/** How many arguments a function takes. */
export function arityOf(method: KzgMethod): number {
  return signatures[method].length
}

/** The arguments of a call that are points of the curve. */
export function pointsOf(method: KzgMethod, args: readonly unknown[]): Uint8Array[] {
  return signatures[method].flatMap((parameter, i) =>
    parameter.kind === 'point' ? ((parameter.list ? args[i] : [args[i]]) as Uint8Array[]) : [],
  )
}

/**
 * Checks everything about the arguments of a call that needs no curve arithmetic.
 *
 * @throws BlobError `KZG_INPUT`, `BLOB_LENGTH`, `FIELD_ELEMENT`
 */
export function checkKzgInput(method: KzgMethod, args: readonly unknown[]): void {
  let count: number | undefined
  for (const [position, parameter] of signatures[method].entries()) {
    const value = args[position]
    if (!parameter.list) {
      checkOne(parameter, value, undefined)
      continue
    }
    if (!Array.isArray(value)) throw wrong(method, `"${parameter.name}" expected an array, got ${typeof value}`)
    count ??= value.length
    if (value.length !== count) {
      throw wrong(method, `"${parameter.name}" expected ${count} items as the list before it, got ${value.length}`)
    }
    for (let i = 0; i < value.length; i++) checkOne(parameter, value[i], i)
  }
  if (method === 'recoverCellsAndKzgProofs') checkRecovery(args[0] as number[])
}

function checkOne({ name, kind }: Parameter, value: unknown, index: number | undefined): void {
  const what = index === undefined ? name : `${name}[${index}]`
  if (kind === 'index') {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= cellsPerExtBlob) {
      throw wrong(what, `expected an integer from 0 to ${cellsPerExtBlob - 1}, got ${String(value)}`)
    }
    return
  }
  if (kind === 'blob') {
    checkBlobLength(value as Uint8Array, index)
    checkFieldElements(value as Uint8Array, what)
    return
  }
  const expected = kind === 'point' ? bytesPerPoint : kind === 'cell' ? bytesPerCell : 32
  if (!isBytes(value) || value.length !== expected) {
    throw wrong(what, `expected ${expected} bytes, got ${isBytes(value) ? value.length : typeof value}`)
  }
  if (kind === 'cell') checkFieldElements(value, what)
  if (kind === 'scalar' && !isCanonical(value, 0)) checkFieldElements(value, what)
}

function checkRecovery(indices: readonly number[]): void {
  if (indices.length < cellsPerExtBlob / 2 || indices.length > cellsPerExtBlob) {
    throw wrong('cells', `expected ${cellsPerExtBlob / 2} to ${cellsPerExtBlob} of them, got ${indices.length}`)
  }
  for (let i = 1; i < indices.length; i++) {
    if (indices[i]! <= indices[i - 1]!) {
      throw wrong(`cellIndices[${i}]`, `expected more than ${indices[i - 1]}, got ${indices[i]}`)
    }
  }
}

function wrong(what: string, reason: string): BlobError {
  return new BlobError(`${what}: ${reason}`, { code: 'KZG_INPUT', details: { what, reason } })
}
