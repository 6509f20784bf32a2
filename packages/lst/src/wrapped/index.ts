export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets, RateE27, Shares } from '../math/units.js'
export type { FeeRecipient, ProfitTest, RebasingPool, StakeLimit } from '../rebasing/state.js'
export type { ReportLimits } from '../report/guard.js'
export type { Codec, Json } from '../state/codec.js'
export type { LstEvent } from '../state/events.js'
export type { Balances } from '../state/ledger.js'
export type { Apply, CommandOf, LstStep, ResultOf } from '../state/reducer.js'
export type { Erc4626 } from '../vault/face.js'
export type { WithdrawalQueue, WithdrawalRequest } from '../withdrawal/queue.js'
export {
  applyWrapped,
  createWrapped,
  tokensPerWrapped,
  type WrappedShares,
  wrappedCodec,
  wrappedFace,
  wrappedPerToken,
  wrappedPosition,
} from './wrapped.js'
