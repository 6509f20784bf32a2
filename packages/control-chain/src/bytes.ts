import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hash, Hex } from 'viem'
import { refuse } from './errors.js'

/** Big-endian. @throws ControlChainError `ENCODING_INVALID` */
export function uint(field: string, value: bigint, bytes: number): Uint8Array {
  if (value < 0n || value >> BigInt(8 * bytes) !== 0n) {
    refuse('ENCODING_INVALID', `${field} cannot be ${value}`, { field, value })
  }
  const out = new Uint8Array(bytes)
  for (let i = bytes - 1, rest = value; rest > 0n; i--, rest >>= 8n) out[i] = Number(rest & 0xffn)
  return out
}

/** @throws ControlChainError `ENCODING_INVALID` */
export function u32(field: string, value: number): Uint8Array {
  if (!Number.isInteger(value)) refuse('ENCODING_INVALID', `${field} cannot be ${value}`, { field, value })
  return uint(field, BigInt(value), 4)
}

/** @throws ControlChainError `ENCODING_INVALID` */
export function fixed(field: string, value: Hex, length: number): Uint8Array {
  const bytes = hexToBytes(value)
  if (bytes?.length !== length) refuse('ENCODING_INVALID', `${field} expected ${length} bytes`, { field })
  return bytes
}

/** Reads fixed-size fields one after another; whoever calls has checked the length. */
export function reader(bytes: Uint8Array): {
  u8(): number
  u32(): number
  u64(): bigint
  hash(): Hash
  hex(length: number): Hex
  rest(): Uint8Array
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (length: number): number => {
    at += length
    return at - length
  }
  const hex = (length: number): Hex => bytesToHex(bytes.subarray(take(length), at))
  return {
    u8: () => view.getUint8(take(1)),
    u32: () => view.getUint32(take(4)),
    u64: () => view.getBigUint64(take(8)),
    hash: () => hex(32),
    hex,
    rest: () => bytes.subarray(at),
  }
}
