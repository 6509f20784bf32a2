import type { Status } from '@l2/node'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { RollupNode } from '../node.js'
import { printSummary } from './summary.js'
import { largeStatus } from './testdata.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A node whose safe head goes on to `end` by a block in 20 seconds. */
function slowNode(end: bigint): RollupNode {
  const startedAtMs = Date.now()
  const status = (): Status => {
    const made = BigInt(Math.floor((Date.now() - startedAtMs) / 20_000))
    const [unsafe, safe] = [5n, made < end ? made : end].map(number => ({ ...largeStatus.heads.unsafe, number }))
    return { ...largeStatus, heads: { unsafe: unsafe!, safe: safe!, finalized: safe! } }
  }
  return { status, flush: () => {}, readBooks: async () => undefined } as unknown as RollupNode
}

it('waits as long as something moves', async () => {
  const summary = printSummary(slowNode(5n), { graceMs: 30_000 })
  await vi.runAllTimersAsync()
  expect(await summary).toMatchObject({ ok: true })
})

it('gives up when nothing does', async () => {
  const summary = printSummary(slowNode(3n), { graceMs: 30_000 })
  await vi.runAllTimersAsync()
  const { ok, lines } = await summary
  expect(ok).toBe(false)
  expect(lines.at(-1)).toBe('NOT VERIFIED: safe head 3 of 5')
})
