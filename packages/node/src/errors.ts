import { L2Error } from '@l2/common'

/** Why the node does not start, or stops: each is one line on the screen and exit code 1. */
export type NodeErrorCode =
  | 'ADMIN_TOKEN'
  | 'ANVIL_MISSING'
  | 'ANVIL_FAILED'
  | 'GETH_MISSING'
  | 'CONFIG_INVALID'
  | 'DATA_CORRUPT'
  | 'DATA_FAILED'
  | 'DATA_OF_ANOTHER_CHAIN'
  | 'DISK_FULL'
  | 'DATA_IN_USE'
  | 'ENGINE_ENDED'
  | 'ENGINE_MISSING'
  | 'ENGINES_DISAGREE'
  | 'L1_ENDED'
  | 'L1_REORG_TOO_DEEP'
  | 'L1_REORGED'
  | 'L1_UNREACHABLE'
  | 'LOG_INVALID'
  | 'NO_LEADER'
  | 'PARAMETER_INVALID'
  | 'PORT_TAKEN'
  | 'RPC_FAILED'
  | 'STANDS_BY'
  | 'VERIFICATION_FAILED'

export class NodeError extends L2Error<NodeErrorCode> {
  override name = 'NodeError'
}
