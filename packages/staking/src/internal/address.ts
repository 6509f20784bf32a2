import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hex } from 'viem'
import { refuse } from '../errors.js'

const form = /^0x[0-9a-fA-F]{40}$/

/** The zero address. */
export const zeroAddress: Address = `0x${'0'.repeat(40)}`

/** Lower-case address: the form every key of a state has, so that two spellings are one account. */
export function toAddress(value: string, field: string): Address {
  if (!form.test(value)) refuse('INPUT_INVALID', `${field} is no address`, { field, value: String(value).slice(0, 64) })
  return value.toLowerCase() as Address
}

/** As {@link toAddress}, and not the zero address. */
export function notZero(value: string, field: string): Address {
  const address = toAddress(value, field)
  if (address === zeroAddress) refuse('INPUT_INVALID', `${field} is the zero address`, { field })
  return address
}

/**
 * The address of an uncompressed public key of 64 bytes (no `04` in front), or `undefined` when it has another length.
 */
export function addressOfPubkey(pubkey: Hex): Address | undefined {
  const bytes = hexToBytes(pubkey)
  if (bytes === undefined || bytes.length !== 64) return undefined
  return bytesToHex(keccak256(bytes).subarray(12))
}
