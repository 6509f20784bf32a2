import { type CallActions, type CallingClient, type ContractCall, callActions, codeOfError } from '@l2/common/contract'
import type { Abi, Address, Hash } from 'viem'
import { fail, LstError, type LstErrorCode } from '../errors.js'
import { liquidCallsAbi as abi } from './abi.js'
import { isPermitted, type Permit, signPermit } from './permit.js'

/** Where the contracts of liquid staking are. */
export type LiquidContracts = {
  /** The `LiquidVault`: its shares are seMETIS. */
  readonly vault: Address
  /** The `RebasingToken` over its shares: eMETIS. */
  readonly pair?: Address | undefined
}

/** What a holder does. Receivers, owners and controllers are the client's account where they are left out. */
export type LiquidCall =
  /** METIS in, shares out, at least `minShares` of them. The vault must be allowed to take the METIS. */
  | { type: 'stake'; assetsWei: bigint; receiver?: Address; minShares?: bigint }
  /** Asks for the METIS behind shares; the answer is the request's id. Of somebody else's with their allowance or as their operator. */
  | { type: 'request'; shares: bigint; controller?: Address; owner?: Address }
  /** Takes what a request that was paid is worth. */
  | { type: 'claim'; id: bigint; receiver?: Address }
  | { type: 'transferRequest'; id: bigint; to: Address }
  | { type: 'setOperator'; operator: Address; approved: boolean }
  /** Shares in, eMETIS out. The pair must be allowed to take the shares. */
  | { type: 'wrap'; shares: bigint }
  | { type: 'unwrap'; shares: bigint }
  /** Moves eMETIS: by what it shows (`assetsWei`, of which a wei or two stay behind), or exactly, by shares. */
  | { type: 'transfer'; to: Address; assetsWei: bigint }
  | { type: 'transferShares'; to: Address; shares: bigint }
  /** Allows somebody to take a token. */
  | { type: 'approve'; token: Address; spender: Address; valueWei: bigint }
  /** Brings a signed allowance. */
  | { type: 'permit'; permit: Permit }

/** What calls answer: shares, the request's id, wei. The others answer `null`. */
export type LiquidCallResults = {
  stake: bigint
  request: bigint
  claim: bigint
  setOperator: boolean
  wrap: bigint
  unwrap: bigint
  transfer: boolean
  transferShares: bigint
  approve: boolean
}

/** Errors of the contracts under another name than the reducer's refusal. */
const otherNames: Readonly<Record<string, LstErrorCode>> = {
  AmountInvalid: 'ZERO_AMOUNT',
  AmountTooLarge: 'AMOUNT_OUT_OF_RANGE',
  IsPaused: 'PAUSED',
  ERC20InsufficientBalance: 'BALANCE_EXCEEDED',
  ERC20InsufficientAllowance: 'ALLOWANCE_EXCEEDED',
}
const sameNames: ReadonlySet<string> = /* @__PURE__ */ new Set<LstErrorCode>([
  ...(['ACCOUNT_INVALID', 'ALREADY_CLAIMED', 'INSOLVENT', 'LIMIT_EXCEEDED', 'NOT_FINALIZED', 'NOT_OWNER'] as const),
  ...(['REQUEST_TOO_LARGE', 'REQUEST_TOO_SMALL', 'REQUEST_UNKNOWN', 'ZERO_ASSETS', 'ZERO_SHARES'] as const),
])

/**
 * The transaction that a call is, for whoever signs elsewhere.
 *
 * @param account Who sends it: receiver, owner and controller where the call names none
 * @throws LstError `OPTION_INVALID` where an account or the pair is wanted and not given
 * @example
 * ```ts
 * import { prepareLiquidCall } from '@l2/lst/viem'
 *
 * const [vault, ann] = [`0x${'05'.repeat(20)}`, `0x${'0a'.repeat(20)}`] as const
 * const { functionName, args } = prepareLiquidCall({ vault }, { type: 'claim', id: 7n }, ann)
 * console.log(functionName, args[0]) // claim 7n
 * ```
 */
export function prepareLiquidCall(contracts: LiquidContracts, call: LiquidCall, account?: Address): ContractCall {
  const at = (address: Address, functionName: string, ...args: readonly unknown[]): ContractCall => ({
    ...{ address, abi: abi as Abi, functionName, args },
  })
  const who = (): Address => account ?? fail('OPTION_INVALID', `${call.type} wants an account`)
  const vault = (name: string, ...args: readonly unknown[]) => at(contracts.vault, name, ...args)
  const pair = (name: string, ...args: readonly unknown[]) =>
    at(contracts.pair ?? fail('OPTION_INVALID', `${call.type} wants the address of the pair`), name, ...args)
  switch (call.type) {
    case 'stake':
      return vault('deposit', call.assetsWei, call.receiver ?? who(), call.minShares ?? 0n)
    case 'request': {
      const owner = call.owner ?? who()
      return vault('requestRedeem', call.shares, call.controller ?? owner, owner)
    }
    case 'claim':
      return vault('claim', call.id, call.receiver ?? who())
    case 'transferRequest':
      return vault('transferRequest', call.id, call.to)
    case 'setOperator':
      return vault('setOperator', call.operator, call.approved)
    case 'wrap':
    case 'unwrap':
      return pair(call.type, call.shares)
    case 'transfer':
      return pair('transfer', call.to, call.assetsWei)
    case 'transferShares':
      return pair('transferShares', call.to, call.shares)
    case 'approve':
      return at(call.token, 'approve', call.spender, call.valueWei)
    case 'permit': {
      const { token, owner, spender, valueWei, validUntilSeconds, v, r, s } = call.permit
      return at(token, 'permit', owner, spender, valueWei, validUntilSeconds, v, r, s)
    }
  }
}

/** Liquid staking on a client; see {@link liquidStakingActions}. */
export type LiquidStakingActions = CallActions<LiquidCall, LiquidCallResults> & {
  /** Signs an allowance with the client's account. @throws LstError `OPTION_INVALID` */
  signPermit(options: Pick<Permit, 'token' | 'spender' | 'valueWei' | 'validUntilSeconds'>): Promise<Permit>
  /**
   * Brings a permit; `undefined` where the allowance is there already: somebody may have brought the signature first, and that is no harm.
   * @throws LstError `CONTRACT_REVERT` where it counts for nothing
   */
  usePermit(permit: Permit): Promise<Hash | undefined>
}

/**
 * A `LiquidVault` and its pair as a part of a viem client: `client.extend(liquidStakingActions({ vault, pair }))` has `liquidStaking.send(call)`, which
 * simulates, signs and sends, `simulate` and `prepare`, and permits. A refusal is the reducer's: an `LstError` with the same code.
 *
 * @throws LstError with the code of the reducer's refusal; `CONTRACT_REVERT` for what only the contract refuses
 * @example
 * ```ts
 * import { liquidStakingActions } from '@l2/lst/viem'
 * import { createWalletClient, custom, numberToHex } from 'viem'
 *
 * const account = `0x${'0a'.repeat(20)}` as const
 * // An L1 that gives 5 shares.
 * const transport = custom({ request: async () => numberToHex(5, { size: 32 }) })
 * const client = createWalletClient({ account, transport }).extend(liquidStakingActions({ vault: `0x${'05'.repeat(20)}` }))
 * console.log(await client.liquidStaking.simulate({ type: 'stake', assetsWei: 6n })) // 5n
 * ```
 */
export function liquidStakingActions(
  contracts: LiquidContracts,
): (client: CallingClient) => { readonly liquidStaking: LiquidStakingActions } {
  return client => {
    const calls = callActions<LiquidCall, LiquidCallResults>(
      client,
      (call, account) => prepareLiquidCall(contracts, call, account),
      ({ name, args }, call, cause) => {
        const same = codeOfError(name)
        const code = otherNames[name] ?? (sameNames.has(same) ? (same as LstErrorCode) : 'CONTRACT_REVERT')
        return new LstError(`the contract refuses ${call.type}: ${name}`, {
          ...{ code, details: { revert: name, args, call: call.type }, cause },
        })
      },
    )
    return {
      liquidStaking: {
        ...calls,
        signPermit: options => signPermit(client, options),
        async usePermit(permit) {
          if (await isPermitted(client, permit)) return undefined
          return calls.send({ type: 'permit', permit })
        },
      },
    }
  }
}
