import { seededRandom, testSeed } from '@l2/common/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HeaderGossip, ReceivedHeader } from '../port/gossip.js'
import { sourceOf, testBlock, testDomain } from '../testing/blocks.js'
import { gossipConformance } from '../testing/conformance.js'
import { createMemoryNetwork, type MemoryNetworkOptions } from './network.js'

const members = [1, 2, 3, undefined].map((operator, index) => ({
  key: `0x${String(index + 1).repeat(64)}` as const,
  operator,
  addresses: [],
}))

describe('createMemoryNetwork', () => {
  const suite = gossipConformance(async () => {
    const network = createMemoryNetwork()
    return {
      members,
      open: (index, options, dependencies) => network.join({ ...options, key: members[index]!.key }, dependencies),
      cleanup: async () => {},
    }
  })
  for (const { name, run } of suite) it(name, run)

  async function four(options: MemoryNetworkOptions, source = sourceOf([])) {
    const network = createMemoryNetwork(options)
    const all: HeaderGossip[] = []
    const heard: ReceivedHeader[][] = []
    for (const { key } of members) {
      const gossip = await network.join({ domain: testDomain, members, key }, { source })
      onTestFinished(gossip.close)
      const list: ReceivedHeader[] = []
      gossip.subscribe(received => {
        list.push(received)
        return 'accept'
      })
      all.push(gossip)
      heard.push(list)
    }
    return { network, all, heard }
  }
  const heights = (list: readonly ReceivedHeader[]) => list.map(({ header }) => Number(header.height))

  it('loses, doubles and reorders, and a header is still shown once', async () => {
    const random = seededRandom(testSeed())
    const faults = { dropShare: 0.3, duplicateShare: 0.3, maxDelayMs: 20 }
    const { all, heard } = await four({ random: random.float, faults })
    const sent = Array.from({ length: 60 }, (_, index) => index + 1)
    // All at once: what takes longer to publish than messages are held up would arrive in its order.
    await Promise.all(sent.map(height => all[0]!.publish(testBlock(BigInt(height)))))
    const lists = heard.slice(1)
    // With seed 1 each of the three hears most, for what one has lost another hands on, in another order than it was sent.
    await expect
      .poll(() => Math.min(...lists.map(list => list.length)), { message: `seed ${random.seed}` })
      .toBeGreaterThan(45)
    for (const list of lists.map(heights)) expect(new Set(list).size, `seed ${random.seed}`).toBe(list.length)
    expect(lists.map(heights).some(list => list.some((height, at) => at > 0 && height < list[at - 1]!))).toBe(true)
  })

  it('parts and heals: nothing crosses, and what was missed is asked for', async () => {
    const blocks = [1n, 2n, 3n].map(height => testBlock(height))
    const { network, all, heard } = await four({}, sourceOf(blocks))
    const keys = members.map(({ key }) => key)
    network.partition([keys.slice(0, 2), keys.slice(2)])
    for (const block of blocks) await all[0]!.publish(block)
    await expect(all[2]!.forward(1, [Uint8Array.of(1)])).rejects.toMatchObject({ code: 'PEER_UNAVAILABLE' })
    await expect.poll(() => heights(heard[1]!)).toEqual([1, 2, 3])
    expect(heard[2]).toEqual([])
    network.heal()
    const found = await all[2]!.request({ type: 'range', from: 1n, count: 10 })
    expect(found.map(({ header }) => header.height)).toEqual([1n, 2n, 3n])
  })

  it('asks whoever did not answer after the others', async () => {
    const network = createMemoryNetwork()
    let asked = 0
    const never = (): Promise<never> => {
      asked++
      return new Promise(() => {})
    }
    const sources = [sourceOf([]), { block: never, range: never }, sourceOf([testBlock(1n)])]
    const all: HeaderGossip[] = []
    for (const [index, source] of sources.entries()) {
      const options = { domain: testDomain, members, key: members[index]!.key, limits: { hedgeMs: 300 } }
      const gossip = await network.join(options, { source })
      onTestFinished(gossip.close)
      all.push(gossip)
    }
    for (let time = 0; time < 5; time++) await all[0]!.request({ type: 'range', from: 1n, count: 1 })
    expect(asked).toBe(1)
  })

  it('refuses faults and keys that cannot be', async () => {
    expect(() => createMemoryNetwork({ faults: { dropShare: 2 } })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
    const network = createMemoryNetwork()
    expect(() => network.setFaults({ maxDelayMs: -1 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    const joining = network.join({ domain: testDomain, members, key: '0x12' }, { source: sourceOf([]) })
    await expect(joining).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
