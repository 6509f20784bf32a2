import { readSchema } from '@l2/common/schema'
import * as z from 'zod/mini'
import { SequencerError } from '../errors.js'
import { type GasSchedule, pragueGas } from '../transaction/gas.js'
import type { PoolHead } from './types.js'

/** What a pool keeps and what it takes. Defaults are geth's where geth has the option. */
export type MempoolOptions = {
  /** Transactions, executable and queued together, bundles not counted. Default 6144 (geth: 5120 + 1024). */
  maxTransactions: number
  /** Transactions that wait for a predecessor or for funds. Default 1024. */
  maxQueued: number
  /** Transactions of one sender. Default 64. */
  maxPerSender: number
  /** Bytes of all transactions. Default 64 MiB. */
  maxBytes: number
  /** Bundles. Default 256. */
  maxBundles: number
  /** Transactions in one bundle. Default 16. */
  maxBundleTransactions: number
  /** How many heights ahead a bundle may reach. Default 10, as op-rbuilder. */
  maxBundleBlocks: number
  /** How long a transaction may wait without becoming executable, milliseconds. Default 3 hours. */
  queuedLifetimeMs: number
  /** What a replacement adds to both fees, percent. Default 10. */
  priceBumpPercent: number
  /** The smallest priority fee, wei. Default 1. */
  minTipWei: bigint
  /** Refuses a fee cap below the base fee at the door, as Nitro does; otherwise it waits, as in geth. Default false. */
  refuseBelowBaseFee: boolean
  /** Gas of a block that no transaction may ask for, kept for the system's own. Default 100 000 (OP interop). */
  reservedGas: bigint
  /** Heights for which included transactions are remembered, so that a reorg gives them their old place back. Default 64. */
  reorgBlocks: number
  /** Gas rules of the chain's fork. Default {@link pragueGas}. */
  schedule: GasSchedule
}

/** The defaults of {@link MempoolOptions}. */
export const defaultMempoolOptions: MempoolOptions = {
  maxTransactions: 6_144,
  maxQueued: 1_024,
  maxPerSender: 64,
  maxBytes: 64 * 1024 * 1024,
  maxBundles: 256,
  maxBundleTransactions: 16,
  maxBundleBlocks: 10,
  queuedLifetimeMs: 3 * 60 * 60 * 1000,
  priceBumpPercent: 10,
  minTipWei: 1n,
  refuseBelowBaseFee: false,
  reservedGas: 100_000n,
  reorgBlocks: 64,
  schedule: pragueGas,
}

/** What a pool believes before it is told of a block: 30 million gas and no base fee. */
export const genesisPoolHead: PoolHead = { number: 0n, timestamp: 0n, baseFeePerGas: 0n, gasLimit: 30_000_000n }

const count = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const amount = /* @__PURE__ */ (() => z.bigint().check(z.nonnegative()))()
const schema = /* @__PURE__ */ (() =>
  z
    .strictObject({
      maxTransactions: count,
      maxQueued: z.int().check(z.nonnegative()),
      maxPerSender: count,
      maxBytes: count,
      maxBundles: z.int().check(z.nonnegative()),
      maxBundleTransactions: count,
      maxBundleBlocks: count,
      queuedLifetimeMs: z.number().check(z.positive()),
      priceBumpPercent: z.int().check(z.nonnegative()),
      minTipWei: amount,
      refuseBelowBaseFee: z.boolean(),
      reservedGas: amount,
      reorgBlocks: z.int().check(z.nonnegative()),
      schedule: z.custom<GasSchedule>(value => typeof value === 'object' && value !== null),
    })
    .check(z.refine(options => options.maxQueued <= options.maxTransactions, 'maxQueued is above maxTransactions')))()

/** @throws SequencerError `MEMPOOL_OPTIONS`, naming every option that is wrong */
export function readMempoolOptions(options: Partial<MempoolOptions>): MempoolOptions {
  const result = readSchema(schema, { ...defaultMempoolOptions, ...options })
  if (!result.ok) {
    throw new SequencerError('mempool options are wrong', {
      code: 'MEMPOOL_OPTIONS',
      meta: result.issues,
    })
  }
  return result.value
}
