import type { Logger } from '@l2/common'
import type { Libp2p } from '@libp2p/interface'
import type { Hex } from 'viem'
import type { TransportHandlers } from '../core/transport.js'
import { peerOf } from './keys.js'
import type { Libp2pModules } from './modules.js'

const firstPauseMs = 250
const longestPauseMs = 10_000
/** Of two that may dial each other the one with the smaller key begins. */
const politenessMs = 1_000

type Attempt = { pauseMs: number; notBefore: number; isUnderWay: boolean }

/** Connections to all who may be connected and say where: dialled again, with growing pauses, for as long as there is none. */
export function createDialling(
  node: Libp2p,
  modules: Libp2pModules,
  self: Hex,
  handlers: TransportHandlers,
  logger: Logger | undefined,
): { tend(): void } {
  const attempts = new Map<Hex, Attempt>()
  const dial = async (key: Hex, addresses: readonly string[], attempt: Attempt): Promise<void> => {
    attempt.isUnderWay = true
    try {
      const peer = peerOf(key, modules)
      const targets = addresses.map(address => modules.multiaddr(address).encapsulate(`/p2p/${peer.toString()}`))
      await node.dial(targets, { signal: AbortSignal.timeout(5_000) })
      attempt.pauseMs = firstPauseMs
    } catch (error) {
      logger?.debug({ error, peer: key }, 'a peer cannot be dialled')
      // Not all at the same moment after an outage.
      attempt.notBefore = performance.now() + attempt.pauseMs * (0.75 + Math.random() / 2)
      attempt.pauseMs = Math.min(longestPauseMs, 2 * attempt.pauseMs)
    } finally {
      attempt.isUnderWay = false
    }
  }
  return {
    tend() {
      const now = performance.now()
      const members = handlers.members()
      const known = new Set(members.map(({ key }) => key))
      for (const key of attempts.keys()) if (!known.has(key)) attempts.delete(key)
      for (const { key, addresses } of members) {
        if (addresses.length === 0 || !handlers.isAllowed(key)) continue
        if (node.getConnections(peerOf(key, modules)).length > 0) {
          attempts.delete(key)
          continue
        }
        const wait = self < key ? 0 : politenessMs
        const attempt = attempts.get(key) ?? { pauseMs: firstPauseMs, notBefore: now + wait, isUnderWay: false }
        attempts.set(key, attempt)
        if (!attempt.isUnderWay && attempt.notBefore <= now) void dial(key, addresses, attempt)
      }
    },
  }
}
