import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { decodeSignedHeader, encodeSignedHeader, signedHeaderLength } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import type { BlockQuery, ForwardAnswer, GossipBlock } from '../port/gossip.js'
import type { GossipLimits } from '../port/options.js'
import { packedBound, packPayload, type Reader, readAll, uint, unpackPayload } from './bytes.js'

/** What one peer asks of another. */
export type ExchangeRequest =
  | BlockQuery
  /** The payload with this hash of the header with this digest. */
  | { readonly type: 'payload'; readonly id: Hash; readonly payloadHash: Hash }
  | { readonly type: 'transactions'; readonly transactions: readonly Uint8Array[] }
  /** Data by their keccak-256; the answer is a payload. */
  | { readonly type: 'data'; readonly hash: Hash }

/** What it gets. */
export type ExchangeAnswer =
  | { readonly type: 'none' }
  | { readonly type: 'limited' }
  | { readonly type: 'blocks'; readonly blocks: readonly GossipBlock[] }
  | { readonly type: 'payload'; readonly payload: Uint8Array }
  | { readonly type: 'transactions'; readonly answers: readonly ForwardAnswer[] }

const requests = { block: 1, range: 2, payload: 3, transactions: 4, data: 5 } as const
const answers = { none: 0, blocks: 1, payload: 2, transactions: 3, limited: 4 } as const
const outcomes = { taken: 0, limited: 1, refused: 2 } as const
const maxReasonBytes = 200

/** Bytes that a request has at most. */
export const maxRequestBytes = ({
  transactionBytesPerSecond,
  maxForwarded,
  maxTransactionBytes,
}: GossipLimits): number =>
  64 + Math.min(maxForwarded * (4 + maxTransactionBytes), Math.max(maxTransactionBytes + 4, transactionBytesPerSecond))

/** Bytes that an answer has at most. */
export const maxAnswerBytes = ({ maxRange, maxPayloadBytes, maxForwarded }: GossipLimits): number =>
  3 +
  Math.max(
    maxRange * (signedHeaderLength + 8 + packedBound(0) + 1) + packedBound(maxPayloadBytes),
    maxForwarded * (2 + maxReasonBytes),
  )

export function encodeRequest(request: ExchangeRequest): Uint8Array {
  const type = Uint8Array.of(requests[request.type])
  switch (request.type) {
    case 'block':
      return concatBytes(type, hexToBytes(request.id)!)
    case 'range':
      return concatBytes(type, uint(request.from, 8), uint(request.count, 2))
    case 'payload':
      return concatBytes(type, hexToBytes(request.id)!, hexToBytes(request.payloadHash)!)
    case 'data':
      return concatBytes(type, hexToBytes(request.hash)!)
    case 'transactions': {
      const { transactions } = request
      return concatBytes(type, uint(transactions.length, 2), ...transactions.flatMap(tx => [uint(tx.length, 4), tx]))
    }
  }
}

/** `undefined` for whatever {@link encodeRequest} does not make within the limits. */
export function decodeRequest(bytes: Uint8Array, limits: GossipLimits): ExchangeRequest | undefined {
  if (bytes.length > maxRequestBytes(limits)) return undefined
  return readAll(bytes, read => {
    switch (read.uint(1)) {
      case requests.block:
        return { type: 'block', id: bytesToHex(read.take(32)) }
      case requests.range: {
        const [from, count] = [read.u64(), read.uint(2)]
        return count === 0 || count > limits.maxRange ? undefined : { type: 'range', from, count }
      }
      case requests.payload:
        return { type: 'payload', id: bytesToHex(read.take(32)), payloadHash: bytesToHex(read.take(32)) }
      case requests.data:
        return { type: 'data', hash: bytesToHex(read.take(32)) }
      case requests.transactions:
        return readTransactions(read, limits)
      default:
        return undefined
    }
  })
}

function readTransactions(read: Reader, limits: GossipLimits): ExchangeRequest | undefined {
  const count = read.uint(2)
  if (count === 0 || count > limits.maxForwarded) return undefined
  const transactions: Uint8Array[] = []
  for (let index = 0; index < count; index++) {
    const length = read.uint(4)
    if (length === 0 || length > limits.maxTransactionBytes) return undefined
    transactions.push(read.take(length).slice())
  }
  return { type: 'transactions', transactions }
}

/** A reason as the wire takes it: at most 200 bytes of UTF-8, cut between characters. */
export function shortReason(reason: string): string {
  let short = reason.slice(0, maxReasonBytes)
  while (new TextEncoder().encode(short).length > maxReasonBytes) short = [...short].slice(0, -1).join('')
  return short
}

function encodeOutcome(answer: ForwardAnswer): Uint8Array {
  const type = Uint8Array.of(outcomes[answer.type])
  if (answer.type !== 'refused') return type
  const reason = new TextEncoder().encode(shortReason(answer.reason))
  return concatBytes(type, uint(reason.length, 1), reason)
}

function readOutcome(read: Reader): ForwardAnswer {
  const type = read.uint(1)
  if (type === outcomes.taken) return { type: 'taken' }
  if (type === outcomes.limited) return { type: 'limited' }
  if (type !== outcomes.refused) throw new RangeError('an unknown outcome')
  const length = read.uint(1)
  if (length > maxReasonBytes) throw new RangeError('a long reason')
  return { type: 'refused', reason: new TextDecoder('utf-8', { fatal: true }).decode(read.take(length)) }
}

/** @throws SequencerError `HEADER_INVALID` for a block that no message can hold */
export function encodeAnswer(answer: ExchangeAnswer): Uint8Array {
  const type = Uint8Array.of(answers[answer.type])
  switch (answer.type) {
    case 'none':
    case 'limited':
      return type
    case 'blocks': {
      const { blocks } = answer
      const parts = blocks.flatMap(block => [encodeSignedHeader(block), packPayload(block.payload)])
      return concatBytes(type, uint(blocks.length, 2), ...parts)
    }
    case 'payload':
      return concatBytes(type, packPayload(answer.payload))
    case 'transactions':
      return concatBytes(type, uint(answer.answers.length, 2), ...answer.answers.map(encodeOutcome))
  }
}

/** `undefined` for whatever {@link encodeAnswer} does not make within the limits. */
export function decodeAnswer(bytes: Uint8Array, limits: GossipLimits): ExchangeAnswer | undefined {
  if (bytes.length > maxAnswerBytes(limits)) return undefined
  return readAll(bytes, read => {
    switch (read.uint(1)) {
      case answers.none:
        return { type: 'none' }
      case answers.limited:
        return { type: 'limited' }
      case answers.payload:
        return { type: 'payload', payload: unpackPayload(read, limits.maxPayloadBytes) }
      case answers.blocks:
        return readBlocks(read, limits)
      case answers.transactions: {
        const count = read.uint(2)
        if (count > limits.maxForwarded) return undefined
        return { type: 'transactions', answers: Array.from({ length: count }, () => readOutcome(read)) }
      }
      default:
        return undefined
    }
  })
}

function readBlocks(read: Reader, limits: GossipLimits): ExchangeAnswer | undefined {
  const count = read.uint(2)
  if (count === 0 || count > limits.maxRange) return undefined
  const blocks: GossipBlock[] = []
  // Of all payloads together, so that small messages do not become many large ones.
  let left = limits.maxPayloadBytes
  for (let index = 0; index < count; index++) {
    const signed = decodeSignedHeader(read.take(signedHeaderLength))!
    const payload = unpackPayload(read, left)
    left -= payload.length
    blocks.push({ ...signed, payload })
  }
  return { type: 'blocks', blocks }
}
