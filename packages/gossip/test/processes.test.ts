// Four programs on this machine (child_process): what one publishes reaches the others, whatever happens to one of them.
import { describe, expect, it } from 'vitest'
import { areConnected, areHeard, startPeers } from './peers.js'

const patience = { interval: 50 }

describe('four programs over libp2p', () => {
  it('hand on headers, payloads of every size and transactions', async () => {
    await using network = await startPeers(4)
    const { peers } = network
    await expect.poll(() => areConnected(peers), patience).toBe(true)
    await expect.poll(() => areHeard(peers), patience).toBe(true)
    const sizes = [1_000, 60_000, 100_000, 1_000_000]
    for (let height = 1; height <= 16; height++) {
      const leader = peers[Math.floor((height - 1) / 4)]!
      await leader.ask({ type: 'publish', height, bytes: sizes[height % 4]! }, 'published')
    }
    for (const [index, peer] of peers.entries()) {
      const others = Array.from({ length: 16 }, (_, at) => at + 1).filter(
        height => Math.floor((height - 1) / 4) !== index,
      )
      const heard = () =>
        peer
          .heard()
          .filter(height => height <= 16)
          .sort((a, b) => a - b)
      await expect.poll(heard, patience).toEqual(others)
    }
    for (const peer of peers.slice(1)) {
      expect(await peer.ask({ type: 'forward', operator: 1, count: 50 }, 'forwarded')).toMatchObject({ taken: 50 })
    }
    const all = await Promise.all(peers.map(peer => peer.ask({ type: 'status' }, 'status')))
    expect(all.map(({ faults }) => faults)).toEqual([0, 0, 0, 0])
  })

  it('go on while one hangs, which hears again when it wakes; memory stays', async () => {
    await using network = await startPeers(4)
    const { peers } = network
    await expect.poll(() => areConnected(peers), patience).toBe(true)
    await expect.poll(() => areHeard(peers), patience).toBe(true)
    const [leader, second, , last] = peers
    const before = await leader!.ask({ type: 'status' }, 'status')
    last!.child.kill('SIGSTOP')
    // Far more than may wait for one peer: 200 blocks of 60 kB that do not compress.
    for (let height = 1; height <= 200; height++) {
      await leader!.ask({ type: 'publish', height, bytes: 60_000 }, 'published')
      if (height % 25 === 0) await expect.poll(() => second!.heard().includes(height), patience).toBe(true)
    }
    const after = await leader!.ask({ type: 'status' }, 'status')
    // What is kept for those who ask is 32 MiB; the rest are buffers, and what the collector has not seen yet.
    expect(after.rssBytes - before.rssBytes).toBeLessThan(160 * 2 ** 20)
    last!.child.kill('SIGCONT')
    let height = 1_000
    const wakes = async (): Promise<boolean> => {
      await leader!.ask({ type: 'publish', height: ++height, bytes: 1_000 }, 'published')
      return last!.heard().some(heard => heard > 1_000 && heard < 10_000)
    }
    await expect.poll(wakes, patience).toBe(true)
  })

  it('find one again that was killed and comes back', async () => {
    await using network = await startPeers(4)
    const { peers, restart } = network
    await expect.poll(() => areConnected(peers), patience).toBe(true)
    await restart(2)
    await expect.poll(() => areConnected(peers), patience).toBe(true)
    let height = 0
    const hears = async (): Promise<boolean> => {
      await peers[0]!.ask({ type: 'publish', height: ++height, bytes: 200_000 }, 'published')
      return peers[2]!.heard().length > 0
    }
    await expect.poll(hears, patience).toBe(true)
    expect(await peers[2]!.ask({ type: 'forward', operator: 1, count: 3 }, 'forwarded')).toMatchObject({ taken: 3 })
  })
})
