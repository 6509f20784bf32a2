export { feeSplitterActions } from './actions.js'
export { feeSplitterAbi, feeSplitterBytecode, feeSplitterDeployedBytecode, feeSplitterImmutables } from './contract.js'
export {
  type FeeParty,
  type FeeSplit,
  type FeeSplitterOptions,
  feeParties,
  feeSplitterDeployment,
  setSplitArgs,
} from './deployment.js'
