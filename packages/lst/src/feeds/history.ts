import { aprOf, type RebaseEvent } from '../apr/apr.js'
import { fail } from '../errors.js'
import { toAssets } from '../math/math.js'
import type { Assets, Shares } from '../math/units.js'

/** Where an event stands on the chain. */
export type Position = { readonly blockNumber: bigint; readonly logIndex: number }

/**
 * Several streams of events as one, by block and position in it. An event that is in two streams is kept once; two
 * different ones at one place are an error, because nobody could say which came first.
 * @throws LstError `FEED_ORDER`
 */
export function mergeEvents<Event extends Position>(...streams: readonly (readonly Event[])[]): Event[] {
  const all = streams
    .flat()
    .sort((a, b) => (a.blockNumber < b.blockNumber ? -1 : a.blockNumber > b.blockNumber ? 1 : a.logIndex - b.logIndex))
  const same = (a: Event, b: Event): boolean => a.blockNumber === b.blockNumber && a.logIndex === b.logIndex
  const text = (event: Event): string =>
    JSON.stringify(event, (_, item) => (typeof item === 'bigint' ? `${item}` : item))
  return all.filter((event, i) => {
    const before = all[i - 1]
    if (before === undefined || !same(before, event)) return true
    if (text(before) !== text(event))
      fail('FEED_ORDER', `two events stand at block ${event.blockNumber}, log ${event.logIndex}`, {
        blockNumber: event.blockNumber,
        logIndex: event.logIndex,
      })
    return false
  })
}

/** Shares that moved. `from` undefined is a mint, `to` undefined a burn. */
export type ShareTransfer = Position & {
  readonly type: 'transfer'
  readonly from: string | undefined
  readonly to: string | undefined
  readonly shares: bigint
}

/** A rebase at its place on the chain. */
export type RebaseLog = Position & RebaseEvent & { readonly type: 'rebase' }

/** One line of an account's history. `change` is what it gained or lost in wei, `assets` what it had after. */
export type HistoryEntry = Position & {
  readonly type: 'submit' | 'withdrawal' | 'transferIn' | 'transferOut' | 'rebase'
  readonly change: bigint
  readonly shares: Shares
  readonly assets: Assets
  /** Rebases only: what it earned, annualised, 10^6 is 100 %. */
  readonly aprE18?: bigint
}

/**
 * The history of one account: its shares before the first event, then every transfer and rebase in order. Only a rebase
 * is reward: a transfer to oneself is nothing, and amounts come from shares, never from what was asked for.
 * @throws LstError `FEED_ORDER` when events do not rise, `REPORT_INCONSISTENT` when more leaves than there is.
 */
export function rewardHistory(options: {
  account: string
  shares: bigint
  /** The price before the first event. */
  totals: { readonly assets: bigint; readonly shares: bigint }
  events: readonly (ShareTransfer | RebaseLog)[]
  /** Leave out rebases that changed nothing for this account; default false. */
  skipZeroRebases?: boolean
}): { entries: HistoryEntry[]; reward: bigint } {
  const { account, events, skipZeroRebases = false } = options
  let { shares, totals } = options
  let reward = 0n
  let last: Position | undefined
  const entries: HistoryEntry[] = []
  const worth = (): Assets => toAssets(shares as Shares, totals, 'down')
  for (const event of events) {
    const { blockNumber, logIndex } = event
    if (
      last !== undefined &&
      (blockNumber < last.blockNumber || (blockNumber === last.blockNumber && logIndex <= last.logIndex))
    )
      fail(
        'FEED_ORDER',
        `block ${blockNumber}, log ${logIndex} came after block ${last.blockNumber}, log ${last.logIndex}`,
      )
    last = event
    const before = worth()
    if (event.type === 'rebase') {
      totals = { assets: event.postAssets, shares: event.postShares }
      const change = worth() - before
      reward += change
      if (change === 0n && skipZeroRebases) continue
      const apr = event.elapsedSeconds > 0n && event.preAssets > 0n ? { aprE18: aprOf(event).aprE18 } : {}
      entries.push({ type: 'rebase', blockNumber, logIndex, change, shares: shares as Shares, assets: worth(), ...apr })
      continue
    }
    const incoming = event.to === account
    if (incoming === (event.from === account)) continue
    if (!incoming && event.shares > shares)
      fail('REPORT_INCONSISTENT', `${account} holds ${shares} shares, ${event.shares} leave at block ${blockNumber}`, {
        held: shares,
        asked: event.shares,
      })
    shares += incoming ? event.shares : -event.shares
    const type = incoming
      ? event.from === undefined
        ? 'submit'
        : 'transferIn'
      : event.to === undefined
        ? 'withdrawal'
        : 'transferOut'
    entries.push({ type, blockNumber, logIndex, change: worth() - before, shares: shares as Shares, assets: worth() })
  }
  return { entries, reward }
}
