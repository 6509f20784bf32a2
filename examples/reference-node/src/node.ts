import { liquidApr, liquidRate } from '@l2/lst'
import {
  type BatchRecord,
  checkPort,
  chooseEngine,
  createControlPlane,
  createFundsAlarm,
  createMetrics,
  createPlanner,
  createWatcher,
  economicsStatus,
  ethMethods,
  familyOf,
  faultMethods,
  filterMethods,
  furtherMethods,
  l1BlockSeconds,
  l1Wallet,
  l2Methods,
  ledgerPages,
  NodeError,
  openBookkeeper,
  openDataDirectory,
  openGasToken,
  openL1,
  openPosting,
  openSequencer,
  openVerifier,
  RpcAnswerError,
  rpcCall,
  type Status,
  startEngine,
  startEngines,
  startRpcServer,
  toBatcherBlock,
  userTransactionsOf,
} from '@l2/node'
import {
  type Batcher,
  type BatcherBlock,
  type BatcherNode,
  createBatcher,
  createRpcL1Source,
  firstCome,
  nobleRecovery,
  type OrderingPolicy,
  priorityGas,
  type SenderRecovery,
  throttledLimits,
  throttleIntensity,
  toJsonRpcError,
} from '@l2/sequencer-core'
import { createNativeRecovery, createNodeBrotliCompressor } from '@l2/sequencer-core/node'
import { leaderAt } from '@l2/staking'
import { bytesToHex, type Hash, type Hex, hexToBytes } from 'viem'
import { blockTimeSeconds, gasLimit, openChain, rollupConfig, writeL2Genesis } from './chain/genesis.js'
import type { NodeConfig } from './config.js'
import { batcherAccount, holderAccount, sequencerAccounts } from './dev-accounts.js'

/** A running rollup. */
export type RollupNode = {
  readonly rpcUrl: string
  status(): Status
  /** Rejects with what stopped the node; never resolves before {@link stop}. */
  readonly failed: Promise<never>
  /** Whether everything the sequencer made is derived from L1. */
  caughtUp(): boolean
  /** Posts what is unposted without waiting for a channel to fill. */
  flush(): void
  /** Ends in order: no new transactions, the rest posted and verified within `graceMs`, then every part closed. Idempotent. */
  stop(graceMs: number): Promise<void>
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const names = ['Alpha', 'Beta', 'Gamma', 'Delta', 'Epsilon', 'Zeta', 'Eta', 'Theta']
const keptBatches = 1000
/** What an L1 of somebody else is taken to need for a block. */
const nameOf = (id: number): string => names[id - 1] ?? `sequencer ${id}`

const policies: Record<NodeConfig['ordering'], () => OrderingPolicy> = {
  'first-come': () => firstCome(),
  priority: () => priorityGas(),
}

async function senderRecovery(): Promise<SenderRecovery> {
  try {
    return await createNativeRecovery()
  } catch {
    return nobleRecovery
  }
}

/** Starts every part in order; what was started is closed again when a later part fails. */
export async function startNode(config: NodeConfig, say: (message: string) => void): Promise<RollupNode> {
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
  }
  try {
    return await compose(config, say, closers, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function compose(
  config: NodeConfig,
  say: (message: string) => void,
  closers: (() => Promise<void> | void)[],
  closeAll: () => Promise<void>,
): Promise<RollupNode> {
  const startedAtMs = Date.now()
  await checkPort(config)
  const directory = openDataDirectory(config.data)
  closers.push(() => directory.close())

  const l1 = await openL1(config, directory.path)
  closers.push(() => l1.close())
  say(`L1 ${config.l1 === undefined ? 'anvil, Osaka rules' : 'given by --l1'}, chain ${l1.chainId}`)
  const { chainId, da, sequencers, check } = config
  const { kind, say: engineLine } = await chooseEngine({
    engine: config.engine,
    family: directory.identity()?.engine,
  })
  const family = familyOf[kind]
  if (check !== undefined && family !== 'op') {
    throw new NodeError(`--check ${check}: ${kind} makes other blocks; pass --engine op-engine`, {
      code: 'CONFIG_INVALID',
    })
  }
  say(engineLine)
  const identity = await openChain({ directory, l1, chainId, da, sequencers, engine: family })
  const genesisPath = writeL2Genesis(directory.path, identity)
  const shared = { kind, directory: directory.path, chainId, genesisPath, gasLimit, history: config.history }
  const executing = await startEngine({ ...shared, name: 'sequencer-engine' })
  closers.push(() => executing.close())
  // The verifier goes back no further than to the finalized block, and nobody reads old states of it.
  const verifierOptions = { ...shared, name: 'verifier-engine', maxStates: 64 }
  const verifying = await startEngines(verifierOptions, check)
  closers.push(() => verifying.close())
  if (check !== undefined) say(`the verifier executes every block twice: ${verifying.engine.name}`)
  const genesis = (await executing.engine.block(0n))!
  const rollup = rollupConfig(identity, genesis.hash)

  const client = l1Wallet(l1, batcherAccount())
  // What L1 says is proved, but for anvil's, which puts sidecars under the root of its transactions.
  const l1Source = createRpcL1Source({ client: client as never, config: rollup, trustNode: l1.isAnvil })

  const gasToken = await openGasToken(config.gasTokenPrice, say)
  const keeper = openBookkeeper({
    directory: directory.path,
    split: config.split,
    remainderTo: 'treasury',
    // A cost is booked when it is paid: by the last price known, however old. An old one was said to be so.
    price: () => gasToken.view.price!,
  })
  closers.push(() => keeper.close())
  const posting = await openPosting(l1, identity, directory.path, { ...config, account: batcherAccount() }, keeper, say)
  closers.push(() => posting.close())

  // What screens see.
  const recent: { atMs: number; transactions: number }[] = []
  const batches: BatchRecord[] = []

  const l1Genesis = (await l1Source.block(BigInt(identity.l1Genesis.number)))!
  const owners = sequencerAccounts(identity.sequencers)
  const domain = { name: 'L2 Sequencer', version: '1', chainId: rollup.l2ChainId, verifyingContract: rollup.batchInbox }
  const sequencer = await openSequencer({
    directory: directory.path,
    rollup,
    node: executing,
    family,
    l1: l1Source,
    accounts: owners,
    policy: policies[config.ordering](),
    recovery: await senderRecovery(),
    control: createControlPlane({
      domain,
      timestamp: rollup.genesis.l2TimeSeconds,
      prevRandao: l1Genesis.mixHash,
      operator: batcherAccount().address,
      holder: holderAccount().address,
      sequencers: owners.map(({ address }) => ({ owner: address, signer: address, amountWei: 20_000n * 10n ** 18n })),
    }),
    onHeader: signed => {
      watcher.see(signed).catch(error => say(`watcher: ${(error as Error).message}`))
    },
    bookedTo: keeper.lastBlock,
    daLimits: () => throttledLimits(backlogBytes()),
    onBlock: (block, fees, isNew) => {
      const transactions = userTransactionsOf(block).length
      keeper.block({ number: block.ref.number, epoch: block.header.epochId, transactions, ...fees })
      if (!isNew) return
      recent.push({ atMs: Date.now(), transactions })
      while (recent.length > 0 && recent[0]!.atMs < Date.now() - 10_000) recent.shift()
    },
  })
  closers.push(() => sequencer.close())
  if (keeper.lastBlock > sequencer.head.number) {
    const message = `the books go to block ${keeper.lastBlock}, the sequencer's log to ${sequencer.head.number}`
    throw new NodeError(message, { code: 'BOOKS_CORRUPT' })
  }
  say(
    `sequencers ${owners.map((_, index) => nameOf(index + 1)).join(', ')}: 20,000 METIS each; head is block ${sequencer.head.number}`,
  )

  const evidence: string[] = []
  const reporter = batcherAccount()
  const watcher = createWatcher({
    account: reporter,
    chainId,
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

  const verifier = await openVerifier({
    directory: directory.path,
    rollup,
    engines: verifying,
    family,
    l1: l1Source,
    posting,
    published: number => {
      const block = sequencer.block(number)
      return block === undefined ? undefined : { hash: block.ref.hash, stateRoot: block.executed.stateRoot }
    },
    onTrouble: message => say(`verifier: ${message}; trying again`),
  })
  closers.push(() => verifier.close())

  // Before anything is posted: what a crash left on its way, and what L1 holds already.
  await posting.resume(reason => say(`an interrupted submission was refused (${reason}); its blocks are posted anew`))
  await verifier.sync()

  const sayFunds = createFundsAlarm(say, l1BlockSeconds(config))
  const headL1 = async (): Promise<bigint> => BigInt(await rpcCall<string>(l1.url, 'eth_blockNumber', []))
  let l1Head = await headL1()
  const batcherNode: BatcherNode = {
    status: async () => {
      // While L1 does not answer, its last known head is all there is to go by; a router posts elsewhere meanwhile.
      l1Head = await headL1().catch(() => l1Head)
      const { head, l1Number } = verifier.status
      return {
        headL1: l1Head,
        currentL1: l1Number,
        safe: { number: head.number, hash: head.hash },
        unsafe: { number: sequencer.head.number, hash: sequencer.head.hash },
      }
    },
    blocks: async (from, to) => {
      const found: BatcherBlock[] = []
      for (let number = from; number <= to; number++) {
        const block = sequencer.block(number)
        if (block === undefined) break
        found.push(toBatcherBlock(block))
      }
      return found
    },
  }
  const rollupTimes = { chainId: rollup.l2ChainId, genesisTime: rollup.genesis.l2TimeSeconds, blockTimeSeconds }
  const planner = createPlanner(config, {
    ...rollupTimes,
    sinks: posting.onL1,
    node: batcherNode,
    prices: posting.prices,
  })
  /** A submission was included since the loop last looked. */
  let postedSince = false
  const batcher: Batcher = createBatcher(
    {
      ...rollupTimes,
      profile: 'devnet',
      sequencingWindowBlocks: rollup.sequencingWindowBlocks,
      maxPendingSubmissions: posting.maxPendingSubmissions,
      compressor: createNodeBrotliCompressor(),
      ...(config.da === 'ethereum-calldata' ? { frameDataBytes: 119_976 } : {}),
    },
    {
      sink: posting.sink,
      funds: posting.wallet,
      planner,
      node: batcherNode,
      onEvent: event => {
        if (event.type === 'channel-closed') {
          const { channelId, firstBlock, lastBlock, transactions, frames, bytes } = event
          keeper.channel(channelId, firstBlock, lastBlock)
          batches.push({ channelId, firstBlock, lastBlock, transactions, frames, bytes, l1Block: undefined })
          if (batches.length > keptBatches) batches.shift()
        }
        if (event.type === 'submitted') {
          postedSince = true
          const batch = batches.find(({ channelId }) => channelId === event.channelId)
          if (batch !== undefined) batch.l1Block = event.l1Block
          say(
            `posted blocks ${batch?.firstBlock}–${batch?.lastBlock} (${batch?.transactions} transactions, ${event.bytes} bytes) in L1 block ${event.l1Block}`,
          )
        }
        if (event.type === 'cleared') say(`the batcher starts over from the safe head: ${event.reason}`)
        if (event.type === 'too-late')
          say(`too late to post block ${event.firstBlock}: its window ended with L1 block ${event.deadline}`)
        sayFunds(event)
      },
    },
  )
  let market = { baseFeeWei: 0n, blobBaseFeeWei: 0n }
  const backlogBytes = (): number => batcher.view.loadedBytes + batcher.view.unsentBytes
  const status = (): Status => {
    const { control, head, mempool } = sequencer
    const { safe, finalized } = verifier.status
    const leader = leaderAt(control.schedule, head.number + 1n)
    const { open, runwayBlocks } = batcher.view
    const { books } = keeper
    const { totals } = books.ledger
    const transactions = recent.reduce((sum, block) => sum + block.transactions, 0)
    const rate = liquidRate(control.lst)
    const apr = liquidApr(control.lst)
    let stakedWei = 0n
    let rewardsWei = 0n
    let jailed = 0
    for (const [, seat] of control.pool.sequencers.sorted()) {
      stakedWei += seat.amountWei
      rewardsWei += seat.rewardWei
      if (seat.jailedUntil !== 0) jailed++
    }
    return {
      chainId: config.chainId,
      rpcUrl: rpc?.url ?? '',
      startedAtMs,
      l1: { number: l1Head, ...market },
      heads: {
        unsafe: { number: head.number, hash: head.hash },
        safe: { number: safe.number, hash: safe.hash },
        finalized,
      },
      leader: {
        address: leader?.sequencer ?? `0x${'00'.repeat(20)}`,
        name: leader === undefined ? 'nobody' : nameOf(leader.id),
        epoch: leader?.epoch ?? 0n,
        term: leader?.term ?? 0,
      },
      transactions: {
        included: Number(totals.transactions),
        perSecond: transactions / Math.min(10, Math.max(1, (Date.now() - startedAtMs) / 1000)),
        pending: mempool.pendingCount,
        queued: mempool.queuedCount,
      },
      channel: { blocks: open.blocks, bytes: open.bytes, targetBytes: open.capacity },
      posting: {
        plan: planner?.plan,
        explanation: planner?.explanation ?? [],
        pendingSubmissions: batcher.view.pendingSubmissions,
        backlogBytes: backlogBytes(),
        throttle: throttleIntensity(backlogBytes()),
      },
      da: {
        layer: config.da,
        submissions: Number(totals.batches),
        blobs: books.blobs,
        bytes: Number(totals.bytes),
        costWei: books.costWei,
      },
      economics: economicsStatus(books, gasToken.view.price, {
        balanceEthWei: posting.wallet.lastBalanceWei,
        runwayBlocks,
        runwaySeconds: runwayBlocks === undefined ? undefined : Number(runwayBlocks) * l1BlockSeconds(config),
      }),
      verified: { ...verifier.verified },
      pool: { sequencers: owners.length, stakedWei, rewardsWei, jailed },
      lst: {
        rateE27: rate.rate,
        aprBps: apr === undefined ? undefined : apr.aprE6 / 100n,
        totalAssetsWei: rate.assets,
      },
    }
  }

  /** No new transactions; then no new blocks. */
  let stopping = false
  let paused = false
  const metrics = createMetrics(status)
  const healthy = { status: 200, type: 'text/plain', body: 'ok\n' }
  const methods = new Map([
    ...ethMethods({
      chainId: config.chainId,
      read: executing.read,
      heads: () => ({
        unsafe: sequencer.readable,
        safe: verifier.status.safe.number,
        finalized: verifier.status.finalized.number,
      }),
      sendRawTransaction: async raw => {
        if (stopping) throw new RpcAnswerError({ code: -32000, message: 'the node is stopping' })
        try {
          return await sequencer.submit(raw)
        } catch (error) {
          throw new RpcAnswerError(toJsonRpcError(error))
        }
      },
      pendingTransaction: hash => {
        const entry = sequencer.mempool.get(hash.toLowerCase() as Hash)
        if (entry === undefined || entry.isPrivate) return undefined
        const { transaction } = entry
        return {
          hash: transaction.hash,
          type: hexNumber(transaction.type),
          from: transaction.sender,
          to: transaction.to ?? null,
          nonce: hexNumber(transaction.nonce),
          gas: hexNumber(transaction.gasLimit),
          maxFeePerGas: hexNumber(transaction.maxFeePerGas),
          maxPriorityFeePerGas: hexNumber(transaction.maxPriorityFeePerGas),
          gasPrice: hexNumber(transaction.maxFeePerGas),
          value: hexNumber(transaction.value),
          input: bytesToHex(transaction.data),
          chainId: transaction.chainId === undefined ? null : hexNumber(transaction.chainId),
          blockHash: null,
          blockNumber: null,
          transactionIndex: null,
        }
      },
      pendingNonce: address => sequencer.mempool.nextNonce(address.toLowerCase() as Hex),
    }),
    ...filterMethods({ read: executing.read, head: () => sequencer.readable, nowMs: Date.now }),
    ...l2Methods({ sequencer, status, batches: () => batches, keeper, evidence: () => evidence }),
    ...(config.faults ? faultMethods(sequencer) : []),
  ])
  const further = family === 'op' ? furtherMethods(executing.read) : undefined
  const rpc = await startRpcServer({
    host: config.host,
    port: config.port,
    methods: { get: name => methods.get(name) ?? further?.(name) },
    pages: new Map([
      ['/healthz', async () => healthy],
      ['/readyz', async () => (stopping ? { ...healthy, status: 503, body: 'stopping\n' } : healthy)],
      ['/metrics', metrics],
      ...ledgerPages(keeper),
    ]),
  })
  closers.push(() => rpc.close())
  say(`JSON-RPC at ${rpc.url}`)

  // The loops. Whatever ends one of them stops the node.
  const halt = new AbortController()
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  for (const engine of [executing, ...verifying.parts]) engine.failed.catch(fail)
  const loop = async (
    ms: number,
    step: () => Promise<unknown>,
    patience = 0,
    hasSucceeded = (): boolean => true,
  ): Promise<void> => {
    let failures = 0
    while (!halt.signal.aborted) {
      try {
        await step()
        if (hasSucceeded()) failures = 0
      } catch (error) {
        if (halt.signal.aborted) return
        failures++
        if ((error as { recovery?: string }).recovery !== 'retry' && failures > patience) return fail(error)
        say(`${(error as Error).message.split('\n', 1)[0]}; trying again`)
        await sleep(1000)
      }
      await sleep(ms)
    }
  }
  const producing = loop(50, async () => {
    while (!halt.signal.aborted && !paused && (await sequencer.produce(Date.now()))) {
      // On a fresh start the chain catches up with the clock.
    }
  })
  // A refused submission is made anew from the safe head; one that is refused again and again stops the node.
  const hasPosted = (): boolean => {
    const success = postedSince
    postedSince = false
    return success
  }
  const posted = loop(500, () => batcher.step({ signal: halt.signal }), 5, hasPosted)
  /** What comes up while something is on its way goes along with the next channel, not in one of its own. */
  const flush = (): void => {
    if (batcher.view.pendingSubmissions === 0) batcher.flush()
  }
  const verified = verifier.run(halt.signal).catch(fail)
  const watching = loop(1000, async () => {
    await gasToken.poll({ signal: halt.signal })
    const block = await rpcCall<{ baseFeePerGas: Hex }>(l1.url, 'eth_getBlockByNumber', ['latest', false])
    const blobBaseFee = await rpcCall<Hex>(l1.url, 'eth_blobBaseFee', [])
    await posting.wallet.balance()
    await posting.bookOpen()
    market = { baseFeeWei: BigInt(block.baseFeePerGas), blobBaseFeeWei: BigInt(blobBaseFee) }
    const { safe, finalized } = verifier.status
    sequencer.setLabels({ safe: safe.hash, finalized: finalized.hash, finalizedNumber: finalized.number })
  })

  const caughtUp = (): boolean => verifier.status.safe.number >= sequencer.head.number
  let ended: Promise<void> | undefined
  const end = async (graceMs: number): Promise<void> => {
    stopping = true
    const until = Date.now() + graceMs
    const { mempool } = sequencer
    while (mempool.pendingCount > 0 && Date.now() < until) await sleep(100)
    paused = true
    while (!caughtUp() && Date.now() < until) {
      flush()
      await sleep(200)
    }
    halt.abort()
    await Promise.all([producing, posted, verified, watching])
    await closeAll()
  }
  return {
    rpcUrl: rpc.url,
    status,
    failed,
    caughtUp,
    flush,
    stop: graceMs => (ended ??= end(graceMs)),
  }
}

const hexNumber = (value: bigint | number): Hex => `0x${value.toString(16)}`
