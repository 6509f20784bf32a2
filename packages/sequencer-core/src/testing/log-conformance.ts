import { isL2Error } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import type { Hash } from 'viem'
import {
  emptyLogHash,
  type Lease,
  type LogEntry,
  logEntryHash,
  maxLogPayloadBytes,
  type NewLogEntry,
  type SequencerLog,
} from '../log/log.js'
import { type ConformanceCase, expectCode, expectEqual, expectTrue } from './conformance.js'

/** A log that nobody has written to, with a clock that the suite moves. */
export type LogHarness = {
  /** Opens it; again after it was closed. `monotonicMs` must be the clock of its leases. */
  open(monotonicMs: () => number): Promise<SequencerLog>
  /** Whether entries outlive {@link SequencerLog.close}. */
  durable: boolean
  cleanup(): Promise<void>
}

const bytes = (text: string) => new TextEncoder().encode(text)

async function collect(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

/**
 * The contract of {@link SequencerLog}, for every implementation: leases, fences, the hash chain, durability, readers.
 *
 * @example
 * ```ts
 * import { createMemoryLog } from '@l2/sequencer-core/block'
 * import { logConformance } from '@l2/sequencer-core/testing'
 *
 * const suite = logConformance(async () => {
 *   let log: ReturnType<typeof createMemoryLog> | undefined
 *   return {
 *     durable: false,
 *     open: async monotonicMs => (log ??= createMemoryLog({ monotonicMs })),
 *     cleanup: async () => log?.close(),
 *   }
 * })
 * for (const { run } of suite) await run()
 * console.log(suite.length > 5) // true
 * ```
 */
export function logConformance(create: () => Promise<LogHarness>): ConformanceCase[] {
  type Scene = { log: SequencerLog; harness: LogHarness; advance(ms: number): void; reopen(): Promise<SequencerLog> }
  const scene = (name: string, run: (scene: Scene) => Promise<void>): ConformanceCase => ({
    name,
    async run() {
      const harness = await create()
      let now = 1000
      const clock = () => now
      const opened = [await harness.open(clock)]
      try {
        await run({
          log: opened[0]!,
          harness,
          advance: ms => {
            now += ms
          },
          async reopen() {
            await opened.at(-1)!.close()
            const log = await harness.open(clock)
            opened.push(log)
            return log
          },
        })
      } finally {
        for (const log of opened) await log.close()
        await harness.cleanup()
      }
    },
  })
  const write = async (log: SequencerLog, epoch: bigint, texts: readonly string[]): Promise<LogEntry[]> => {
    const entries: LogEntry[] = []
    let { seq, hash } = await log.head()
    for (const text of texts) {
      const entry = await log.append({ epoch, seq: ++seq, prevHash: hash, payload: bytes(text) })
      hash = entry.hash
      entries.push(entry)
    }
    return entries
  }

  return [
    scene('starts empty and keeps a hash chain from the first entry (I1, I3)', async ({ log }) => {
      const empty = await log.head()
      expectEqual(empty.seq, 0n, 'seq of the empty log')
      expectEqual(empty.hash, emptyLogHash, 'hash of the empty log')
      const { epoch } = await log.acquire('a', 1000)
      await write(log, epoch, ['one', 'two', 'three'])
      const entries = await collect(log.read(1n))
      expectEqual(entries.length, 3, 'entries')
      let prevHash = emptyLogHash
      entries.forEach((entry, index) => {
        expectEqual(entry.seq, BigInt(index + 1), 'seq')
        expectEqual(entry.prevHash, prevHash, 'previous hash')
        expectEqual(entry.hash, logEntryHash(entry), 'hash')
        prevHash = entry.hash
      })
      expectEqual((await collect(log.read(3n))).length, 1, 'entries from 3')
      expectEqual((await collect(log.read(4n))).length, 0, 'entries beyond the end')
    }),
    scene('refuses what is not the next entry (I1, I3)', async ({ log }) => {
      const { epoch } = await log.acquire('a', 1000)
      const [, last] = await write(log, epoch, ['one', 'two'])
      const next = { epoch, seq: 3n, prevHash: last!.hash, payload: bytes('three') }
      for (const wrong of [{ seq: 2n }, { seq: 4n }, { seq: 0n }, { prevHash: emptyLogHash }]) {
        await expectCode(log.append({ ...next, ...wrong }), 'LOG_CONFLICT')
      }
      expectEqual((await log.append(next)).seq, 3n, 'seq after the refusals')
    }),
    scene('acknowledges the last entry again, and another in its place never (I1)', async ({ log }) => {
      const { epoch } = await log.acquire('a', 1000)
      const entry = { epoch, seq: 1n, prevHash: emptyLogHash, payload: bytes('one') }
      const first = await log.append(entry)
      expectEqual((await log.append(entry)).hash, first.hash, 'hash of the repetition')
      await expectCode(log.append({ ...entry, payload: bytes('other') }), 'LOG_CONFLICT')
      expectEqual((await collect(log.read(1n))).length, 1, 'entries')
    }),
    scene('grants one lease at a time, and each a greater epoch (I2)', async ({ log, advance }) => {
      const first = await log.acquire('a', 1000)
      await expectCode(log.acquire('b', 1000), 'LOG_LEASE_HELD')
      const again = await log.acquire('a', 1000)
      expectTrue(again.epoch > first.epoch, 'the same holder gets a greater epoch')
      advance(600)
      await log.renew(again)
      advance(600)
      await expectCode(log.acquire('b', 1000), 'LOG_LEASE_HELD')
      advance(401)
      const second = await log.acquire('b', 1000)
      expectTrue(second.epoch > again.epoch, 'the next holder gets a greater epoch')
      await log.release(second)
      const third = await log.acquire('a', 1000)
      expectTrue(third.epoch > second.epoch, 'a release hands on at once')
    }),
    scene('fences a writer that slept through its lease, for good (I2, I5)', async ({ log, advance }) => {
      const slept = await log.acquire('a', 1000)
      const [one] = await write(log, slept.epoch, ['one'])
      advance(10_000)
      const late = { epoch: slept.epoch, seq: 2n, prevHash: one!.hash, payload: bytes('late but nobody else came') }
      const two = await log.append(late)
      const next = await log.acquire('b', 1000)
      const zombie = { epoch: slept.epoch, seq: 3n, prevHash: two.hash, payload: bytes('zombie') }
      await expectCode(log.append(zombie), 'LOG_FENCED')
      await expectCode(log.append(late), 'LOG_FENCED')
      await expectCode(log.renew(slept), 'LOG_FENCED')
      await log.release(slept)
      await write(log, next.epoch, ['three'])
      await expectCode(log.append({ ...zombie, seq: 4n }), 'LOG_FENCED')
      await expectCode(log.append({ ...zombie, epoch: next.epoch + 1n, seq: 4n }), 'LOG_FENCED')
      const epochs = (await collect(log.read(1n))).map(entry => entry.epoch)
      expectTrue(
        epochs.every((epoch, index) => index === 0 || epoch >= epochs[index - 1]!),
        'epochs never fall',
      )
    }),
    scene('lets the next holder append within two terms of a lease (I7)', async ({ log, advance }) => {
      await log.acquire('dead', 1000)
      let waited = 0
      for (; waited < 2000; waited += 50) {
        const lease = await log.acquire('b', 1000).catch(() => undefined)
        if (lease !== undefined) {
          await write(log, lease.epoch, ['one'])
          return
        }
        advance(50)
      }
      expectTrue(false, 'no lease after two terms')
    }),
    scene('takes appends that overlap in the order in which they were made', async ({ log }) => {
      const { epoch } = await log.acquire('a', 1000)
      const pending: Promise<LogEntry>[] = []
      let prevHash = emptyLogHash
      for (let seq = 1n; seq <= 50n; seq++) {
        const entry = { epoch, seq, prevHash, payload: bytes(`entry ${seq}`) }
        pending.push(log.append(entry))
        prevHash = logEntryHash(entry)
      }
      const acknowledged = await Promise.all(pending)
      const entries = await collect(log.read(1n))
      expectEqual(entries.length, 50, 'entries')
      entries.forEach((entry, index) => {
        expectEqual(entry.hash, acknowledged[index]!.hash, `entry ${index + 1}`)
      })
    }),
    scene('lets readers follow, and stop', async ({ log }) => {
      const { epoch } = await log.acquire('a', 1000)
      await write(log, epoch, ['one'])
      const seen: bigint[] = []
      const reader = (async () => {
        for await (const entry of log.read(1n, { follow: true })) {
          seen.push(entry.seq)
          if (entry.seq === 4n) break
        }
      })()
      await write(log, epoch, ['two', 'three', 'four', 'five'])
      await reader
      expectEqual(seen.join(), '1,2,3,4', 'entries seen')
      const stop = new AbortController()
      const stopped = collect(log.read(6n, { follow: true, signal: stop.signal })).then(
        () => 'ended',
        (reason: unknown) => reason,
      )
      stop.abort('enough')
      expectEqual(await stopped, 'enough', 'an aborted reader rejects with the reason')
      const ended = collect(log.read(6n, { follow: true }))
      await log.close()
      expectEqual((await ended).length, 0, 'a closed log ends its readers')
    }),
    scene('refuses a payload over the limit and stays usable', async ({ log }) => {
      const { epoch } = await log.acquire('a', 1000)
      const entry = { epoch, seq: 1n, prevHash: emptyLogHash, payload: new Uint8Array(maxLogPayloadBytes + 1) }
      await expectCode(log.append(entry), 'LOG_TOO_LARGE')
      await write(log, epoch, ['', 'after an empty payload'])
      expectEqual((await log.head()).seq, 2n, 'seq')
    }),
    scene('keeps entries and epochs when it is closed and opened (I4)', async ({ log, harness, reopen }) => {
      if (!harness.durable) return
      const first = await log.acquire('a', 1000)
      const entries = await write(log, first.epoch, ['one', 'two'])
      const again = await reopen()
      const head = await again.head()
      expectEqual(head.seq, 2n, 'seq')
      expectEqual(head.hash, entries[1]!.hash, 'hash')
      expectEqual(head.epoch, first.epoch, 'epoch')
      const second = await again.acquire('a', 1000)
      expectTrue(second.epoch > first.epoch, 'a greater epoch after the restart')
      const old = { epoch: first.epoch, seq: 3n, prevHash: head.hash, payload: bytes('three') }
      await expectCode(again.append(old), 'LOG_FENCED')
      await write(again, second.epoch, ['three'])
      const third = await reopen()
      expectEqual((await collect(third.read(1n))).map(entry => entry.seq).join(), '1,2,3', 'entries')
    }),
    scene('keeps its promises among writers that pause, repeat themselves and come late (I1 to I5)', async s => {
      const random = seededRandom(testSeed(5))
      type Writer = { name: string; lease: Lease | undefined; seq: bigint; hash: Hash; sent: NewLogEntry[] }
      const writers = ['a', 'b', 'c'].map(
        (name): Writer => ({ name, lease: undefined, seq: 0n, hash: emptyLogHash, sent: [] }),
      )
      const acknowledged = new Map<bigint, Hash>()
      const expected = ['LOG_LEASE_HELD', 'LOG_FENCED', 'LOG_CONFLICT']
      let newest = 0n
      for (let step = 0; step < 400; step++) {
        const writer = random.pick(writers)
        try {
          const { lease } = writer
          const action = random.below(10)
          if (lease === undefined || action === 0) {
            writer.lease = await s.log.acquire(writer.name, 100)
            expectTrue(writer.lease.epoch > newest, 'every lease has a greater epoch than all before it')
            newest = writer.lease.epoch
            const head = await s.log.head()
            writer.seq = head.seq
            writer.hash = head.hash
          } else if (action === 1) await s.log.renew(lease)
          else if (action === 2) s.advance(random.below(300))
          else {
            // Mostly the next entry; sometimes one that was sent long ago, as a network delivers it.
            const late = action === 3 && writer.sent.length > 0
            const entry = late
              ? random.pick(writer.sent)
              : { epoch: lease.epoch, seq: writer.seq + 1n, prevHash: writer.hash, payload: random.bytes(8) }
            if (!late) writer.sent.push(entry)
            const { hash } = await s.log.append(entry)
            expectTrue(entry.epoch === newest, 'only the newest epoch appends')
            expectEqual(acknowledged.get(entry.seq) ?? hash, hash, `the one content of entry ${entry.seq}`)
            acknowledged.set(entry.seq, hash)
            writer.seq = entry.seq
            writer.hash = hash
          }
        } catch (error) {
          expectTrue(
            isL2Error(error) && expected.includes(error.code),
            `an error of the contract, got ${String(error)}`,
          )
          if (error.code === 'LOG_FENCED') writer.lease = undefined
        }
      }
      expectTrue(acknowledged.size > 50, 'writers got something done')
      const entries = await collect(s.log.read(1n))
      expectEqual(entries.length, acknowledged.size, 'entries')
      entries.forEach((entry, index) => {
        expectEqual(entry.hash, acknowledged.get(entry.seq), `entry ${entry.seq}`)
        expectTrue(index === 0 || entry.epoch >= entries[index - 1]!.epoch, 'epochs never fall')
      })
    }),
    scene('refuses everything after it was closed', async ({ log }) => {
      const { epoch } = await log.acquire('a', 1000)
      await log.close()
      await log.close()
      await expectCode(log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: bytes('x') }), 'LOG_CLOSED')
      await expectCode(log.acquire('a', 1000), 'LOG_CLOSED')
      await expectCode(log.head(), 'LOG_CLOSED')
    }),
  ]
}
