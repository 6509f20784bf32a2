// Our batcher on stock op-nodes, of which one sequences: it asks them which, and reads blocks from the engine of that one.
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  type ActiveSequencerEvent,
  type BatcherEvent,
  createActiveSequencer,
  createOpNodeSequencer,
  type SequencerEndpoint,
} from '../../src/batcher/index.js'
import { createWorld, type Execution, hasPrograms, type OpNode, ownBatcher, pause, until } from './world.js'

describe.skipIf(!hasPrograms)('our batcher on op-nodes', () => {
  it('posts the blocks of the one that is active, each once, and waits while none is', {
    timeout: 400_000,
  }, async () => {
    await using world = await createWorld({ ageSeconds: 40n })
    const { l1, config } = world
    const isDue = async () => (await l1.head()).timestamp + 4n <= BigInt(Math.floor(Date.now() / 1000))
    while (await isDue()) await l1.mine()
    const executions: Execution[] = [await world.execution(), await world.execution()]
    const verifier: OpNode = await world.opNode(executions[0]!, 'verifier')
    const sequencer: OpNode = await world.opNode(executions[1]!, 'sequencer')
    const endpoints = [verifier, sequencer].map(
      ({ url }, i): SequencerEndpoint =>
        createOpNodeSequencer({
          nodeUrl: url,
          engineUrl: executions[i]!.geth.rpcUrl,
          config,
          name: ['verifier', 'sequencer'][i],
        }),
    )
    const changes: ActiveSequencerEvent[] = []
    const node = createActiveSequencer({}, { sequencers: endpoints, onEvent: event => changes.push(event) })
    const events: BatcherEvent[] = []
    const batcher = ownBatcher(world, { node, onEvent: event => events.push(event) })
    const derived = (count: number) =>
      until(
        `the verifier has ${count} blocks from L1`,
        async () => {
          await batcher.step()
          return (await verifier.status()).safe_l2.number
        },
        safe => safe >= count,
        async () => {
          if (await isDue()) await l1.mine()
          await pause(150)
        },
      )
    const first = await derived(10)
    expect(node.active).toBe('sequencer')

    const head = (await sequencer.rpc('admin_stopSequencer')) as Hash
    await expect(batcher.step()).rejects.toMatchObject({ code: 'BATCHER_NO_SEQUENCER', recovery: 'retry' })
    await sequencer.rpc('admin_startSequencer', [head])
    const count = await derived(first + 8)
    await batcher.settle()

    expect(changes).toEqual([{ type: 'changed', from: undefined, to: 'sequencer' }])
    const closed = events.flatMap(event => (event.type === 'channel-closed' ? [event] : []))
    expect(closed.length).toBeGreaterThan(1)
    for (const [i, { firstBlock }] of closed.entries()) expect(firstBlock).toBe((closed[i - 1]?.lastBlock ?? 0n) + 1n)
    expect(events.filter(({ type }) => type === 'cleared')).toEqual([])
    for (let number = 1n; number <= BigInt(count); number++) {
      const [theirs, made] = await Promise.all(executions.map(each => each.block(number)))
      expect(theirs?.hash).toBe(made?.hash)
    }
    // What is no block and no status is the node's fault, and said to be so.
    const lost = createOpNodeSequencer({ nodeUrl: executions[0]!.geth.rpcUrl, engineUrl: verifier.url, config })
    await expect(lost.node.status()).rejects.toMatchObject({ code: 'ENGINE_RPC' })
    await expect(lost.node.blocks(1n, 2n)).rejects.toMatchObject({ code: 'ENGINE_RPC' })
  })
})
