import { equalBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { itemsDigest } from '../internal/journal.js'
import type { DaReceipt } from '../port.js'
import type { Store } from '../store.js'
import { type Blocks, hashKey } from './blocks.js'

/** Submissions by their idempotency key, and the blocks that they became. Its writes must go one after another. */
export type Receipts = {
  /** The receipt of a key whose blocks are still there. @throws DaError `DA_KEY_REUSED` when `digest` is of other data */
  found(key: string, digest?: string): Promise<DaReceipt | undefined>
  /** The block is what makes a submission: a crash before it leaves nothing to find, and after it everything. */
  write(items: readonly Uint8Array[], key: string, digest: string): Promise<DaReceipt>
}

type KeyRecord = { digest: string; height: string; hashes: string[] }

const text = new TextEncoder()
const plain = new TextDecoder()
const recordKey = (key: string) => `memory/key/${itemsDigest([text.encode(key)])}`
const memoryCommitment = (data: Uint8Array): Commitment => ({ layer: daLayer.memory, payload: keccak256(data) })
const receiptOf = (key: string, record: KeyRecord): DaReceipt => ({
  key,
  height: BigInt(record.height),
  commitments: record.hashes.map(hash => ({
    layer: daLayer.memory,
    payload: Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16)),
  })),
})

/** Opens the {@link Receipts} of a store, whose blocks are `blocks`. */
export function createReceipts(store: Store, blocks: Blocks): Receipts {
  const keyRecord = async (key: string): Promise<KeyRecord | undefined> => {
    const bytes = await store.get(recordKey(key))
    return bytes === undefined ? undefined : (JSON.parse(plain.decode(bytes)) as KeyRecord)
  }
  const found = async (key: string, digest?: string): Promise<DaReceipt | undefined> => {
    const record = await keyRecord(key)
    if (record === undefined) return undefined
    if (digest !== undefined && record.digest !== digest) {
      throw new DaError('the idempotency key was used for other data', { code: 'DA_KEY_REUSED', details: { key } })
    }
    const receipt = receiptOf(key, record)
    const block = await blocks.at(receipt.height)
    const holds = ({ payload }: Commitment) => block?.hashes.some(hash => equalBytes(hash, payload)) === true
    return receipt.commitments.every(holds) ? receipt : undefined
  }
  const write = async (items: readonly Uint8Array[], key: string, digest: string): Promise<DaReceipt> => {
    const commitments = items.map(memoryCommitment)
    const hashes = commitments.map(({ payload }) => payload)
    const known = await found(key, digest)
    if (known !== undefined) {
      await blocks.index(known.height, hashes)
      return known
    }
    for (const [at, item] of items.entries()) await blocks.putData(hashes[at]!, item)
    const height = (await blocks.head()) + 1n
    const record: KeyRecord = { digest, height: height.toString(), hashes: hashes.map(hashKey) }
    await store.put(recordKey(key), text.encode(JSON.stringify(record)))
    await blocks.append(height, hashes)
    return { key, commitments, height }
  }

  return { found, write }
}
