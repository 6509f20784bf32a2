import {
  type Address,
  type Chain,
  encodeAbiParameters,
  type Hex,
  keccak256,
  type PublicClient,
  stringToHex,
  type Transport,
} from 'viem'
import type { SetEpoch } from '../epoch/sequencer-set.js'
import type { MetisSequencer, MetisStatus, MetisVersion } from '../pool/metis-state.js'
import { lockingInfoAbi, lockingPoolAbi, sequencerSetAbi } from './abi.js'
import type { MetisDeployment } from './deployments.js'

export type MetisClient = PublicClient<Transport, Chain | undefined>
export type ReadAt = { blockNumber?: bigint | undefined }

const at = ({ blockNumber }: ReadAt): { blockNumber: bigint } | object =>
  blockNumber === undefined ? {} : { blockNumber }
const lower = (value: Address): Address => value.toLowerCase() as Address

/** A sequencer's record, or `undefined` when there is none with this id. */
export async function readMetisSequencer(
  client: MetisClient,
  input: { deployment: MetisDeployment; id: number } & ReadAt,
): Promise<MetisSequencer | undefined> {
  const [
    amount,
    reward,
    activationBatch,
    updatedBatch,
    deactivationBatch,
    deactivationTime,
    unlockClaimTime,
    nonce,
    owner,
    signer,
    pubkey,
    rewardRecipient,
    status,
  ] = await client.readContract({
    address: input.deployment.lockingPool,
    abi: lockingPoolAbi,
    functionName: 'sequencers',
    args: [BigInt(input.id)],
    ...at(input),
  })
  if (status === 0) return undefined
  return {
    id: input.id,
    amount,
    reward,
    activationBatch,
    updatedBatch,
    deactivationBatch,
    deactivationTime,
    unlockClaimTime,
    nonce,
    owner: lower(owner),
    signer: lower(signer),
    pubkey,
    rewardRecipient: lower(rewardRecipient),
    status: status as MetisStatus,
  }
}

/** The pool's settings and sums. */
export type MetisPoolSummary = {
  totalSequencers: number
  totalLocked: bigint
  totalRewardsLiquidated: bigint
  minLock: bigint
  maxLock: bigint
  rewardPerBlock: bigint
  exitDelayPeriod: bigint
  signerUpdateThrottle: bigint
  mpc: Address
  rewardPayer: Address
  paused: boolean
  batch: { id: bigint; startEpoch: bigint; endEpoch: bigint }
}

/** Settings and sums of both L1 contracts, at one block when one is given. */
export async function readMetisPool(
  client: MetisClient,
  input: { deployment: MetisDeployment } & ReadAt,
): Promise<MetisPoolSummary> {
  const pool = { address: input.deployment.lockingPool, abi: lockingPoolAbi, ...at(input) } as const
  const info = { address: input.deployment.lockingInfo, abi: lockingInfoAbi, ...at(input) } as const
  const [
    totalSequencers,
    [id, , startEpoch, endEpoch],
    rewardPerBlock,
    exitDelayPeriod,
    signerUpdateThrottle,
    mpc,
    paused,
    totalLocked,
    totalRewardsLiquidated,
    minLock,
    maxLock,
    rewardPayer,
  ] = await Promise.all([
    client.readContract({ ...pool, functionName: 'totalSequencers' }),
    client.readContract({ ...pool, functionName: 'curBatchState' }),
    client.readContract({ ...pool, functionName: 'rewardPerBlock' }),
    client.readContract({ ...pool, functionName: 'exitDelayPeriod' }),
    client.readContract({ ...pool, functionName: 'signerUpdateThrottle' }),
    client.readContract({ ...pool, functionName: 'mpcAddress' }),
    client.readContract({ ...pool, functionName: 'paused' }),
    client.readContract({ ...info, functionName: 'totalLocked' }),
    client.readContract({ ...info, functionName: 'totalRewardsLiquidated' }),
    client.readContract({ ...info, functionName: 'minLock' }),
    client.readContract({ ...info, functionName: 'maxLock' }),
    client.readContract({ ...info, functionName: 'rewardPayer' }),
  ])
  return {
    totalSequencers: Number(totalSequencers),
    totalLocked,
    totalRewardsLiquidated,
    minLock,
    maxLock,
    rewardPerBlock,
    exitDelayPeriod,
    signerUpdateThrottle,
    mpc: lower(mpc),
    rewardPayer: lower(rewardPayer),
    paused,
    batch: { id, startEpoch, endEpoch },
  }
}

/** An epoch of the L2 contract; `undefined` past the current one. */
export async function readMetisEpoch(
  client: MetisClient,
  input: { deployment: MetisDeployment; epoch: bigint } & ReadAt,
): Promise<SetEpoch | undefined> {
  const [number, signer, startBlock, endBlock] = await client.readContract({
    address: input.deployment.sequencerSet,
    abi: sequencerSetAbi,
    functionName: 'epochs',
    args: [input.epoch],
    ...at(input),
  })
  return endBlock === 0n ? undefined : { number, signer: lower(signer), startBlock, endBlock }
}

/**
 * The epoch of an L2 block by binary search: O(log epochs) small reads, where the contract's own getEpochByBlock scans
 * them all in one call that nodes stop answering as the chain grows.
 */
export async function readMetisEpochAt(
  client: MetisClient,
  input: { deployment: MetisDeployment; l2Block: bigint } & ReadAt,
): Promise<SetEpoch | undefined> {
  let high = await client.readContract({
    address: input.deployment.sequencerSet,
    abi: sequencerSetAbi,
    functionName: 'currentEpochNumber',
    ...at(input),
  })
  let low = 0n
  while (low <= high) {
    const middle = (low + high) / 2n
    const epoch = await readMetisEpoch(client, { ...input, epoch: middle })
    if (epoch === undefined || input.l2Block < epoch.startBlock) high = middle - 1n
    else if (input.l2Block > epoch.endBlock) low = middle + 1n
    else return epoch
  }
  return undefined
}

/** Storage slots of an epoch in the proxy (`epochs` is mapping 103): number, signer, start, end. For `eth_getProof`. */
export function metisEpochSlots(epoch: bigint): readonly Hex[] {
  const key = encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [epoch, 103n])
  const base = BigInt(keccak256(key))
  return [0n, 1n, 2n, 3n].map(offset => `0x${(base + offset).toString(16).padStart(64, '0')}` as Hex)
}

/** An epoch from the values of {@link metisEpochSlots}, as a verified storage proof gives them. */
export function metisEpochFromSlots(values: readonly bigint[]): SetEpoch | undefined {
  const [number, signer, startBlock, endBlock] = values
  if (
    number === undefined ||
    signer === undefined ||
    startBlock === undefined ||
    endBlock === undefined ||
    endBlock === 0n
  ) {
    return undefined
  }
  return { number, signer: `0x${(signer & ((1n << 160n) - 1n)).toString(16).padStart(40, '0')}`, startBlock, endBlock }
}

/** EIP-1967 implementation slot. */
const implementationSlot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'

/**
 * Which of the two deployed behaviours a pool has, read from the code behind the proxy: the older one carries the
 * string `BFT restriction`.
 */
export async function detectMetisVersion(
  client: MetisClient,
  input: { deployment: MetisDeployment } & ReadAt,
): Promise<MetisVersion> {
  const address = input.deployment.lockingPool
  const slot = await client.getStorageAt({ address, slot: implementationSlot, ...at(input) })
  const implementation = slot === undefined || BigInt(slot) === 0n ? address : (`0x${slot.slice(-40)}` as Address)
  const code = await client.getCode({ address: implementation, ...at(input) })
  return code?.includes(stringToHex('BFT restriction').slice(2)) === true ? '2024-06' : 'head'
}
