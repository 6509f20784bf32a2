import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { estimatedDaBytes } from '../fees/l1-fee.js'
import { checkTransaction } from '../transaction/gas.js'
import type { Transaction } from '../transaction/types.js'
import { checkCondition, conditionRange } from './condition.js'
import type { Account, Entry, Run } from './entries.js'
import type { MempoolOptions } from './options.js'
import type { AccountState, AddContext, PoolHead } from './types.js'

/** A transaction that wants to be in the pool, in its sender's queue. */
export type Newcomer = {
  readonly transaction: Transaction
  readonly costWei: bigint
  /** The sender as the door knows it. */
  readonly state: AccountState
  readonly account: Account
  /** What of {@link account} stands before it, counted at {@link state}. */
  readonly run: Run
  readonly replaced: Entry | undefined
}

/**
 * What can be said of a transaction without the pool.
 *
 * @throws SequencerError `TX_*`
 */
export function checkAtHead(
  transaction: Transaction,
  context: AddContext,
  head: PoolHead,
  options: MempoolOptions,
): void {
  const { sender, nonce } = transaction
  const state = context.account
  checkTransaction(transaction, options.schedule)
  if (transaction.gasLimit > head.gasLimit - options.reservedGas)
    throw exceedsBlock(transaction.gasLimit, head.gasLimit)
  checkFootprint([transaction], head)
  if (transaction.maxPriorityFeePerGas < options.minTipWei) {
    throw new SequencerError(
      `transaction underpriced: gas tip cap ${transaction.maxPriorityFeePerGas}, minimum needed ${options.minTipWei}`,
      { code: 'TX_UNDERPRICED', details: { tip: transaction.maxPriorityFeePerGas, minimum: options.minTipWei } },
    )
  }
  if (options.refuseBelowBaseFee && transaction.maxFeePerGas < head.baseFeePerGas) {
    throw new SequencerError(
      `max fee per gas less than block base fee: address ${sender}, maxFeePerGas: ${transaction.maxFeePerGas}, baseFee: ${head.baseFeePerGas}`,
      { code: 'TX_FEE_CAP_TOO_LOW', details: { sender, baseFeePerGas: head.baseFeePerGas } },
    )
  }
  if (context.condition !== undefined) {
    checkCondition(context.condition)
    if (conditionRange(context.condition, head.number + 1n, head.timestamp + 1n) === 'late')
      throw new SequencerError('failed conditional validation: block or time range is over', { code: 'TX_CONDITION' })
  }
  if (nonce < state.nonce) {
    throw new SequencerError(`nonce too low: next nonce ${state.nonce}, tx nonce ${nonce}`, {
      code: 'TX_NONCE_TOO_LOW',
      details: { next: state.nonce, nonce },
    })
  }
}

/** @throws SequencerError `TX_REPLACEMENT_UNDERPRICED` */
export function checkReplacement(transaction: Transaction, replaced: Entry, priceBumpPercent: number): void {
  const bump = BigInt(100 + priceBumpPercent)
  const old = replaced.transaction
  const capNeeded = (old.maxFeePerGas * bump) / 100n
  const tipNeeded = (old.maxPriorityFeePerGas * bump) / 100n
  if (
    transaction.maxFeePerGas > old.maxFeePerGas &&
    transaction.maxPriorityFeePerGas > old.maxPriorityFeePerGas &&
    transaction.maxFeePerGas >= capNeeded &&
    transaction.maxPriorityFeePerGas >= tipNeeded
  )
    return
  throw new SequencerError('replacement transaction underpriced', {
    code: 'TX_REPLACEMENT_UNDERPRICED',
    details: { replaces: old.hash, maxFeePerGasNeeded: capNeeded, maxPriorityFeePerGasNeeded: tipNeeded },
  })
}

/** @throws SequencerError `TX_INSUFFICIENT_FUNDS` */
export function checkFunds({ transaction, costWei, account, run, state, replaced }: Newcomer): void {
  const { balanceWei } = state
  const refuse = (what: string, needed: bigint): never => {
    throw new SequencerError(
      `insufficient funds for gas * price + value: balance ${balanceWei}, ${what}, overshot ${needed - balanceWei}`,
      { code: 'TX_INSUFFICIENT_FUNDS', details: { sender: transaction.sender, balanceWei, neededWei: needed } },
    )
  }
  if (costWei > balanceWei) refuse(`tx cost ${costWei}`, costWei)
  // Of what stands before it, the same account may have spent all it had.
  let spentWei = 0n
  for (let i = 0; i < run.executable; i++) spentWei += account.entries[run.stale + i]!.costWei
  const isReplacing = replaced?.executable === true
  const neededWei = spentWei + costWei - (isReplacing ? replaced.costWei : 0n)
  if (neededWei > balanceWei) {
    if (isReplacing) refuse(`queued cost ${spentWei}, tx bumped ${costWei - replaced.costWei}`, neededWei)
    else refuse(`queued cost ${spentWei}, tx cost ${costWei}`, neededWei)
  }
}

/**
 * geth's rules for accounts whose balance somebody else may move: one transaction, without a gap. Source: EIP-7702, geth.
 *
 * @param isDelegated whether the sender has a delegation, or the pool holds one of it
 * @param authorities who delegates in the transaction
 * @param pooledOf how many transactions of an account the pool holds
 * @throws SequencerError `TX_NONCE_TOO_HIGH`, `TX_DELEGATED_LIMIT`
 */
export function checkDelegation(
  { transaction, account, run, state, replaced }: Newcomer,
  isDelegated: boolean,
  authorities: readonly Address[],
  pooledOf: (account: Address) => number,
): void {
  if (replaced === undefined && isDelegated) {
    if (run.executable === 0 && transaction.nonce !== state.nonce) {
      throw new SequencerError(
        `gapped-nonce tx from delegated accounts: next nonce ${state.nonce}, tx nonce ${transaction.nonce}`,
        { code: 'TX_NONCE_TOO_HIGH', details: { next: state.nonce, nonce: transaction.nonce } },
      )
    }
    if (account.entries.length > run.stale) {
      throw new SequencerError('in-flight transaction limit reached for delegated accounts', {
        code: 'TX_DELEGATED_LIMIT',
        details: { sender: account.address },
      })
    }
  }
  for (const authority of authorities) {
    const pooled = pooledOf(authority)
    if (pooled > 1) {
      throw new SequencerError('authority already reserved', {
        code: 'TX_DELEGATED_LIMIT',
        details: { authority, pooled },
      })
    }
  }
}

export function alreadyKnown(transaction: Transaction): SequencerError {
  return new SequencerError('already known', { code: 'TX_ALREADY_KNOWN', details: { hash: transaction.hash } })
}

export function exceedsBlock(gasLimit: bigint, blockGasLimit: bigint): SequencerError {
  return new SequencerError('exceeds block gas limit', {
    code: 'TX_GAS_LIMIT',
    details: { gasLimit, blockGasLimit },
  })
}

/** Estimated bytes on L1, by what a builder counts, of transactions for which no block has room; `undefined` where one has. */
export function daBytesBeyond(
  transactions: readonly Pick<Transaction, 'raw'>[],
  { maxDaBytes }: PoolHead,
): bigint | undefined {
  if (maxDaBytes === undefined) return undefined
  // An estimate is at least 100 bytes, and else never above the length: most transactions need not be compressed for this.
  const most = transactions.reduce((sum, { raw }) => sum + Math.max(raw.length, 100), 0)
  if (BigInt(most) <= maxDaBytes) return undefined
  const daBytes = transactions.reduce((sum, { raw }) => sum + estimatedDaBytes(raw), 0n)
  return daBytes > maxDaBytes ? daBytes : undefined
}

/** @throws SequencerError `TX_DA_LIMIT` */
export function checkFootprint(transactions: readonly Pick<Transaction, 'raw'>[], head: PoolHead): void {
  const daBytes = daBytesBeyond(transactions, head)
  if (daBytes === undefined) return
  throw new SequencerError(`exceeds block DA footprint limit: estimated DA size ${daBytes}, limit ${head.maxDaBytes}`, {
    code: 'TX_DA_LIMIT',
    details: { daBytes, maxDaBytes: head.maxDaBytes },
  })
}
