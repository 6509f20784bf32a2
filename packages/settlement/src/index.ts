export type { Clock, L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export type { Artifact, Artifacts } from './artifacts/artifact.js'
export { type Challenger, type ChallengerStatus, createChallenger } from './challenger/challenger.js'
export type {
  ChallengerDependencies,
  ChallengerEvent,
  ChallengerOptions,
  ChallengerTrouble,
} from './challenger/options.js'
export { type BooksClient, type BridgeBooks, readBridgeBooks } from './check/books.js'
export {
  type CheckedSettlement,
  type CheckSettlementDependencies,
  type CheckSettlementOptions,
  checkSettlement,
} from './check/check-settlement.js'
export { type AnchorSettlementOptions, anchorSettlement } from './deploy/anchor.js'
export {
  cannonGameType,
  type DeployedSettlement,
  deploySettlement,
  genesisSystemConfig,
  type Settlement,
  type SettlementAddresses,
} from './deploy/deploy.js'
export { type OpenedSettlement, type OpenSettlementOptions, openSettlement } from './deploy/open.js'
export {
  type CommitteeOptions,
  type DeploySettlementOptions,
  type DepositMeter,
  defaultSettlementWindows,
  devnetSettlementWindows,
  type GasToken,
  type SettlementWindows,
} from './deploy/options.js'
export type { L1Sender, SendOptions } from './deploy/send.js'
export { SettlementError, type SettlementErrorCode } from './errors.js'
export { anchorStateRegistryAbi, delayedWethAbi, disputeGameFactoryAbi, faultDisputeGameAbi } from './games/abi.js'
export type { Claim, GameState, GameStatus } from './games/game.js'
export type { GamePosition } from './games/position.js'
export type { Allocation, FeeRecipients, L2GasToken } from './genesis/allocation.js'
export { type CheckAllocationOptions, checkAllocation } from './genesis/check-allocation.js'
export type { FrozenPredeploys } from './genesis/frozen.js'
export { type L2GenesisOptions, l2Genesis } from './genesis/l2-genesis.js'
export { nativeTokenBridgePredeploy, predeploys } from './genesis/predeploys.js'
export { type SettlementRollupOptions, settlementRollup } from './genesis/rollup.js'
export type { Alarm, AlarmEvent, OutsideTrouble } from './internal/alarms.js'
export {
  type Contract,
  createL1Reader,
  type L1BlockSummary,
  type L1Reader,
  type SettlementClient,
} from './l1/reader.js'
export {
  createSender,
  type L1Call,
  type Sender,
  type SenderDependencies,
  type SenderOptions,
  type Settled,
  type Underway,
} from './l1/sender.js'
export type { Proposal } from './proposer/own-games.js'
export {
  createProposer,
  type ProposalRule,
  type Proposer,
  type ProposerAlarm,
  type ProposerDependencies,
  type ProposerEvent,
  type ProposerOptions,
  type ProposerStatus,
} from './proposer/proposer.js'
export {
  type ContractOnL1,
  type SettlementChain,
  type SettlementChainOptions,
  settlementChain,
} from './withdrawal/chain.js'
export {
  type WithdrawalRefusal,
  type WithdrawalRefusalType,
  type WithdrawalRemedy,
  withdrawalRefusal,
} from './withdrawal/refusal.js'
export { type WithdrawalWaitOptions, withdrawalWaitSeconds } from './withdrawal/wait.js'
