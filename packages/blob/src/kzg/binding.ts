import { BlobError } from '../errors.js'
import { checkKzgInput } from './check.js'
import type { Kzg, KzgBackend, KzgFunctions, KzgMethod } from './kzg.js'

/** A loaded KZG library: functions by name. */
export type KzgLibrary = Record<string, (...args: unknown[]) => unknown>

/** The methods of an object as a library of functions: they keep their object, and what lies on its prototype counts. */
export function methodsOf(object: object): KzgLibrary {
  return new Proxy(object as KzgLibrary, { get: (target, name: string) => target[name]!.bind(target) })
}

/** How a library spells the port: which function to call with what, and what its result means. Both are pure, so a call can cross threads. */
export type KzgDialect = {
  readonly backend: KzgBackend
  request(method: KzgMethod, args: readonly unknown[]): { name: string; args: unknown[] }
  /** @throws whatever a malformed point deserves, where the library only says `false`. */
  result(method: KzgMethod, raw: unknown, args: readonly unknown[]): unknown
}

/** What a call needs no library for. */
export function shortcut(method: KzgMethod, args: readonly unknown[]): boolean | undefined {
  const batch = method === 'verifyBlobKzgProofBatch' || method === 'verifyCellKzgProofBatch'
  return batch && (args[0] as unknown[]).length === 0 ? true : undefined
}

/** A library's refusal, which after the checks can only be about points. */
export function refused(method: KzgMethod, cause: unknown): BlobError {
  return new BlobError(`${method}: the KZG library refused its input`, {
    code: 'KZG_INPUT',
    details: { what: method, reason: cause instanceof Error ? cause.message : String(cause) },
    cause,
  })
}

/** Bytes as the port promises them: native libraries return Node's `Buffer`. */
export function plainBytes(raw: unknown): Uint8Array {
  const { buffer, byteOffset, length } = raw as Uint8Array
  return new Uint8Array(buffer, byteOffset, length)
}

/** Puts the port on a library that is loaded at its first use. */
export function bindKzg(dialect: KzgDialect, load: () => KzgLibrary): Kzg {
  let library: KzgLibrary | undefined
  const loaded = (): KzgLibrary => {
    try {
      library ??= load()
      return library
    } catch (cause) {
      throw new BlobError(`${dialect.backend}: the trusted setup cannot be loaded`, { code: 'KZG_BACKEND', cause })
    }
  }
  const call = <Method extends KzgMethod>(
    method: Method,
    ...args: Parameters<KzgFunctions[Method]>
  ): ReturnType<KzgFunctions[Method]> => {
    checkKzgInput(method, args)
    const known = shortcut(method, args)
    if (known !== undefined) return known as ReturnType<KzgFunctions[Method]>
    const functions = loaded()
    const request = dialect.request(method, args)
    try {
      return dialect.result(method, functions[request.name]!(...request.args), args) as ReturnType<KzgFunctions[Method]>
    } catch (cause) {
      throw refused(method, cause)
    }
  }
  return {
    backend: dialect.backend,
    load: () => void loaded(),
    blobToKzgCommitment: blob => call('blobToKzgCommitment', blob),
    computeBlobKzgProof: (blob, commitment) => call('computeBlobKzgProof', blob, commitment),
    verifyBlobKzgProof: (blob, commitment, proof) => call('verifyBlobKzgProof', blob, commitment, proof),
    verifyBlobKzgProofBatch: (blobs, commitments, proofs) =>
      call('verifyBlobKzgProofBatch', blobs, commitments, proofs),
    computeKzgProof: (blob, z) => call('computeKzgProof', blob, z),
    verifyKzgProof: (commitment, z, y, proof) => call('verifyKzgProof', commitment, z, y, proof),
    computeCells: blob => call('computeCells', blob),
    computeCellsAndKzgProofs: blob => call('computeCellsAndKzgProofs', blob),
    recoverCellsAndKzgProofs: (indices, cells) => call('recoverCellsAndKzgProofs', indices, cells),
    verifyCellKzgProofBatch: (commitments, indices, cells, proofs) =>
      call('verifyCellKzgProofBatch', commitments, indices, cells, proofs),
  }
}
