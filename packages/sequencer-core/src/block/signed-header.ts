import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import { SequencerError } from '../errors.js'
import type { SequencerHeader } from './header.js'

/** A header with its leader's signature. */
export type SignedHeader = {
  readonly header: SequencerHeader
  /** 65 bytes. */
  readonly signature: Hex
}

const fields = [
  ['epochId', 8],
  ['term', 4],
  ['height', 8],
  ['parentHash', 32],
  ['txRoot', 32],
  ['stateRoot', 32],
  ['timestamp', 8],
  ['l1OriginNumber', 8],
  ['l1OriginHash', 32],
  ['forcedUpTo', 8],
] as const

/** Bytes of an encoded {@link SignedHeader}. */
export const signedHeaderLength: number = /* @__PURE__ */ fields.reduce((sum, [, length]) => sum + length, 65)

function bytesOf(field: string, value: bigint | number | Hex, length: number): Uint8Array {
  const digits =
    typeof value === 'string'
      ? value
      : `0x${BigInt(value)
          .toString(16)
          .padStart(2 * length, '0')}`
  const bytes = hexToBytes(digits)
  if (bytes?.length !== length) {
    throw new SequencerError(`header field "${field}" cannot be ${String(value)}`, {
      code: 'HEADER_INVALID',
      details: { field, value },
    })
  }
  return bytes
}

/**
 * A signed header as it goes over wires and into evidence: its ten fields in the order of the EIP-712 type, big-endian, then the signature.
 *
 * @throws SequencerError `HEADER_INVALID`
 *
 * @example
 * ```ts
 * import { decodeSignedHeader, encodeSignedHeader, signedHeaderLength } from '@l2/sequencer-core/block'
 *
 * const zero = `0x${'00'.repeat(32)}` as const
 * const header = {
 *   epochId: 1n, term: 0, height: 10n, parentHash: zero, txRoot: zero, stateRoot: zero,
 *   timestamp: 1_700_000_000n, l1OriginNumber: 5n, l1OriginHash: zero, forcedUpTo: 0n,
 * }
 * const bytes = encodeSignedHeader({ header, signature: `0x${'11'.repeat(65)}` })
 * console.log(bytes.length === signedHeaderLength, decodeSignedHeader(bytes)?.header.height) // true 10n
 * ```
 */
export function encodeSignedHeader({ header, signature }: SignedHeader): Uint8Array {
  const parts = fields.map(([field, length]) => bytesOf(field, header[field], length))
  return concatBytes(...parts, bytesOf('signature', signature, 65))
}

/** @returns `undefined` for bytes of another length; never throws. Says nothing of the signature. */
export function decodeSignedHeader(bytes: Uint8Array): SignedHeader | undefined {
  if (bytes.length !== signedHeaderLength) return undefined
  let at = 0
  const hex = (length: number): Hex => bytesToHex(bytes.subarray(at, (at += length)))
  const header: SequencerHeader = {
    epochId: BigInt(hex(8)),
    term: Number(hex(4)),
    height: BigInt(hex(8)),
    parentHash: hex(32),
    txRoot: hex(32),
    stateRoot: hex(32),
    timestamp: BigInt(hex(8)),
    l1OriginNumber: BigInt(hex(8)),
    l1OriginHash: hex(32),
    forcedUpTo: BigInt(hex(8)),
  }
  return { header, signature: hex(65) }
}
