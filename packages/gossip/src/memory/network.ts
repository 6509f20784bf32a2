import type { Hex } from 'viem'
import { createGossip, type GossipDependencies } from '../core/gossip.js'
import { refuse } from '../errors.js'
import type { HeaderGossip } from '../port/gossip.js'
import type { GossipOptions } from '../port/options.js'
import { createMemoryHub, type MemoryFaults, noFaults } from './hub.js'

/** Options of {@link createMemoryNetwork}. */
export type MemoryNetworkOptions = {
  /** 0 … 1 for every fault and delay: from a seed, a run has the same faults again. Default `Math.random`. */
  random?: (() => number) | undefined
  faults?: Partial<MemoryFaults> | undefined
}

/** Operators of one process, and what goes wrong between them. */
export interface MemoryNetwork {
  /**
   * Takes part. Members are connected to each other as soon as both are there.
   *
   * @param key Of the member: 32 bytes, nobody checks whose
   * @throws GossipError `CONFIG_INVALID`
   */
  join(options: GossipOptions & { key: Hex }, dependencies: GossipDependencies): Promise<HeaderGossip>
  /** From now on; what is not named stays. @throws GossipError `CONFIG_INVALID` */
  setFaults(faults: Partial<MemoryFaults>): void
  /** Those in different groups do not reach each other; who stands in none reaches nobody. */
  partition(groups: readonly (readonly Hex[])[]): void
  heal(): void
}

function checkFaults(faults: MemoryFaults): MemoryFaults {
  const { dropShare, duplicateShare, minDelayMs, maxDelayMs } = faults
  const isShare = (value: number): boolean => value >= 0 && value <= 1
  if (isShare(dropShare) && isShare(duplicateShare) && minDelayMs >= 0 && maxDelayMs >= minDelayMs) return faults
  return refuse('CONFIG_INVALID', 'faults expected shares of 0 … 1 and delays that grow', { details: { ...faults } })
}

/**
 * The gossip without a network: for tests, and for operators that live in one process. Codec, limits, scores and verdicts are those of every
 * adapter; only the way is missing, and what goes wrong on it is set.
 *
 * @example
 * ```ts
 * import { createMemoryNetwork, type GossipBlock } from '@l2/gossip'
 *
 * const zero = `0x${'00'.repeat(32)}` as const
 * const header = {
 *   epochId: 1n, term: 0, height: 10n, parentHash: zero, txRoot: zero, stateRoot: zero,
 *   timestamp: 1_700_000_000n, l1OriginNumber: 5n, l1OriginHash: zero, forcedUpTo: 0n,
 * }
 * const block: GossipBlock = { header, signature: `0x${'11'.repeat(65)}`, payload: Uint8Array.of(1, 2, 3) }
 * const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
 * const members = [1, 2].map(operator => ({ key: `0x${String(operator).repeat(64)}` as const, operator, addresses: [] }))
 * const source = { block: async () => undefined, range: async () => [] }
 *
 * const network = createMemoryNetwork()
 * await using leader = await network.join({ domain, members, key: members[0]!.key }, { source })
 * await using follower = await network.join({ domain, members, key: members[1]!.key }, { source })
 * const heard = new Promise<string>(resolve => {
 *   follower.subscribe(({ header, publisher, payload }) => {
 *     resolve(`block ${header.height} of operator ${publisher.operator}, ${payload?.length} bytes`)
 *     return 'accept'
 *   })
 * })
 * await leader.publish(block)
 * console.log(await heard) // block 10 of operator 1, 3 bytes
 * ```
 */
export function createMemoryNetwork({ random = Math.random, faults = {} }: MemoryNetworkOptions = {}): MemoryNetwork {
  let current = checkFaults({ ...noFaults, ...faults })
  const hub = createMemoryHub(random)
  hub.setFaults(current)
  return {
    async join({ key, ...options }, dependencies) {
      if (!/^0x[0-9a-fA-F]{64}$/.test(key)) refuse('CONFIG_INVALID', 'the key expected 32 bytes of hex')
      const self = key.toLowerCase() as Hex
      return createGossip(options, self, dependencies, async handlers => hub.attach(self, handlers))
    },
    setFaults(next) {
      current = checkFaults({ ...current, ...next })
      hub.setFaults(current)
    },
    partition: groups => hub.partition(groups.map(group => group.map(key => key.toLowerCase() as Hex))),
    heal: () => hub.partition(undefined),
  }
}
