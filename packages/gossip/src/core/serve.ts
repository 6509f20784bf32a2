import type { Hex } from 'viem'
import { dataHashOf, payloadHashOf } from '../message/announcement.js'
import { decodeRequest, type ExchangeAnswer, type ExchangeRequest, encodeAnswer } from '../message/exchange.js'
import type { Peer } from '../peers/peers.js'
import type { ForwardAnswer, GossipBlock, GossipMember } from '../port/gossip.js'
import { inTime } from './in-time.js'
import type { GossipParts } from './parts.js'

/** Answers that are being made at once: of one peer, and of all. Each may hold the largest payload twice. */
export const maxServing = 4
const maxServingAll = 8
/** Calls of `forward` of one peer that are being answered at once. */
const maxForwarding = 16

/** What a peer is answered. */
export type Serving = {
  /** `undefined`: nothing at all. An empty question is whether there is anybody: its answer is empty. */
  answer(request: Uint8Array, from: Hex): Promise<Uint8Array | undefined>
  /** Hands transactions to the receiver, without a limit. */
  take(transactions: readonly Uint8Array[], from: GossipMember): Promise<ForwardAnswer[]>
}

const none: ExchangeAnswer = { type: 'none' }
const limited: ExchangeAnswer = { type: 'limited' }

export function createServing(parts: GossipParts): Serving {
  const { limits, peers, recent, source, traffic, logger, fault } = parts
  let serving = 0

  const fits = (blocks: readonly GossipBlock[]): readonly GossipBlock[] => {
    let left = limits.maxPayloadBytes
    const end = blocks.findIndex(({ payload }) => {
      left -= payload.length
      return left < 0
    })
    return end < 0 ? blocks : blocks.slice(0, end)
  }
  const find = async (request: Exclude<ExchangeRequest, { type: 'transactions' }>): Promise<ExchangeAnswer> => {
    if (request.type === 'payload') {
      const { id, payloadHash } = request
      const kept = recent.get(id, payloadHash)?.payload
      if (kept !== undefined) return { type: 'payload', payload: kept }
      const payload = (await source.block(id))?.payload
      const isIt =
        payload !== undefined && payload.length <= limits.maxPayloadBytes && payloadHashOf(payload) === payloadHash
      return isIt ? { type: 'payload', payload } : none
    }
    if (request.type === 'data') {
      const data = await source.data?.(request.hash)
      const isIt = data !== undefined && data.length <= limits.maxPayloadBytes && dataHashOf(data) === request.hash
      return isIt ? { type: 'payload', payload: data } : none
    }
    const found =
      request.type === 'block'
        ? [recent.get(request.id) ?? (await source.block(request.id))].filter(block => block !== undefined)
        : (await source.range(request.from, request.count, limits.maxPayloadBytes)).slice(0, request.count)
    const blocks = fits(found)
    return blocks.length === 0 ? none : { type: 'blocks', blocks }
  }
  const serveBlocks = async (
    peer: Peer,
    request: Exclude<ExchangeRequest, { type: 'transactions' }>,
  ): Promise<Uint8Array> => {
    const isAbove = !peer.asks.requests.take(1) || peer.serving >= maxServing
    if (isAbove) fault(peer.member.key, 'limit')
    if (isAbove || serving >= maxServingAll || !peer.asks.bytes.take(0)) {
      traffic.requestsRefused++
      return encodeAnswer(limited)
    }
    peer.serving++
    serving++
    try {
      const found = await inTime(() => find(request), limits.requestMs)
      const bytes = encodeAnswer(found ?? none)
      peer.asks.bytes.spend(bytes.length)
      traffic.requestsServed++
      return bytes
    } catch (error) {
      logger?.warn({ error, type: request.type }, 'the source of blocks failed')
      return encodeAnswer(none)
    } finally {
      peer.serving--
      serving--
    }
  }

  const takeOne = async (transaction: Uint8Array, from: GossipMember): Promise<ForwardAnswer> => {
    const receiver = parts.receiver()
    if (receiver === undefined) return { type: 'refused', reason: 'nobody takes transactions here' }
    try {
      const answer = await inTime(async () => receiver(transaction, from), limits.requestMs)
      if (answer?.type === 'taken') traffic.transactionsTaken++
      return answer ?? { type: 'refused', reason: 'the receiver does not answer' }
    } catch (error) {
      logger?.warn({ error }, 'the receiver of transactions failed')
      return { type: 'refused', reason: 'the receiver failed' }
    }
  }
  const take = (transactions: readonly Uint8Array[], from: GossipMember): Promise<ForwardAnswer[]> =>
    Promise.all(transactions.map(transaction => takeOne(transaction, from)))
  const serveTransactions = async (peer: Peer, transactions: readonly Uint8Array[]): Promise<Uint8Array> => {
    const { forwards, member } = peer
    const isBusy = peer.forwarding >= maxForwarding
    // From the first that is too much on: a later one of the same sender would only wait for it.
    const end = isBusy
      ? 0
      : transactions.findIndex(({ length }) => !forwards.transactions.take(1) || !forwards.bytes.take(length))
    const inLimits = end < 0 ? transactions : transactions.slice(0, end)
    if (inLimits.length < transactions.length) fault(member.key, 'limit')
    peer.forwarding++
    try {
      const answers = await take(inLimits, member)
      const rest = transactions.slice(inLimits.length).map((): ForwardAnswer => ({ type: 'limited' }))
      return encodeAnswer({ type: 'transactions', answers: [...answers, ...rest] })
    } finally {
      peer.forwarding--
    }
  }

  return {
    take,
    async answer(bytes, from) {
      const peer = peers.get(from)
      if (peer === undefined || !peers.isAllowed(from)) return undefined
      if (bytes.length === 0) {
        if (peer.asks.requests.take(1)) return bytes
        fault(from, 'limit')
        return undefined
      }
      traffic.bytesReceived += bytes.length
      const request = decodeRequest(bytes, limits)
      if (request === undefined) {
        fault(from, 'garbage')
        return undefined
      }
      const answer =
        request.type === 'transactions'
          ? await serveTransactions(peer, request.transactions)
          : await serveBlocks(peer, request)
      traffic.bytesSent += answer.length
      return answer
    },
  }
}
