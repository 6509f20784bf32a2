export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export { ContractsError, type ContractsErrorCode } from './errors.js'
export { type Immutables, type ImmutableValue, withImmutables } from './immutables.js'
