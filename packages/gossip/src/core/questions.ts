import type { Hex } from 'viem'
import type { GossipError } from '../errors.js'
import {
  decodeAnswer,
  type ExchangeAnswer,
  type ExchangeRequest,
  encodeRequest,
  maxAnswerBytes,
} from '../message/exchange.js'
import type { Peer } from '../peers/peers.js'
import { firstOf } from './first-of.js'
import type { GossipParts } from './parts.js'
import { maxServing } from './serve.js'

/** Who was overtaken by another is asked after the others for so long. */
const slowMs = 10_000

/** Questions to peers, and whom to ask. */
export type Questions = {
  /** `undefined` when the peer does not answer, or answers what no codec makes. */
  ask(peer: Peer, request: ExchangeRequest, signal: AbortSignal | undefined): Promise<ExchangeAnswer | undefined>
  /** The same within the peer's limits, so that an honest one of us is never at fault; `undefined` also when it has nothing. */
  askBlocks(peer: Peer, request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeAnswer | undefined>
  isConnected(peer: Peer): boolean
  /** Who is connected, the best score first, and before all `first`. */
  candidates(first?: Hex): Peer[]
  /** The first answer out of several peers, each of which may take its time. */
  first<T>(
    who: readonly Peer[],
    signal: AbortSignal | undefined,
    attempt: (peer: Peer, signal: AbortSignal) => Promise<T | undefined>,
  ): Promise<T | undefined>
  /** Ends whatever is under way with this reason. */
  close(reason: GossipError): void
}

const timedOut = Symbol('no answer in time')

/** Tasks that end with a signal, in time, or all together. */
function createBounds() {
  const running = new Set<AbortController>()
  return {
    close(reason: Error): void {
      for (const control of running) control.abort(reason)
    },
    async run<T>(
      signal: AbortSignal | undefined,
      ms: number | undefined,
      task: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      signal?.throwIfAborted()
      const control = new AbortController()
      const onAbort = (): void => control.abort(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      const timer = ms === undefined ? undefined : setTimeout(() => control.abort(timedOut), ms)
      running.add(control)
      try {
        return await task(control.signal)
      } finally {
        running.delete(control)
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
    },
  }
}

export function createQuestions(parts: GossipParts): Questions {
  const { limits, peers, traffic, logger, fault, monotonicMs } = parts
  const bounds = createBounds()
  let closed: GossipError | undefined

  /** `undefined` when the peer does not answer, or answers what no codec makes. */
  const ask = async (
    peer: Peer,
    request: ExchangeRequest,
    signal: AbortSignal | undefined,
  ): Promise<ExchangeAnswer | undefined> => {
    const { key } = peer.member
    const question = encodeRequest(request)
    let answer: Uint8Array
    try {
      answer = await bounds.run(signal, limits.requestMs, async inner => {
        traffic.bytesSent += question.length
        try {
          return await parts.transport().ask(key, question, maxAnswerBytes(limits), inner)
        } catch (error) {
          if (inner.reason === timedOut) fault(key, 'timeout')
          throw error
        }
      })
    } catch (error) {
      signal?.throwIfAborted()
      if (closed !== undefined) throw closed
      logger?.debug({ error, peer: key, type: request.type }, 'a peer did not answer')
      return undefined
    }
    traffic.bytesReceived += answer.length
    const decoded = decodeAnswer(answer, limits)
    if (decoded === undefined) fault(key, 'garbage')
    return decoded
  }
  const isConnected = ({ member }: Peer): boolean =>
    peers.isAllowed(member.key) && parts.transport().isConnected(member.key)
  const candidates = (first?: Hex): Peer[] => {
    const now = monotonicMs()
    const rank = ({ member, score, slowUntilMs }: Peer): number => {
      if (slowUntilMs > now) return Number.NEGATIVE_INFINITY
      return member.key === first ? 1 : score.score()
    }
    return peers
      .all()
      .filter(isConnected)
      .map(peer => ({ peer, rank: rank(peer) }))
      .sort((a, b) => (a.rank === b.rank ? 0 : b.rank - a.rank))
      .map(({ peer }) => peer)
  }
  /** Asks one peer within its limits, so that an honest peer of ours is never at fault. */
  const askBlocks = async (
    peer: Peer,
    request: ExchangeRequest,
    signal: AbortSignal,
  ): Promise<ExchangeAnswer | undefined> => {
    if (peer.asking >= maxServing || !peer.asked.requests.take(1)) return undefined
    peer.asking++
    const since = monotonicMs()
    try {
      const answer = await ask(peer, request, signal)
      return answer?.type === 'none' || answer?.type === 'limited' ? undefined : answer
    } finally {
      // That another was faster is no fault; but it is not asked first again soon.
      if (signal.aborted && monotonicMs() - since >= limits.hedgeMs) peer.slowUntilMs = monotonicMs() + slowMs
      peer.asking--
    }
  }
  const first = <T>(
    who: readonly Peer[],
    signal: AbortSignal | undefined,
    attempt: (peer: Peer, signal: AbortSignal) => Promise<T | undefined>,
  ): Promise<T | undefined> =>
    bounds.run(signal, undefined, inner => firstOf(who, attempt, { hedgeMs: limits.hedgeMs, signal: inner }))

  return {
    ...{ ask, askBlocks, isConnected, candidates, first },
    close(reason) {
      closed = reason
      bounds.close(reason)
    },
  }
}
