export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets, RateE27, Shares } from '../math/units.js'
export type { Codec, Json } from '../state/codec.js'
export type { LstEvent } from '../state/events.js'
export type { Balances } from '../state/ledger.js'
export type { Apply, CommandOf, LstStep, ResultOf } from '../state/reducer.js'
export type { Erc4626 } from '../vault/face.js'
export {
  applyRestaking,
  createRestaking,
  type Restaking,
  type RestakingOptions,
  restakingCodec,
  restakingFace,
  restakingRate,
  restakingUnitRate,
} from './restaking.js'
