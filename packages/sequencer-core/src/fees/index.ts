export type { Clock } from '@l2/common'
export { type BaseFeeInput, nextBaseFee } from './base-fee.js'
export { daFootprint, defaultDaFootprintGasScalar } from './da-footprint.js'
export { fastLzSize } from './fastlz.js'
export {
  acceptPrice,
  defaultPriceLimits,
  type FeeScalars,
  type GasTokenOracle,
  type GasTokenPrice,
  type GasTokenScalars,
  gasTokenOperatorFee,
  gasTokenScalars,
  type OperatorFeeMarket,
  type PriceLimits,
  type PriceRefusal,
  toGasToken,
} from './gas-token.js'
export { fixedOracle, type MedianOracleOptions, medianOracle } from './gas-token-oracles.js'
export {
  createGasTokenTracker,
  type GasTokenTracker,
  type GasTokenTrackerDeps,
  type GasTokenTrackerOptions,
  type GasTokenView,
  type ScalarEvent,
} from './gas-token-tracker.js'
export {
  type BedrockFeeParameters,
  estimatedDaBytes,
  estimatedSizeScaled,
  l1FeeBedrock,
  l1FeeEcotone,
  l1FeeEcotoneOfGas,
  l1FeeFjord,
  l1FeeFjordOfSize,
  l1FeeFjordUpperBound,
  rollupDataGas,
  type ScalarFeeParameters,
} from './l1-fee.js'
export { type OperatorFeeParameters, operatorFee } from './operator-fee.js'
export {
  applyPrice,
  createPriceFeed,
  currentPrice,
  type PriceCommand,
  type PriceEvent,
  type PriceFeed,
  type PriceFeedOptions,
} from './price-feed.js'
export {
  applyRecovery,
  createRecovery,
  type Recovery as FeeRecovery,
  type RecoveryBucket,
  type RecoveryCommand,
  type RecoveryEvent,
  type RecoveryOptions,
  type RecoveryState,
  recoveryBps,
  windowRecovery,
} from './recovery.js'
