import type { Hex } from 'viem'
import { bytesPerPoint, cellsPerExtBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { checkBlobLength } from '../internal/check.js'
import type { AnyKzg, AsyncKzgFunctions } from '../kzg/kzg.js'
import { versionedHashOf } from './versioned-hash.js'

/** Which proofs travel with blobs: 0 = one a blob (EIP-4844, until Prague), 1 = 128 cell proofs a blob (EIP-7594, from Osaka). */
export type WrapperVersion = 0 | 1

/** What travels beside a type-3 transaction. */
export type BlobSidecar = {
  readonly version: WrapperVersion
  readonly blobs: readonly Uint8Array[]
  /** One a blob. */
  readonly commitments: readonly Uint8Array[]
  /** Version 0: one a blob. Version 1: 128 a blob, blob after blob; `proofs[i × 128 + j]` proves cell j of blob i. */
  readonly proofs: readonly Uint8Array[]
}

/** @see buildSidecar */
export type BuildSidecarOptions = {
  /** What computes: a `Kzg`, or a `KzgPool` to keep the thread free and use every core. */
  kzg: AnyKzg
  /** From `getBlobParameters(client).wrapperVersion`: the fork of L1 decides. */
  version: WrapperVersion
  signal?: AbortSignal | undefined
  /** Called after each blob, in whatever order they finish. */
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** Proofs a blob in a sidecar of that version. */
export function proofsPerBlob(version: WrapperVersion): number {
  return version === 0 ? 1 : cellsPerExtBlob
}

/**
 * Commitments and proofs of blobs. With a pool the blobs are worked on in parallel; the result keeps their order.
 *
 * @throws BlobError `NO_BLOBS`, `BLOB_LENGTH`, `FIELD_ELEMENT`, `KZG_BACKEND`; the signal's reason when aborted
 * @example
 * ```ts
 * import { buildSidecar, opCodec, sidecarHashes } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const kzg = await createBlobKzg()
 * const sidecar = await buildSidecar(opCodec.encode(new Uint8Array()), { kzg, version: 1 })
 * console.log(sidecar.proofs.length, sidecarHashes(sidecar)[0]) // 128 0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014
 * ```
 */
export async function buildSidecar(blobs: readonly Uint8Array[], options: BuildSidecarOptions): Promise<BlobSidecar> {
  const { version, signal, onProgress } = options
  if (blobs.length === 0) throw new BlobError('a sidecar needs at least one blob', { code: 'NO_BLOBS' })
  blobs.forEach(checkBlobLength)
  const kzg = options.kzg as AsyncKzgFunctions
  let done = 0
  let inThread = false
  const prove = async (blob: Uint8Array): Promise<{ commitment: Uint8Array; proofs: readonly Uint8Array[] }> => {
    const started: unknown = kzg.blobToKzgCommitment(blob, { signal })
    inThread = !(started instanceof Promise)
    const commitment = (await started) as Uint8Array
    signal?.throwIfAborted()
    const proofs =
      version === 0
        ? [await kzg.computeBlobKzgProof(blob, commitment, { signal })]
        : (await kzg.computeCellsAndKzgProofs(blob, { signal })).proofs
    onProgress?.(++done, blobs.length)
    return { commitment, proofs }
  }
  const proving: ReturnType<typeof prove>[] = []
  for (const blob of blobs) {
    signal?.throwIfAborted()
    proving.push(prove(blob))
    if (!inThread) continue
    // One after the other, and a turn of the event loop between two, so that timers run and an abort is heard.
    await proving.at(-1)
    await new Promise(resolve => setTimeout(resolve, 0))
  }
  // All are awaited even when one fails: none is left running unobserved.
  const proved = (await Promise.allSettled(proving)).map(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
  return {
    version,
    blobs: [...blobs],
    commitments: proved.map(({ commitment }) => commitment),
    proofs: proved.flatMap(({ proofs }) => proofs),
  }
}

/** The versioned hashes of a sidecar's blobs, as the transaction lists them. */
export function sidecarHashes(sidecar: Pick<BlobSidecar, 'commitments'>): Hex[] {
  return sidecar.commitments.map(versionedHashOf)
}

/**
 * Checks the counts and lengths of a sidecar, and its commitments against the transaction's versioned hashes where these are given.
 * Cheap: no curve arithmetic.
 *
 * @throws BlobError `SIDECAR_VERSION`, `SIDECAR_COUNT`, `BLOB_LENGTH`, `KZG_INPUT`, `SIDECAR_COMMITMENT`
 */
export function checkSidecar(sidecar: BlobSidecar, versionedHashes?: readonly Hex[]): void {
  const { version, blobs, commitments, proofs } = sidecar
  if (version !== 0 && version !== 1) {
    throw new BlobError(`wrapper version expected 0 or 1, got ${String(version)}`, {
      code: 'SIDECAR_VERSION',
      details: { version },
    })
  }
  if (blobs.length === 0) throw new BlobError('a sidecar needs at least one blob', { code: 'NO_BLOBS' })
  checkCount('commitments', commitments.length, blobs.length)
  checkCount('proofs', proofs.length, blobs.length * proofsPerBlob(version))
  if (versionedHashes !== undefined) checkCount('versioned hashes', versionedHashes.length, blobs.length)
  blobs.forEach(checkBlobLength)
  for (const [name, points] of [
    ['commitments', commitments],
    ['proofs', proofs],
  ] as const) {
    for (const [index, point] of points.entries()) {
      if (point.length !== bytesPerPoint) {
        throw new BlobError(`${name}[${index}]: expected ${bytesPerPoint} bytes, got ${point.length}`, {
          code: 'KZG_INPUT',
          details: { what: `${name}[${index}]`, length: point.length },
        })
      }
    }
  }
  for (const [index, hash] of (versionedHashes ?? []).entries()) {
    const expected = versionedHashOf(commitments[index]!)
    if (hash.toLowerCase() !== expected) {
      throw new BlobError(`commitment ${index} hashes to ${expected}, the transaction has ${hash}`, {
        code: 'SIDECAR_COMMITMENT',
        details: { index, expected, got: hash },
      })
    }
  }
}

function checkCount(what: string, got: number, expected: number): void {
  if (got !== expected) {
    throw new BlobError(`${what}: expected ${expected}, got ${got}`, {
      code: 'SIDECAR_COUNT',
      details: { what, expected, got },
    })
  }
}

/** @see verifySidecar */
export type VerifySidecarOptions = {
  kzg: AnyKzg
  /** Those of the transaction; without them only the sidecar itself is verified. */
  versionedHashes?: readonly Hex[] | undefined
  signal?: AbortSignal | undefined
}

/**
 * Verifies a sidecar as a node does before it takes the transaction: hashes, commitments and every proof, in one batch. Only when the
 * batch fails are the blobs tried one by one, to name the one at fault.
 *
 * @throws BlobError as {@link checkSidecar}, and `SIDECAR_PROOF`, `FIELD_ELEMENT`, `KZG_INPUT`
 * @example
 * ```ts
 * import { type BlobError, buildSidecar, opCodec, verifySidecar } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const kzg = await createBlobKzg()
 * const sidecar = await buildSidecar(opCodec.encode(Uint8Array.of(1)), { kzg, version: 0 })
 * const forged = { ...sidecar, proofs: [sidecar.commitments[0]!] }
 * await verifySidecar(sidecar, { kzg })
 * await verifySidecar(forged, { kzg }).catch((error: BlobError) => console.log(error.code, error.details['index'])) // SIDECAR_PROOF 0
 * ```
 */
export async function verifySidecar(sidecar: BlobSidecar, options: VerifySidecarOptions): Promise<void> {
  const { signal, versionedHashes } = options
  checkSidecar(sidecar, versionedHashes)
  const kzg = options.kzg as AsyncKzgFunctions
  const { version, blobs, commitments, proofs } = sidecar
  const holds =
    version === 0
      ? (from: number, to: number) =>
          kzg.verifyBlobKzgProofBatch(blobs.slice(from, to), commitments.slice(from, to), proofs.slice(from, to), {
            signal,
          })
      : async (from: number, to: number) => {
          const cells: Uint8Array[] = []
          for (const blob of blobs.slice(from, to)) cells.push(...(await kzg.computeCells(blob, { signal })))
          const owners = cells.map((_, i) => commitments[from + Math.floor(i / cellsPerExtBlob)]!)
          const indices = cells.map((_, i) => i % cellsPerExtBlob)
          const ofCells = proofs.slice(from * cellsPerExtBlob, to * cellsPerExtBlob)
          return kzg.verifyCellKzgProofBatch(owners, indices, cells, ofCells, { signal })
        }
  if (await holds(0, blobs.length)) return
  for (let index = 0; index < blobs.length; index++) {
    signal?.throwIfAborted()
    if (blobs.length > 1 && (await holds(index, index + 1))) continue
    const what = version === 0 ? 'its proof does' : 'its cell proofs do'
    throw new BlobError(`blob ${index}: ${what} not hold for its commitment`, {
      code: 'SIDECAR_PROOF',
      details: { index, version },
    })
  }
}

/**
 * The version 1 sidecar of a version 0 one: blobs and commitments stay, cell proofs replace the blob proofs.
 *
 * @throws BlobError `SIDECAR_VERSION` and as {@link buildSidecar}
 */
export async function upgradeSidecar(
  sidecar: BlobSidecar,
  options: Omit<BuildSidecarOptions, 'version'>,
): Promise<BlobSidecar> {
  checkSidecar(sidecar)
  if (sidecar.version !== 0) {
    throw new BlobError('only a version 0 sidecar can be upgraded', {
      code: 'SIDECAR_VERSION',
      details: { version: 1 },
    })
  }
  const upgraded = await buildSidecar(sidecar.blobs, { ...options, version: 1 })
  checkSidecar(upgraded, sidecarHashes(sidecar))
  return upgraded
}
