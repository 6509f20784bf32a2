import { rpcCall } from '@l2/node'
import type { Traffic } from '../traffic/traffic.js'
import type { OperatorNetwork } from './network.js'
import { percentile, viewOf, viewsOf } from './watch.js'

export type NetworkSummary = { ok: boolean; lines: string[] }

type Receipt = { blockNumber: string }
type Block = { hash: string; stateRoot: string }
/** `l1Block` is there once it is posted. */
type Batch = { l1Block?: string | null }
/** What `l2_attested` answers, as far as it counts here. */
type Attested = {
  onL1: { number: string; statement: { sequence: string } } | null
  contradicted: object | null
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const attestedOf = async ({ rpcUrl }: { rpcUrl: string }): Promise<Attested | undefined> =>
  await rpcCall<Attested>(rpcUrl, 'l2_attested', []).catch(() => undefined)
const reaches = (view: Attested | undefined, height: bigint): boolean => BigInt(view?.onL1?.number ?? 0) >= height

/** What a run is judged by, noted at its beginning. */
export type Beginning = { readonly milestones: readonly bigint[] }

export async function noteBeginning(network: OperatorNetwork): Promise<Beginning> {
  return { milestones: (await viewsOf(network)).map(view => view?.milestone ?? 0n) }
}

/**
 * Waits until everything that was sent has a receipt at every operator and is derived from L1 by every one of them, and says how it
 * went. It gives up when nothing has moved for `graceMs`.
 */
export async function summarise(
  network: OperatorNetwork,
  { traffic, beginning, graceMs }: { traffic: Traffic; beginning: Beginning; graceMs: number },
): Promise<NetworkSummary> {
  const { operators } = network
  let until = Date.now() + graceMs
  const moved = (): void => {
    until = Date.now() + graceMs
  }
  const missing = operators.map(() => new Set(traffic.sent))
  let last = 0n
  while (missing.some(({ size }) => size > 0) && Date.now() < until) {
    for (const [index, hashes] of missing.entries()) {
      for (const hash of [...hashes]) {
        const { rpcUrl } = operators[index]!
        const receipt = await rpcCall<Receipt | null>(rpcUrl, 'eth_getTransactionReceipt', [hash]).catch(() => null)
        if (receipt === null) break
        hashes.delete(hash)
        moved()
        if (BigInt(receipt.blockNumber) > last) last = BigInt(receipt.blockNumber)
      }
    }
    if (missing.some(({ size }) => size > 0)) await sleep(250)
  }
  const views = await viewsOf(network)
  // Lags of the run, without what the start had to catch up.
  const lags = views.flatMap((view, index) => {
    const count = Number((view?.milestone ?? 0n) - beginning.milestones[index]!)
    return count > 0 ? (view?.lagsMs.slice(-count) ?? []) : []
  })
  let safe: (bigint | undefined)[] = []
  let attested: (Attested | undefined)[] = []
  for (let sum = -1n; Date.now() < until; ) {
    safe = await Promise.all(operators.map(async operator => (await viewOf(operator))?.safe))
    attested = await Promise.all(operators.map(attestedOf))
    const isDone = safe.every(number => number !== undefined && number >= last)
    if (isDone && attested.every(view => reaches(view, last))) break
    const now = safe.reduce<bigint>((total, number) => total + (number ?? 0n), 0n)
    if (now > sum) moved()
    sum = now
    await sleep(500)
  }
  const blocks = await Promise.all(
    operators.map(({ rpcUrl }) =>
      rpcCall<Block | null>(rpcUrl, 'eth_getBlockByNumber', [`0x${last.toString(16)}`, false]),
    ),
  )
  const batches = await Promise.all(operators.map(({ rpcUrl }) => rpcCall<Batch[]>(rpcUrl, 'l2_batches', [1000])))
  const postedBy = batches.map(own => own.filter(({ l1Block }) => typeof l1Block === 'string').length)
  const posted = postedBy.reduce((sum, count) => sum + count, 0)
  const isAttested = attested.every(view => view?.contradicted === null && reaches(view, last))
  const statement = attested[0]?.onL1?.statement.sequence ?? '0'
  const roots = new Set(blocks.map(block => block?.stateRoot ?? 'none'))
  const derived = safe.filter(number => number !== undefined && number >= last).length
  const unseen = missing.map(({ size }) => size)
  const sent = traffic.sent.size
  const ok =
    sent > 0 &&
    unseen.every(size => size === 0) &&
    roots.size === 1 &&
    derived === operators.length &&
    posted > 0 &&
    isAttested
  const [p50, p99] = [percentile(lags, 0.5), percentile(lags, 0.99)]
  const bytes = views.reduce((total, view) => total + (view?.traffic['bytesSent'] ?? 0), 0)
  return {
    ok,
    lines: [
      '',
      `sent ${sent} by ${operators.length} RPCs; receipts at each: ${unseen.map(size => sent - size).join(', ')}`,
      roots.size === 1
        ? `state root of block ${last} at all ${operators.length}: ${[...roots][0]}`
        : `STATE ROOTS DIFFER at block ${last}: ${[...roots].join(', ')}`,
      `milestones behind the head: p50 ${(p50 / 1000).toFixed(1)} s, p99 ${(p99 / 1000).toFixed(1)} s, of ${lags.length} blocks`,
      `gossip: ${sent === 0 ? 0 : Math.round(bytes / sent)} bytes sent by all operators together for each transaction`,
      `batches posted ${posted}, by ${postedBy.map((count, index) => `operator ${index + 1}: ${count}`).join(', ')}`,
      `derived from L1 up to block ${last} by ${derived} of ${operators.length}`,
      isAttested
        ? `attested on L1 and found the same up to block ${last} by all ${operators.length}, in statement ${statement}`
        : `NOT ATTESTED up to block ${last}: ${attested.map(view => view?.onL1?.number ?? 'nothing').join(', ')}`,
      ok ? 'every operator has everything, and L1 says the same' : 'NOT COMPLETE',
    ],
  }
}
