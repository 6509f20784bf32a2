import { bytesToHex } from '@l2/common'
import type { BlockDaLimits } from '@l2/sequencer-core/batcher'
import {
  type BlockBuilder,
  type BlockLimits,
  defaultBlockLimits,
  defaultForcedInclusionRule,
  type HeaderSigner,
  type LeaderSchedule,
  type QueueEntry,
  sealBlock,
} from '@l2/sequencer-core/block'
import { keccak256 } from '@l2/sequencer-core/crypto'
import {
  buildAttributes,
  decodeDeposit,
  type L1Block,
  nextOrigin,
  type RollupConfig,
} from '@l2/sequencer-core/derivation'
import type { SlotLeader } from '@l2/staking'
import type { Address, LocalAccount } from 'viem'
import type { L1View } from '../l1/l1-view.js'
import { isBarred } from '../pool/control-plane.js'
import type { Chain } from './chain.js'
import type { EngineHead } from './engine-head.js'
import type { Faults } from './faults.js'
import { type Leadership, leaderAbove } from './leadership.js'
import type { SequencerPool } from './pool.js'
import type { SignedBlock } from './publication.js'
import { createReselection } from './reselection.js'

/** Makes the chain's next block, and nothing of it is seen: who publishes it does that. */
export type Producer = {
  /** A signed block, `undefined` before its time, or why there is none although it is time. */
  next(nowMs: number): Promise<SignedBlock | string | undefined>
}

export type ProducerParts = {
  rollup: RollupConfig
  chain: Chain
  engineHead: Pick<EngineHead, 'parent'>
  pool: SequencerPool
  l1: L1View
  builder: BlockBuilder
  accounts: readonly LocalAccount[]
  signers: ReadonlyMap<Address, HeaderSigner>
  faults: Pick<Faults, 'isHalted'>
  leadership?: Leadership | undefined
  /** How much data new blocks may bring, so that posting keeps up. */
  daLimits(): BlockDaLimits
}

/** Where a block may have no transactions of users. */
const depositsOnly: BlockLimits = { maxBytes: 1, maxDaBytes: undefined, maxDaBytesPerTransaction: undefined }
/** How long the next origin is waited for: the present one serves as well. */
const originTimeoutMs = 2000

export function createProducer(parts: ProducerParts): Producer {
  const { rollup, chain, engineHead, pool, l1, builder, signers, faults, leadership } = parts
  const reselection = createReselection(() => parts.accounts.filter(({ address }) => !faults.isHalted(address)))
  const leaderNow = (height: bigint): SlotLeader | undefined => leaderAbove(chain.control, leadership, height)
  const schedule: LeaderSchedule = { leaderAt: leaderNow }

  /** What the next block's first transactions come from; why there is nothing, as a text. */
  const findOrigin = async (): Promise<{ origin: L1Block; noTxPool: boolean } | string> => {
    const { head } = chain
    const current = await l1.at(head.l1Origin.number)
    if (current === undefined || current.hash !== head.l1Origin.hash) {
      l1.forgetAll()
      return `L1 does not show block ${head.l1Origin.number}, on which the chain stands`
    }
    // An L1 that does not answer stops nobody: the present origin carries the chain for as long as the drift allows.
    const next = await l1.after(current, AbortSignal.timeout(originTimeoutMs)).catch(() => undefined)
    const choice = nextOrigin(rollup, head, current, next)
    if (choice.type === 'build') return choice
    return `too far ahead of L1 block ${current.number}, and it shows no next one`
  }

  /** The leader of the next block and its key; why there is none, as a text. */
  const electLeader = async (nowMs: number): Promise<{ leader: SlotLeader; signer: HeaderSigner } | string> => {
    const height = chain.head.number + 1n
    const elected = leaderNow(height)
    if (leadership !== undefined) {
      const held = leadership.hold(chain.head.number)
      if (held !== undefined) return held
    } else if (
      elected === undefined ||
      faults.isHalted(elected.sequencer) ||
      isBarred(chain.control.pool)(elected.id)
    ) {
      const voted = await reselection.tryNextTerm(chain.control, height, chain.head.hash, nowMs)
      if (voted === undefined) return 'the elected leader makes no block, and its turn is not over'
      chain.control = voted
    }
    const leader = leaderNow(height)
    const signer = leader === undefined ? undefined : signers.get(leader.sequencer)
    if (leader === undefined || signer === undefined || faults.isHalted(leader.sequencer)) {
      return 'nobody whose key is here leads'
    }
    return { leader, signer }
  }

  const limitsNow = (): BlockLimits => {
    const { maxBlockBytes, maxTransactionBytes } = parts.daLimits()
    const bytes = (limit: number | undefined): bigint | undefined => (limit === undefined ? undefined : BigInt(limit))
    const [byFootprint, byThrottle] = [pool.mempool.head.maxDaBytes, bytes(maxBlockBytes)]
    const isFootprintLess = byFootprint !== undefined && (byThrottle === undefined || byFootprint < byThrottle)
    return {
      ...defaultBlockLimits,
      maxDaBytes: isFootprintLess ? byFootprint : byThrottle,
      maxDaBytesPerTransaction: bytes(maxTransactionBytes),
    }
  }

  return {
    async next(nowMs) {
      const { head } = chain
      if (BigInt(nowMs) < (head.timestamp + rollup.blockTimeSeconds) * 1000n) return undefined
      const found = await findOrigin()
      if (typeof found === 'string') return found
      const elected = await electLeader(nowMs)
      if (typeof elected === 'string') return elected
      const { origin, noTxPool } = found
      const { leader, signer } = elected

      const { systemConfig, tip } = chain
      const base = buildAttributes({ rollup, parent: head, systemConfig, origin, logs: origin.logs, transactions: [] })
      const forcedUpTo = tip?.header.forcedUpTo ?? 0n
      const built = await builder.build({
        parent: await engineHead.parent(),
        attributes: base.attributes,
        baseFeePerGas: pool.mempool.head.baseFeePerGas,
        l1Origin: { number: origin.number, hash: origin.hash },
        turn: { epoch: leader.epoch, term: leader.term },
        forcedUpTo,
        // The first deposit is the protocol's own.
        forced: queueOf(base.attributes.transactions.slice(1), origin.timestamp, forcedUpTo),
        limits: noTxPool ? depositsOnly : limitsNow(),
      })
      for (const { hash, reason } of built.leftOut) {
        if (reason === 'invalid') await pool.durable.record(pool.mempool.remove(hash, 'failed'))
      }
      const block = await sealBlock(built.block, signer, schedule)
      const { receipts } = built
      const transactions = built.entries.map(({ transaction }) => transaction)
      return { block, transactions, receipts, config: base.systemConfig, signer: leader.sequencer }
    },
  }
}

/** The deposits of an L1 origin as entries of the queue that the sequencer must not leave out. */
function queueOf(deposits: readonly Uint8Array[], enqueuedAtSeconds: bigint, firstIndex: bigint): QueueEntry[] {
  return deposits.map((raw, index) => ({
    index: firstIndex + BigInt(index),
    enqueuedAtSeconds,
    bufferSeconds: defaultForcedInclusionRule.maxBufferSeconds,
    hash: bytesToHex(keccak256(raw)),
    gasLimit: decodeDeposit(raw).gas,
    transaction: undefined,
  }))
}
