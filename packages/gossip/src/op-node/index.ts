export type { Closable, L2Error, L2ErrorOptions, Logger, Recovery } from '@l2/common'
export type {
  HeaderContext,
  HeaderDomain,
  Leader,
  LeaderSchedule,
  SequencerHeader,
} from '@l2/sequencer-core/block'
export type { ForkName, ForkSchedule } from '@l2/sequencer-core/derivation'
export {
  type BridgeOutcome,
  createOpNodeBridge,
  type OpNodeBridge,
  type OpNodeBridgeDependencies,
  type OpNodeBridgeOptions,
} from './bridge.js'
export { createDetailsReader } from './details.js'
export type { BlockDetails } from './payload.js'
