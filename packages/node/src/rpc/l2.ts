import { isL2Error } from '@l2/common'
import { liquidApr, liquidRate, queueView, seatsView } from '@l2/lst'
import { slotOf } from '@l2/staking/epoch'
import type { Address, Hash } from 'viem'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import { ledgerAnswer, maxRows, parseLedgerQuery } from '../economics/pages.js'
import { leaderOf } from '../pool/control-plane.js'
import type { BatchRecord } from '../posting/batching.js'
import type { SequencerLoop } from '../sequencer/sequencer.js'
import type { Status } from '../status/status.js'
import type { RpcMethod } from './answer.js'
import { RpcAnswerError } from './client.js'

/** What wallets need of L1 to bring money in and out. */
export type ChainContracts = {
  l1ChainId: number
  /** The origin alone: what stands behind it may be a key. */
  l1Url: string
  inbox: string
  contracts: Readonly<Record<string, string>>
}

/** What the `l2_*` methods need of the node. */
export type L2View = {
  sequencer: SequencerLoop
  status(): Status
  batches(): readonly BatchRecord[]
  keeper: Bookkeeper
  /** Where the chain's L1 is, its inbox there, and the contracts by their names. */
  contracts(): ChainContracts
  /** Bundles that the node's watcher has brought forward. */
  evidence(): readonly string[]
}

const blockNumber = (value: unknown): bigint => {
  if (typeof value === 'string' && /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value)) return BigInt(value)
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value)
  throw new RpcAnswerError({ code: -32602, message: 'invalid argument 0: block number expected' })
}

const count = (value: unknown, most: number): number => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return Math.min(value, most)
  throw new RpcAnswerError({ code: -32602, message: 'invalid argument 0: a whole number from 1 on expected' })
}

/** What only a rollup has: sync status, batches, who leads, the pool, liquid staking, and the books. Integers are decimal strings. */
export function l2Methods(view: L2View): Map<string, RpcMethod> {
  const { sequencer } = view
  return new Map<string, RpcMethod>([
    ['l2_evidence', () => view.evidence().map(bundle => JSON.parse(bundle) as unknown)],
    [
      'l2_syncStatus',
      () => {
        const { heads, l1 } = view.status()
        return { ...heads, l1 }
      },
    ],
    ['l2_status', () => view.status()],
    ['l2_contracts', () => view.contracts()],
    ['l2_batches', params => view.batches().slice(-count(params[0] ?? 20, 1000))],
    [
      'l2_plan',
      () => {
        const { plan, explanation } = view.status().posting
        return { plan: plan ?? null, explanation }
      },
    ],
    [
      'l2_leaderSchedule',
      params => {
        const { control } = sequencer
        const from = params[0] === undefined ? sequencer.head.number + 1n : blockNumber(params[0])
        const slots: object[] = []
        for (let height = from; slots.length < 16; ) {
          const slot = slotOf(control.schedule, height)
          const leader = leaderOf(control, height)
          if (slot === undefined || leader === undefined) break
          slots.push({
            epoch: slot.epoch,
            slot: slot.slot,
            firstBlock: slot.start,
            lastBlock: slot.end,
            leader: leader.sequencer,
            term: leader.term,
          })
          height = slot.end + 1n
        }
        return slots
      },
    ],
    [
      'l2_pool',
      () => {
        const { pool } = sequencer.control
        const sequencers = [...pool.sequencers].map(([id, seat]) => ({
          id,
          owner: seat.owner,
          signer: seat.keys.at(-1)?.signer,
          status: seat.status,
          stakeWei: seat.amountWei,
          delegatedWei: seat.delegated.wei,
          rewardWei: seat.rewardWei,
          jailed: seat.jailedUntilSeconds !== 0n,
          tombstoned: seat.tombstoned,
          openCases: seat.openCases,
        }))
        return { epoch: pool.epoch, rewardPerBlockWei: pool.rewardPerBlockWei, ledger: pool.ledger, sequencers }
      },
    ],
    [
      'l2_lst',
      () => {
        const { lst } = sequencer.control
        return { ...liquidRate(lst), apr: liquidApr(lst), queue: queueView(lst), seats: seatsView(lst) }
      },
    ],
    [
      'l2_header',
      params => {
        const block = sequencer.block(blockNumber(params[0]))
        return block === undefined
          ? null
          : { header: block.header, signature: block.signature, blockHash: block.ref.hash }
      },
    ],
    ['l2_verifyOrdering', async params => (await sequencer.verifyOrdering(blockNumber(params[0]))) ?? null],
    ['l2_orderingReceipt', async params => (await sequencer.receipt(String(params[0]) as Hash)) ?? null],
    [
      'l2_economics',
      params => {
        if (params[0] !== undefined) return economicsPage(view.keeper, params[0])
        const { totals, balances, split, remainderTo } = view.keeper.books.ledger
        const { split: parties, ...economics } = view.status().economics
        return { ...economics, totals, balances, split, remainderTo, parties }
      },
    ],
  ])
}

function economicsPage(keeper: Bookkeeper, input: unknown): object {
  try {
    return ledgerAnswer(keeper, parseLedgerQuery(input, maxRows))
  } catch (error) {
    if (isL2Error(error, 'PARAMETER_INVALID')) throw new RpcAnswerError({ code: -32602, message: error.message })
    throw error
  }
}

const signerAddress = (value: unknown): Address => {
  if (typeof value === 'string' && /^0x[0-9a-f]{40}$/i.test(value)) return value as Address
  throw new RpcAnswerError({ code: -32602, message: 'invalid argument 0: address of a sequencer expected' })
}

/** Faults on demand, behind `--faults`: what the pool is for can be watched. */
export function faultMethods({ faults }: SequencerLoop): Map<string, RpcMethod> {
  return new Map<string, RpcMethod>([
    ['l2dev_halt', params => faults.halt(signerAddress(params[0]))],
    ['l2dev_resume', params => faults.resume(signerAddress(params[0]))],
    ['l2dev_equivocate', params => faults.equivocate(signerAddress(params[0]))],
  ])
}
