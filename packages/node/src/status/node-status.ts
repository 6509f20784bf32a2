import { liquidApr, liquidRate } from '@l2/lst'
import type { GasTokenTracker } from '@l2/sequencer-core/fees'
import type { Address } from 'viem'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import { economicsStatus } from '../economics/status.js'
import { l1BlockMs } from '../l1/l1.js'
import type { L1Watch } from '../l1/l1-watch.js'
import type { ControlPlane } from '../pool/control-plane.js'
import type { Batching } from '../posting/batching.js'
import type { Posting } from '../posting/posting.js'
import type { Supervision } from '../process/supervision.js'
import { type Leadership, leaderAbove } from '../sequencer/leadership.js'
import type { SequencerLoop } from '../sequencer/sequencer.js'
import type { Settling } from '../settlement/settling.js'
import type { Verifier } from '../verifier/verifier.js'
import type { Activity } from './activity.js'
import type { Head, Status } from './status.js'

/** What a status is gathered from. */
export type StatusParts = {
  config: { chainId: number; da: string; l1?: string | undefined }
  startedAtMs: number
  rpcUrl(): string
  /** What a sequencer is called on screens, by its number in the pool. */
  nameOf(id: number): string
  l1: L1Watch
  sequencer: SequencerLoop
  /** Where a control chain says who leads. */
  leadership?: Leadership | undefined
  /** What the operators have settled, where there are several. */
  milestone?: (() => Head) | undefined
  /** What L1 has accepted of a committee, where one attests. */
  attested?: (() => Head | undefined) | undefined
  verifier: Verifier
  batching: Batching
  posting: Pick<Posting, 'wallet'>
  settling?: Pick<Settling, 'status'> | undefined
  keeper: Bookkeeper
  gasToken: GasTokenTracker
  activity: Activity
  supervision: Pick<Supervision, 'waiting'>
}

const nobody: Address = `0x${'00'.repeat(20)}`

/** The present state of every part in one plain object. */
export function createStatus(parts: StatusParts): () => Status {
  const { config, sequencer, verifier, batching, posting, keeper } = parts
  return () => {
    const { control, head, mempool } = sequencer
    const { safe, finalized } = verifier.status
    const leader = leaderAbove(control, parts.leadership, head.number + 1n)
    const { open, runwayBlocks, pendingSubmissions, waiting } = batching.batcher.view
    const { backlogBytes, planner, throttle } = batching
    const { books } = keeper
    const { totals } = books.ledger
    return {
      chainId: config.chainId,
      rpcUrl: parts.rpcUrl(),
      startedAtMs: parts.startedAtMs,
      l1: { number: parts.l1.number, baseFeeWei: parts.l1.baseFeeWei, blobBaseFeeWei: parts.l1.blobBaseFeeWei },
      heads: {
        unsafe: { number: head.number, hash: head.hash },
        ...(parts.milestone === undefined ? {} : { milestone: parts.milestone() }),
        ...(parts.attested === undefined ? {} : { attested: parts.attested() }),
        safe: { number: safe.number, hash: safe.hash },
        finalized,
      },
      leader: {
        address: leader?.sequencer ?? nobody,
        name: leader === undefined ? 'nobody' : parts.nameOf(leader.id),
        epoch: leader?.epoch ?? 0n,
        term: leader?.term ?? 0,
      },
      transactions: {
        included: Number(totals.transactions),
        perSecond: parts.activity.perSecond(),
        pending: mempool.pendingCount,
        queued: mempool.queuedCount,
      },
      channel: { blocks: open.blocks, bytes: open.bytes, targetBytes: open.capacity },
      posting: {
        waiting,
        plan: planner?.plan,
        explanation: planner?.explanation ?? [],
        pendingSubmissions,
        backlogBytes,
        throttle: throttle.view.intensity,
      },
      da: {
        layer: config.da,
        submissions: Number(totals.batches),
        blobs: books.blobs,
        bytes: Number(totals.bytes),
        costWei: books.costWei,
      },
      economics: economicsStatus(books, parts.gasToken.view.price, {
        balanceEthWei: posting.wallet.lastBalanceWei,
        runwayBlocks,
        runwaySeconds: runwayBlocks === undefined ? undefined : (runwayBlocks * BigInt(l1BlockMs(config))) / 1000n,
      }),
      verified: { ...verifier.verified },
      ...stakeStatus(control),
      settlement: parts.settling?.status,
      waiting: parts.supervision.waiting,
    }
  }
}

function stakeStatus({ pool, lst }: ControlPlane): Pick<Status, 'pool' | 'lst'> {
  let [sequencers, stakedWei, rewardsWei, jailed] = [0, 0n, 0n, 0]
  for (const [, seat] of pool.sequencers) {
    sequencers++
    stakedWei += seat.amountWei
    rewardsWei += seat.rewardWei
    if (seat.jailedUntilSeconds !== 0n) jailed++
  }
  const rate = liquidRate(lst)
  const apr = liquidApr(lst)
  return {
    pool: { sequencers, stakedWei, rewardsWei, jailed },
    lst: {
      rateE27: rate.rate,
      aprBps: apr === undefined ? undefined : apr.aprE18 / 10n ** 14n,
      totalAssetsWei: rate.assets,
    },
  }
}
