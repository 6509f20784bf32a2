import { SequencerError } from '../errors.js'
import type { Transaction } from './types.js'

/** What a transaction costs before its first instruction, as data of a fork. Gas, unless said otherwise. */
export type GasSchedule = {
  readonly transaction: bigint
  readonly creation: bigint
  readonly zeroByte: bigint
  readonly nonZeroByte: bigint
  /** EIP-2930. */
  readonly accessListAddress: bigint
  readonly accessListStorageKey: bigint
  /** EIP-7702, for each tuple. */
  readonly authorization: bigint
  /** EIP-3860, for each 32 bytes of creation code. */
  readonly initCodeWord: bigint
  /** EIP-3860, bytes; 0: no limit. */
  readonly maxInitCodeBytes: number
  /** EIP-7623: gas for each token (a zero byte is one, any other four) below which no transaction pays; 0: no floor. */
  readonly floorPerToken: bigint
  /** EIP-7825: the most gas one transaction may have; 0: no limit. */
  readonly maxTransactionGas: bigint
}

/** Gas since Prague (Isthmus on the OP Stack). Sources: EIP-2028, 2930, 3860, 7623, 7702. */
export const pragueGas: GasSchedule = {
  transaction: 21_000n,
  creation: 32_000n,
  zeroByte: 4n,
  nonZeroByte: 16n,
  accessListAddress: 2_400n,
  accessListStorageKey: 1_900n,
  authorization: 25_000n,
  initCodeWord: 2n,
  maxInitCodeBytes: 49_152,
  floorPerToken: 10n,
  maxTransactionGas: 0n,
}

/** {@link pragueGas} with the cap of 2^24 gas a transaction that Osaka brings. Source: EIP-7825. */
export const osakaGas: GasSchedule = { ...pragueGas, maxTransactionGas: 16_777_216n }

export type GasFields = Omit<Transaction, 'sender'>

function nonZeroBytes(data: Uint8Array): number {
  let count = 0
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) count++
  return count
}

/**
 * The gas that a transaction must have, and the floor that it pays at least whatever it executes (EIP-7623).
 *
 * @example
 * ```ts
 * import { decodeTransaction, intrinsicGas } from '@l2/sequencer-core/transaction'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const raw = await account.signTransaction({ chainId: 10, gas: 60_000n, gasPrice: 1n, to: account.address, data: '0x00ff' })
 * console.log(intrinsicGas(decodeTransaction(hexToBytes(raw)))) // { intrinsic: 21020n, floor: 21050n }
 * ```
 */
export function intrinsicGas(
  transaction: GasFields,
  schedule: GasSchedule = pragueGas,
): { intrinsic: bigint; floor: bigint } {
  const { data, accessList, authorizationList } = transaction
  const nonZero = nonZeroBytes(data)
  const zero = data.length - nonZero
  let intrinsic = schedule.transaction + BigInt(zero) * schedule.zeroByte + BigInt(nonZero) * schedule.nonZeroByte
  if (transaction.to === undefined)
    intrinsic += schedule.creation + BigInt(Math.ceil(data.length / 32)) * schedule.initCodeWord
  if (accessList.length > 0) {
    let keys = 0
    for (const entry of accessList) keys += entry.storageKeys.length
    intrinsic += BigInt(accessList.length) * schedule.accessListAddress + BigInt(keys) * schedule.accessListStorageKey
  }
  if (authorizationList.length > 0) intrinsic += BigInt(authorizationList.length) * schedule.authorization
  const floor =
    schedule.floorPerToken === 0n ? 0n : schedule.transaction + schedule.floorPerToken * BigInt(zero + 4 * nonZero)
  return { intrinsic, floor }
}

/** What a transaction pays its block's producer for each gas, in wei: negative when its cap is below the base fee. */
export function effectiveTip(
  transaction: Pick<Transaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFeePerGas: bigint,
): bigint {
  const room = transaction.maxFeePerGas - baseFeePerGas
  if (room < transaction.maxPriorityFeePerGas) return room
  return transaction.maxPriorityFeePerGas
}

/** The most that a transaction can take from its sender on L2, in wei: gas at its cap, and its value. */
export function maxCostWei(transaction: Pick<Transaction, 'gasLimit' | 'maxFeePerGas' | 'value'>): bigint {
  return transaction.gasLimit * transaction.maxFeePerGas + transaction.value
}

const maxNonce = 2n ** 64n - 1n

/**
 * The rules that need no state: fees, nonce, creation code, gas. In geth's order and with its words.
 *
 * @throws SequencerError `TX_INITCODE_SIZE`, `TX_GAS_LIMIT`, `TX_TIP_ABOVE_FEE_CAP`, `TX_NONCE_MAX`, `TX_INTRINSIC_GAS`, `TX_FLOOR_GAS`
 */
export function checkTransaction(transaction: GasFields, schedule: GasSchedule = pragueGas): void {
  const { gasLimit, data } = transaction
  if (transaction.to === undefined && schedule.maxInitCodeBytes > 0 && data.length > schedule.maxInitCodeBytes) {
    throw new SequencerError(
      `max initcode size exceeded: code size ${data.length}, limit ${schedule.maxInitCodeBytes}`,
      {
        code: 'TX_INITCODE_SIZE',
        details: { bytes: data.length, limit: schedule.maxInitCodeBytes },
      },
    )
  }
  if (schedule.maxTransactionGas > 0n && gasLimit > schedule.maxTransactionGas) {
    throw new SequencerError(`transaction gas limit too high (cap: ${schedule.maxTransactionGas}, tx: ${gasLimit})`, {
      code: 'TX_GAS_LIMIT',
      details: { gasLimit, limit: schedule.maxTransactionGas },
    })
  }
  if (transaction.maxFeePerGas < transaction.maxPriorityFeePerGas) {
    const { maxFeePerGas, maxPriorityFeePerGas } = transaction
    throw new SequencerError(
      `max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: ${maxPriorityFeePerGas}, maxFeePerGas: ${maxFeePerGas}`,
      { code: 'TX_TIP_ABOVE_FEE_CAP', details: { maxFeePerGas, maxPriorityFeePerGas } },
    )
  }
  if (transaction.nonce >= maxNonce)
    throw new SequencerError('nonce has max value', { code: 'TX_NONCE_MAX', details: { nonce: transaction.nonce } })
  const { intrinsic, floor } = intrinsicGas(transaction, schedule)
  if (gasLimit < intrinsic) {
    throw new SequencerError(`intrinsic gas too low: gas ${gasLimit}, minimum needed ${intrinsic}`, {
      code: 'TX_INTRINSIC_GAS',
      details: { gasLimit, intrinsic },
    })
  }
  if (gasLimit < floor) {
    throw new SequencerError(`insufficient gas for floor data gas cost: gas ${gasLimit}, minimum needed ${floor}`, {
      code: 'TX_FLOOR_GAS',
      details: { gasLimit, floor },
    })
  }
}
