import { bytesToHex, concatBytes, isL2Error } from '@l2/common'
import type { Address, Hash } from 'viem'
import { encodeRlp, type RlpItem, readItem, readList, readString, readUint, writeHeader } from '../rlp/rlp.js'
import type { SenderRecovery } from '../transaction/recovery.js'
import { decodeDeposit, depositType } from './deposit.js'

/** What derivation reads of an L1 transaction. */
export type InboxTransaction = {
  readonly to: Address | undefined
  readonly data: Uint8Array
  /** Of a blob transaction, in order; its calldata does not count. */
  readonly blobVersionedHashes: readonly Hash[] | undefined
  /** Who sent it, or `undefined` when the signature recovers to nobody. */
  sender(recovery: SenderRecovery): Address | undefined
}

const blobType = 3

/** Fields before the signature, and where `to` is. */
const shapes: Readonly<Record<number, { fields: number; to: number }>> = {
  0: { fields: 6, to: 3 },
  1: { fields: 8, to: 4 },
  2: { fields: 9, to: 5 },
  3: { fields: 11, to: 5 },
}

/**
 * Reads an L1 transaction as far as derivation needs it: types 0 to 3, and deposits for a rollup on a rollup. `undefined` for other types,
 * for bytes that are no transaction, and for another chain's. The sender is recovered only when asked for, because most transactions
 * of a block are not the batcher's.
 */
export function readInboxTransaction(raw: Uint8Array, l1ChainId: bigint): InboxTransaction | undefined {
  try {
    return raw[0] === depositType ? fromDeposit(raw) : fromSigned(raw, l1ChainId)
  } catch (error) {
    if (isL2Error(error)) return undefined
    throw error
  }
}

function fromDeposit(raw: Uint8Array): InboxTransaction {
  const { from, to, data } = decodeDeposit(raw)
  return { to, data, blobVersionedHashes: undefined, sender: () => from }
}

function fromSigned(raw: Uint8Array, l1ChainId: bigint): InboxTransaction | undefined {
  const first = raw[0]
  if (first === undefined || first === 0) return undefined
  const type = first >= 0xc0 ? 0 : first
  const shape = shapes[type]
  if (shape === undefined) return undefined
  const list = readItem(raw, type === 0 ? 0 : 1)
  if (list.end !== raw.length) return undefined
  const items = readList(raw, list, shape.fields + 3)
  if (items.length !== shape.fields + 3) return undefined
  const toBytes = readString(raw, items[shape.to]!)
  if (toBytes.length !== 0 && toBytes.length !== 20) return undefined
  const data = readString(raw, items[shape.to + 2]!)
  const v = readUint(raw, items[shape.fields]!)
  const signature = readSignature(raw, items[shape.fields + 1]!, items[shape.fields + 2]!)
  if (signature === undefined) return undefined
  let yParity = v
  let suffix = new Uint8Array()
  if (type !== 0) {
    if (readUint(raw, items[0]!) !== l1ChainId) return undefined
  } else if (v === 27n || v === 28n) {
    yParity = v - 27n
  } else {
    yParity = v - 35n - 2n * l1ChainId
    suffix = concatBytes(encodeRlp(l1ChainId), Uint8Array.of(0x80, 0x80)) as typeof suffix
  }
  if (yParity !== 0n && yParity !== 1n) return undefined
  const signedEnd = items[shape.fields - 1]!.end
  return {
    to: toBytes.length === 0 ? undefined : bytesToHex(toBytes),
    data,
    blobVersionedHashes: type === blobType ? readHashes(raw, items[10]!) : undefined,
    sender(recovery) {
      const unsigned = new Uint8Array(signedEnd - list.start + suffix.length + 9)
      let at = 0
      if (type !== 0) unsigned[at++] = type
      at = writeHeader(unsigned, at, signedEnd - list.start + suffix.length, true)
      unsigned.set(raw.subarray(list.start, signedEnd), at)
      at += signedEnd - list.start
      unsigned.set(suffix, at)
      const hash = recovery.keccak256(unsigned.subarray(0, at + suffix.length))
      const sender = recovery.recover(hash, signature, yParity === 0n ? 0 : 1)
      return sender === undefined ? undefined : bytesToHex(sender)
    },
  }
}

function readSignature(raw: Uint8Array, r: RlpItem, s: RlpItem): Uint8Array | undefined {
  const signature = new Uint8Array(64)
  for (const [item, end] of [
    [r, 32],
    [s, 64],
  ] as const) {
    const bytes = readString(raw, item)
    if (bytes.length === 0 || bytes.length > 32) return undefined
    signature.set(bytes, end - bytes.length)
  }
  return signature
}

function readHashes(raw: Uint8Array, item: RlpItem): Hash[] {
  return readList(raw, item).map(hash => bytesToHex(readString(raw, hash)))
}
