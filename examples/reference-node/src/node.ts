import { join } from 'node:path'
import {
  type Batching,
  checkPort,
  chooseEngine,
  createActivity,
  createFeed,
  createHealth,
  createMetrics,
  createPosterTurn,
  createShutdown,
  createStatus,
  createSupervision,
  createWatcher,
  type DataDirectory,
  type EngineFamily,
  familyOf,
  fastestRecovery,
  healthPages,
  type L1,
  l1Wallet,
  ledgerPages,
  NodeError,
  openAdmin,
  openBatching,
  openBookkeeper,
  openDataDirectory,
  openGasToken,
  openL1,
  openL1Watch,
  openPosting,
  openSequencer,
  openVerifier,
  rpcMethods,
  type Shutdown,
  type Status,
  startEngine,
  startEngines,
  startRpcServer,
  userTransactionsOf,
} from '@l2/node'
import { batcherAdmin } from '@l2/sequencer-core/batcher'
import { createRpcL1Source } from '@l2/sequencer-core/derivation'
import { firstCome, type OrderingPolicy, priorityGas } from '@l2/sequencer-core/ordering'
import { type Hex, hexToBytes } from 'viem'
import {
  gasLimit,
  genesisControlPlane,
  openChain,
  rollupConfig,
  writeL2Genesis,
  writeRollupJson,
} from './chain/genesis.js'
import type { NodeConfig } from './config.js'
import { batcherAccount, sequencerAccounts } from './dev-accounts.js'

/** A running rollup. */
export type RollupNode = Pick<Shutdown, 'caughtUp' | 'stop'> & {
  readonly rpcUrl: string
  status(): Status
  /** Rejects with what stopped the node; never resolves before `stop`. */
  readonly failed: Promise<never>
  /** Posts what is unposted without waiting for a channel to fill. */
  flush(): void
}

/** Told what happens, a line at a time. */
type Say = (message: string) => void

/** What a later part closes after itself. */
type Parts = {
  /** Closed when the node ends, the last one first. */
  own<Part extends { close(): Promise<void> | void }>(part: Part): Part
  close(): Promise<void>
}

const names = ['Alpha', 'Beta', 'Gamma', 'Delta', 'Epsilon', 'Zeta', 'Eta', 'Theta']
const nameOf = (id: number): string => names[id - 1] ?? `sequencer ${id}`

const policies: Record<NodeConfig['ordering'], () => OrderingPolicy> = {
  'first-come': () => firstCome(),
  priority: () => priorityGas(),
}

function createParts(): Parts {
  const open: { close(): Promise<void> | void }[] = []
  return {
    own(part) {
      open.push(part)
      return part
    },
    async close() {
      let failure: unknown
      for (let part = open.pop(); part !== undefined; part = open.pop()) {
        try {
          await part.close()
        } catch (error) {
          failure ??= error
        }
      }
      if (failure !== undefined) throw failure
    },
  }
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
  const { adminHost, adminPort } = config
  if (adminPort !== undefined) await checkPort({ host: adminHost, port: adminPort, optionPrefix: '--admin-' })
  const directory = parts.own(openDataDirectory(config.data))
  for (const message of directory.missing()) say(message)
  const l1 = parts.own(await openL1(config, directory.path))
  say(`L1 ${config.l1 === undefined ? 'anvil, Osaka rules' : 'given by --l1'}, chain ${l1.chainId}`)
  const chain = await openExecution(config, { directory, l1, say, parts })
  const { identity, rollup, family, executing, verifying } = chain
  // What L1 says is proved, but for anvil's, which puts sidecars under the root of its transactions.
  const client = l1Wallet(l1, batcherAccount())
  const l1Source = createRpcL1Source({ client: client as never, config: rollup, trustNode: l1.isAnvil })
  const l1Watch = await openL1Watch(l1.url)

  const supervision = createSupervision(say)
  const gasToken = await openGasToken(config.gasTokenPrice, say)
  const keeper = parts.own(
    openBookkeeper({
      directory: directory.path,
      split: config.split,
      remainderTo: 'treasury',
      // A cost is booked when it is paid: by the last price known, however old. An old one was said to be so.
      price: () => gasToken.view.price!,
    }),
  )
  if (keeper.discardedBytes > 0) say(`economics.journal: its last ${keeper.discardedBytes} bytes are cut off`)
  const posting = parts.own(
    await openPosting(l1, identity, directory.path, { ...config, account: batcherAccount() }, keeper, say),
  )

  const activity = createActivity()
  const owners = sequencerAccounts(identity.sequencers)
  const l1Genesis = (await l1Source.block(BigInt(identity.l1Genesis.number)))!
  const feed = createFeed()
  const sequencer = parts.own(
    await openSequencer({
      feed,
      allowUnprotected: config.allowUnprotected,
      directory: directory.path,
      rollup,
      node: executing,
      family,
      l1: l1Source,
      l1Watch,
      l1Confirmations: BigInt(config.l1Confirmations),
      accounts: owners,
      policy: policies[config.ordering](),
      recovery: await fastestRecovery(),
      control: genesisControlPlane(rollup, owners, l1Genesis.mixHash),
      onHeader: signed => {
        watcher.see(signed).catch(error => say(`watcher: ${(error as Error).message}`))
      },
      bookedTo: { position: keeper.books.position, block: keeper.lastBlock },
      daLimits: () => batching.daLimits(),
      onBlock: (block, fees, { position, isNew }) => {
        const transactions = userTransactionsOf(block).length
        keeper.block({ number: block.ref.number, epoch: block.header.epochId, transactions, position, ...fees })
        if (isNew) activity.block(transactions)
      },
      onRollback: (to, abandoned, position) => {
        keeper.rollBack(to, position)
        if (abandoned.length === 0) return
        const transactions = abandoned.reduce((sum, block) => sum + userTransactionsOf(block).length, 0)
        const blocks = abandoned.length === 1 ? 'a block' : `${abandoned.length} blocks`
        say(`L1 was reorganised: ${blocks} above ${to} are taken back, ${transactions} transactions wait again`)
      },
      say,
    }),
  )
  const leaders = owners.map((_, index) => nameOf(index + 1)).join(', ')
  say(`sequencers ${leaders}: 20,000 METIS each; head is block ${sequencer.head.number}`)

  const evidence: string[] = []
  const reporter = batcherAccount()
  const watcher = createWatcher({
    account: reporter,
    chainId: config.chainId,
    control: () => sequencer.control,
    nonce: async () => {
      const pending = sequencer.mempool.nextNonce(reporter.address.toLowerCase() as Hex)
      return pending === undefined
        ? Number(await executing.read<Hex>('eth_getTransactionCount', [reporter.address, 'latest']))
        : Number(pending)
    },
    submit: raw => sequencer.submit(hexToBytes(raw)),
    onEvidence: bundle => {
      evidence.push(bundle)
      say('two headers for one place: the evidence is on its way')
    },
  })

  const verifier = parts.own(
    await openVerifier({
      directory: directory.path,
      rollup,
      engines: verifying,
      family,
      l1: l1Source,
      posting,
      published: number => sequencer.block(number),
      onTrouble: reason => supervision.note('verifier', reason),
      say,
    }),
  )
  // Before anything is posted: what a crash left on its way, and what L1 holds already.
  await posting.resume(reason => say(`an interrupted submission was refused (${reason}); its blocks are posted anew`))
  await verifier.sync()

  const batching = openBatching({
    rollup,
    da: config.da,
    config,
    l1: l1Watch,
    sequencer,
    verifier,
    posting,
    // A development L1 without a SystemConfig has one poster for good.
    ...(rollup.systemConfigContract === rollup.depositContract
      ? {}
      : { turn: createPosterTurn({ l1Url: l1.url, rollup, account: batcherAccount().address }, verifier) }),
    keeper,
    say,
  })
  const shutdown = createShutdown({ sequencer, batching, verifier, supervision }, () => parts.close())
  const status = createStatus({
    ...{ config, startedAtMs, rpcUrl: () => rpc?.url ?? '', nameOf, l1: l1Watch, sequencer, verifier, batching },
    ...{ posting, keeper, gasToken, activity, supervision },
  })

  const engines = [executing, ...verifying.parts]
  const health = createHealth({
    ...{ directory: directory.path, feed, sequencer, engines, verifier, l1: l1Watch, wallet: posting.wallet },
    // Half an hour: of what a batch may wait on L1, and of what an outage may last.
    maxUnsafeBlocks: 1800n / rollup.blockTimeSeconds,
    isStopping: () => shutdown.isStopping,
  })
  const metrics = createMetrics(status, health)
  const methods = rpcMethods({
    ...{ sequencer, chainId: config.chainId, family, read: executing.read, feed, keeper, status },
    heads: () => ({
      unsafe: sequencer.readable,
      safe: verifier.status.safe.number,
      finalized: verifier.status.finalized.number,
    }),
    isStopping: () => shutdown.isStopping,
    batches: () => batching.batches,
    evidence: () => evidence,
    faults: config.faults,
  })
  const rpc = parts.own(
    await startRpcServer({
      host: config.host,
      port: config.port,
      methods,
      pages: new Map([...healthPages(health), ['/metrics', metrics], ...ledgerPages(keeper)]),
    }),
  )
  say(`JSON-RPC at ${rpc.url}`)
  const admin = await serveOperator(config, directory, batching, say)
  if (admin !== undefined) parts.own(admin)

  for (const engine of engines) {
    engine.failed.catch(supervision.fail)
    engine.onDown(() => supervision.note('engines', engines.find(({ down }) => down !== undefined)?.down))
  }
  l1.failed.catch(supervision.fail)
  supervision.run('sequencer', { pauseMs: 50 }, async () => {
    while (!supervision.signal.aborted && !shutdown.isPaused && (await sequencer.produce(Date.now()))) {
      // On a fresh start the chain catches up with the clock.
    }
    return sequencer.waiting
  })
  supervision.run('L1 head', { pauseMs: 500 }, () => sequencer.followL1())
  // A refused submission is made anew from the safe head; one that is refused again and again stops the node.
  supervision.run('batcher', { pauseMs: 500, patience: 5, hasSucceeded: batching.hasPosted }, async () => {
    await batching.batcher.step({ signal: supervision.signal })
    return batching.waiting
  })
  supervision.watch(verifier.run(supervision.signal))
  supervision.run('L1', { pauseMs: 1000 }, async () => {
    await gasToken.poll({ signal: supervision.signal })
    await posting.wallet.balance()
    await posting.bookOpen()
    await l1Watch.readPrices()
    const { safe, finalized } = verifier.status
    sequencer.setLabels({ safe, finalized })
  })
  const { caughtUp, stop } = shutdown
  return { rpcUrl: rpc.url, status, failed: supervision.failed, caughtUp, flush: batching.flush, stop }
}

/** The operator's port, where one is wanted. */
async function serveOperator(
  { adminHost, adminPort, adminToken }: NodeConfig,
  directory: DataDirectory,
  { batcher, throttle }: Batching,
  say: Say,
) {
  if (adminPort === undefined) return undefined
  const tokenPath = adminToken ?? join(directory.path, 'admin.token')
  const admin = await openAdmin({
    host: adminHost,
    port: adminPort,
    tokenPath,
    methods: batcherAdmin({}, { batcher, throttle }),
    say,
  })
  say(`operator's JSON-RPC at ${admin.url}, for who knows the token in ${tokenPath}`)
  return admin
}

/** The chain of the data directory, and the engines that execute it: one for the sequencer, another for the verifier. */
async function openExecution(
  config: NodeConfig,
  { directory, l1, say, parts }: { directory: DataDirectory; l1: L1; say: Say; parts: Parts },
) {
  const { chainId, da, sequencers, check } = config
  const choice = await chooseEngine({ engine: config.engine, family: directory.identity()?.engine })
  const { kind } = choice
  const family: EngineFamily = familyOf[kind]
  if (check !== undefined && family !== 'op') {
    throw new NodeError(`--check ${check}: ${kind} makes other blocks; pass --engine op-engine`, {
      code: 'CONFIG_INVALID',
    })
  }
  say(choice.say)
  const identity = await openChain({ directory, l1, chainId, da, sequencers, engine: family })
  const genesisPath = writeL2Genesis(directory.path, identity)
  const { history, engineTimeoutMs: silenceMs } = config
  const shared = { kind, directory: directory.path, chainId, genesisPath, gasLimit, history, silenceMs, say }
  const executing = parts.own(await startEngine({ ...shared, name: 'sequencer-engine' }))
  // Nobody reads old states of the verifier: it keeps as many as an L1 reorg may take back.
  const verifying = parts.own(await startEngines({ ...shared, name: 'verifier-engine', maxStates: 256 }, check))
  if (check !== undefined) say(`the verifier executes every block twice: ${verifying.engine.name}`)
  const genesis = (await executing.engine.block(0n))!
  const rollup = rollupConfig(identity, genesis.hash)
  writeRollupJson(directory.path, rollup)
  return { identity, rollup, family, executing, verifying }
}
