import {
  type Account,
  type Address,
  BaseError,
  type Chain,
  decodeErrorResult,
  encodeFunctionData,
  type Hex,
  type PublicClient,
  type Transport,
  type WalletClient,
} from 'viem'
import { refuse, StakingError } from '../errors.js'
import type { MetisCommand } from '../pool/metis-state.js'
import { lockingInfoAbi, lockingPoolAbi } from './abi.js'
import type { MetisDeployment } from './deployments.js'

export type WithoutContext<T> = T extends unknown ? Omit<T, 'by' | 'atSeconds' | 'value'> : never

/** A call of the locking contracts, by the same names as the model's commands; who and when are the transaction's. */
export type MetisCall = WithoutContext<MetisCommand>

/** A transaction ready to simulate, sign or send. */
export type PreparedMetisCall = { to: Address; data: Hex; value: bigint }

/** Options of calls that bridge a reward to L2. */
export type BridgeOptions = {
  /** Gas on L2 for the bridged reward. Default 200000. */
  l2Gas?: number
  /**
   * Ether for the bridge, wei. It is lost when there is no reward to bridge, so {@link simulateMetis} checks. Default
   * 0.
   */
  value?: bigint
}

const bridging = new Set<MetisCall['type']>(['withdrawRewards', 'unlock', 'forceUnlock', 'unlockClaim'])

/**
 * Encodes a call. Only the four calls that bridge a reward take ether.
 *
 * @throws StakingError `INPUT_INVALID` for ether on a call that takes none
 */
export function prepareMetis(
  deployment: MetisDeployment,
  call: MetisCall,
  options: BridgeOptions = {},
): PreparedMetisCall {
  const { l2Gas = 200_000, value = 0n } = options
  if (value !== 0n && !bridging.has(call.type)) refuse('INPUT_INVALID', `${call.type} takes no ether`, { value })
  const pool = (data: Hex): PreparedMetisCall => ({ to: deployment.lockingPool, data, value })
  const info = (data: Hex): PreparedMetisCall => ({ to: deployment.lockingInfo, data, value })
  const abi = lockingPoolAbi
  switch (call.type) {
    case 'lockFor':
      return pool(encodeFunctionData({ abi, functionName: 'lockFor', args: [call.signer, call.amount, call.pubkey] }))
    case 'lockWithRewardRecipient':
      return pool(
        encodeFunctionData({
          abi,
          functionName: 'lockWithRewardRecipient',
          args: [call.signer, call.recipient, call.amount, call.pubkey],
        }),
      )
    case 'relock':
      return pool(
        encodeFunctionData({ abi, functionName: 'relock', args: [BigInt(call.id), call.amount, call.lockReward] }),
      )
    case 'withdraw':
      return pool(encodeFunctionData({ abi, functionName: 'withdraw', args: [BigInt(call.id), call.amount] }))
    case 'withdrawRewards':
    case 'unlock':
    case 'forceUnlock':
    case 'unlockClaim':
      return pool(encodeFunctionData({ abi, functionName: call.type, args: [BigInt(call.id), l2Gas] }))
    case 'updateSigner':
      return pool(encodeFunctionData({ abi, functionName: 'updateSigner', args: [BigInt(call.id), call.pubkey] }))
    case 'setSequencerRewardRecipient':
      return pool(
        encodeFunctionData({
          abi,
          functionName: 'setSequencerRewardRecipient',
          args: [BigInt(call.id), call.recipient],
        }),
      )
    case 'setSequencerOwner':
      return pool(encodeFunctionData({ abi, functionName: 'setSequencerOwner', args: [BigInt(call.id), call.owner] }))
    case 'batchSubmitRewards':
      return pool(
        encodeFunctionData({
          abi,
          functionName: 'batchSubmitRewards',
          args: [call.batchId, call.startEpoch, call.endEpoch, call.seqs, call.blocks],
        }),
      )
    case 'setWhitelist':
      return pool(encodeFunctionData({ abi, functionName: 'setWhitelist', args: [call.user, call.yes] }))
    case 'setPause':
      return pool(encodeFunctionData({ abi, functionName: 'setPause', args: [call.yes] }))
    case 'updateMpc':
      return pool(encodeFunctionData({ abi, functionName: 'updateMpc', args: [call.mpc] }))
    case 'updateBlockReward':
      return pool(encodeFunctionData({ abi, functionName: 'updateBlockReward', args: [call.reward] }))
    case 'updateWithdrawDelayTimeValue':
      return pool(encodeFunctionData({ abi, functionName: 'updateWithdrawDelayTimeValue', args: [call.seconds] }))
    case 'setSignerUpdateThrottle':
      return pool(encodeFunctionData({ abi, functionName: 'setSignerUpdateThrottle', args: [call.batches] }))
    case 'setMinLock':
      return info(encodeFunctionData({ abi: lockingInfoAbi, functionName: 'setMinLock', args: [call.amount] }))
    case 'setMaxLock':
      return info(encodeFunctionData({ abi: lockingInfoAbi, functionName: 'setMaxLock', args: [call.amount] }))
    case 'setRewardPayer':
      return info(encodeFunctionData({ abi: lockingInfoAbi, functionName: 'setRewardPayer', args: [call.payer] }))
  }
}

/**
 * What revert data of the contracts says: `NotWhitelisted()`, `Pausable: paused`, `Panic(0x11)`; `undefined` for
 * foreign data.
 */
export function decodeMetisRevert(data: Hex): string | undefined {
  try {
    const { errorName, args } = decodeErrorResult({ abi: lockingPoolAbi, data }) as {
      errorName: string
      args?: readonly unknown[]
    }
    if (errorName === 'Error') return String(args?.[0])
    if (errorName === 'Panic') return `Panic(0x${BigInt(args?.[0] as bigint).toString(16)})`
    return `${errorName}()`
  } catch {
    return undefined
  }
}

function revertData(error: unknown): Hex | undefined {
  if (!(error instanceof BaseError)) return undefined
  let found: Hex | undefined
  error.walk(item => {
    const data = (item as { data?: unknown }).data
    const raw = typeof data === 'object' && data !== null ? (data as { data?: unknown }).data : data
    if (typeof raw === 'string' && raw.startsWith('0x')) found = raw as Hex
    return found !== undefined
  })
  return found
}

/**
 * Runs a call against the chain's state without sending it.
 *
 * @throws StakingError `METIS_REVERT` with what the contract says; `INPUT_INVALID` when ether would be lost because no
 * reward is due
 */
export async function simulateMetis(
  client: PublicClient<Transport, Chain | undefined>,
  input: { deployment: MetisDeployment; account: Address; call: MetisCall } & BridgeOptions,
): Promise<PreparedMetisCall> {
  const { deployment, account, call } = input
  const prepared = prepareMetis(deployment, call, input)
  if (prepared.value > 0n && 'id' in call) {
    const [, reward] = await client.readContract({
      address: deployment.lockingPool,
      abi: lockingPoolAbi,
      functionName: 'sequencers',
      args: [BigInt(call.id)],
    })
    if (reward === 0n) {
      refuse('INPUT_INVALID', 'the sequencer has no reward: ether sent along would be lost', {
        id: call.id,
        value: prepared.value,
      })
    }
  }
  try {
    await client.call({ account, to: prepared.to, data: prepared.data, value: prepared.value })
    return prepared
  } catch (cause) {
    const data = revertData(cause)
    const revert = data === undefined ? undefined : decodeMetisRevert(data)
    if (revert === undefined) throw cause
    throw new StakingError(`the contract reverts: ${revert}`, {
      code: 'METIS_REVERT',
      details: { revert, call: call.type },
      cause,
    })
  }
}

/** Simulates, then signs and sends; the transaction's hash. @throws as {@link simulateMetis} */
export async function sendMetis(
  clients: {
    publicClient: PublicClient<Transport, Chain | undefined>
    walletClient: WalletClient<Transport, Chain | undefined, Account>
  },
  input: { deployment: MetisDeployment; call: MetisCall } & BridgeOptions,
): Promise<Hex> {
  const { publicClient, walletClient } = clients
  const prepared = await simulateMetis(publicClient, { ...input, account: walletClient.account.address })
  return walletClient.sendTransaction({ ...prepared, chain: walletClient.chain ?? null, account: walletClient.account })
}
