export {
  equivocationVerifierAbi,
  equivocationVerifierBytecode,
  equivocationVerifierDeployedBytecode,
  equivocationVerifierImmutables,
} from './contract.js'
export {
  type EquivocationHeader,
  type EquivocationReport,
  type EquivocationReportOptions,
  reportEquivocation,
  type SignedEquivocationHeader,
} from './report.js'
