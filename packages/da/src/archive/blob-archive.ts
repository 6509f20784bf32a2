import {
  type AnyKzg,
  type AsyncKzgFunctions,
  type Beacon,
  type BlobBlock,
  bytesPerBlob,
  getBlobs,
  versionedHashOf,
} from '@l2/blob'
import { isL2Error } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import type { DaCallOptions } from '../port.js'
import type { Store } from '../store.js'

/** What {@link createBlobArchive} works with. */
export type BlobArchiveDeps = {
  /** Where blobs are kept, 131 072 bytes each: `createS3Store` of `@l2/da/object`, `createFileStore` of `@l2/da/node`. */
  objects: Store
  /** Recomputes commitments, so that neither the node that gave a blob nor the store that kept it has to be trusted. */
  kzg: AnyKzg
}

export type ArchiveCallOptions = Pick<DaCallOptions, 'signal'>

/** Blobs beyond the 18 days for which nodes keep them. It reads like a beacon node: put it behind them in `beacons` of `createBlobDa`. */
export interface BlobArchive extends Beacon {
  /**
   * Keeps blobs, each under its versioned hash. Keeping one twice is keeping it once.
   *
   * @returns the hashes, in the order of the blobs
   * @throws BlobError `FIELD_ELEMENT`, … for what is no blob; what the store throws
   */
  put(blobs: readonly Uint8Array[], options?: ArchiveCallOptions): Promise<Hex[]>
  /** A blob, verified; `undefined` where it is not kept. @throws DaError `DA_MISMATCH` when the store holds something else */
  get(versionedHash: Hex, options?: ArchiveCallOptions): Promise<Uint8Array | undefined>
  /**
   * Copies the blobs of a transaction that are not kept yet, and says how many those were. Call it for every block within the 18 days.
   *
   * @throws BlobError what reading from the beacon node throws
   */
  copy(
    from: Beacon,
    of: { block: BlobBlock; versionedHashes: readonly Hex[] },
    options?: ArchiveCallOptions,
  ): Promise<number>
}

/**
 * Keeps blobs for those who come later than 18 days: a new verifier, an indexer, somebody who challenges. Blobs are named by their versioned hash,
 * which is recomputed when they are written and when they are read.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@l2/da'
 * import { createBlobArchive } from '@l2/da/archive'
 * import { getBlobs, opCodec } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const kzg = await createBlobKzg()
 * const archive = createBlobArchive({ objects: createMemoryStore(), kzg }) // or createS3Store(…), or createFileStore(…)
 * const versionedHashes = await archive.put(opCodec.encode(Uint8Array.of(1, 2, 3)))
 * // Later than any node remembers:
 * const blobs = await getBlobs(archive, { block: { number: 1n }, versionedHashes, kzg })
 * console.log(opCodec.decode(blobs)) // Uint8Array(3) [ 1, 2, 3 ]
 * ```
 */
export function createBlobArchive({ objects, kzg }: BlobArchiveDeps): BlobArchive {
  const keyOf = (versionedHash: Hex): string => {
    if (!/^0x01[0-9a-fA-F]{62}$/.test(versionedHash)) {
      throw new DaError('a versioned hash of a blob expected', {
        code: 'DA_COMMITMENT_INVALID',
        details: { versionedHash: String(versionedHash).slice(0, 80) },
      })
    }
    return `blobs/${versionedHash.slice(2).toLowerCase()}`
  }
  const hashOf = async (blob: Uint8Array, signal: AbortSignal | undefined): Promise<Hex> =>
    versionedHashOf(await (kzg as AsyncKzgFunctions).blobToKzgCommitment(blob, { signal }))

  /** Whether a stored blob is there and whole; one that rotted is as good as absent. */
  async function has(versionedHash: Hex, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return (await get(versionedHash, { signal })) !== undefined
    } catch (error) {
      if (isL2Error(error, 'DA_MISMATCH') || isL2Error(error, 'DA_STORE_CORRUPT')) return false
      throw error
    }
  }

  async function get(versionedHash: Hex, { signal }: ArchiveCallOptions = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted()
    const blob = await objects.get(keyOf(versionedHash))
    if (blob === undefined) return undefined
    const found = blob.length === bytesPerBlob ? await hashOf(blob, signal).catch(noBlob) : undefined
    if (found !== versionedHash.toLowerCase()) {
      throw new DaError('the archive holds something else under a versioned hash', {
        code: 'DA_MISMATCH',
        details: { versionedHash, found, length: blob.length },
      })
    }
    return blob
  }

  async function put(blobs: readonly Uint8Array[], { signal }: ArchiveCallOptions = {}): Promise<Hex[]> {
    const hashes: Hex[] = []
    for (const blob of blobs) {
      const hash = await hashOf(blob, signal)
      await objects.put(keyOf(hash), blob)
      hashes.push(hash)
    }
    return hashes
  }

  return {
    put,
    get,
    async copy(from, { block, versionedHashes }, { signal } = {}) {
      const missing: Hex[] = []
      for (const hash of new Set(versionedHashes)) if (!(await has(hash, signal))) missing.push(hash)
      const blobs = await getBlobs(from, { block, versionedHashes: missing, kzg, signal })
      for (const [index, blob] of blobs.entries()) await objects.put(keyOf(missing[index]!), blob)
      return missing.length
    },
    // Blobs are found by their hash alone.
    blockId: async () => 'archive',
    async fetchBlobs(_, versionedHashes = [], { signal } = {}) {
      const blobs: Uint8Array[] = []
      for (const hash of versionedHashes) {
        signal?.throwIfAborted()
        const blob = await objects.get(keyOf(hash))
        if (blob?.length === bytesPerBlob) blobs.push(blob)
      }
      return blobs
    },
  }
}

/** Bytes that are no blob have no hash. Any other failure, as of a pool that is full, says nothing about them. */
function noBlob(error: unknown): undefined {
  if (!isL2Error(error, 'FIELD_ELEMENT')) throw error
}
