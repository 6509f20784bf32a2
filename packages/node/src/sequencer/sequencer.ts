import { join } from 'node:path'
import { bytesToHex } from '@l2/common'
import {
  type BlockLimits,
  type BuiltBlock,
  buildAttributes,
  configCarriedByBlock,
  createBlockBuilder,
  createDurableMempool,
  createHeaderSigner,
  createMempool,
  type DaLimits,
  daFootprint,
  decodeDeposit,
  decodeSealedBlock,
  decodeTransaction,
  defaultBlockLimits,
  defaultDaFootprintGasScalar,
  defaultForcedInclusionRule,
  type ExecutedBlock,
  encodeSealedBlock,
  genesisBlockRef,
  type HeaderDomain,
  type HeaderSigner,
  hashSequencerHeader,
  headerDomain,
  isDeposit,
  judgeBlock,
  type L1Source,
  type L2BlockRef,
  type Lease,
  type Mempool,
  nextBaseFee,
  nextOrigin,
  type OrderingEvidence,
  type OrderingPolicy,
  type QueueEntry,
  type RollupConfig,
  restoreMempool,
  resumeBlock,
  type SealedBlock,
  type SenderRecovery,
  type SequencerHeader,
  type SignedReceipt,
  type SystemConfig,
  sealBlock,
  sequencerHeaderTypes,
  type Transaction,
  type Violation,
  type Watermark,
} from '@l2/sequencer-core'
import { type FileGuard, openFileGuard, openFileJournal, openFileLog } from '@l2/sequencer-core/node'
import { leaderAt, leaderSchedule } from '@l2/staking'
import { type Address, type Hash, hexToBytes, keccak256, type LocalAccount } from 'viem'
import { type BlockRecord, catchUp, type EngineFamily, type NodeEngine } from '../engine/engine.js'
import { NodeError } from '../errors.js'
import { createL1View } from '../l1/l1-view.js'
import { advanceTerm, applyBlock, type ControlPlane, isBarred } from '../pool/control-plane.js'
import type { SignedHeader } from '../pool/watcher.js'
import type { Feed } from '../rpc/feed.js'
import { createAccountReader } from './account-reader.js'
import { type BlockFees, blockFees } from './fees.js'
import { evidenceOf, type PublishedBlock, publishedBlock, userTransactionsOf } from './published.js'
import { createReceiptBook } from './receipts.js'
import { createReselection } from './reselection.js'

/** Orders transactions and makes blocks: the leader's work, for whichever of the node's keys is elected. */
export type Sequencer = {
  readonly head: L2BlockRef
  /** The height that the engine shows to readers: {@link head}'s, a moment later. */
  readonly readable: bigint
  readonly mempool: Mempool
  readonly control: ControlPlane
  /** A published block, while it is kept: from the finalized one on. */
  block(number: bigint): PublishedBlock | undefined
  /** Takes a transaction in; resolves when it is durable. */
  submit(raw: Uint8Array): Promise<Hash>
  /** The signed promise of a transaction's place, for as long as it is remembered. */
  receipt(hash: Hash): Promise<SignedReceipt | undefined>
  /** Has a block judged by the rules of every block and by its ordering policy's; `undefined` for a block that is not kept. */
  verifyOrdering(number: bigint): Promise<Violation[] | undefined>
  /** Makes the next block if it is time; false when it is not, or L1 has to come first. */
  produce(nowMs: number): Promise<boolean>
  /** Moves the labels of the engine, and forgets what is final. */
  setLabels(labels: { safe: Hash; finalized: Hash; finalizedNumber: bigint }): void
  /** Faults to order, for tests and demonstrations: a key that stops, and one that signs two headers for one place. */
  readonly faults: { halt(signer: Address): void; resume(signer: Address): void; equivocate(signer: Address): void }
  close(): Promise<void>
}

type SequencerOptions = {
  directory: string
  rollup: RollupConfig
  node: NodeEngine
  /** Whether its blocks are those of OP Stack clients, whose base fee follows the DA footprint as well as gas. */
  family: EngineFamily
  l1: L1Source
  accounts: readonly LocalAccount[]
  control: ControlPlane
  policy: OrderingPolicy
  recovery: SenderRecovery
  /** How much data new blocks may bring, so that posting keeps up. */
  daLimits(): DaLimits
  /** The last block whose fees are booked: those of later ones in the log are made out again. */
  bookedTo: bigint
  /** Every block above {@link bookedTo}, in order. `isNew` is false for those that were in the log already. */
  onBlock(block: PublishedBlock, fees: BlockFees, isNew: boolean): void
  /** Every header that is signed, as it would be gossiped. */
  onHeader(signed: SignedHeader): void
  /** Told of each new head that readers see, and of each transaction that the pool took. */
  feed: Feed
  /** Takes transactions that are signed for no chain, as presigned deployers are. */
  allowUnprotected: boolean
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const leaseTtlMs = 10_000
/** Where a block may have no transactions of users. */
const depositsOnly: BlockLimits = { maxBytes: 1, maxDaBytes: undefined, maxDaBytesPerTransaction: undefined }
/** Blocks kept behind the finalized one. */
const keptBlocks = 64n

/** Brings a sequencer back from its log: engine, pool of stake, mempool and signing keys are where they were when it stopped, however it did. */
export async function openSequencer(options: SequencerOptions): Promise<Sequencer> {
  const { directory, rollup, node, family, policy, recovery } = options
  const { engine } = node
  const domain: HeaderDomain = { chainId: rollup.l2ChainId, rollup: rollup.batchInbox }
  const l1 = createL1View(options.l1)
  const log = await openFileLog({ path: join(directory, 'sequencer.log') })
  const lease: Lease = await log.acquire(`node-${process.pid}`, leaseTtlMs)

  const blocks = new Map<bigint, PublishedBlock>()
  let tip: SealedBlock | undefined
  let head = genesisBlockRef(rollup)
  let control = options.control
  let systemConfig: SystemConfig = rollup.genesis.systemConfig
  let labels = { safe: zeroHash, finalized: zeroHash }
  const schedule = leaderSchedule(() => control.schedule)
  /** The newest header of each key in the log: what its guard must not be older than. */
  const seen = new Map<Address, Watermark>()

  const signerOf = ({ height, term }: SequencerHeader): Address => {
    const leader = leaderAt(advanceTerm(control.schedule, control.pool, height, term), height)
    if (leader === undefined) throw new NodeError(`nobody leads at height ${height}`, { code: 'NO_LEADER' })
    return leader.sequencer
  }
  /** A block that the log has becomes the head. */
  const adopt = (block: SealedBlock, config: SystemConfig): PublishedBlock => {
    const { header, attributes } = block
    systemConfig = configCarriedByBlock(config, header.timestamp, rollup)
    const published = publishedBlock(block, rollup)
    const signer = signerOf(header)
    const { epochId: epoch, term, height, timestamp } = header
    seen.set(signer, { epoch, term, height, digest: hashSequencerHeader(header, domain) })
    const evidence = evidenceOf(block)
    control = applyBlock(control, { height, timestamp, term, prevRandao: attributes.prevRandao, evidence }).state
    blocks.set(height, published)
    tip = block
    head = published.ref
    return published
  }
  const append = async (block: SealedBlock): Promise<void> => {
    const end = await log.head()
    await log.append({ epoch: lease.epoch, seq: end.seq + 1n, prevHash: end.hash, payload: encodeSealedBlock(block) })
  }

  const decode = (raw: Uint8Array): Transaction =>
    decodeTransaction(raw, { chainId: rollup.l2ChainId, recovery, allowUnprotected: options.allowUnprotected })
  const recover = async (block: SealedBlock): Promise<void> => {
    // No `ConfigUpdate` is ever emitted on this chain's L1, so the config is what genesis and the forks make it.
    const published = adopt(block, systemConfig)
    if (published.ref.number <= options.bookedTo) return
    const transactions = userTransactionsOf(block).map(decode)
    const results = transactions.length === 0 ? [] : await engine.receipts(block.executed.hash)
    options.onBlock(published, blockFees(block.executed, transactions, results), false)
  }

  // What the engine has from an earlier run is not executed again.
  const record: BlockRecord = {
    last: (await log.head()).seq,
    hashAt: async number => {
      for await (const { payload } of log.read(number)) return decodeSealedBlock(payload).executed.hash
      return undefined
    },
  }
  await catchUp(node, family, record, async above => {
    for await (const { payload } of log.read(above + 1n)) {
      const { executed, attributes } = decodeSealedBlock(payload)
      await engine.import(executed, attributes)
    }
  })
  for await (const { payload } of log.read(1n)) await recover(decodeSealedBlock(payload))

  const guards: FileGuard[] = []
  const signers = new Map<Address, HeaderSigner>()
  for (const account of options.accounts) {
    const signer = account.address.toLowerCase() as Address
    const shown = seen.get(signer)
    const guard = await openFileGuard({
      path: join(directory, `guard-${signer.slice(2, 10)}`),
      signer,
      chainId: rollup.l2ChainId,
      seen: shown === undefined ? [] : [shown],
    })
    guards.push(guard)
    signers.set(signer, createHeaderSigner({ account, domain, guard, recovery }))
    // A crash between signature and log leaves the only block that may still be signed at its place.
    const pending = await resumeBlock(guard, signers.get(signer)!)
    if (pending !== undefined && pending.header.parentHash === head.hash) {
      await engine.import(pending.executed, pending.attributes)
      await append(pending)
      await recover(pending)
    }
  }
  await engine.setHead({ head: head.hash, safe: zeroHash, finalized: zeroHash })
  /** The head that the engine reads at. */
  let engineHead = head

  const halted = new Set<Address>()
  const equivocating = new Set<Address>()
  const reselection = createReselection(() =>
    options.accounts.filter(({ address }) => !halted.has(address.toLowerCase() as Address)),
  )
  /** The other header of a double signer: made past its guard, as a thief of the key would. */
  const signTwice = async (signer: Address, header: SequencerHeader): Promise<void> => {
    equivocating.delete(signer)
    const account = options.accounts.find(({ address }) => address.toLowerCase() === signer)!
    const other = { ...header, stateRoot: header.parentHash }
    const signature = await account.signTypedData({
      domain: headerDomain(domain),
      types: sequencerHeaderTypes,
      primaryType: 'SequencerHeader',
      message: other,
    })
    options.onHeader({ header: other, signer, signature })
  }

  const file = await openFileJournal({ path: join(directory, 'mempool.journal'), hashOf: raw => keccak256(raw) })
  const limits = { maxPerSender: 1024, maxTransactions: 20_000 }
  const mempool = createMempool(limits, { firstArrival: file.nextArrival })
  const durable = createDurableMempool(mempool, file.journal)
  const builder = createBlockBuilder({ engine, policy, pool: mempool, forcedRule: defaultForcedInclusionRule })

  /** Estimated L1 bytes that the DA footprint leaves room for; without that rule as many as there are. */
  const footprintBytes = (): bigint | undefined =>
    family === 'op'
      ? systemConfig.gasLimit / (systemConfig.daFootprintGasScalar || defaultDaFootprintGasScalar)
      : undefined
  const limitsNow = (): BlockLimits => {
    const { maxBlockBytes, maxTransactionBytes } = options.daLimits()
    const bytes = (limit: number | undefined): bigint | undefined => (limit === undefined ? undefined : BigInt(limit))
    const [byFootprint, byThrottle] = [footprintBytes(), bytes(maxBlockBytes)]
    const isFootprintLess = byFootprint !== undefined && (byThrottle === undefined || byFootprint < byThrottle)
    return {
      ...defaultBlockLimits,
      maxDaBytes: isFootprintLess ? byFootprint : byThrottle,
      maxDaBytesPerTransaction: bytes(maxTransactionBytes),
    }
  }

  const gasMetered = ({ gasUsed, transactions }: ExecutedBlock): bigint => {
    if (family !== 'op') return gasUsed
    const scalar = systemConfig.daFootprintGasScalar || defaultDaFootprintGasScalar
    const footprint = daFootprint(
      transactions.filter(raw => !isDeposit(raw)),
      scalar,
    )
    return footprint > gasUsed ? footprint : gasUsed
  }

  /** What the next block is built on, as the pool sees it. */
  const poolHead = async () => {
    const parent = tip?.executed ?? (await engine.block(head.hash))!
    return {
      number: parent.number,
      timestamp: parent.timestamp,
      gasLimit: systemConfig.gasLimit,
      baseFeePerGas: nextBaseFee({
        parentBaseFeeWei: parent.baseFeePerGas,
        parentGasLimit: parent.gasLimit,
        parentGasMetered: gasMetered(parent),
        denominator: rollup.eip1559.denominatorCanyon,
        elasticity: rollup.eip1559.elasticity,
      }),
    }
  }
  mempool.setHead({ ...(await poolHead()), nowMs: Date.now(), included: [], accounts: [] })

  const accountOf = createAccountReader(
    addresses => engine.accounts(addresses),
    () => engineHead.hash,
  )
  // What was acknowledged and is in no block goes on waiting; what a block took meanwhile is refused for its nonce.
  await restoreMempool(mempool, file.recovered, { nowMs: Date.now(), decode, accountOf })

  const receiptDomain = headerDomain(domain)
  const receipts = createReceiptBook(receiptDomain, options.accounts)

  const verifyOrdering = async (number: bigint): Promise<Violation[] | undefined> => {
    const block = blocks.get(number)
    if (block === undefined) return undefined
    const { executed, header } = block
    const deposits = executed.transactions.filter(raw => isDeposit(raw))
    const transactions = executed.transactions.slice(deposits.length).map(decode)
    const signed = await Promise.all(transactions.map(({ hash }) => receipts.receipt(hash)))
    const used = (await engine.receipts(executed.hash)).slice(deposits.length).map(({ gasUsed }) => gasUsed)
    return judgeBlock(
      policy,
      {
        height: executed.number,
        timestamp: executed.timestamp,
        baseFeePerGas: executed.baseFeePerGas,
        gasLimit: executed.gasLimit,
        deposits: deposits.map(raw => keccak256(raw)),
        transactions,
      },
      // What only the judge of first-come reads; the others pass it over.
      {
        gasUsed: used,
        receipts: signed.filter(receipt => receipt !== undefined),
        sequencer: signerOf(header),
      } as OrderingEvidence,
    )
  }

  const submit = async (raw: Uint8Array): Promise<Hash> => {
    const nowMs = Date.now()
    const transaction = decode(raw)
    const { readyAtMs } = policy.admit(transaction, { nowMs })
    const account = await accountOf(transaction.sender)
    const { entry } = await durable.submit(transaction, { nowMs, account, readyAtMs })
    const height = head.number + 1n
    const leader = leaderAt(control.schedule, height)
    if (leader !== undefined) receipts.note(transaction.hash, entry.arrival, leader, height)
    options.feed.emit({ type: 'pending', transaction })
    return transaction.hash
  }

  /** The deposits of an L1 origin as entries of the queue that the sequencer must not leave out. */
  const queueOf = (deposits: readonly Uint8Array[], enqueuedAt: bigint, firstIndex: bigint): QueueEntry[] =>
    deposits.map((raw, index) => ({
      index: firstIndex + BigInt(index),
      enqueuedAt,
      bufferSeconds: defaultForcedInclusionRule.maxBufferSeconds,
      hash: bytesToHex(hexToBytes(keccak256(raw))),
      gasLimit: decodeDeposit(raw).gas,
      transaction: undefined,
    }))

  /** A block that the log has and users do not see yet. */
  let unpublished: { block: SealedBlock; built: BuiltBlock; published: PublishedBlock; signer: Address } | undefined
  /** Shows it: in the engine, the pool, the books and to whoever watches headers. Where the engine fails in between, once more from the start. */
  const publish = async (): Promise<void> => {
    if (unpublished === undefined) return
    const { block, built, published, signer } = unpublished
    await engine.setHead({ head: head.hash, ...labels })
    engineHead = head
    const { executed, header, signature } = block
    const results = built.receipts ?? (await engine.receipts(executed.hash))
    const transactions = built.entries.map(({ transaction }) => transaction)
    const fees = blockFees(executed, transactions, results)
    const touched = built.entries.flatMap(({ transaction: { sender, to } }) =>
      to === undefined ? [sender] : [sender, to],
    )
    const addresses = [...new Set(touched)]
    const states = await engine.accounts(addresses)
    const events = mempool.setHead({
      ...(await poolHead()),
      nowMs: Date.now(),
      included: built.entries.map(({ transaction }) => transaction.hash),
      accounts: addresses.map((address, index) => [address, states[index]!] as const),
    })
    unpublished = undefined
    await durable.record(events)
    options.onBlock(published, fees, true)
    options.feed.emit({ type: 'head', number: published.ref.number })
    options.onHeader({ header, signer, signature })
    if (equivocating.has(signer)) await signTwice(signer, header)
  }

  const produce = async (nowMs: number): Promise<boolean> => {
    await publish()
    const timestamp = head.timestamp + rollup.blockTimeSeconds
    if (BigInt(nowMs) < timestamp * 1000n) return false
    const current = await l1.at(head.l1Origin.number)
    if (current === undefined) return false
    // An L1 that does not answer stops nobody: the present origin carries the chain for as long as the drift allows.
    const next = await l1.at(current.number + 1n).catch(() => undefined)
    const choice = nextOrigin(rollup, head, current, next)
    if (choice.kind === 'wait-for-l1') return false
    const { origin, noTxPool } = choice
    const height = head.number + 1n
    const elected = leaderAt(control.schedule, height)
    if (elected === undefined || halted.has(elected.sequencer) || isBarred(control.pool)(elected.id)) {
      const voted = await reselection.tryNextTerm(control, height, head.hash, nowMs)
      if (voted === undefined) return false
      control = voted
    }
    const leader = leaderAt(control.schedule, height)
    const signer = leader === undefined ? undefined : signers.get(leader.sequencer)
    if (leader === undefined || signer === undefined || halted.has(leader.sequencer)) return false

    const parent = tip?.executed ?? (await engine.block(head.hash))!
    const base = buildAttributes({ rollup, parent: head, systemConfig, origin, logs: origin.logs, transactions: [] })
    const forcedUpTo = tip?.header.forcedUpTo ?? 0n
    const built = await builder.build({
      parent,
      attributes: base.attributes,
      baseFeePerGas: mempool.head.baseFeePerGas,
      l1Origin: { number: origin.number, hash: origin.hash },
      turn: { epoch: leader.epoch, term: leader.term },
      forcedUpTo,
      // The first deposit is the protocol's own.
      forced: queueOf(base.attributes.transactions.slice(1), origin.timestamp, forcedUpTo),
      limits: noTxPool ? depositsOnly : limitsNow(),
    })
    for (const { hash, reason } of built.leftOut) {
      if (reason === 'invalid') await durable.record(mempool.remove(hash, 'failed'))
    }
    const sealed = await sealBlock(built.block, signer, schedule)
    await append(sealed)
    const published = adopt(sealed, base.systemConfig)
    unpublished = { block: sealed, built, published, signer: leader.sequencer }
    // From here on users see it: what is shown is in the log.
    await publish()
    l1.forgetBelow(origin.number)
    return true
  }

  return {
    get head() {
      return head
    },
    get readable() {
      return engineHead.number
    },
    mempool,
    get control() {
      return control
    },
    block: number => blocks.get(number),
    submit,
    receipt: hash => receipts.receipt(hash),
    verifyOrdering,
    produce,
    setLabels({ finalizedNumber, ...next }) {
      labels = next
      for (const number of blocks.keys()) {
        if (number + keptBlocks >= finalizedNumber) break
        blocks.delete(number)
      }
    },
    faults: {
      halt: signer => void halted.add(signer.toLowerCase() as Address),
      resume: signer => void halted.delete(signer.toLowerCase() as Address),
      equivocate: signer => void equivocating.add(signer.toLowerCase() as Address),
    },
    close: async () => {
      await log.release(lease)
      await log.close()
      await file.journal.close()
      for (const guard of guards) await guard.close()
    },
  }
}
