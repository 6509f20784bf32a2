export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets } from '../math/units.js'
export type { Codec, Json } from '../state/codec.js'
export type { Balances } from '../state/ledger.js'
export type { Apply, CommandOf, ResultOf } from '../state/reducer.js'
export {
  applyReceipt,
  createReceipt,
  type ReceiptOptions,
  type ReceiptToken,
  type Redemption,
  receiptCodec,
  stakeable,
} from './receipt.js'
