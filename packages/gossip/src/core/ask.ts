import { hashSequencerHeader } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import { GossipError, refuse } from '../errors.js'
import { dataHashOf, payloadHashOf } from '../message/announcement.js'
import { encodeRequest, maxRequestBytes } from '../message/exchange.js'
import type { Peer } from '../peers/peers.js'
import type { BlockQuery, ForwardAnswer, GossipBlock, ReceivedHeader, RequestOptions } from '../port/gossip.js'
import type { GossipParts } from './parts.js'
import { createQuestions } from './questions.js'

/** What is asked of peers. */
export type Asking = {
  payload(received: ReceivedHeader, signal: AbortSignal | undefined): Promise<Uint8Array>
  request(query: BlockQuery, options: RequestOptions): Promise<readonly GossipBlock[]>
  data(hash: Hash, operator: number, signal: AbortSignal | undefined): Promise<Uint8Array>
  /** @throws GossipError `MESSAGE_INVALID` */
  checkTransactions(transactions: readonly Uint8Array[]): void
  forward(
    operator: number,
    transactions: readonly Uint8Array[],
    signal: AbortSignal | undefined,
  ): Promise<readonly ForwardAnswer[]>
  /** Ends whatever is under way with this reason. */
  close(reason: GossipError): void
}

const unavailable = (message: string): GossipError =>
  new GossipError(message, { code: 'PEER_UNAVAILABLE', recovery: 'retry' })

export function createAsking(parts: GossipParts): Asking {
  const { domain, limits, peers, recent, traffic, logger, fault } = parts
  const { ask, askBlocks, isConnected, candidates, first, close } = createQuestions(parts)

  const isAnswer = (query: BlockQuery, blocks: readonly GossipBlock[]): boolean =>
    query.type === 'block'
      ? blocks.length === 1 && hashSequencerHeader(blocks[0]!.header, domain) === query.id.toLowerCase()
      : blocks.length <= query.count &&
        blocks.every(({ header }, index) => header.height === query.from + BigInt(index))
  const judged = async (
    peer: Peer,
    blocks: readonly GossipBlock[],
    judge: NonNullable<RequestOptions['judge']>,
  ): Promise<boolean> => {
    for (const block of blocks) {
      const verdict = await judge(block)
      if (verdict === 'reject') fault(peer.member.key, 'answer')
      if (verdict !== 'accept') return false
    }
    return true
  }

  return {
    close,
    async payload({ id, payloadHash, payloadLength, publisher, header, signature }, signal) {
      const kept = recent.get(id, payloadHash)?.payload
      if (kept !== undefined) return kept
      const found = await first(candidates(publisher.key), signal, async (peer, inner) => {
        const answer = await askBlocks(peer, { type: 'payload', id, payloadHash }, inner)
        if (answer === undefined) return undefined
        const isIt =
          answer.type === 'payload' &&
          answer.payload.length === payloadLength &&
          payloadHashOf(answer.payload) === payloadHash
        if (isIt) return answer.payload
        fault(peer.member.key, 'answer')
        return undefined
      })
      if (found === undefined) throw unavailable(`nobody has the payload of ${id}`)
      recent.add(id, payloadHash, { header, signature, payload: found })
      return found
    },
    async request(query, { judge = () => 'accept', signal }) {
      checkQuery(query, limits.maxRange)
      const found = await first(candidates(), signal, async (peer, inner) => {
        const answer = await askBlocks(peer, query, inner)
        if (answer === undefined) return undefined
        if (answer.type !== 'blocks' || !isAnswer(query, answer.blocks)) {
          fault(peer.member.key, 'answer')
          return undefined
        }
        try {
          return (await judged(peer, answer.blocks, judge)) ? answer.blocks : undefined
        } catch (error) {
          logger?.warn({ error }, 'the judge of blocks failed')
          return undefined
        }
      })
      if (found !== undefined) return found
      throw unavailable(query.type === 'block' ? `nobody has the block ${query.id}` : `nobody has block ${query.from}`)
    },
    async data(hash, operator, signal) {
      if (!isHash(hash)) refuse('CONFIG_INVALID', 'the hash of data expected 32 bytes of hex')
      const wanted = hash.toLowerCase() as Hash
      const publisher = peers.operator(operator)?.member.key
      const found = await first(candidates(publisher), signal, async (peer, inner) => {
        const answer = await askBlocks(peer, { type: 'data', hash: wanted }, inner)
        if (answer === undefined) return undefined
        if (answer.type === 'payload' && dataHashOf(answer.payload) === wanted) return answer.payload
        fault(peer.member.key, 'answer')
        return undefined
      })
      if (found === undefined) throw unavailable(`nobody has the data ${wanted}`)
      return found
    },
    checkTransactions(transactions) {
      const { maxForwarded, maxTransactionBytes } = limits
      if (transactions.length > maxForwarded) {
        refuse('MESSAGE_INVALID', `at most ${maxForwarded} transactions expected, got ${transactions.length}`)
      }
      for (const { length } of transactions) {
        if (length > 0 && length <= maxTransactionBytes) continue
        refuse('MESSAGE_INVALID', `a transaction of 1 … ${maxTransactionBytes} bytes expected, got ${length}`)
      }
      const most = maxRequestBytes(limits)
      const bytes = encodeRequest({ type: 'transactions', transactions }).length
      if (bytes > most) refuse('MESSAGE_INVALID', `at most ${most} bytes in one call expected, got ${bytes}`)
    },
    async forward(operator, transactions, signal) {
      const peer = peers.operator(operator)
      if (peer === undefined || !isConnected(peer)) throw unavailable(`operator ${operator} is not connected`)
      const answer = await ask(peer, { type: 'transactions', transactions }, signal)
      if (answer?.type === 'transactions' && answer.answers.length === transactions.length) {
        traffic.transactionsForwarded += transactions.length
        return answer.answers
      }
      if (answer !== undefined) fault(peer.member.key, 'answer')
      throw unavailable(`operator ${operator} did not answer`)
    },
  }
}

const isHash = (value: string): value is Hash => /^0x[0-9a-fA-F]{64}$/.test(value)

function checkQuery(query: BlockQuery, maxRange: number): void {
  if (query.type === 'block') {
    if (!isHash(query.id)) refuse('CONFIG_INVALID', 'the id of a block expected 32 bytes of hex')
    return
  }
  const { from, count } = query
  if (from < 0n || from >> 64n !== 0n) refuse('CONFIG_INVALID', `a range cannot begin at ${from}`)
  if (Number.isInteger(count) && count > 0 && count <= maxRange) return
  refuse('CONFIG_INVALID', `a range of 1 … ${maxRange} blocks expected, got ${count}`)
}
