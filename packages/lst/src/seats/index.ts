export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets } from '../math/units.js'
export type { Codec, Json } from '../state/codec.js'
export type { Apply, CommandOf, ResultOf } from '../state/reducer.js'
export {
  allocateInOrder,
  allocateMinFirst,
  allocateOpenFirst,
  type ExitPlan,
  type ExitSeat,
  maxSeatAssets,
  minSeatAssets,
  planExit,
  seatReward,
} from './allocation.js'
export {
  applySeats,
  createSeatBook,
  type Entry,
  type Leaving,
  type Seat,
  type SeatBook,
  type SeatBookOptions,
  seatAssets,
  seatStake,
  seatsCodec,
  seatTotals,
} from './book.js'
