import { bytesToHex, concatBytes } from '@l2/common'
import { sha256 } from '@l2/common/crypto'
import { DaError } from '../errors.js'

/** Bytes of a namespace: a version byte and an identifier of 28. Source: celestia-app specs, "Namespace". */
export const namespaceBytes = 29
const freeBytes = 10
const lastPrimaryReserved = 0xff

function invalid(reason: string, bytes: Uint8Array): DaError {
  return new DaError(`invalid Celestia namespace: ${reason}`, {
    code: 'DA_OPTIONS_INVALID',
    details: { namespace: bytesToHex(bytes.subarray(0, 64)), length: bytes.length },
  })
}

/** Byte strings in the order of the chain: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/**
 * Checks 29 bytes to be a namespace: version 0 with 18 leading zeros in its identifier, or version 255, which only the protocol uses.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { checkNamespace, namespaceOfName } from '@l2/da/celestia'
 *
 * console.log(checkNamespace(namespaceOfName('rollup')).length) // 29
 * ```
 */
export function checkNamespace(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== namespaceBytes) throw invalid(`29 bytes expected, got ${bytes.length}`, bytes)
  if (bytes[0] !== 0 && bytes[0] !== 255) throw invalid(`version ${bytes[0]} is not supported`, bytes)
  if (bytes[0] === 0 && bytes.subarray(1, namespaceBytes - freeBytes).some(byte => byte !== 0)) {
    throw invalid('an identifier of version 0 begins with 18 zero bytes', bytes)
  }
  return bytes
}

/**
 * Whether blobs may be posted to a namespace: version 0, above the reserved range.
 *
 * @example
 * ```ts
 * import { isBlobNamespace, namespaceOfName } from '@l2/da/celestia'
 *
 * console.log(isBlobNamespace(namespaceOfName('rollup')), isBlobNamespace(new Uint8Array(29))) // true false
 * ```
 */
export function isBlobNamespace(bytes: Uint8Array): boolean {
  try {
    checkNamespace(bytes)
  } catch {
    return false
  }
  if (bytes[0] !== 0) return false
  return (
    bytes.subarray(0, namespaceBytes - 1).some(byte => byte !== 0) || bytes[namespaceBytes - 1]! > lastPrimaryReserved
  )
}

/**
 * The version 0 namespace of up to 10 bytes of one's own, padded on the left.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { bytesToHex } from 'viem'
 * import { namespaceV0 } from '@l2/da/celestia'
 *
 * console.log(bytesToHex(namespaceV0(new TextEncoder().encode('rollup')))) // 0x0000000000000000000000000000000000000000000000726f6c6c7570
 * ```
 */
export function namespaceV0(subId: Uint8Array): Uint8Array {
  if (subId.length === 0 || subId.length > freeBytes)
    throw invalid(`1 to 10 free bytes expected, got ${subId.length}`, subId)
  return concatBytes(new Uint8Array(namespaceBytes - subId.length), subId)
}

/**
 * The namespace that ev-node derives from a name: the first 10 bytes of its sha256.
 *
 * @example
 * ```ts
 * import { namespaceOfName } from '@l2/da/celestia'
 *
 * console.log(namespaceOfName('rollup').subarray(0, 19).every(byte => byte === 0)) // true
 * ```
 */
export function namespaceOfName(name: string): Uint8Array {
  return namespaceV0(sha256(new TextEncoder().encode(name)).subarray(0, freeBytes))
}
