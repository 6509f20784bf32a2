import { maxBlobFrameDataBytes, maxChannelFrames } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import { pragueGas } from '../transaction/gas.js'
import { gasPerBlob } from './fill.js'

/** A compressor as the planner sees it: what a transaction of this rollup takes behind it, measured. */
export type CompressorChoice = { readonly name: string; readonly bytesPerTransaction: number }

/** Another layer than Ethereum: its price, and the gas of the commitment that goes to L1. */
export type AltDaChoice = { readonly name: string; readonly weiPerByte: bigint; readonly commitmentGas: bigint }

/** Traffic, prices and limits for {@link planBatcher}. */
export type PlanInput = {
  readonly transactionsPerSecond: number
  /** At least one. */
  readonly compressors: readonly CompressorChoice[]
  /** Base fee and tip, wei. */
  readonly gasPriceWei: bigint
  /** Of now, or expected. Below the floor that L1's base fee sets it does not stay: then the floor is planned with. */
  readonly blobBaseFeeWei: bigint
  /** L1's base fee, for the floor. Default: {@link PlanInput.gasPriceWei}. */
  readonly baseFeeWei?: bigint | undefined
  /** Whether L1 has EIP-7918's floor of the blob base fee: from Osaka on. Default true. */
  readonly hasBlobFloor?: boolean | undefined
  /** Gas that L1 takes for a byte of calldata that is no zero, at least. Default 40 (EIP-7623); 64 from Amsterdam on (EIP-7976). */
  readonly calldataGasPerByte?: bigint | undefined
  /** Longest time from a transaction until its batch is on L1. */
  readonly latencyTargetMs: number
  /** Blobs of one transaction. Default 6. */
  readonly maxBlobs?: number | undefined
  /** Between blocks of L1. Default 12 000. */
  readonly l1BlockMs?: number | undefined
  /** L1 blocks from submitting to inclusion. Default 2. */
  readonly expectedInclusionBlocks?: number | undefined
  /** What of Ethereum may be used. Default both. */
  readonly layers?: readonly ('blobs' | 'calldata')[] | undefined
  /** Other layers that may be used. */
  readonly altDa?: readonly AltDaChoice[] | undefined
}

/** One way to post, with what it costs. */
export type Plan = {
  /** `blobs`, `calldata`, or the name of another layer. */
  readonly da: string
  readonly compressor: string
  /** Frames a channel is filled to, and how long it may take, should traffic fall: options of `createBatcher`. */
  readonly targetFrames: number
  readonly frameDataBytes: number
  readonly maxChannelDurationBlocks: bigint
  /** L1 blocks after which it is full at this traffic, or its time is up. */
  readonly fillBlocks: number
  /** Rounded up. */
  readonly weiPerThousandTransactions: bigint
  readonly latencyMs: number
  /** Bytes used of the bytes paid, 0 to 1. */
  readonly fill: number
}

/** What a channel costs beside its blocks, bytes. */
const channelOverheadBytes = 256
const calldataFrameBytes = 119_976
/** EIP-7918, `BLOB_BASE_COST`: execution gas for which a blob must pay at least, at the base fee. */
const blobBaseCost = 8192n
/** EIP-7623: the floor that data without zeros pays. */
const floorGasPerByte = 4n * pragueGas.floorPerToken

/**
 * Chooses compressor, layer, blobs per channel and channel duration: the cheapest way per transaction that keeps the latency target, and among
 * equals the fastest, then the one with the fewest bytes. A pure function of its numbers; `explanation` says in them why. A channel that fills its last blob by waiting is
 * among the candidates whenever the target allows the wait, so a blob is left half empty only when it does not.
 *
 * Source of the prices: EIP-4844 (131 072 gas a blob), EIP-7623 (40 gas a byte of calldata), EIP-7918 (a blob gas costs a 16th of the base fee
 * at the least, for as long as there is demand).
 *
 * @throws SequencerError `BATCHER_OPTIONS` when a number is out of range, or the target is shorter than inclusion takes
 *
 * @example
 * ```ts
 * import { planBatcher } from '@l2/sequencer-core/batcher'
 *
 * const { plan, explanation } = planBatcher({
 *   transactionsPerSecond: 10,
 *   compressors: [{ name: 'zlib', bytesPerTransaction: 150 }, { name: 'brotli-10', bytesPerTransaction: 125 }],
 *   gasPriceWei: 1_000_000_000n,
 *   blobBaseFeeWei: 100_000_000n,
 *   latencyTargetMs: 1_800_000,
 * })
 * console.log(plan.da, plan.compressor, plan.targetFrames, explanation.length) // blobs brotli-10 6 4
 * ```
 */
export function planBatcher(input: PlanInput): {
  plan: Plan
  /** The best of each other compressor and layer, cheapest first. */
  alternatives: readonly Plan[]
  explanation: readonly string[]
} {
  const { transactionsPerSecond: rate, compressors, gasPriceWei, latencyTargetMs } = input
  const { baseFeeWei = gasPriceWei, hasBlobFloor = true, calldataGasPerByte = floorGasPerByte } = input
  const { maxBlobs = 6, l1BlockMs = 12_000, expectedInclusionBlocks = 2 } = input
  const { layers = ['blobs', 'calldata'], altDa = [] } = input
  const numbers = { transactionsPerSecond: rate, l1BlockMs, maxBlobs, compressors: compressors.length }
  const check = (field: string, value: number | bigint, ok: boolean): void => {
    if (ok) return
    throw new SequencerError(`"${field}": ${value} cannot be planned with`, {
      code: 'BATCHER_OPTIONS',
      details: { field, value },
    })
  }
  for (const [field, value] of Object.entries(numbers)) check(field, value, Number.isFinite(value) && value > 0)
  check('maxBlobs', maxBlobs, Number.isInteger(maxBlobs) && maxBlobs < maxChannelFrames)
  for (const { name, bytesPerTransaction } of compressors) {
    check(name, bytesPerTransaction, Number.isFinite(bytesPerTransaction) && bytesPerTransaction > 0)
    check('transactionsPerSecond', rate, Number.isFinite(rate * bytesPerTransaction * l1BlockMs))
  }
  for (const { name, weiPerByte, commitmentGas } of altDa) {
    check(name, weiPerByte, weiPerByte >= 0n)
    check(name, commitmentGas, commitmentGas >= 0n)
  }
  check('gasPriceWei', gasPriceWei, gasPriceWei >= 0n)
  check('blobBaseFeeWei', input.blobBaseFeeWei, input.blobBaseFeeWei >= 0n)
  check('baseFeeWei', baseFeeWei, baseFeeWei >= 0n)
  check('calldataGasPerByte', calldataGasPerByte, calldataGasPerByte > 0n)
  const floor = hasBlobFloor ? (blobBaseCost * baseFeeWei + gasPerBlob - 1n) / gasPerBlob : 0n
  const blobBaseFeeWei = input.blobBaseFeeWei > floor ? input.blobBaseFeeWei : floor
  const longest = Math.floor(latencyTargetMs / l1BlockMs) - expectedInclusionBlocks
  check('latencyTargetMs', latencyTargetMs, Number.isSafeInteger(longest) && longest >= 1)
  check('layers', layers.length + altDa.length, layers.length + altDa.length > 0)

  const candidate = (
    da: string,
    compressor: CompressorChoice,
    frames: number,
    frameDataBytes: number,
    cost: (bytes: number) => { wei: bigint; paidBytes: number },
  ): Plan => {
    const capacity = frames * frameDataBytes - channelOverheadBytes
    const bytesPerBlock = (rate * compressor.bytesPerTransaction * l1BlockMs) / 1000
    const untilFull = capacity / bytesPerBlock
    const duration = Math.max(Math.min(untilFull, longest), 0)
    const bytes = duration * bytesPerBlock
    // Not by way of the bytes: compressors whose channels hold as many transactions are to cost the same, to the wei.
    const transactions = (duration * rate * l1BlockMs) / 1000
    const { wei, paidBytes } = cost(bytes + channelOverheadBytes)
    // In millionths of a transaction: a channel may hold less than one on average.
    const millionths = BigInt(Math.max(1, Math.floor(transactions * 1e6)))
    return {
      da,
      compressor: compressor.name,
      targetFrames: frames,
      frameDataBytes,
      maxChannelDurationBlocks: BigInt(longest),
      fillBlocks: Math.ceil(duration),
      weiPerThousandTransactions: (wei * 1_000_000_000n + millionths - 1n) / millionths,
      latencyMs: Math.ceil((duration + expectedInclusionBlocks) * l1BlockMs),
      fill: Math.min(1, (bytes + channelOverheadBytes) / paidBytes),
    }
  }
  const cheaper = (a: Plan, b: Plan): number =>
    a.weiPerThousandTransactions < b.weiPerThousandTransactions
      ? -1
      : a.weiPerThousandTransactions > b.weiPerThousandTransactions
        ? 1
        : a.latencyMs - b.latencyMs || a.fill - b.fill

  const best: Plan[] = []
  for (const compressor of compressors) {
    const blobs = Array.from({ length: maxBlobs }, (_, i) =>
      candidate('blobs', compressor, i + 1, maxBlobFrameDataBytes, bytes => {
        const count = Math.max(1, Math.ceil(bytes / maxBlobFrameDataBytes))
        return {
          wei: BigInt(count) * gasPerBlob * blobBaseFeeWei + pragueGas.transaction * gasPriceWei,
          paidBytes: count * maxBlobFrameDataBytes,
        }
      }),
    ).sort(cheaper)
    const calldata = candidate('calldata', compressor, 1, calldataFrameBytes, bytes => {
      const whole = Math.ceil(bytes)
      return { wei: (pragueGas.transaction + calldataGasPerByte * BigInt(whole)) * gasPriceWei, paidBytes: whole }
    })
    if (layers.includes('blobs')) best.push(blobs[0]!)
    if (layers.includes('calldata')) best.push(calldata)
    for (const { name, weiPerByte, commitmentGas } of altDa) {
      best.push(
        candidate(name, compressor, 1, maxBlobFrameDataBytes, bytes => {
          const whole = Math.ceil(bytes)
          return { wei: BigInt(whole) * weiPerByte + commitmentGas * gasPriceWei, paidBytes: whole }
        }),
      )
    }
  }
  best.sort(cheaper)
  const [plan, ...alternatives] = best as [Plan, ...Plan[]]
  const size = compressors.find(({ name }) => name === plan.compressor)!.bytesPerTransaction
  const explanation = explain(input, plan, alternatives, { blobBaseFeeWei, size, longest })
  return { plan, alternatives, explanation }
}

/** Why a plan is the cheapest, in numbers. */
function explain(
  { gasPriceWei, latencyTargetMs }: PlanInput,
  plan: Plan,
  alternatives: readonly Plan[],
  { blobBaseFeeWei, size, longest }: { blobBaseFeeWei: bigint; size: number; longest: number },
): string[] {
  const otherDa = alternatives.find(({ da }) => da !== plan.da)
  const more = (other: Plan): string => {
    if (plan.weiPerThousandTransactions === 0n) return 'no less'
    const ratio = Number((other.weiPerThousandTransactions * 1000n) / plan.weiPerThousandTransactions) / 10
    return `${(ratio - 100).toFixed(1)} % more`
  }
  const otherCompressor = alternatives.find(({ compressor, da }) => compressor !== plan.compressor && da === plan.da)
  return [
    `${plan.da}: 1,000 transactions cost ${plan.weiPerThousandTransactions} wei at ${gasPriceWei} wei a gas and ${blobBaseFeeWei} wei a blob gas; ${
      otherDa === undefined ? 'there is no other layer' : `${otherDa.da} would cost ${more(otherDa)}`
    }`,
    `${plan.compressor}: ${size} bytes a transaction; ${
      otherCompressor === undefined
        ? 'there is no other'
        : `${otherCompressor.compressor} would cost ${more(otherCompressor)}`
    }`,
    `${plan.targetFrames} frames of ${plan.frameDataBytes} bytes, ${(plan.fill * 100).toFixed(1)} % of what is paid for used`,
    `closed after ${plan.fillBlocks} of at most ${longest} L1 blocks: ${plan.latencyMs / 1000} s until it is on L1, ${latencyTargetMs / 1000} s allowed`,
  ]
}
