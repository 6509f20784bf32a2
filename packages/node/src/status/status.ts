import type { Plan, WaitingReason } from '@l2/sequencer-core/batcher'
import type { Address, Hash } from 'viem'
import type { EconomicsStatus } from '../economics/status.js'
import type { Waiting } from '../process/supervision.js'
import type { SettlingStatus } from '../settlement/settling.js'

export type Head = { number: bigint; hash: Hash }

/** What the node shows of itself: one plain object, rendered as a screen, as lines, or as JSON. */
export type Status = {
  chainId: number
  rpcUrl: string
  startedAtMs: number
  l1: { number: bigint; baseFeeWei: bigint; blobBaseFeeWei: bigint }
  /**
   * `milestone`: settled among operators, where there are several; not yet on L1. `attested`: what L1 has accepted of a committee and was found the same here, where
   * one attests.
   */
  heads: { unsafe: Head; milestone?: Head | undefined; attested?: Head | undefined; safe: Head; finalized: Head }
  leader: { address: Address; name: string; epoch: bigint; term: number }
  transactions: { included: number; perSecond: number; pending: number; queued: number }
  channel: { blocks: number; bytes: number; targetBytes: number }
  /**
   * How the next channel is planned and why, what is on its way, how strongly new blocks are held back, 0 to 1, and why nothing new is posted, for example
   * `not-the-batcher`.
   */
  posting: {
    waiting: WaitingReason | undefined
    plan: Plan | undefined
    explanation: readonly string[]
    pendingSubmissions: number
    backlogBytes: number
    throttle: number
  }
  /** `costWei` is ETH. */
  da: { layer: string; submissions: number; blobs: number; bytes: number; costWei: bigint }
  economics: EconomicsStatus
  verified: { blocks: number; transactions: number; submissions: number; blobTransactions: number }
  pool: { sequencers: number; stakedWei: bigint; rewardsWei: bigint; jailed: number }
  lst: { rateE27: bigint; aprBps: bigint | undefined; totalAssetsWei: bigint }
  /** Proposals and disputes, where the node makes any. */
  settlement?: SettlingStatus | undefined
  /** What the node's loops wait for now; nothing on a good day. */
  waiting: readonly Waiting[]
}
