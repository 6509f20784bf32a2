import { blsCommitteeAbi, blsCommitteeBytecode, blsCommitteeDeployedBytecode } from '@l2/contracts/bls-committee'
import { committeeAbi, committeeBytecode, committeeDeployedBytecode } from '@l2/contracts/committee'
import { meteredPortalAbi, meteredPortalBytecode, meteredPortalDeployedBytecode } from '@l2/contracts/metered-portal'
import {
  nativeTokenBridgeL1Abi,
  nativeTokenBridgeL1Bytecode,
  nativeTokenBridgeL1DeployedBytecode,
} from '@l2/contracts/native-token-bridge-l1'
import { poolAbi, poolBytecode, poolDeployedBytecode } from '@l2/contracts/pool'
import { sequencedGameAbi, sequencedGameBytecode, sequencedGameDeployedBytecode } from '@l2/contracts/sequenced-game'
import type { DeployableContract } from './plan.js'

/** What the factory clones: the stock game, which wallets of today find by the name that it has now. */
export const sequencedGame: DeployableContract = {
  name: 'SequencedGame',
  abi: sequencedGameAbi,
  bytecode: sequencedGameBytecode,
  deployedBytecode: sequencedGameDeployedBytecode,
}

/** The portal of a chain on which an ERC-20 pays for gas: it takes no value. */
export const meteredPortal: DeployableContract = {
  name: 'MeteredPortal',
  abi: meteredPortalAbi,
  bytecode: meteredPortalBytecode,
  deployedBytecode: meteredPortalDeployedBytecode,
}

/** Locks that ERC-20. */
export const bridgeContract: DeployableContract = {
  name: 'NativeTokenBridgeL1',
  abi: nativeTokenBridgeL1Abi,
  bytecode: nativeTokenBridgeL1Bytecode,
  deployedBytecode: nativeTokenBridgeL1DeployedBytecode,
}

/** Owns the system configuration for the sequencers. */
export const poolContract: DeployableContract = {
  name: 'Pool',
  abi: poolAbi,
  bytecode: poolBytecode,
  deployedBytecode: poolDeployedBytecode,
}

/** Attests batches and says who posts, by more than two thirds of the operators' stake. It makes the pool that obeys it. */
export const committeeContracts: Record<'ecdsa' | 'bls12-381', DeployableContract> = {
  ecdsa: {
    name: 'Committee',
    abi: committeeAbi,
    bytecode: committeeBytecode,
    deployedBytecode: committeeDeployedBytecode,
  },
  'bls12-381': {
    name: 'BlsCommittee',
    abi: blsCommitteeAbi,
    bytecode: blsCommitteeBytecode,
    deployedBytecode: blsCommitteeDeployedBytecode,
  },
}
