import { type CallActions, type CallingClient, type ContractCall, callActions } from '@l2/common/contract'
import { type Abi, type Address, zeroAddress } from 'viem'
import { fail, LstError, type LstErrorCode } from '../errors.js'
import { enkiAbi as abi } from './abi.js'

/** Where ENKI's contracts are. Their proxies are in no public source: ask the protocol. */
export type EnkiContracts = {
  readonly minter: Address
  readonly seMetis: Address
  readonly queue: Address
  readonly vesting: Address
}

/** What a holder does at ENKI. Accounts are the client's where they are left out. */
export type EnkiCall =
  /** METIS in, eMETIS out 1:1, or at once seMETIS. The minter must be allowed to take the METIS. */
  | { type: 'mint'; amountWei: bigint; deposit: boolean; account?: Address; inviter?: Address }
  /** eMETIS into the vault. */
  | { type: 'stake'; assetsWei: bigint; receiver?: Address }
  /** seMETIS out of the vault; a part of the eMETIS vests. */
  | { type: 'unstake'; shares: bigint; receiver?: Address; owner?: Address }
  /** eMETIS for a ticket; the answer is its id. The queue must be allowed to take the eMETIS. */
  | { type: 'request'; amountWei: bigint; recipient?: Address }
  /** METIS for a ticket that is mature. */
  | { type: 'claim'; id: bigint; recipient?: Address }
  /** eMETIS back for a ticket, less the fee that was in force when it was taken. */
  | { type: 'cancel'; id: bigint; recipient?: Address }
  /** Locks LP tokens for a shorter wait, once a ticket. */
  | { type: 'reduceMaturity'; id: bigint; lpToken: Address; lpWei: bigint }
  | { type: 'unlockLp'; id: bigint }
  /** ENKI against which vesting eMETIS are released. */
  | { type: 'stakeEnki'; amountWei: bigint }
  /** All ENKI back, and what is released. */
  | { type: 'unstakeEnki' }
  | { type: 'claimVested' }
  | { type: 'approve'; token: Address; spender: Address; valueWei: bigint }

/** What calls answer: shares, wei, the ticket's id. The others answer `null`. */
export type EnkiCallResults = { stake: bigint; unstake: bigint; request: bigint; cancel: bigint; approve: boolean }

const codes: Readonly<Record<string, LstErrorCode>> = {
  Erc721CallerNotOwnerOrApproved: 'NOT_OWNER',
  NotMatureYet: 'NOT_MATURE',
  AlreadyReducedMaturity: 'ALREADY_REDUCED',
  LpTokenNotLocked: 'LP_RETURNED',
  ReduceTimeExceedsLimit: 'REDUCE_TOO_MUCH',
  AlreadyRedeemed: 'TICKET_CLOSED',
}

/**
 * The transaction that a call is, for whoever signs elsewhere.
 *
 * @param account Who sends it: receiver, recipient and owner where the call names none
 * @throws LstError `OPTION_INVALID` where an account is wanted and not given
 */
export function prepareEnkiCall(contracts: EnkiContracts, call: EnkiCall, account?: Address): ContractCall {
  const at = (address: Address, functionName: string, ...args: readonly unknown[]): ContractCall => ({
    ...{ address, abi: abi as Abi, functionName, args },
  })
  const who = (): Address => account ?? fail('OPTION_INVALID', `${call.type} wants an account`)
  const { minter, seMetis, queue, vesting } = contracts
  switch (call.type) {
    case 'mint':
      return at(minter, 'mint', call.account ?? who(), call.amountWei, call.deposit, call.inviter ?? zeroAddress)
    case 'stake':
      return at(seMetis, 'deposit', call.assetsWei, call.receiver ?? who())
    case 'unstake':
      return at(seMetis, 'redeem', call.shares, call.receiver ?? who(), call.owner ?? who())
    case 'request':
      return at(queue, 'enterRedemptionQueue', call.recipient ?? who(), call.amountWei)
    case 'claim':
      return at(queue, 'redeemRedemptionTicketNft', call.id, call.recipient ?? who())
    case 'cancel':
      return at(queue, 'cancelRedemptionTicketNft', call.recipient ?? who(), call.id)
    case 'reduceMaturity':
      return at(queue, 'reduceRedemptionMaturity', call.id, call.lpToken, call.lpWei)
    case 'unlockLp':
      return at(queue, 'unlockLpToken', call.id)
    case 'stakeEnki':
      return at(vesting, 'stake', call.amountWei)
    case 'unstakeEnki':
      return at(vesting, 'unstake')
    case 'claimVested':
      return at(vesting, 'claim')
    case 'approve':
      return at(call.token, 'approve', call.spender, call.valueWei)
  }
}

/**
 * ENKI's live contracts as a part of a viem client: `client.extend(enkiActions(contracts))` has `enki.send(call)`, which simulates, signs and sends,
 * `simulate` and `prepare`. Their interface is that of the verified sources; nothing here was tried against the deployed code.
 *
 * @throws LstError with the code of the model's refusal; `CONTRACT_REVERT` with the contract's words for the others
 * @example
 * ```ts
 * import { enkiActions } from '@l2/lst/viem'
 * import { createWalletClient, custom } from 'viem'
 *
 * const at = (byte: string) => `0x${byte.repeat(20)}` as const
 * const contracts = { minter: at('01'), seMetis: at('02'), queue: at('03'), vesting: at('04') }
 * const transport = custom({ request: async () => '0x' })
 * const client = createWalletClient({ account: at('0a'), transport }).extend(enkiActions(contracts))
 * console.log(client.enki.prepare({ type: 'claim', id: 7n }).functionName) // redeemRedemptionTicketNft
 * ```
 */
export function enkiActions(
  contracts: EnkiContracts,
): (client: CallingClient) => { readonly enki: CallActions<EnkiCall, EnkiCallResults> } {
  return client => ({
    enki: callActions<EnkiCall, EnkiCallResults>(
      client,
      (call, account) => prepareEnkiCall(contracts, call, account),
      ({ name, args }, call, cause) =>
        new LstError(`ENKI refuses ${call.type}: ${name}`, {
          ...{ code: codes[name] ?? 'CONTRACT_REVERT', details: { revert: name, args, call: call.type }, cause },
        }),
    ),
  })
}
