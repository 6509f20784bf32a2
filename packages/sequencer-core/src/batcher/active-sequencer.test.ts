import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { type ActiveSequencerEvent, createActiveSequencer } from './active-sequencer.js'
import type { SyncStatus } from './sync-actions.js'

const hash: Hash = `0x${'11'.repeat(32)}`
const statusOf = (headL1: bigint): SyncStatus => ({
  headL1,
  currentL1: headL1,
  safe: { number: 1n, hash },
  unsafe: { number: 2n, hash },
})

/** Three sequencers, of which each answers as its state says. */
function harness(checkMs?: number) {
  const state = { leader: 'a' as string | undefined, deaf: new Set<string>(), failing: new Set<string>(), ms: 0 }
  const asked: string[] = []
  const events: ActiveSequencerEvent[] = []
  const node = createActiveSequencer(
    { checkMs },
    {
      sequencers: ['a', 'b', 'c'].map((name, index) => ({
        name,
        isActive: async () => {
          asked.push(`${name}?`)
          if (state.deaf.has(name)) throw new Error('deaf')
          return name === state.leader
        },
        node: {
          status: async () => {
            asked.push(name)
            if (state.failing.has(name)) throw new Error(`${name} fails`)
            return statusOf(BigInt(index + 1))
          },
          blocks: async () => {
            asked.push(`${name} blocks`)
            if (state.failing.has(name)) throw new Error(`${name} fails`)
            return []
          },
        },
      })),
      onEvent: event => events.push(event),
      nowMs: () => state.ms,
    },
  )
  const round = async (): Promise<string> => {
    asked.length = 0
    await node.status()
    await node.blocks(1n, 2n)
    return asked.join(' ')
  }
  return { state, events, node, round }
}

describe('createActiveSequencer', () => {
  it('uses the one that is active, and the next when another has become it', async () => {
    const { state, events, node, round } = harness()
    expect(node.active).toBeUndefined()
    expect(await round()).toBe('a? a a blocks')
    expect(await round()).toBe('a? a a blocks')
    state.leader = 'c'
    expect(await round()).toBe('a? b? c? c c blocks')
    state.leader = 'b'
    // It goes on from the one in use.
    expect(await round()).toBe('c? a? b? b b blocks')
    expect(node.active).toBe('b')
    expect(events).toEqual([
      { type: 'changed', from: undefined, to: 'a' },
      { type: 'changed', from: 'a', to: 'c' },
      { type: 'changed', from: 'c', to: 'b' },
    ])
  })

  it('passes over one that does not answer, and says when none is active', async () => {
    const { state, events, node, round } = harness()
    state.deaf.add('a')
    state.leader = 'b'
    expect(await round()).toBe('a? b? b b blocks')
    expect(events[0]).toMatchObject({ type: 'failed', sequencer: 'a' })
    state.leader = undefined
    await expect(node.status()).rejects.toMatchObject({ code: 'BATCHER_NO_SEQUENCER', recovery: 'retry' })
    await expect(node.status()).rejects.toThrow('none of 3 sequencers is active, 1 did not answer')
    state.leader = 'b'
    expect(await round()).toBe('b? b b blocks')
    expect(() => createActiveSequencer({}, { sequencers: [] })).toThrow(
      expect.objectContaining({ code: 'BATCHER_OPTIONS' }),
    )
  })

  it('asks another first where the one in use says that it is active and fails', async () => {
    const { state, node, round } = harness()
    await round()
    state.failing.add('a')
    await expect(node.status()).rejects.toThrow('a fails')
    // Nobody else is active: it is asked again, and used when it has recovered.
    await expect(node.status()).rejects.toThrow('a fails')
    state.failing.clear()
    expect(await round()).toBe('b? c? a? a a blocks')
    state.failing.add('a')
    await expect(node.blocks(1n, 2n)).rejects.toThrow('a fails')
    state.leader = 'b'
    expect(await round()).toBe('b? b b blocks')
  })

  it('believes an answer for as long as it is told to, unless the sequencer fails', async () => {
    const { state, node, round } = harness(1000)
    expect(await round()).toBe('a? a a blocks')
    state.leader = 'b'
    state.ms = 999
    expect(await round()).toBe('a a blocks')
    state.ms = 1000
    expect(await round()).toBe('a? b? b b blocks')
    state.failing.add('b')
    await expect(node.status()).rejects.toThrow('b fails')
    state.failing.clear()
    expect(await round()).toBe('c? a? b? b b blocks')
  })

  it('an abortion is nobody’s fault', async () => {
    const { events, node, round } = harness()
    await round()
    const signal = AbortSignal.abort(new Error('enough'))
    const aborting = createActiveSequencer(
      {},
      {
        sequencers: [
          {
            name: 'a',
            isActive: async () => {
              signal.throwIfAborted()
              return true
            },
            node,
          },
        ],
        onEvent: event => events.push(event),
      },
    )
    await expect(aborting.status({ signal })).rejects.toThrow('enough')
    expect(events.map(({ type }) => type)).toEqual(['changed'])
  })
})
