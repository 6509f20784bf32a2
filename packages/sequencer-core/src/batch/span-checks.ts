import { encodeRlp, itemEnd, type RlpItem, readItem, uintEnd } from '../rlp/rlp.js'
import { invalidBatch } from './cursor.js'

/** Post-exec transactions: unsigned, made by the sequencer from Lagoon on. Source: op-node v1.19.6, `op-core/types/post_exec_tx.go`. */
export const postExecType = 0x7d

/** RLP of the signature's `v` of legacy transactions, by parity. */
type ProtectedV = readonly [Uint8Array, Uint8Array]

export function protectedV(chainId: bigint): ProtectedV {
  return [encodeRlp(2n * chainId + 35n), encodeRlp(2n * chainId + 36n)]
}

function checkFixed(bytes: Uint8Array, offset: number, end: number, length: number, what: string): number {
  const next = itemEnd(bytes, offset, end)
  if (bytes[offset] !== 0x80 + length) invalidBatch(`${what} is not ${length} bytes`, offset)
  return next
}

function checkList(bytes: Uint8Array, offset: number, end: number, what: string): RlpItem {
  const list = readItem(bytes, offset, end)
  if (!list.list) invalidBatch(`${what} is not a list`, list.start)
  return list
}

function checkAccessList(bytes: Uint8Array, offset: number, end: number): number {
  const list = checkList(bytes, offset, end, 'access list')
  for (let at = list.start; at < list.end; ) {
    const entry = checkList(bytes, at, list.end, 'access list entry')
    const keys = checkList(bytes, checkFixed(bytes, entry.start, entry.end, 20, 'address'), entry.end, 'storage keys')
    for (let key = keys.start; key < keys.end; ) key = checkFixed(bytes, key, keys.end, 32, 'storage key')
    if (keys.end !== entry.end) invalidBatch('access list entry of more than two items', keys.end)
    at = entry.end
  }
  return list.end
}

/** Chain id, address (0: not a number), nonce, parity, r, s: bytes at most. */
const authorizationFields = [32, 0, 8, 1, 32, 32]

function checkAuthorizations(bytes: Uint8Array, offset: number, end: number): number {
  const list = checkList(bytes, offset, end, 'authorization list')
  for (let at = list.start; at < list.end; ) {
    const tuple = checkList(bytes, at, list.end, 'authorization')
    let field = tuple.start
    for (const size of authorizationFields) {
      if (size === 0) field = checkFixed(bytes, field, tuple.end, 20, 'authorization address')
      else field = uintEnd(bytes, field, tuple.end, size)
    }
    if (field !== tuple.end) invalidBatch('authorization of more than six items', field)
    at = tuple.end
  }
  return list.end
}

/** Checks what follows the numbers of an item, calldata and lists, and returns where it ends. */
export function checkTail(bytes: Uint8Array, type: number, offset: number, end: number): number {
  let at = itemEnd(bytes, offset, end)
  if (bytes[offset]! >= 0xc0) invalidBatch('calldata is a list', offset)
  // Most access lists are empty.
  if (type >= 1) at = at < end && bytes[at] === 0xc0 ? at + 1 : checkAccessList(bytes, at, end)
  if (type === 4) at = checkAuthorizations(bytes, at, end)
  return at
}
