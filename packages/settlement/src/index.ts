export { isL2Error } from '@l2/common'
export type { Artifact, Artifacts } from './artifacts/artifact.js'
export { SettlementError, type SettlementErrorCode } from './errors.js'
