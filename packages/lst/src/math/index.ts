export { mulDiv, mulDown, mulUp, type Rounding, rateOf, type Totals, toAssets, toShares } from './math.js'
export {
  type Assets,
  assets,
  maxAmount,
  type RateE27,
  rateE27,
  rateOne,
  type Shares,
  shares,
  unlimited,
} from './units.js'
