import { type Commitment, type DaReceipt, type DataAvailability, daLayer, type L1DataAvailability } from '@l2/da'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { createBookedSinks } from './sink.js'

/** The payload's first byte numbers the transaction of what is on L1. */
const l1 = daLayer.ethereumCalldata
const commitmentOf = (layer: number, n: number): Commitment => ({ layer, payload: Uint8Array.of(n) })
const hashOf = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`

type Waiting = { key: string; end(receipt: DaReceipt): void; fail(error: Error): void }

/** A layer whose submissions end when the test says so, and which remembers those that ended. */
function fakeLayer() {
  const waiting: Waiting[] = []
  const ended = new Map<string, DaReceipt>()
  const onItsWay = new Set<string>()
  return Object.assign(fakes(), {
    includedOn: 'l1' as const,
    waiting,
    ended,
    onItsWay,
    limits: async () => ({ maxBytes: 100, maxItems: 6 }),
    pending: async () => [...onItsWay],
    resume: async (key: string) => ended.get(key),
    submit: (_items: readonly Uint8Array[], options: { key?: string | undefined } = {}): Promise<DaReceipt> =>
      new Promise((resolve, reject) => {
        const key = options.key!
        const end = (receipt: DaReceipt): void => {
          ended.set(key, receipt)
          resolve(receipt)
        }
        waiting.push({ key, end, fail: reject })
      }),
  }) satisfies L1DataAvailability
}

/** What a sink has no use for. */
function fakes(): Omit<DataAvailability, 'limits' | 'pending' | 'resume' | 'submit'> {
  return {} as DataAvailability
}

function setUp() {
  const open = new Map<string, number>()
  const paid: string[] = []
  const calldata = fakeLayer()
  const sinks = createBookedSinks({
    blobs: { pending: async () => [] },
    calldata,
    transactionOf: ({ payload }) => hashOf(payload[0]!),
    costOf: async hash => ({ transactionHash: hash, l1Block: 1n, blobs: 0, blobGasWei: 0n, executionGasWei: 1n }),
    keeper: {
      begin: (key, bytes) => void open.set(key, bytes),
      paid: (key, { transactionHash }) => void paid.push(`${key} ${Number(transactionHash)}`),
      end: key => void open.delete(key),
      books: { open } as never,
    },
  })
  return { sinks, calldata, open, paid }
}
const items = [Uint8Array.of(1, 2), Uint8Array.of(3)]
const turns = async (): Promise<void> => void (await new Promise(resolve => setTimeout(resolve)))
const receiptOf = (key: string, ...commitments: Commitment[]): DaReceipt => ({ key, commitments, height: 9n })

describe('createBookedSinks', () => {
  it('writes a submission down before it leaves, and its cost when L1 has it', async () => {
    const { sinks, calldata, open, paid } = setUp()
    const submitted = sinks.sinkOf(calldata).submit(items, { key: 'a/0' })
    expect([...open]).toEqual([['a/0', 3]])
    calldata.waiting[0]!.end(receiptOf('a/0', commitmentOf(l1, 7), commitmentOf(l1, 7)))
    expect(await submitted).toEqual({ height: 9n })
    expect([paid, open.size]).toEqual([['a/0 7'], 0])
  })

  it('names what another layer holds on L1, in the order of the calls, whichever that layer ends first', async () => {
    const { sinks, calldata, open, paid } = setUp()
    const celestia = fakeLayer()
    const sink = sinks.sinkOf(celestia)
    const all = Promise.all(['a/0', 'b/0', 'c/0'].map(key => sink.submit(items, { key }).catch(error => error)))
    const [a, b, c] = celestia.waiting
    c!.end(receiptOf('c/0', commitmentOf(12, 5)))
    b!.fail(new Error('lost'))
    await turns()
    expect(calldata.waiting).toHaveLength(0)
    a!.end(receiptOf('a/0', commitmentOf(12, 1), commitmentOf(12, 2)))
    await turns()
    expect(calldata.waiting.map(({ key }) => key)).toEqual(['a/0/commitment/0', 'a/0/commitment/1', 'c/0/commitment/0'])
    for (const [n, { key, end }] of calldata.waiting.entries()) end(receiptOf(key, commitmentOf(l1, 40 + n)))
    expect((await all).map(outcome => outcome.message ?? 'posted')).toEqual(['posted', 'lost', 'posted'])
    expect([...paid].sort()).toEqual(['a/0 40', 'a/0 41', 'c/0 42'])
    expect([...open.keys()]).toEqual(['b/0'])
  })

  it('books what the batcher gave up and L1 included all the same, once it is no longer on its way', async () => {
    const { sinks, calldata, open, paid } = setUp()
    const given = sinks.sinkOf(calldata).submit(items, { key: 'a/0' })
    await sinks.bookOpen()
    expect(open.size).toBe(1)
    calldata.onItsWay.add('a/0')
    calldata.waiting[0]!.fail(new Error('the batcher starts over'))
    await expect(given).rejects.toThrow('starts over')
    await sinks.bookOpen()
    expect([paid, open.size]).toEqual([[], 1])
    calldata.onItsWay.clear()
    calldata.ended.set('a/0', receiptOf('a/0', commitmentOf(l1, 3)))
    await sinks.bookOpen()
    expect([paid, open.size]).toEqual([['a/0 3'], 0])
  })

  it('books what a crash interrupted: the own transaction, those of commitments, or nothing', async () => {
    const { sinks, calldata, open, paid } = setUp()
    for (const key of ['a/0', 'b/0', 'c/0']) open.set(key, 3)
    calldata.ended.set('a/0', receiptOf('a/0', commitmentOf(l1, 3)))
    for (const n of [0, 1]) calldata.ended.set(`b/0/commitment/${n}`, receiptOf('', commitmentOf(l1, 10 + n)))
    await sinks.bookOpen()
    expect([paid, open.size]).toEqual([['a/0 3', 'b/0 10', 'b/0 11'], 0])
  })
})
