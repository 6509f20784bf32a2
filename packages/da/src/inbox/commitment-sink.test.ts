import { describe, expect, it } from 'vitest'
import { batcherDataToCommitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import type { MemoryFault } from '../memory/faults.js'
import { createMemoryDa, type MemoryDa } from '../memory/memory.js'
import type { L1DataAvailability } from '../port.js'
import { createRouterDa } from '../router/router.js'
import { createMemoryStore } from '../store.js'
import { commitmentSink } from './commitment-sink.js'

const item = (value: number) => Uint8Array.of(0, value)
const asL1 = (da: MemoryDa): MemoryDa & L1DataAvailability => Object.assign(da, { includedOn: 'l1' as const })
/** What the inbox names, in its order. */
async function named(inbox: MemoryDa) {
  const commitments = []
  for await (const { data } of inbox.list({ from: 1n, to: await inbox.height() })) {
    commitments.push(batcherDataToCommitment(data))
  }
  return commitments
}

describe('commitmentSink', () => {
  it('names what the layer holds, item for item, in the order of the calls, whichever the layer ends first', async () => {
    // The first submissions take longest.
    let calls = 0
    const inject = (operation: string): MemoryFault | undefined =>
      operation === 'submit' ? { type: 'delay', ms: 40 - 10 * calls++ } : undefined
    const layer = createMemoryDa({}, { inject })
    const inbox = asL1(createMemoryDa())
    const sink = commitmentSink(layer, inbox)
    const receipts = await Promise.all([0, 2, 4, 6].map(n => sink.submit([item(n), item(n + 1)])))
    const commitments = receipts.flatMap(receipt => receipt.commitments)
    expect(await named(inbox)).toEqual(commitments)
    for (const [n, commitment] of commitments.entries()) expect(await layer.get(commitment)).toEqual(item(n))
    expect(receipts.map(({ height }) => height)).toEqual([2n, 4n, 6n, 8n])
  })

  it('lets those behind a submission that fails pass', async () => {
    let calls = 0
    const inject = (operation: string): MemoryFault | undefined =>
      operation === 'submit' && calls++ === 0
        ? { type: 'fail', error: new DaError('no', { code: 'DA_REJECTED' }) }
        : undefined
    const inbox = asL1(createMemoryDa())
    const sink = commitmentSink(createMemoryDa({}, { inject }), inbox)
    const outcomes = await Promise.allSettled([1, 2, 3].map(n => sink.submit([item(n)])))
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(await named(inbox)).toHaveLength(2)
  })

  it('names a submission once, however often it is repeated, and after a crash between the layer and L1', async () => {
    const stores = [createMemoryStore(), createMemoryStore()] as const
    let down = true
    const inject = (operation: string): MemoryFault | undefined =>
      down && operation === 'submit'
        ? { type: 'fail', error: new DaError('L1 is away', { code: 'DA_UNAVAILABLE' }) }
        : undefined
    const open = () => {
      const inbox = asL1(createMemoryDa({}, { store: stores[1], inject }))
      return { inbox, sink: commitmentSink(createMemoryDa({}, { store: stores[0] }), inbox) }
    }
    await expect(open().sink.submit([item(1)], { key: 'a' })).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    down = false
    const { inbox, sink } = open()
    expect(await sink.resume('never used')).toBeUndefined()
    expect(await sink.carried('a')).toEqual([])
    const receipt = await sink.resume('a')
    expect(receipt!.onL1).toHaveLength(1)
    expect(await sink.submit([item(1)], { key: 'a' })).toEqual(receipt)
    expect(await sink.carried('a')).toEqual(receipt!.onL1)
    expect(await named(inbox)).toEqual(receipt!.commitments)
  })

  it('names nothing that L1 carries itself', async () => {
    const away = createMemoryDa(
      {},
      { inject: () => ({ type: 'fail', error: new DaError('away', { code: 'DA_UNAVAILABLE' }) }) },
    )
    const inbox = asL1(createMemoryDa())
    // As an Ethereum layer would commit to it.
    const onL1 = { layer: daLayer.ethereumCalldata, payload: new Uint8Array(64) }
    const blobs = Object.assign(createMemoryDa(), {
      includedOn: 'l1' as const,
      submit: async () => ({ key: 'a', height: 9n, commitments: [onL1] }),
    })
    const layers = [
      { name: 'away', da: away },
      { name: 'blobs', da: blobs },
    ]
    const sink = commitmentSink(createRouterDa({ policy: 'failover', attempts: 1 }, { layers }), inbox)
    expect(await sink.submit([item(1)])).toMatchObject({ height: 9n, commitments: [onL1], onL1: [onL1] })
    expect(await inbox.height()).toBe(0n)
  })

  it('stops waiting when it is told to, and the next call has its turn', async () => {
    let stalled = true
    const inject = (operation: string): MemoryFault | undefined =>
      stalled && operation === 'submit' ? { type: 'stall' } : undefined
    const inbox = asL1(createMemoryDa())
    const sink = commitmentSink(createMemoryDa({}, { inject }), inbox)
    const abort = new AbortController()
    const reason = new Error('enough')
    const first = sink.submit([item(1)], { signal: abort.signal })
    abort.abort(reason)
    await expect(first).rejects.toBe(reason)
    stalled = false
    await expect(sink.submit([item(2)], { timeoutMs: 5000 })).resolves.toMatchObject({ height: 1n })
  })
})
