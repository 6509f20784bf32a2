import {
  checkPort,
  createParts,
  createPosterTurn,
  createShutdown,
  type L1,
  openBatching,
  openPosting,
  openVerifier,
  type Parts,
  type Shutdown,
  type Status,
} from '@l2/node'
import type { BridgeBooks } from '@l2/settlement'
import type { NodeConfig } from './config.js'
import { batcherAccount } from './dev-accounts.js'
import { openFront } from './front.js'
import { openGround, type Say } from './ground.js'
import { openLeading } from './leading.js'
import { runLoops } from './loops.js'
import { checkStart, settle } from './settling.js'

/** L1, and the chain's contracts there by their names. */
export type Doors = { l1: L1; contracts: Readonly<Record<string, string>> }

/** A running rollup. */
export type RollupNode = Pick<Shutdown, 'caughtUp' | 'stop'> & {
  readonly rpcUrl: string
  status(): Status
  /** Where money comes in and goes out; `undefined` where there are no deposits. */
  readonly doors: Doors | undefined
  /** Reads the books of the bridge now. */
  readBooks(): Promise<BridgeBooks | undefined>
  /** Rejects with what stopped the node; never resolves before `stop`. */
  readonly failed: Promise<never>
  /** Posts what is unposted without waiting for a channel to fill. */
  flush(): void
}

/** Starts every part in order; what was started is closed again when a later part fails. */
export async function startNode(config: NodeConfig, say: Say): Promise<RollupNode> {
  const parts = createParts()
  try {
    return await compose(config, say, parts)
  } catch (error) {
    await parts.close().catch(failure => say((failure as Error).message))
    throw error
  }
}

async function compose(config: NodeConfig, say: Say, parts: Parts): Promise<RollupNode> {
  const startedAtMs = Date.now()
  await checkPort(config)
  const { da, adminHost, adminPort } = config
  if (adminPort !== undefined) await checkPort({ host: adminHost, port: adminPort, optionPrefix: '--admin-' })

  const ground = await openGround(config, say, parts)
  const { directory, rollup, family, l1, l1Watch, l1Source, keeper, supervision } = ground
  const account = batcherAccount()
  const posting = parts.own(await openPosting(l1, ground.identity, directory, { ...config, account }, keeper, say))
  const leading = await openLeading(ground, () => batching.daLimits())
  const { sequencer } = leading
  const verifier = parts.own(
    await openVerifier({
      ...{ directory, rollup, engines: ground.verifying, family, l1: l1Source, posting, say },
      published: number => sequencer.block(number),
      onTrouble: reason => supervision.note('verifier', reason),
    }),
  )
  // Before anything is posted: what a crash left on its way, and what L1 holds already.
  await posting.resume(reason => say(`an interrupted submission was refused (${reason}); its blocks are posted anew`))
  await verifier.sync()
  await checkStart(ground)
  const batching = openBatching({
    ...{ rollup, da, config, l1: l1Watch, sequencer, verifier, posting, keeper, say },
    turn: createPosterTurn({ l1Url: l1.url, rollup, account: account.address }, verifier),
  })

  const settling = settle(ground, verifier)
  const shutdown = createShutdown({ sequencer, batching, verifier, supervision }, () => parts.close())
  const front = await openFront(ground, { leading, posting, verifier, batching, settling, shutdown, startedAtMs })
  runLoops(ground, { sequencer, posting, verifier, batching, shutdown })
  settling?.run(supervision)
  const { caughtUp, stop } = shutdown
  const { contracts } = ground.identity
  return {
    ...{ ...front, failed: supervision.failed, caughtUp, flush: batching.flush, stop },
    doors: settling === undefined ? undefined : { l1, contracts },
    readBooks: async () => await settling?.readBooks(),
  }
}
