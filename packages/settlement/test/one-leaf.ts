import { hashOutputRootProof, type OutputRootProof } from '@l2/sequencer-core/output'
import {
  type Address,
  concat,
  encodeAbiParameters,
  type Hash,
  type Hex,
  keccak256,
  stringToHex,
  toRlp,
  zeroHash,
} from 'viem'
import { getWithdrawalHashStorageSlot } from 'viem/op-stack'

/** A withdrawal as a portal takes it. */
export type PortalWithdrawal = {
  nonce: bigint
  sender: Address
  target: Address
  value: bigint
  gasLimit: bigint
  data: Hex
}

/** A state of L2 in which nothing was ever withdrawn but this: its root may be claimed on L1, and the withdrawal is proven by one leaf. */
export function oneLeafState(
  { nonce, sender, target, value, gasLimit, data }: PortalWithdrawal,
  name: string,
): { withdrawalHash: Hash; root: Hash; outputRootProof: OutputRootProof; withdrawalProof: readonly Hex[] } {
  const types = ['uint256', 'address', 'address', 'uint256', 'uint256', 'bytes'].map(type => ({ type }))
  const withdrawalHash = keccak256(encodeAbiParameters(types, [nonce, sender, target, value, gasLimit, data]))
  const path = concat(['0x20', keccak256(getWithdrawalHashStorageSlot({ withdrawalHash }))])
  const leaf = toRlp([path, '0x01'])
  const outputRootProof = {
    ...{ version: zeroHash, stateRoot: keccak256(stringToHex(name)), latestBlockhash: zeroHash },
    messagePasserStorageRoot: keccak256(leaf),
  }
  return { withdrawalHash, root: hashOutputRootProof(outputRootProof), outputRootProof, withdrawalProof: [leaf] }
}
