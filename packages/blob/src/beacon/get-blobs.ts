import { isL2Error } from '@l2/common'
import type { Hex } from 'viem'
import { BlobError } from '../errors.js'
import type { AnyKzg, AsyncKzgFunctions } from '../kzg/kzg.js'
import { versionedHashOf } from '../sidecar/versioned-hash.js'
import type { Beacon, BlobBlock } from './beacon.js'

/** @see getBlobs */
export type GetBlobsOptions = {
  /** The block that includes the transaction. */
  block: BlobBlock
  /** The hashes to find, in the order wanted; the same may stand twice. */
  versionedHashes: readonly Hex[]
  /** Recomputes the commitment of each blob: this is what makes an untrusted node's answer true. */
  kzg: AnyKzg
  signal?: AbortSignal | undefined
}

/**
 * Blobs by versioned hash from a beacon node that need not be trusted: each blob's commitment is recomputed and must hash to what was
 * asked for. The node's order and filter do not matter; when the filter brings too few, the whole block is fetched.
 *
 * @throws BlobError `BLOCK_MISSED`, `BLOBS_PRUNED`, `BLOBS_NOT_CUSTODIED`, `BLOBS_MISMATCH`, `RPC_RESPONSE`, `NODE_UNAVAILABLE`; the
 * signal's reason when aborted
 * @example
 * ```ts no-run
 * import { anvilBeacon, createBeacon, getBlobs, opCodec } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const beacon = createBeacon({ url: 'http://127.0.0.1:8545', ...anvilBeacon })
 * const blobs = await getBlobs(beacon, {
 *   block: { number: 1n },
 *   versionedHashes: ['0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014'],
 *   kzg: await createBlobKzg(),
 * })
 * console.log(opCodec.decode(blobs))
 * ```
 */
export async function getBlobs(beacon: Beacon, options: GetBlobsOptions): Promise<Uint8Array[]> {
  const { block, versionedHashes, signal } = options
  if (versionedHashes.length === 0) return []
  const kzg = options.kzg as AsyncKzgFunctions
  const wanted = versionedHashes.map(hash => hash.toLowerCase() as Hex)
  const missing = new Set(wanted)
  const found = new Map<Hex, Uint8Array>()
  const seen: Hex[] = []
  const keep = async (blobs: readonly Uint8Array[]): Promise<void> => {
    for (const blob of blobs) {
      if (missing.size === 0) return
      signal?.throwIfAborted()
      let hash: Hex
      try {
        hash = versionedHashOf(await kzg.blobToKzgCommitment(blob, { signal }))
      } catch (error) {
        // Bytes that are no blob at all cannot be one that was asked for.
        if (isL2Error(error, 'FIELD_ELEMENT')) continue
        throw error
      }
      seen.push(hash)
      if (missing.delete(hash)) found.set(hash, blob)
    }
  }
  const id = await beacon.blockId(block, { signal })
  const filtered = await beacon.fetchBlobs(id, [...missing], { signal })
  await keep(filtered)
  const all = missing.size === 0 ? filtered : await beacon.fetchBlobs(id, undefined, { signal })
  await keep(all)
  if (missing.size === 0) return wanted.map(hash => found.get(hash)!)
  const details = { blockId: id, missing: [...missing], served: [...new Set(seen)] }
  if (all.length === 0) {
    throw new BlobError(`block ${id} is served without its blobs: past retention, or it had none`, {
      code: 'BLOBS_PRUNED',
      details,
      meta: ['try: an archive of blobs'],
    })
  }
  throw new BlobError(
    `block ${id}: ${missing.size} of ${new Set(wanted).size} blobs are not among the ${all.length} served`,
    {
      code: 'BLOBS_MISMATCH',
      recovery: 'reset',
      details,
      meta: [
        'The block was reorganised, or the node serves wrong blobs.',
        'try: the block of the receipt again, another node',
      ],
    },
  )
}
