import type { Address, Hex } from 'viem'
import { decodeDeposit } from '../derivation/deposit.js'
import type { PayloadAttributes } from './engine.js'
import { quantity } from './rpc-state.js'

/** One EIP-4895 withdrawal on the wire; the amount in gwei. */
export type Withdrawal = { index: Hex; validatorIndex: Hex; address: Address; amount: Hex }

/** The ETH that deposits mint, as withdrawals in their order. */
export function mintedBy(deposits: readonly Uint8Array[]): Withdrawal[] {
  const credits: { address: Address; wei: bigint }[] = []
  for (const raw of deposits) {
    const { from, to, mint, value, data } = decodeDeposit(raw)
    const isTransfer = to !== undefined && data.length === 0 && value <= mint
    if (isTransfer) credits.push({ address: to, wei: value })
    credits.push({ address: from, wei: isTransfer ? mint - value : mint })
  }
  return credits
    .map(({ address, wei }) => ({ address, gwei: wei / 1_000_000_000n }))
    .filter(({ gwei }) => gwei > 0n)
    .map(({ address, gwei }, index) => ({
      index: quantity(index),
      validatorIndex: '0x0',
      address,
      amount: quantity(gwei),
    }))
}

/** Attributes as every Engine API knows them. */
export function wireAttributes(
  attributes: PayloadAttributes,
  withdrawals: readonly Withdrawal[] = [],
): Record<string, unknown> {
  return {
    timestamp: quantity(attributes.timestamp),
    prevRandao: attributes.prevRandao,
    suggestedFeeRecipient: attributes.suggestedFeeRecipient,
    ...(attributes.withdrawals === undefined ? {} : { withdrawals }),
    ...(attributes.parentBeaconBlockRoot === undefined
      ? {}
      : { parentBeaconBlockRoot: attributes.parentBeaconBlockRoot }),
  }
}
