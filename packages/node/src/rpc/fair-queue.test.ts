import { expect, it, vi } from 'vitest'
import { createFairQueue } from './fair-queue.js'

function setup(bounds: { maxUnderWay: number; maxWaiting: number }) {
  const queue = createFairQueue({ ...bounds, maxWaitMs: 1000 })
  const [started, ends]: [string[], (() => void)[]] = [[], []]
  const clients = new Map<string, object>()
  const ask = (client: string, signal = new AbortController().signal): Promise<string> => {
    if (!clients.has(client)) clients.set(client, {})
    const answer = queue.run(
      () => {
        started.push(client)
        return new Promise<string>(resolve => ends.push(() => resolve(client)))
      },
      clients.get(client)!,
      signal,
    )
    answer.catch(() => {})
    return answer
  }
  const finish = async (): Promise<void> => {
    ends.shift()!()
    await new Promise(setImmediate)
  }
  return { queue, ask, started, finish }
}
const busy = { code: -32005 }

it('lets connections take turns, however much one of them asks', async () => {
  const { ask, started, finish, queue } = setup({ maxUnderWay: 1, maxWaiting: 100 })
  for (let count = 0; count < 5; count++) void ask('greedy')
  for (const modest of ['a', 'b', 'a']) void ask(modest)
  expect(queue.waiting).toBe(7)
  for (let count = 0; count < 8; count++) await finish()
  expect(started.join(' ')).toBe('greedy greedy a b greedy a greedy greedy')
  expect(queue.waiting).toBe(0)
})

it('is full for whoever fills it, and not for others', async () => {
  const { ask, queue } = setup({ maxUnderWay: 1, maxWaiting: 4 })
  void ask('greedy')
  const waiting = Array.from({ length: 4 }, () => ask('greedy'))
  await expect(ask('greedy')).rejects.toMatchObject(busy)
  void ask('a')
  await expect(waiting[3]).rejects.toMatchObject(busy)
  void ask('b')
  await expect(waiting[2]).rejects.toMatchObject(busy)
  // Two of the greedy one and one of each other are left: nobody has to give way to another one of them.
  await expect(ask('b')).rejects.toMatchObject(busy)
  expect(queue.waiting).toBe(4)
})

it('forgets whoever goes, and refuses what waits too long', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const { ask, started, finish, queue } = setup({ maxUnderWay: 1, maxWaiting: 4 })
    void ask('first')
    const gone = new AbortController()
    const answer = ask('gone', gone.signal)
    gone.abort(new Error('gone'))
    await expect(answer).rejects.toThrow('gone')
    await expect(ask('gone', gone.signal)).rejects.toThrow('gone')
    const late = ask('late')
    vi.advanceTimersByTime(800)
    const later = ask('later')
    vi.advanceTimersByTime(800)
    await expect(late).rejects.toMatchObject(busy)
    await finish()
    await finish()
    expect(await later).toBe('later')
    expect(started).toEqual(['first', 'later'])
    expect(queue.waiting).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
