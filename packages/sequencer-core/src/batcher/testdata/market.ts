import { type BlobParameters, blobBaseFee, blobForks, encodeOpBlob, nextExcessBlobGas } from '@l2/blob'
import type { Random } from '@l2/common/testing'
import type { L1Simulator } from '../../testing/l1-simulator.js'

export const gwei = 1_000_000_000n
const gasPerBlob = 131_072n
const gasLimit = 36_000_000n
const parameters: BlobParameters = blobForks.bpo2

/** What everybody else wants of a block. */
export type Demand = {
  /** Gas of a limit of 36 000 000. */
  readonly gasUsed: bigint
  readonly blobs: number
  /** Tip a gas below which a transaction does not get in. */
  readonly marginalTipWei: bigint
}

/** A batcher's transaction in the mempool. */
export type Posted = {
  readonly items: readonly Uint8Array[]
  readonly blobs: boolean
  /** L1 block behind which it is withdrawn. */
  readonly includeBy: bigint
  tipWei: bigint
  feeCapWei: bigint
  blobFeeCapWei: bigint
  /** Blocks after which it is replaced at twice the fees. */
  readonly bumpAfterBlocks: number
  waitedBlocks: number
  resolve(included: { height: bigint; paidWei: bigint }): void
  reject(error: Error): void
}

/** Prices of an L1 block. */
type FeeHeader = { baseFeePerGas: bigint; excessBlobGas: bigint; blobGasUsed: bigint; marginalTipWei: bigint }

/** The next base fee under EIP-1559 with a target of half the limit. */
function followingBaseFee(baseFee: bigint, gasUsed: bigint): bigint {
  const target = gasLimit / 2n
  const delta = (baseFee * (gasUsed > target ? gasUsed - target : target - gasUsed)) / target / 8n
  if (gasUsed > target) return baseFee + (delta > 0n ? delta : 1n)
  return baseFee - delta < 7n ? 7n : baseFee - delta
}

/**
 * The fee market of a simulated L1 (EIP-1559, 4844 and 7918 with the blob parameters of BPO2), and the mempool of one account: strictly by nonce, by
 * fee cap and tip, with what a reorg gave back first.
 */
export class Market {
  readonly fees: FeeHeader[] = [{ baseFeePerGas: gwei, excessBlobGas: 0n, blobGasUsed: 0n, marginalTipWei: 0n }]
  readonly pool: Posted[] = []
  readonly #included: { height: bigint; transaction: Posted }[] = []
  readonly l1: L1Simulator
  readonly #first: bigint
  readonly #demand: (random: Random) => Demand
  /** Blocks to come that include nothing of the account. */
  stalledBlocks = 0
  peakBaseFee = 0n
  #baseFee: bigint

  constructor(l1: L1Simulator, demand: (random: Random) => Demand, baseFee: bigint = gwei) {
    this.l1 = l1
    this.#first = l1.head.number
    this.#demand = demand
    this.#baseFee = baseFee
    this.fees[0]!.baseFeePerGas = baseFee
  }

  get blobFee(): bigint {
    return blobBaseFee(this.fees.at(-1)!.excessBlobGas, parameters)
  }

  get baseFee(): bigint {
    return this.fees.at(-1)!.baseFeePerGas
  }

  /** What a node answers to `eth_maxPriorityFeePerGas`: the 60th percentile of the last 20 blocks, as geth's oracle. */
  get suggestedTip(): bigint {
    const tips = this.fees.slice(-20).map(({ marginalTipWei }) => marginalTipWei)
    tips.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    return tips[Math.floor((tips.length - 1) * 0.6)]!
  }

  send(transaction: Omit<Posted, 'waitedBlocks'>): void {
    this.pool.push({ ...transaction, waitedBlocks: 0 })
  }

  mine(random: Random): void {
    const parent = this.fees.at(-1)!
    let { gasUsed, blobs, marginalTipWei } = this.#demand(random)
    const excessBlobGas = nextExcessBlobGas(parent, parameters)
    const blobFee = blobBaseFee(excessBlobGas, parameters)
    const baseFeePerGas = this.fees.length === 1 ? parent.baseFeePerGas : this.#baseFee
    const height = this.l1.head.number + 1n
    const mined: { transaction: Posted; paidWei: bigint }[] = []
    while (this.stalledBlocks === 0 && this.pool.length > 0 && mined.length < 3) {
      const next = this.pool[0]!
      const above = next.feeCapWei - baseFeePerGas
      const tip = above < next.tipWei ? above : next.tipWei
      if (tip < marginalTipWei || (next.blobs && next.blobFeeCapWei < blobFee)) break
      // Whoever pays enough takes the place of somebody who bids less.
      if (next.blobs) {
        blobs = Math.min(parameters.max, blobs + next.items.length)
        this.l1.postBlobs(next.items.map(encodeOpBlob))
      } else for (const item of next.items) this.l1.post(item)
      const transactions = next.blobs ? 1 : next.items.length
      const bytes = next.items.reduce((sum, { length }) => sum + length, 0)
      const gas = 21_000n * BigInt(transactions) + (next.blobs ? 0n : 40n * BigInt(bytes))
      gasUsed = gasUsed + gas > gasLimit ? gasLimit : gasUsed + gas
      const blobWei = next.blobs ? BigInt(next.items.length) * gasPerBlob * blobFee : 0n
      mined.push({ transaction: this.pool.shift()!, paidWei: gas * (baseFeePerGas + tip) + blobWei })
    }
    this.l1.mine()
    this.fees.push({ baseFeePerGas, excessBlobGas, blobGasUsed: BigInt(blobs) * gasPerBlob, marginalTipWei })
    this.#baseFee = followingBaseFee(baseFeePerGas, gasUsed)
    if (baseFeePerGas > this.peakBaseFee) this.peakBaseFee = baseFeePerGas
    for (const { transaction, paidWei } of mined) {
      this.#included.push({ height, transaction })
      transaction.resolve({ height, paidWei })
    }
    for (const waiting of [...this.pool]) {
      if (++waiting.waitedBlocks % waiting.bumpAfterBlocks === 0) {
        waiting.tipWei *= 2n
        waiting.feeCapWei *= 2n
        waiting.blobFeeCapWei *= 2n
      }
      // Withdrawn: what would be dropped is not paid for.
      if (height < waiting.includeBy) continue
      this.pool.splice(this.pool.indexOf(waiting), 1)
      waiting.reject(new Error('withdrawn'))
    }
    if (this.stalledBlocks > 0) this.stalledBlocks--
  }

  reorg(depth: number, random: Random): bigint {
    const head = this.l1.head.number
    const to = head - BigInt(depth) > this.#first ? head - BigInt(depth) : this.#first
    this.l1.reorg(to)
    this.fees.length = Number(to - this.#first) + 1
    this.#baseFee = this.fees.at(-1)!.baseFeePerGas
    const back: Posted[] = []
    while (this.#included.length > 0 && this.#included.at(-1)!.height > to)
      back.unshift(this.#included.pop()!.transaction)
    // Most return to the mempool, in order; at times the node has forgotten them.
    if (random.bool(0.7)) this.pool.unshift(...back)
    return to
  }
}
