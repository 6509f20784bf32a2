import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256, sha256 } from '@l2/common/crypto'
import { decodeSignedHeader, encodeSignedHeader, type SignedHeader, signedHeaderLength } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import type { GossipBlock } from '../port/gossip.js'
import type { GossipLimits } from '../port/options.js'
import { packedBound, packPayload, readAll, uint, unpackPayload } from './bytes.js'

/** What a publisher says of one of its blocks. */
export type Announcement = SignedHeader & {
  readonly payloadHash: Hash
  readonly payloadLength: number
  readonly payload: Uint8Array | undefined
}

/** As L1's calldata is named. */
export const dataHashOf = (data: Uint8Array): Hash => bytesToHex(keccak256(data))

const version = 1
const fixedLength = 1 + signedHeaderLength + 32 + 4

/** SHA-256: of a megabyte a fifth of the work that Keccak-256 is. */
export const payloadHashOf = (payload: Uint8Array): Hash => bytesToHex(sha256(payload))

/** Bytes that an announcement has at most. */
export const maxAnnouncementBytes = ({ inlineBytes }: GossipLimits): number =>
  fixedLength + 8 + packedBound(inlineBytes)

/** A version byte, the signed header, hash and length of the payload, and the payload when it is short. @throws SequencerError `HEADER_INVALID` */
export function encodeAnnouncement(block: GossipBlock, payloadHash: Hash, { inlineBytes }: GossipLimits): Uint8Array {
  const { payload } = block
  return concatBytes(
    Uint8Array.of(version),
    encodeSignedHeader(block),
    hexToBytes(payloadHash)!,
    uint(payload.length, 4),
    payload.length <= inlineBytes ? packPayload(payload) : new Uint8Array(),
  )
}

/** `undefined` for whatever {@link encodeAnnouncement} does not make. Says nothing of the signature. */
export function decodeAnnouncement(bytes: Uint8Array, limits: GossipLimits): Announcement | undefined {
  if (bytes.length > maxAnnouncementBytes(limits)) return undefined
  return readAll(bytes, read => {
    if (read.uint(1) !== version) return undefined
    const signed = decodeSignedHeader(read.take(signedHeaderLength))
    const payloadHash = bytesToHex(read.take(32))
    const payloadLength = read.uint(4)
    if (signed === undefined || payloadLength === 0 || payloadLength > limits.maxPayloadBytes) return undefined
    if (read.left() === 0) return { ...signed, payloadHash, payloadLength, payload: undefined }
    const payload = unpackPayload(read, Math.min(payloadLength, limits.inlineBytes))
    if (payload.length !== payloadLength || payloadHashOf(payload) !== payloadHash) return undefined
    return { ...signed, payloadHash, payloadLength, payload }
  })
}
