export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets, RateE27, Shares } from '../math/units.js'
export type { Codec, Json } from '../state/codec.js'
export type { Apply, CommandOf, ResultOf } from '../state/reducer.js'
export { asyncRedeem, asyncVaultInterfaceIds } from './async.js'
export {
  applyQueue,
  checkpointHint,
  claimable,
  createQueue,
  exitCost,
  type Finalization,
  maxBatchesPerReport,
  planBatches,
  prefinalize,
  type QueueOptions,
  queueCodec,
  requested,
  unfinalized,
  type WithdrawalQueue,
  type WithdrawalRequest,
  type WithdrawalStatus,
  withdrawalStatus,
  withdrawalsOf,
} from './queue.js'
export {
  applyTickets,
  createTicketQueue,
  type Ticket,
  type TicketOptions,
  type TicketQueue,
  ticketsCodec,
} from './tickets.js'
