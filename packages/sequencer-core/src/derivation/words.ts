import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash, Hex } from 'viem'
import { SequencerError } from '../errors.js'

/** Bytes of a hex string that a caller handed in; of `length` bytes when given. */
export function unhex(hex: Hex, length?: number): Uint8Array {
  const bytes = hexToBytes(hex)
  if (bytes === undefined || (length !== undefined && bytes.length !== length)) {
    throw new SequencerError(`expected ${length === undefined ? 'hex' : `${length} bytes of hex`}`, {
      code: 'DERIVATION_INPUT_INVALID',
      details: { got: hex.slice(0, 100) },
    })
  }
  return bytes
}

/** An unsigned big-endian integer. */
export function readUintBe(bytes: Uint8Array, start: number = 0, end: number = bytes.length): bigint {
  let value = 0n
  for (let i = start; i < end; i++) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

/** `value` as `length` big-endian bytes; what does not fit is an error of the caller's data. */
export function uintBe(value: bigint, length: number): Uint8Array {
  if (value < 0n || value >> BigInt(8 * length) !== 0n) {
    throw new SequencerError(`${value} does not fit into ${length} bytes`, {
      code: 'DERIVATION_INPUT_INVALID',
      details: { value, length },
    })
  }
  const bytes = new Uint8Array(length)
  let rest = value
  for (let i = length - 1; i >= 0 && rest > 0n; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** The last 20 bytes of a 32-byte word, as an address. */
export function addressAt(bytes: Uint8Array, wordStart: number): Address {
  return bytesToHex(bytes.subarray(wordStart + 12, wordStart + 32))
}

export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false
  return true
}

export function keccak(bytes: Uint8Array): Hash {
  return bytesToHex(keccak256(bytes))
}

/** Addresses and hashes compare without regard to checksum case. */
export function sameHex(a: Hex, b: Hex): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase()
}
