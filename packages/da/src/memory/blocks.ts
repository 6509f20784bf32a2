import { bytesToHex, type Clock, concatBytes } from '@l2/common'
import { daLayer } from '../commitment.js'
import type { DaCallOptions, DaEntry } from '../port.js'
import type { Store } from '../store.js'

/** A block: when it was made, and the hashes of the items of its submission. */
type Block = { timeMs: number; hashes: Uint8Array[] }

/** The chain of blocks in a store, and the data that they name. Its writes must go one after another. */
export type Blocks = {
  /** Height of the newest block, 0 without any. */
  head(): Promise<bigint>
  at(height: bigint): Promise<Block | undefined>
  /** Height of the first block that names the data of this hash. */
  heightOf(hash: Uint8Array): Promise<bigint | undefined>
  dataOf(hash: Uint8Array): Promise<Uint8Array | undefined>
  putData(hash: Uint8Array, data: Uint8Array): Promise<void>
  append(height: bigint, hashes: readonly Uint8Array[]): Promise<void>
  /** Notes where data can be found, unless it was there before. */
  index(height: bigint, hashes: readonly Uint8Array[]): Promise<void>
  /** Drops so many of the newest blocks, and the data that only they name. */
  drop(depth: number): Promise<void>
  list(range: { from: bigint; to: bigint }, call?: DaCallOptions): AsyncIterable<DaEntry>
}

const text = new TextEncoder()
const plain = new TextDecoder()
const heightKey = (height: bigint) => `memory/block/${height.toString().padStart(20, '0')}`
const indexKey = (hash: Uint8Array) => `memory/at/${hashKey(hash)}`
const dataKey = (hash: Uint8Array) => `memory/data/${hashKey(hash)}`

/** A hash as keys and errors write it. */
export const hashKey = (hash: Uint8Array): string => bytesToHex(hash).slice(2)

/** Opens the {@link Blocks} of a store. */
export function createBlocks(store: Store, clock: Clock): Blocks {
  let head: bigint | undefined

  const readHead = async (): Promise<bigint> => {
    if (head !== undefined) return head
    const last = (await store.keys('memory/block/')).at(-1)
    // A block may have been added meanwhile.
    head ??= BigInt(last?.slice('memory/block/'.length) ?? '0')
    return head
  }
  const heightOf = async (hash: Uint8Array): Promise<bigint | undefined> => {
    const at = await store.get(indexKey(hash))
    return at === undefined ? undefined : BigInt(plain.decode(at))
  }
  const blockOf = async (height: bigint): Promise<Block | undefined> => {
    const block = await store.get(heightKey(height))
    if (block === undefined) return undefined
    const hashes: Uint8Array[] = []
    for (let at = 8; at + 32 <= block.length; at += 32) hashes.push(block.slice(at, at + 32))
    return { timeMs: Number(new DataView(block.buffer, block.byteOffset).getBigUint64(0)), hashes }
  }
  const append = async (height: bigint, hashes: readonly Uint8Array[]): Promise<void> => {
    const time = new Uint8Array(8)
    new DataView(time.buffer).setBigUint64(0, BigInt(Math.floor(clock.now())))
    await store.put(heightKey(height), concatBytes(time, ...hashes))
    head = height
    await index(height, hashes)
  }
  const index = async (height: bigint, hashes: readonly Uint8Array[]): Promise<void> => {
    for (const hash of hashes) {
      const key = indexKey(hash)
      if ((await store.get(key)) === undefined) await store.put(key, text.encode(height.toString()))
    }
  }
  const dataOf = (hash: Uint8Array) => store.get(dataKey(hash))

  return {
    head: readHead,
    at: blockOf,
    heightOf,
    dataOf,
    putData: (hash, data) => store.put(dataKey(hash), data),
    append,
    index,
    async drop(depth) {
      for (let height = await readHead(), left = depth; left > 0 && height > 0n; left--, height--) {
        const block = await blockOf(height)
        for (const hash of block?.hashes ?? []) {
          if ((await heightOf(hash)) !== height) continue
          await store.delete(indexKey(hash))
          await store.delete(dataKey(hash))
        }
        await store.delete(heightKey(height))
        head = height - 1n
      }
    },
    async *list({ from, to }, call) {
      for (let height = from < 1n ? 1n : from; height <= to; height++) {
        call?.signal?.throwIfAborted()
        const block = await blockOf(height)
        if (block === undefined) {
          head = undefined
          if (height > (await readHead())) return
          continue
        }
        for (const payload of block.hashes) {
          const data = await dataOf(payload)
          if (data !== undefined) yield { height, commitment: { layer: daLayer.memory, payload }, data }
        }
      }
    },
  }
}
