export { feeSplitterActions } from './actions.js'
export { feeSplitterAbi, feeSplitterBytecode, feeSplitterDeployedBytecode, feeSplitterImmutables } from './contract.js'
export {
  type FeeParty,
  type FeeSplit,
  type FeeSplitterOptions,
  feeParties,
  feeSplitterDeployment,
  type OfParties,
  setSplitArgs,
} from './deployment.js'
export type { ContractActions } from '../contract-actions.js'
