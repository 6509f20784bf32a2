import { join } from 'node:path'
import { redactUrls } from '@l2/common'
import {
  type Batching,
  createHealth,
  createMetrics,
  createStatus,
  engineOutputs,
  healthPages,
  ledgerPages,
  nodeVersion,
  openAdmin,
  type Posting,
  rpcMethods,
  type Settling,
  type Shutdown,
  type Status,
  startRpcServer,
  type Verifier,
} from '@l2/node'
import { batcherAdmin } from '@l2/sequencer-core/batcher'
import type { Ground } from './ground.js'
import { type Leading, nameOf } from './leading.js'

/** What the node is asked over HTTP. */
export type FrontParts = {
  leading: Leading
  posting: Posting
  verifier: Verifier
  batching: Batching
  settling: Settling | undefined
  shutdown: Pick<Shutdown, 'isStopping'>
  startedAtMs: number
}

/** JSON-RPC, pages and metrics for users, and the operator's port where one is wanted. */
export async function openFront(ground: Ground, front: FrontParts): Promise<{ rpcUrl: string; status(): Status }> {
  const { config, say, parts, family, executing, verifying, keeper, gasToken, supervision, l1Watch: l1 } = ground
  const { leading, posting, verifier, batching, settling, shutdown, startedAtMs } = front
  const { sequencer, feed, activity, evidence } = leading
  const isStopping = () => shutdown.isStopping
  const status = createStatus({
    ...{ config, startedAtMs, rpcUrl: () => rpc?.url ?? '', nameOf, l1, sequencer, verifier, batching },
    ...{ posting, keeper, gasToken, activity, supervision, settling },
  })
  const health = createHealth({
    ...{ directory: ground.directory, feed, sequencer, engines: [executing, ...verifying.parts], verifier, l1 },
    ...{ wallet: posting.wallet, settling },
    // Half an hour: of what a batch may wait on L1, and of what an outage may last.
    maxUnsafeBlocks: 1800n / ground.rollup.blockTimeSeconds,
    isStopping,
  })
  const heads = () => ({
    unsafe: sequencer.readable,
    safe: verifier.status.safe.number,
    finalized: verifier.status.finalized.number,
  })
  const { rollup, l1Heads } = ground
  const { l1ChainId, inbox, contracts } = ground.identity
  const { outputs } = engineOutputs(executing, { family, history: config.history, rollup })
  const methods = rpcMethods({
    ...{ sequencer, chainId: config.chainId, family, read: executing.read, feed, keeper, status, isStopping, heads },
    history: config.history,
    rollup: { rollup, version: nodeVersion, heads, verifier, engine: executing.engine, outputs, l1: l1Heads },
    contracts: () => ({ l1ChainId, l1Url: redactUrls(ground.l1.url), inbox, contracts }),
    batches: () => batching.batches,
    evidence: () => evidence,
    faults: config.faults,
  })
  const { host, port } = config
  const pages = new Map([
    ...healthPages(health),
    ['/metrics', createMetrics(status, health)] as const,
    ...ledgerPages(keeper),
  ])
  const rpc = parts.own(await startRpcServer({ host, port, methods, pages }))
  say(`JSON-RPC at ${rpc.url}`)
  await openOperatorPort(ground, batching)
  return { rpcUrl: rpc.url, status }
}

async function openOperatorPort({ config, directory, parts, say }: Ground, { batcher, throttle }: Batching) {
  const { adminHost: host, adminPort: port, adminToken } = config
  if (port === undefined) return
  const tokenPath = adminToken ?? join(directory, 'admin.token')
  const methods = batcherAdmin({}, { batcher, throttle })
  const admin = parts.own(await openAdmin({ host, port, tokenPath, methods, say }))
  say(`operator's JSON-RPC at ${admin.url}, for who knows the token in ${tokenPath}`)
}
