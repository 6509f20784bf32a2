import { sequencerPoolAbi } from '@l2/contracts/sequencer-pool'
import { offenceKinds, type PoolCommand } from '@l2/staking'
import { type Address, decodeFunctionData, type Hex, parseEventLogs, type RpcLog, zeroAddress } from 'viem'

/** A log of the pool with the time of its block: what `eth_getLogs` gives, and the block's `timestamp`. */
export type PoolLog = {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  /** Of its block, seconds. */
  readonly timestamp: bigint
}

const lower = (address: Address): Address => address.toLowerCase() as Address

/** The command that a call of the pool is. */
function commandOf(call: Hex): object | undefined {
  const { functionName: type, args } = decodeFunctionData({ abi: sequencerPoolAbi, data: call })
  switch (type) {
    case 'setWhitelist':
      return { type, owner: lower(args[0]), allowed: args[1] }
    case 'setWatcher':
      return { type, watcher: lower(args[0]), allowed: args[1] }
    case 'setLiquidAccount':
      return { type, account: lower(args[0]), liquid: args[1] }
    case 'setPaused':
      return { type, paused: args[0] }
    case 'fund':
      return { type, amountWei: args[0] }
    case 'lock': {
      const [signer, amountWei, recipient, commissionBps] = args
      const rewardRecipient = recipient === zeroAddress ? {} : { rewardRecipient: lower(recipient) }
      return { type, signer: lower(signer), amountWei, commissionBps, ...rewardRecipient }
    }
    case 'relock':
      return { type, id: args[0], amountWei: args[1], lockReward: args[2] }
    case 'withdraw':
    case 'delegate':
      return { type, id: args[0], amountWei: args[1] }
    case 'undelegate':
      return { type, id: args[0], shares: args[1] }
    case 'leaveQueue':
    case 'withdrawRewards':
    case 'unlock':
    case 'forceUnlock':
    case 'claim':
    case 'claimDelegation':
    case 'claimDelegationRewards':
    case 'unjail':
      return { type, id: args[0] }
    case 'updateSigner':
      return { type, id: args[0], signer: lower(args[1]) }
    case 'setOwner':
      return { type, id: args[0], owner: lower(args[1]) }
    case 'setRewardRecipient':
      return { type, id: args[0], recipient: lower(args[1]) }
    case 'setCommission':
      return { type, id: args[0], commissionBps: args[1] }
    case 'declareMaintenance':
      return { type, id: args[0], fromEpoch: args[1], toEpoch: args[2] }
    case 'advanceEpoch':
      return { type, epoch: args[0] }
    case 'accrueBlock':
      return { type, height: args[0], signer: lower(args[1]), epoch: args[2] }
    case 'submitRewards': {
      const [batchId, startEpoch, endEpoch, list] = args
      const entries = list.map(({ signer, blocks, hasEpoch, epoch }) => ({
        ...{ signer: lower(signer), blocks },
        ...(hasEpoch ? { epoch } : {}),
      }))
      return { type, batchId, startEpoch, endEpoch, entries }
    }
    case 'admitOffence': {
      const { offenceAt: offenceAtSeconds, kind, ...offence } = args[0]
      return { type, offence: { ...offence, kind: offenceKinds[kind], offenceAtSeconds } }
    }
    case 'commitReport':
      return { type, commitment: args[0] }
    case 'revealReport':
      return { type, evidenceId: args[0], salt: args[1] }
    case 'executeCase':
    case 'vetoCase':
      return { type, evidenceId: args[0] }
    case 'pauseCase':
      return { type, evidenceId: args[0], seconds: args[1] }
    default:
      return undefined
  }
}

/**
 * The commands that a `SequencerPool` on L1 was given, from its logs: applied to a pool of the same configuration that
 * begins at the contract's own time, they lead to the same state, to the wei. This is how stake on L1 becomes the pool
 * of the control chain ({@link encodePoolCommands}).
 *
 * @param logs In the order of the chain; those of other contracts and other events are passed over.
 * @param pool Its address, and the operator's: what a verifier proved counts as the operator's word, as in the contract.
 * @example
 * ```ts
 * import { l1PoolCommands } from '@l2/control-chain'
 * import { sequencerPoolAbi } from '@l2/contracts/sequencer-pool'
 * import { encodeAbiParameters, encodeEventTopics, encodeFunctionData } from 'viem'
 *
 * const [pool, owner] = [`0x${'01'.repeat(20)}`, `0x${'0a'.repeat(20)}`] as const
 * const call = encodeFunctionData({ abi: sequencerPoolAbi, functionName: 'unlock', args: [4] })
 * const topics = encodeEventTopics({ abi: sequencerPoolAbi, eventName: 'Told', args: { by: owner } }) as `0x${string}`[]
 * const log = { address: pool, topics, data: encodeAbiParameters([{ type: 'bytes' }], [call]), timestamp: 1_700_000_000n }
 * console.log(l1PoolCommands([log], { address: pool, operator: owner })[0]?.type) // unlock
 * ```
 */
export function l1PoolCommands(
  logs: readonly PoolLog[],
  pool: { readonly address: Address; readonly operator: Address },
): PoolCommand[] {
  return logs.flatMap(({ address, topics, data, timestamp }) => {
    if (lower(address) !== lower(pool.address)) return []
    const log = { address, topics, data } as unknown as RpcLog
    const [told] = parseEventLogs({ abi: sequencerPoolAbi, eventName: 'Told', logs: [log] })
    const command = told === undefined ? undefined : commandOf(told.args.call)
    if (told === undefined || command === undefined) return []
    const by = 'offence' in command ? pool.operator : told.args.by
    return [{ ...command, by: lower(by), atSeconds: timestamp } as PoolCommand]
  })
}
