export {
  equivocationVerifierAbi,
  equivocationVerifierBytecode,
  equivocationVerifierDeployedBytecode,
  equivocationVerifierImmutables,
} from './contract.js'
export {
  type EquivocationReport,
  type EquivocationReportOptions,
  reportEquivocation,
  type SequencerHeader,
  type SignedEquivocationHeader,
} from './report.js'
