// Random batches in random places: does one count upon this safe head, read in that L1 block? Ours, and the question in the oracles' words.
import { bytesToHex, hexToBytes } from '@l2/common'
import type { Random } from '@l2/common/testing'
import {
  type Batch,
  type BatchBlock,
  decodeBatch,
  encodeBatch,
  toSingularBatch,
  toSpanBatch,
} from '../../src/batch/index.js'
import { randomTransactions } from '../../src/batch/testdata/samples.js'
import { createJudge } from '../../src/derivation/batch-queue.js'
import {
  type ForkName,
  forkNames,
  type L1Block,
  type L1BlockRef,
  type L2BlockRef,
  type RollupConfig,
} from '../../src/derivation/index.js'
import { createL1Simulator, createSequencerSimulator, simulatedRollup } from '../../src/testing/index.js'
import { rollupJson } from './oracle.js'

type Known = { readonly ref: L2BlockRef; readonly transactions: readonly Uint8Array[] }

/** A batch and where it stands. */
export type Check = {
  readonly config: RollupConfig
  readonly bytes: Uint8Array
  /** From the safe head's origin on, as far as L1 was read. */
  readonly l1Blocks: readonly L1Block[]
  readonly safe: L2BlockRef
  readonly inclusion: L1BlockRef
  readonly chain: readonly Known[]
}

/** Forks up to one of them, which may begin on the way. */
function someForks(random: Random, genesisTimeSeconds: bigint): RollupConfig['forks'] {
  const last = random.below(forkNames.indexOf('karst') + 1)
  const onTheWay = random.bool(0.3)
  const forks: { [fork in ForkName]?: bigint } = {}
  for (const [i, fork] of forkNames.slice(0, last + 1).entries()) {
    forks[fork] = onTheWay && i === last ? genesisTimeSeconds + 2n * BigInt(1 + random.below(20)) : 0n
  }
  return forks
}

/** A chain of some blocks, and a batch of those after one of them: right, or changed in a way that decides. */
export function randomCheck(random: Random): Check {
  const base = simulatedRollup({ sequencingWindowBlocks: BigInt(random.pick([2, 5, 20])) })
  const config: RollupConfig = {
    ...base,
    maxSequencerDriftSeconds: BigInt(random.pick([10, 600])),
    forks: someForks(random, base.genesis.l2TimeSeconds),
  }
  const l1 = createL1Simulator({ config, blockTimeSeconds: BigInt(random.pick([2, 6, 12])), sign: false })
  for (let i = 4 + random.below(6); i > 0; i--) l1.mine()
  // What upgrades put into their blocks plays no part here.
  const upgradeTransactions = Object.fromEntries(forkNames.map(fork => [fork, []]))
  const sequencer = createSequencerSimulator({ config, l1, upgradeTransactions })
  for (let i = 6 + random.below(20); i > 0; i--) {
    sequencer.build(randomTransactions(random, config.l2ChainId, 2), { stay: random.bool(0.3) })
  }
  const { blocks } = sequencer
  const chain = blocks.map(({ ref, executed }) => ({ ref, transactions: executed.transactions }))
  const at = 1 + random.below(blocks.length - 2)
  const safe = blocks[at - 1]!.ref
  const batch = someBatch(
    random,
    config,
    blocks.map(block => block.batch),
    at,
  )
  const head = l1.head.number
  const read = safe.l1Origin.number + BigInt(random.below(5))
  const newest = read < head ? read : head
  const l1Blocks: L1Block[] = []
  for (let n = safe.l1Origin.number; n <= newest; n++) l1Blocks.push(l1.block(n)!)
  const inclusion = l1.block(random.bool(0.8) ? newest : head)!
  return { config, bytes: encodeBatch(batch, { chainId: config.l2ChainId }), l1Blocks, safe, inclusion, chain }
}

function someBatch(random: Random, config: RollupConfig, blocks: readonly BatchBlock[], at: number): Batch {
  const changed = (block: BatchBlock): BatchBlock =>
    random.pick<() => BatchBlock>([
      () => ({ ...block, timestamp: block.timestamp + BigInt(random.below(9)) - 4n }),
      () => ({ ...block, epochNumber: block.epochNumber + BigInt(random.below(4)) - 1n }),
      () => ({ ...block, parentHash: `0x${'99'.repeat(32)}` }),
      () => ({ ...block, epochHash: `0x${'98'.repeat(32)}` }),
      () => ({ ...block, transactions: [] }),
      () => ({ ...block, transactions: [...block.transactions, ...randomTransactions(random, config.l2ChainId, 2)] }),
    ])()
  if (random.bool()) {
    const block = blocks[random.bool(0.8) ? at : random.below(blocks.length)]!
    const batch = toSingularBatch(random.bool() ? changed(block) : block)
    const extra = random.pick([undefined, undefined, undefined, '0x', '0x7e01', '0x7dc0', '0x04c0', '0x55'] as const)
    return extra === undefined ? batch : { ...batch, transactions: [...batch.transactions, hexToBytes(extra)!] }
  }
  const start = random.bool() ? at : Math.max(0, at - random.below(4))
  const run = blocks.slice(start, at + 1 + random.below(5))
  const told = random.bool() ? run.map(block => (random.bool(0.3) ? changed(block) : block)) : run
  // Numbers of a span are differences: what cannot be told in one is told as it is.
  const inOrder = told.map((block, i) => ({
    ...block,
    epochNumber: random.bool(0.9) ? run[i]!.epochNumber : block.epochNumber,
    timestamp: i === 0 ? block.timestamp : told[0]!.timestamp + BigInt(i) * config.blockTimeSeconds,
  }))
  const span = toSpanBatch(run, { genesisTimeSeconds: config.genesis.l2TimeSeconds })
  const first = inOrder[0]!.timestamp
  return {
    ...span,
    relTimestamp: first - config.genesis.l2TimeSeconds < 0n ? span.relTimestamp : first - config.genesis.l2TimeSeconds,
    parentCheck: hexToBytes(inOrder[0]!.parentHash)!.subarray(0, 20),
    l1OriginCheck: hexToBytes(inOrder.at(-1)!.epochHash)!.subarray(0, 20),
    l1OriginNumber: inOrder.at(-1)!.epochNumber,
    blocks: span.blocks.map((block, i) => ({ ...block, transactions: inOrder[i]!.transactions })),
  }
}

/** What ours makes of it, as a word, and why. */
export function judged({ config, bytes, l1Blocks, safe, inclusion, chain }: Check): { verdict: string; why: string } {
  let batch: Batch
  try {
    batch = decodeBatch(bytes, { chainId: config.l2ChainId })
  } catch (error) {
    return { verdict: 'no batch', why: (error as { code: string }).code }
  }
  const judge = createJudge(config, { batch, inclusion })
  const judgement = judge.judge({ l1Blocks, safe }, number =>
    number === config.genesis.l2.number ? genesisOf(config) : chain[Number(number) - 1],
  )
  if (judgement.type === 'needs-l2-block') throw new Error('asks for a block that it was given')
  const { verdict } = judgement
  return { verdict: verdict.verdict, why: verdict.verdict === 'accept' ? '' : verdict.reason }
}

function genesisOf({ genesis }: RollupConfig): Known {
  const { number, hash } = genesis.l2
  const l1Origin = { number: genesis.l1.number, hash: genesis.l1.hash }
  const parentHash = `0x${'00'.repeat(32)}` as const
  return {
    ref: { number, hash, parentHash, timestamp: genesis.l2TimeSeconds, l1Origin, sequenceNumber: 0n },
    transactions: [],
  }
}

const l2Json = ({ l1Origin, ...ref }: L2BlockRef) => ({ ...ref, l1origin: l1Origin })
const l1Json = ({ number, hash, parentHash, timestamp }: L1BlockRef) => ({ number, hash, parentHash, timestamp })

/** The question in the oracles' words. */
export function checkRequest(check: Check): { cmd: string } & Record<string, unknown> {
  const { config, bytes, l1Blocks, safe, inclusion, chain } = check
  return {
    cmd: 'check',
    cfg: rollupJson(config),
    data: bytesToHex(bytes),
    l1refs: l1Blocks.map(l1Json),
    safe: l2Json(safe),
    incl: l1Json(inclusion),
    l2: [genesisOf(config), ...chain.slice(0, Number(safe.number))].map(({ ref, transactions }) => ({
      ref: l2Json(ref),
      txs: transactions.map(bytesToHex),
    })),
  }
}
