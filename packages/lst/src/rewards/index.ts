export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets } from '../math/units.js'
export type { Codec, Json } from '../state/codec.js'
export type { Apply, CommandOf, ResultOf } from '../state/reducer.js'
export {
  accumulatorCodec,
  applyAccumulator,
  createAccumulator,
  earned,
  type RewardAccumulator,
  type Staker,
} from './accumulator.js'
