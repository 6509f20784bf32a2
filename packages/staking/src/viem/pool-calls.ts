import { type CallActions, type CallingClient, type ContractCall, callActions, codeOfError } from '@l2/common/contract'
import { type Abi, type Address, type ContractFunctionReturnType, zeroAddress } from 'viem'
import { readContract } from 'viem/actions'
import { refuse, StakingError, type StakingErrorCode } from '../errors.js'
import type { WithoutContext } from '../metis/calls.js'
import type { PoolCommand, PoolResults } from '../pool/commands.js'
import { offenceKinds } from '../slashing/penalty.js'
import { sequencerPoolCallsAbi as abi } from './abi.js'

/**
 * A call of a `SequencerPool` on L1, by the same names as the reducer's commands; who and when are the transaction's. `collect` sends an account what
 * penalties owe it, which the reducer pays at once.
 */
export type PoolCall = WithoutContext<PoolCommand> | { type: 'collect'; account: Address }

/** What calls answer; the others answer `null`. */
export type PoolCallResults = PoolResults & { collect: bigint }

/** Errors of the contract that are refusals of the reducer, by its codes. */
const codes: ReadonlySet<string> = /* @__PURE__ */ new Set<StakingErrorCode>([
  ...(['AMOUNT_OUT_OF_RANGE', 'CASE_DUPLICATE', 'CASE_STAGE', 'CASE_UNKNOWN', 'DELEGATION_REFUSED'] as const),
  ...(['EPOCH_INVALID', 'EPOCH_UNKNOWN', 'EXIT_FROZEN', 'INPUT_INVALID', 'LIQUID_CAP', 'NOT_AUTHORIZED'] as const),
  ...(['NOT_WHITELISTED', 'NOTHING_TO_CLAIM', 'OFFENCE_WINDOW', 'OWNER_HAS_SEAT', 'POOL_PAUSED'] as const),
  ...(['REPORT_INVALID', 'REWARD_BATCH_INVALID', 'REWARD_SOURCE', 'SEQUENCER_STATUS', 'SEQUENCER_UNKNOWN'] as const),
  'SIGNER_USED',
])

/**
 * The transaction that a call is, for whoever signs elsewhere. The stake of `lock`, `relock`, `delegate` and `fund` is taken from the caller, who has to
 * have approved it to the pool.
 *
 * @throws StakingError `INPUT_INVALID` for a block's reward without its epoch, which the contract does not guess
 * @example
 * ```ts
 * import { preparePoolCall } from '@l2/staking/viem'
 *
 * const call = preparePoolCall(`0x${'05'.repeat(20)}`, { type: 'delegate', id: 1, amountWei: 10n ** 18n })
 * console.log(call.functionName, call.args) // delegate [ 1, 1000000000000000000n ]
 * ```
 */
export function preparePoolCall(pool: Address, call: PoolCall): ContractCall {
  return { address: pool, abi: abi as Abi, functionName: call.type, args: argsOf(call) }
}

function argsOf(call: PoolCall): readonly unknown[] {
  switch (call.type) {
    case 'setWhitelist':
      return [call.owner, call.allowed]
    case 'setWatcher':
      return [call.watcher, call.allowed]
    case 'setLiquidAccount':
      return [call.account, call.liquid]
    case 'setPaused':
      return [call.paused]
    case 'fund':
      return [call.amountWei]
    case 'lock':
      return [call.signer, call.amountWei, call.rewardRecipient ?? zeroAddress, call.commissionBps ?? 0]
    case 'relock':
      return [call.id, call.amountWei, call.lockReward]
    case 'withdraw':
    case 'delegate':
      return [call.id, call.amountWei]
    case 'undelegate':
      return [call.id, call.shares]
    case 'updateSigner':
      return [call.id, call.signer]
    case 'setOwner':
      return [call.id, call.owner]
    case 'setRewardRecipient':
      return [call.id, call.recipient]
    case 'setCommission':
      return [call.id, call.commissionBps]
    case 'declareMaintenance':
      return [call.id, call.fromEpoch, call.toEpoch]
    case 'advanceEpoch':
      return [call.epoch]
    case 'accrueBlock':
      if (call.epoch === undefined) refuse('INPUT_INVALID', 'a block’s reward on L1 wants the epoch of the block')
      return [call.height, call.signer, call.epoch]
    case 'submitRewards': {
      const entries = call.entries.map(({ signer, blocks, epoch }) => ({
        ...{ signer, blocks, hasEpoch: epoch !== undefined, epoch: epoch ?? 0n },
      }))
      return [call.batchId, call.startEpoch, call.endEpoch, entries]
    }
    case 'admitOffence': {
      const { offenceAtSeconds: offenceAt, kind, excessOfflineBps = 0, ...offence } = call.offence
      return [{ ...offence, offenceAt, kind: offenceKinds.indexOf(kind), excessOfflineBps }]
    }
    case 'commitReport':
      return [call.commitment]
    case 'revealReport':
      return [call.evidenceId, call.salt]
    case 'executeCase':
    case 'vetoCase':
      return [call.evidenceId]
    case 'pauseCase':
      return [call.evidenceId, call.seconds]
    case 'collect':
      return [call.account]
    default:
      return [call.id]
  }
}

/** A seat as the contract tells it: amounts in wei, `status` 1 queued, 2 active, 3 exiting, 4 exited. */
export type SeatOnL1 = ContractFunctionReturnType<typeof abi, 'view', 'seatOf'>
/** What a delegator has in a seat, wei. */
export type DelegationOnL1 = ContractFunctionReturnType<typeof abi, 'view', 'delegationOf'>

/** A pool on a client; see {@link stakingActions}. */
export type StakingActions = CallActions<PoolCall, PoolCallResults> & {
  /** The running epoch. */
  epoch(): Promise<bigint>
  /** The seat of an owner; `undefined` where there is none. */
  seatOf(owner: Address): Promise<({ readonly id: number } & SeatOnL1) | undefined>
  delegation(of: { readonly id: number; readonly delegator: Address }): Promise<DelegationOnL1>
  /** Wei that penalties owe an account, and `collect` sends it. */
  owedWei(account: Address): Promise<bigint>
}

/**
 * A `SequencerPool` on L1 as a part of a viem client: `client.extend(stakingActions({ pool }))` has `staking.send(call)`, which simulates, signs and
 * sends, `staking.simulate(call)`, `staking.prepare(call)`, and what is read most. A refusal is the reducer's: a `StakingError` with the same code.
 *
 * @throws StakingError with the code of the reducer's refusal; `CONTRACT_REVERT` for what only the contract refuses
 * @example
 * ```ts
 * import { stakingActions } from '@l2/staking/viem'
 * import { createWalletClient, custom, numberToHex } from 'viem'
 *
 * // An L1 on which the pool is in its seventh epoch.
 * const transport = custom({ request: async () => numberToHex(7, { size: 32 }) })
 * const client = createWalletClient({ transport }).extend(stakingActions({ pool: `0x${'05'.repeat(20)}` }))
 * console.log(await client.staking.epoch()) // 7n
 * ```
 */
export function stakingActions({
  pool,
}: {
  readonly pool: Address
}): (client: CallingClient) => { readonly staking: StakingActions } {
  return client => {
    const at = { address: pool, abi } as const
    return {
      staking: {
        ...callActions<PoolCall, PoolCallResults>(
          client,
          call => preparePoolCall(pool, call),
          ({ name, args }, call, cause) => {
            const code = codeOfError(name)
            const details = { revert: name, args, call: call.type }
            return new StakingError(`the pool refuses ${call.type}: ${name}`, {
              ...{ code: codes.has(code) ? (code as StakingErrorCode) : 'CONTRACT_REVERT', details, cause },
            })
          },
        ),
        epoch: () => readContract(client, { ...at, functionName: 'epoch' }),
        async seatOf(owner) {
          const id = await readContract(client, { ...at, functionName: 'idOfOwner', args: [owner] })
          if (id === 0) return undefined
          return { id, ...(await readContract(client, { ...at, functionName: 'seatOf', args: [id] })) }
        },
        delegation: ({ id, delegator }) =>
          readContract(client, { ...at, functionName: 'delegationOf', args: [id, delegator] }),
        owedWei: account => readContract(client, { ...at, functionName: 'owedWei', args: [account] }),
      },
    }
  }
}
