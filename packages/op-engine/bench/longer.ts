// Makes the chain of an LMDB store longer without executing anything: what a block leaves in a store, again and again, under keys of its own. The engine opens
// such a store as any other; the states of the blocks that were made up are the last real one's.
import { randomBytes } from 'node:crypto'
import { bytesToHex, concat, fromRlp, type Hex, hexToBytes, keccak256, numberToHex, toRlp } from 'viem'
import { openLmdbStore } from '../src/node/lmdb.js'
import { type EngineStore, type Entry, packEntries } from '../src/store/store.js'

const blocksAtOnce = 1000
/** Trie nodes of an empty block and their size: together with the rest about 3.9 kB. */
const nodes = 8
const nodeBytes = 280

const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1
  return value
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const bytes8 = (value: number): Uint8Array => hexToBytes(numberToHex(value, { size: 8 }))

/** A value with its checksum behind it, as the engine's database.go writes them. */
function sealed(key: Uint8Array, value: Uint8Array): Entry {
  let crc = ~0
  for (const part of [key, value]) for (const byte of part) crc = (crc >>> 8) ^ castagnoli[(crc ^ byte) & 255]!
  return [key, concat([value, hexToBytes(numberToHex(~crc >>> 0, { size: 4 }))])]
}

function storedAt(store: EngineStore, key: Uint8Array): Uint8Array {
  const value = store.get(key)
  if (value === undefined) throw new Error(`the store has nothing at ${bytesToHex(key)}`)
  return value.subarray(0, -4)
}

/** Lengthens the chain in `path` to so many blocks; no engine has it open. */
export async function lengthenChain(path: string, blocks: number): Promise<void> {
  const store = openLmdbStore(path)
  const record = (name: string): Uint8Array => concat([Uint8Array.of(1), text(name)])
  const heads = JSON.parse(new TextDecoder().decode(storedAt(store, record('heads')))) as { head: Hex }
  let hash = heads.head
  const first = storedAt(store, concat([text('H'), hexToBytes(hash)]))
  const keyOf = (prefix: string, number: Uint8Array): Uint8Array => concat([text(prefix), number, hexToBytes(hash)])
  const fields = fromRlp(bytesToHex(storedAt(store, keyOf('h', first)))) as Hex[]
  const [body, receipts] = ['b', 'r'].map(prefix => storedAt(store, keyOf(prefix, first)))
  let number = Number(bytesToHex(first))
  while (number < blocks) {
    const entries: Entry[] = []
    for (const last = Math.min(blocks, number + blocksAtOnce); number < last; ) {
      number++
      const at = bytes8(number)
      const header = toRlp(
        fields.map((field, index) => (index === 0 ? hash : index === 8 ? numberToHex(number) : field)),
        'bytes',
      )
      hash = keccak256(header)
      entries.push(
        sealed(keyOf('h', at), header),
        sealed(concat([text('h'), at, text('n')]), hexToBytes(hash)),
        sealed(concat([text('H'), hexToBytes(hash)]), at),
        sealed(keyOf('b', at), body!),
        sealed(keyOf('r', at), receipts!),
        sealed(concat([text('l'), randomBytes(32)]), hexToBytes(numberToHex(number))),
      )
      for (let i = 0; i < nodes; i++)
        entries.push([concat([Uint8Array.of(0), randomBytes(32)]), randomBytes(nodeBytes)])
    }
    entries.push(sealed(record('heads'), text(JSON.stringify({ ...heads, head: hash }))))
    store.write(packEntries(entries.sort(([a], [b]) => Buffer.compare(a, b))))
  }
  await store.close()
}
