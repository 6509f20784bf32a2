/**
 * What happened, for indexers and histories. Amounts are in wei or in share units, times in seconds. Fields that may be
 * missing belong to some of the reducers only: the rate of a queue that shares losses, the shares of a token that has
 * them.
 */
export type LstEvent =
  /** Assets came in; with `shares`, these were minted for them. */
  | { readonly type: 'submitted'; readonly account: string; readonly assets: bigint; readonly shares?: bigint }
  | { readonly type: 'minted'; readonly account: string; readonly assets: bigint }
  /** Shares were burnt for assets, `vested` of which are paid over time. */
  | {
      readonly type: 'withdrawn'
      readonly account: string
      readonly assets: bigint
      readonly shares: bigint
      readonly vested?: bigint
    }
  | { readonly type: 'transferred'; readonly from: string; readonly to: string; readonly shares: bigint }
  | { readonly type: 'receiptTransferred'; readonly from: string; readonly to: string; readonly assets: bigint }
  | { readonly type: 'wrapped' | 'unwrapped'; readonly account: string; readonly shares: bigint }
  /** Of an accumulator or of vesting: an account's tokens that earn. */
  | { readonly type: 'staked' | 'unstaked'; readonly account: string; readonly tokens: bigint }
  | { readonly type: 'vesting'; readonly account: string; readonly assets: bigint }
  /** An exit waits. */
  | {
      readonly type: 'requested'
      readonly id: bigint
      readonly owner: string
      readonly assets: bigint
      readonly shares?: bigint
      readonly atSeconds?: bigint
    }
  | { readonly type: 'requestTransferred'; readonly id: bigint; readonly from: string; readonly to: string }
  /** Exits `from` … `to` can be claimed, at `maxRate` at the most. */
  | {
      readonly type: 'finalized'
      readonly from: bigint
      readonly to: bigint
      readonly assets: bigint
      readonly maxRate?: bigint
    }
  | { readonly type: 'claimed'; readonly id: bigint; readonly owner: string; readonly assets: bigint }
  | {
      readonly type: 'cancelled'
      readonly id: bigint
      readonly owner: string
      readonly assets: bigint
      readonly fee: bigint
    }
  /** Liquidity tokens made a ticket due `seconds` earlier, and came back. */
  | { readonly type: 'reduced'; readonly id: bigint; readonly seconds: bigint; readonly lp: bigint }
  | { readonly type: 'lpReturned'; readonly id: bigint; readonly lp: bigint }
  /** Rewards were booked: at once, or evenly until `untilSeconds`; `treasury` of them are a fee. */
  | { readonly type: 'rewarded'; readonly assets: bigint; readonly treasury?: bigint; readonly untilSeconds?: bigint }
  | { readonly type: 'lost' | 'donated'; readonly assets: bigint }
  | { readonly type: 'feesCollected'; readonly assets: bigint }
  /** A report moved the rate. */
  | {
      readonly type: 'rebased'
      readonly atSeconds: bigint
      readonly elapsedSeconds: bigint
      readonly preAssets: bigint
      readonly preShares: bigint
      readonly postAssets: bigint
      readonly postShares: bigint
      readonly feeShares: bigint
    }
  /** An oracle said what all shares are worth. */
  | { readonly type: 'updated'; readonly atSeconds: bigint; readonly assets: bigint; readonly shares: bigint }
  | { readonly type: 'burnRequested'; readonly account: string; readonly shares: bigint }
  | { readonly type: 'paused' | 'resumed' }
  /** Wei left the buffer for seats. */
  | { readonly type: 'allocated'; readonly assets: bigint }
  | { readonly type: 'locked'; readonly seat: number; readonly assets: bigint; readonly atSeconds: bigint }
  | { readonly type: 'seatRegistered'; readonly seat: number; readonly bond: bigint }
  | { readonly type: 'bonded'; readonly seat: number; readonly assets: bigint }
  | { readonly type: 'seatRewarded'; readonly seat: number; readonly assets: bigint }
  /** A part of a seat (`seatWithdrawn`) or all of it (`seatLeft`) is on its way out, and due at `readyAtSeconds`. */
  | {
      readonly type: 'seatWithdrawn' | 'seatLeft'
      readonly seat: number
      readonly assets: bigint
      readonly readyAtSeconds: bigint
    }
  /** It stays after all: the sequencer pool refused. */
  | { readonly type: 'recalled'; readonly seat: number; readonly assets: bigint }
  /** Wei came back: from all seats by time, or from one by the word of the sequencer pool. */
  | { readonly type: 'collected'; readonly assets: bigint }
  | { readonly type: 'seatPaid'; readonly seat: number; readonly assets: bigint }
  | {
      readonly type: 'slashed'
      readonly seat: number
      readonly assets: bigint
      readonly bond: bigint
      readonly lost: bigint
    }
  | { readonly type: 'eventSkipped'; readonly sequence: bigint; readonly reason: string }
