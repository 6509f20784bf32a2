import { statfs } from 'node:fs/promises'
import type { NodeEngine } from '../engine/engine.js'
import type { L1Watch } from '../l1/l1-watch.js'
import type { Wallet } from '../posting/funds.js'
import type { Feed } from '../rpc/feed.js'
import type { Page } from '../rpc/server.js'
import type { SequencerLoop } from '../sequencer/sequencer.js'
import type { Verifier } from '../verifier/verifier.js'

/** One thing that has to be so, and where it is not, why. */
export type Check = { readonly ok: boolean; readonly reason?: string | undefined }

/** What a node's health is made of. */
export type Health = {
  /** `head`, `engine`, `verifier`: without them nothing goes on, and a new start may help. */
  readonly live: Readonly<Record<string, Check>>
  /** `l1`, `safe`, `disk`, `wallet`, `settlement`, `stopping`: the node goes on for a while, and who operates it has something to do. */
  readonly ready: Readonly<Record<string, Check>>
}

export type HealthParts = {
  directory: string
  feed: Feed
  sequencer: Pick<SequencerLoop, 'head' | 'waiting'>
  engines: readonly NodeEngine[]
  verifier: Pick<Verifier, 'status'>
  l1: Pick<L1Watch, 'number' | 'silentSinceMs'>
  wallet: Pick<Wallet, 'lastBalanceWei'>
  settling?: { check(): Check } | undefined
  /** Of parts that not every node has, by the names that they get in {@link Health.ready}. */
  more?: Readonly<Record<string, () => Check>> | undefined
  /** Blocks that may be unsafe before that is a fault. */
  maxUnsafeBlocks: bigint
  isStopping(): boolean
  nowMs?: (() => number) | undefined
}

/** For how long a head may stand, an engine may not answer, derivation may stand behind L1, and L1 may be silent. */
const stillMs = 15_000
const engineTimeoutMs = 5000
const derivationMs = 120_000
const silentMs = 30_000
/** Bytes that log, journals and stores need for a while. */
const leastDiskBytes = 256 * 2 ** 20

const good: Check = { ok: true }
const bad = (reason: string): Check => ({ ok: false, reason })
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

/** Watches a node from the inside: whatever has to move is looked at for whether it does. */
export function createHealth(parts: HealthParts): () => Promise<Health> {
  const { directory, feed, sequencer, engines, verifier, l1, wallet, nowMs = Date.now } = parts
  let headMs = nowMs()
  feed.listen(({ type }) => {
    if (type !== 'pending') headMs = nowMs()
  })
  let derived = { number: verifier.status.l1Number, sinceMs: nowMs() }

  const head = (): Check => {
    const stoodMs = nowMs() - headMs
    if (stoodMs < stillMs) return good
    const why = sequencer.waiting === undefined ? '' : `: ${sequencer.waiting}`
    return bad(`the head has been block ${sequencer.head.number} for ${seconds(stoodMs)}${why}`)
  }
  const engine = async (): Promise<Check> => {
    for (const { down, engine: asked } of engines) {
      if (down !== undefined) return bad(down)
      const answer = await Promise.race([
        asked.block('latest').then(
          () => good,
          error => bad(`${asked.name}: ${(error as Error).message.split('\n', 1)[0]}`),
        ),
        new Promise<Check>(resolve => {
          const give = () => resolve(bad(`${asked.name} does not answer in ${seconds(engineTimeoutMs)}`))
          setTimeout(give, engineTimeoutMs).unref()
        }),
      ])
      if (!answer.ok) return answer
    }
    return good
  }
  const derivation = (): Check => {
    const { l1Number } = verifier.status
    if (l1Number !== derived.number || l1Number >= l1.number) derived = { number: l1Number, sinceMs: nowMs() }
    const stoodMs = nowMs() - derived.sinceMs
    return stoodMs < derivationMs
      ? good
      : bad(`derivation has been at L1 block ${l1Number} of ${l1.number} for ${seconds(stoodMs)}`)
  }
  const safe = (): Check => {
    const unsafe = sequencer.head.number - verifier.status.safe.number
    return unsafe <= parts.maxUnsafeBlocks ? good : bad(`${unsafe} blocks are not derived from L1 yet`)
  }
  const disk = async (): Promise<Check> => {
    try {
      const { bavail, bsize } = await statfs(directory)
      const free = bavail * bsize
      return free >= leastDiskBytes ? good : bad(`${Math.floor(free / 2 ** 20)} MiB left under ${directory}`)
    } catch (error) {
      return bad(`${directory}: ${(error as Error).message}`)
    }
  }
  const silent = (): Check => {
    const silentFor = l1.silentSinceMs === undefined ? 0 : nowMs() - l1.silentSinceMs
    return silentFor < silentMs ? good : bad(`L1 has not answered for ${seconds(silentFor)}`)
  }
  const funds = (): Check => (wallet.lastBalanceWei === 0n ? bad('the wallet that posts is empty') : good)

  return async () => ({
    live: { head: head(), engine: await engine(), verifier: derivation() },
    ready: {
      l1: silent(),
      safe: safe(),
      disk: await disk(),
      wallet: funds(),
      settlement: parts.settling?.check() ?? good,
      stopping: parts.isStopping() ? bad('the node is stopping') : good,
      ...Object.fromEntries(Object.entries(parts.more ?? {}).map(([name, check]) => [name, check()])),
    },
  })
}

/** `/healthz`: whether it lives. `/readyz`: whether it serves in full. 200 or 503, and each check by name as JSON. */
export function healthPages(health: () => Promise<Health>): ReadonlyMap<string, Page> {
  const page =
    (pick: (health: Health) => Readonly<Record<string, Check>>): Page =>
    async () => {
      const checks = pick(await health())
      const ok = Object.values(checks).every(check => check.ok)
      return { status: ok ? 200 : 503, type: 'application/json', body: `${JSON.stringify({ ok, checks })}\n` }
    }
  return new Map([
    ['/healthz', page(({ live }) => live)],
    ['/readyz', page(({ live, ready }) => ({ ...live, ...ready }))],
  ])
}
