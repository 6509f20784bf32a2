import { type Clock, systemClock } from '@l2/common'
import { type Abi, type Address, type Hash, type Hex, keccak256, type LocalAccount } from 'viem'
import * as z from 'zod/mini'
import { SettlementError } from '../errors.js'
import { checkOptions, uint } from '../internal/options.js'
import { type Fees, feesAbove, gwei } from './fees.js'
import type { L1Reader } from './reader.js'

/** A transaction to be sent. */
export type L1Call = {
  /** In a few words, for status and events. */
  readonly what: string
  readonly to: Address
  readonly data: Hex
  readonly valueWei: bigint
  /** Names the errors that the contract may revert with. */
  readonly abi: Abi
}

/** A transaction that is not mined yet. */
export type Underway = { readonly what: string; readonly hash: Hash; readonly nonce: number; readonly attempts: number }

/** What became of a transaction. */
export type Settled = {
  readonly what: string
  readonly hash: Hash
  readonly success: boolean
  readonly gasUsed: bigint
  readonly l1Block: bigint
}

/** Options of {@link createSender}. */
export type SenderOptions = {
  /** Wei; above it nothing is sent, and what is on its way is not raised. Defaults to 500 gwei. */
  maxFeePerGasWei?: bigint | undefined
  /** Wei; defaults to 1 gwei. */
  tipWei?: bigint | undefined
  /** Milliseconds after which a transaction that is not mined is sent again for more. Defaults to 48,000, four slots. */
  resubmitMs?: number | undefined
}

/** Who pays: its key, L1, and a clock. */
export type SenderDependencies = {
  readonly l1: L1Reader
  readonly account: LocalAccount
  readonly clock?: Clock | undefined
}

/**
 * Sends the transactions of one account, one at a time, and keeps nothing: whoever uses it decides by what L1 says, and after a crash goes on from there. What an
 * earlier run has left unmined keeps its place until time is over, and is then replaced.
 */
export interface Sender {
  readonly address: Address
  readonly underway: Underway | undefined
  /** The L1 block that has its newest transaction: what L1 tells of an earlier one is old. */
  readonly minedIn: bigint
  /** What it had when it was last asked; wei. */
  readonly balanceWei: bigint | undefined
  /** Looks after what is on its way: `pending`, what became of it, or `undefined` where there is nothing. @throws SettlementError `L1_UNAVAILABLE`, `L1_REFUSED` */
  settle(): Promise<Settled | 'pending' | undefined>
  /**
   * Tries a transaction on L1's newest state, and sends it. Whether it is mined says {@link settle}.
   *
   * @throws SettlementError `L1_REVERTED`: it would fail, and was not sent; `L1_FUNDS`: the balance does not pay for value and gas; `L1_PRICE`: L1 asks more
   * than is to be paid; `L1_BUSY`: another one is on its way; `L1_UNAVAILABLE`, `L1_REFUSED`
   */
  submit(call: L1Call): Promise<Hash>
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    maxFeePerGasWei: z.optional(uint(2n ** 64n, 1n)),
    tipWei: z.optional(uint(2n ** 64n)),
    resubmitMs: z.optional(z.int().check(z.positive(), z.maximum(86_400_000))),
  }))()

type Attempt = Fees & { readonly hash: Hash; readonly raw: Hex }
type Open = {
  readonly call: L1Call
  readonly nonce: number
  readonly gas: bigint
  attempts: Attempt[]
  sinceMs: number
}

/**
 * A sender for one account. Two that use the same account share one of these.
 *
 * @throws SettlementError `SETTLEMENT_OPTIONS_INVALID`
 */
export function createSender(options: SenderOptions, { l1, account, clock = systemClock }: SenderDependencies): Sender {
  checkOptions(optionsSchema, options, 'the sender')
  const { maxFeePerGasWei = 500n * gwei, tipWei = gwei, resubmitMs = 48_000 } = options
  const { address } = account
  let open: Open | undefined
  let balanceWei: bigint | undefined
  let minedIn = 0n
  let chainId: number | undefined
  /** Since when an unmined transaction of an earlier run is known. */
  let strangerSinceMs: number | undefined

  const nonceAt = async (tag: 'latest' | 'pending'): Promise<number> =>
    Number(await l1.request<Hex>('eth_getTransactionCount', [address, tag]))

  const priced = async (last: Attempt | undefined): Promise<Fees> =>
    feesAbove(last, (await l1.head()).baseFeePerGas, { maxFeePerGasWei, tipWei })

  const offer = async (of: Open, fees: Fees): Promise<Hash> => {
    chainId ??= Number(await l1.request<Hex>('eth_chainId', []))
    const { to, data, valueWei: value } = of.call
    const { maxFeeWei, tipWei: tip } = fees
    const price = { maxFeePerGas: maxFeeWei, maxPriorityFeePerGas: tip < maxFeeWei ? tip : maxFeeWei }
    const signed = { type: 'eip1559', chainId, nonce: of.nonce, to, data, value, gas: of.gas, ...price } as const
    const raw = await account.signTransaction(signed)
    const hash = keccak256(raw)
    // Before it is sent: an answer that is lost must not lose the transaction.
    of.attempts.push({ hash, raw, ...fees })
    of.sinceMs = clock.now()
    open = of
    await l1.request('eth_sendRawTransaction', [raw])
    return hash
  }

  return {
    address,
    get underway() {
      if (open === undefined) return undefined
      return {
        what: open.call.what,
        hash: open.attempts.at(-1)!.hash,
        nonce: open.nonce,
        attempts: open.attempts.length,
      }
    },
    get minedIn() {
      return minedIn
    },
    get balanceWei() {
      return balanceWei
    },
    async settle() {
      balanceWei = BigInt(await l1.request<Hex>('eth_getBalance', [address, 'latest']))
      const settling = open
      if (settling === undefined) return undefined
      // The count first: a receipt that is missing although the nonce is used belongs to somebody else's transaction.
      const used = (await nonceAt('latest')) > settling.nonce
      for (const { hash } of settling.attempts) {
        type Receipt = { status: Hex; gasUsed: Hex; blockNumber: Hex }
        const receipt = await l1.request<Receipt | null>('eth_getTransactionReceipt', [hash])
        if (receipt === null) continue
        open = undefined
        minedIn = BigInt(receipt.blockNumber)
        return {
          what: settling.call.what,
          hash,
          success: BigInt(receipt.status) === 1n,
          gasUsed: BigInt(receipt.gasUsed),
          l1Block: minedIn,
        }
      }
      if (used) {
        open = undefined
        return undefined
      }
      const last = settling.attempts.at(-1)!
      if (clock.now() - settling.sinceMs >= resubmitMs) {
        await offer(settling, await priced(last))
      } else if ((await l1.request('eth_getTransactionByHash', [last.hash])) === null) {
        // The node was restarted, or had refused it for the moment.
        await l1.request('eth_sendRawTransaction', [last.raw])
      }
      return 'pending'
    },
    async submit(call) {
      const busy = (what: string) =>
        new SettlementError(`${what} is not mined yet`, { code: 'L1_BUSY', recovery: 'retry', details: { what } })
      if (open !== undefined) throw busy(open.call.what)
      const nonce = await nonceAt('latest')
      const isStranger = (await nonceAt('pending')) > nonce
      if (!isStranger) strangerSinceMs = undefined
      else if (clock.now() - (strangerSinceMs ??= clock.now()) < resubmitMs)
        throw busy('a transaction of an earlier run')
      const { to, data, valueWei } = call
      const request = { from: address, to, data, value: `0x${valueWei.toString(16)}` }
      const fees = await priced(undefined)
      // What is replaced is not known: twice the price is more than any node asks for.
      const paid = isStranger ? { maxFeeWei: 2n * fees.maxFeeWei, tipWei: 2n * fees.tipWei } : fees
      balanceWei = BigInt(await l1.request<Hex>('eth_getBalance', [address, 'latest']))
      const short = (needWei: bigint) =>
        new SettlementError(`${address} has ${balanceWei} wei and needs ${needWei} for "${call.what}"`, {
          code: 'L1_FUNDS',
          recovery: 'retry',
          details: { balanceWei, needWei, valueWei },
        })
      // Without the value a node refuses to try.
      if (balanceWei <= valueWei) throw short(valueWei)
      const estimate = BigInt(await l1.request<Hex>('eth_estimateGas', [request, 'latest'], call.abi))
      const gas = estimate + estimate / 4n
      const needWei = valueWei + gas * paid.maxFeeWei
      if (balanceWei < needWei) throw short(needWei)
      return await offer({ call, nonce, gas, attempts: [], sinceMs: clock.now() }, paid)
    },
  }
}
