import type { Hash } from 'viem'
import type { Reservation, SigningGuard } from '../guard/guard.js'
import type { Watermark } from '../guard/watermark.js'
import { type ConformanceCase, expectCode, expectEqual, expectTrue } from './conformance.js'

/** A guard of a key that has never signed. */
export type GuardHarness = {
  /**
   * Opens it; again after it was closed. `seen` is what the key is known to have signed: an implementation that forgets
   * when it is closed may refuse by throwing `GUARD_STALE` here.
   */
  open(seen: readonly Watermark[]): Promise<SigningGuard>
  /** Whether reservations outlive {@link SigningGuard.close}. */
  durable: boolean
  cleanup(): Promise<void>
}

const digest = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const at = (epoch: bigint, term: number, height: bigint, content = 1): Watermark => ({
  epoch,
  term,
  height,
  digest: digest(content),
})
const show = (watermark: Watermark | undefined): string =>
  watermark === undefined
    ? 'nothing'
    : `${watermark.epoch}/${watermark.term}/${watermark.height} ${watermark.digest.slice(-4)}`

/**
 * The contract of {@link SigningGuard}, for every implementation: each place once, what overlaps, what a crash leaves to
 * be finished, terms that are closed, old copies.
 *
 * @example
 * ```ts
 * import { createMemoryGuard } from '@l2/sequencer-core/block'
 * import { guardConformance } from '@l2/sequencer-core/testing'
 *
 * const suite = guardConformance(async () => ({
 *   durable: false,
 *   open: async seen => createMemoryGuard(seen),
 *   cleanup: async () => {},
 * }))
 * for (const { run } of suite) await run()
 * console.log(suite.length > 5) // true
 * ```
 */
export function guardConformance(create: () => Promise<GuardHarness>): ConformanceCase[] {
  type Scene = {
    guard: SigningGuard
    harness: GuardHarness
    reopen(seen?: readonly Watermark[]): Promise<SigningGuard>
  }
  const scene = (name: string, run: (scene: Scene) => Promise<void>): ConformanceCase => ({
    name,
    async run() {
      const harness = await create()
      const opened = [await harness.open([])]
      try {
        await run({
          guard: opened[0]!,
          harness,
          async reopen(seen = []) {
            await opened.at(-1)!.close()
            const guard = await harness.open(seen)
            opened.push(guard)
            return guard
          },
        })
      } finally {
        for (const guard of opened) await guard.close()
        await harness.cleanup()
      }
    },
  })

  return [
    scene('reserves each place once, and the last one again', async ({ guard }) => {
      expectTrue(guard.watermark === undefined, 'nothing is signed at first')
      expectEqual(await guard.reserve(at(1n, 0, 10n)), 'new', 'first')
      expectEqual(await guard.reserve(at(1n, 0, 10n)), 'repeat', 'the same again')
      await expectCode(guard.reserve(at(1n, 0, 10n, 2)), 'GUARD_DOUBLE_SIGN')
      await expectCode(guard.reserve(at(1n, 0, 9n)), 'GUARD_DOUBLE_SIGN')
      // Another term is another place, at any height.
      expectEqual(await guard.reserve(at(1n, 1, 3n, 2)), 'new', 'the next term')
      expectEqual(await guard.reserve(at(2n, 0, 1n)), 'new', 'the next epoch')
      expectEqual(show(guard.watermark), show(at(2n, 0, 1n)), 'watermark')
    }),
    scene('holds numbers of any size', async ({ guard }) => {
      const large = at(2n ** 64n - 1n, 2 ** 32 - 1, 2n ** 64n - 2n)
      expectEqual(await guard.reserve(large), 'new', 'the highest place')
      expectEqual(show(guard.watermark), show(large), 'watermark')
      await expectCode(guard.reserve({ ...large, height: large.height - 1n }), 'GUARD_DOUBLE_SIGN')
    }),
    scene('decides requests that overlap one after the other', async ({ guard }) => {
      const verdicts = await Promise.allSettled([
        guard.reserve(at(1n, 0, 1n, 1)),
        guard.reserve(at(1n, 0, 1n, 2)),
        guard.reserve(at(1n, 0, 1n, 1)),
      ])
      expectEqual(verdicts.map(({ status }) => status).join(), 'fulfilled,rejected,fulfilled', 'verdicts')
    }),
    scene('keeps the payload of the last reservation only', async ({ guard }) => {
      expectTrue((await guard.pending()) === undefined, 'nothing is pending at first')
      for (let height = 1n; height <= 5n; height++) {
        const reservation: Reservation = { ...at(1n, 0, height), payload: new Uint8Array(1000).fill(Number(height)) }
        await guard.reserve(reservation)
        const pending = await guard.pending()
        expectEqual(show(pending), show(reservation), 'pending')
        expectEqual(pending?.payload?.length, 1000, 'bytes of the payload')
        expectTrue(pending?.payload?.every(byte => byte === Number(height)) === true, 'the payload is the newest')
      }
      await guard.reserve(at(1n, 0, 6n))
      expectTrue((await guard.pending()) === undefined, 'a reservation without payload leaves nothing to finish')
    }),
    scene('closes a term, and opens the next', async ({ guard }) => {
      await guard.reserve(at(1n, 0, 5n))
      await guard.skipTerm(1n, 0)
      await guard.skipTerm(1n, 0)
      await expectCode(guard.reserve(at(1n, 0, 6n)), 'GUARD_DOUBLE_SIGN')
      expectEqual(await guard.reserve(at(1n, 1, 6n)), 'new', 'the next term')
      await guard.skipTerm(1n, 0)
      expectEqual(await guard.reserve(at(1n, 1, 7n)), 'new', 'closing an old term changes nothing')
    }),
    scene('refuses a payload over the limit, and stays usable', async ({ guard, harness }) => {
      if (!harness.durable) return
      const large = new Uint8Array(8 * 2 ** 20 + 1)
      await expectCode(guard.reserve({ ...at(1n, 0, 1n), payload: large }), 'GUARD_FAILED')
      expectEqual(await guard.reserve(at(1n, 0, 1n, 2)), 'new', 'the place is still free')
    }),
    scene('remembers over restarts, payload included', async ({ guard, harness, reopen }) => {
      if (!harness.durable) return
      await guard.reserve({ ...at(1n, 0, 1n), payload: Uint8Array.of(1) })
      for (let height = 2n; height <= 4n; height++) {
        const again = await reopen([at(1n, 0, height - 1n)])
        expectEqual(show(again.watermark), show(at(1n, 0, height - 1n)), 'watermark')
        expectEqual((await again.pending())?.payload?.[0], Number(height - 1n), 'payload')
        await expectCode(again.reserve(at(1n, 0, height - 1n, 2)), 'GUARD_DOUBLE_SIGN')
        await again.reserve({ ...at(1n, 0, height), payload: Uint8Array.of(Number(height)) })
      }
    }),
    scene('refuses to sign from what is older than the world shows, until that term is skipped', async scene => {
      const { guard, harness, reopen } = scene
      await guard.reserve(at(3n, 1, 10n))
      const shown = [at(3n, 1, 11n)]
      if (!harness.durable) {
        await expectCode(reopen(shown), 'GUARD_STALE')
        return
      }
      const old = await reopen(shown)
      await expectCode(old.reserve(at(3n, 1, 12n)), 'GUARD_STALE')
      await old.skipTerm(3n, 0)
      await expectCode(old.reserve(at(3n, 1, 12n)), 'GUARD_STALE')
      await old.skipTerm(3n, 1)
      await expectCode(old.reserve(at(3n, 1, 12n)), 'GUARD_DOUBLE_SIGN')
      expectEqual(await old.reserve(at(3n, 2, 12n)), 'new', 'the next term')
    }),
    scene('signs nothing after it was closed', async ({ guard, harness }) => {
      if (!harness.durable) return
      await guard.close()
      await guard.close()
      await expectCode(guard.reserve(at(1n, 0, 1n)), 'GUARD_FAILED')
    }),
  ]
}
