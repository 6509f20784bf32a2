import { fail } from '../errors.js'
import { maxAmount } from '../math/units.js'
import { burnerAccount, deadAccount, queueAccount } from '../rebasing/state.js'
import type { ReportLimits } from '../report/guard.js'
import { checkRebaseLimit, rebaseLimitOffE18 } from '../report/limiter.js'
import type { LiquidConfig } from './config.js'

/** An integer option: its unit, its range, and whether it may be missing. */
type Range = { readonly unit: string; readonly min: bigint; readonly max: bigint; readonly optional?: true }

const wei = (min = 0n): Range => ({ unit: 'wei', min, max: maxAmount })
/** A century is longer than anything here waits. */
const seconds = (min = 0n): Range => ({ unit: 's', min, max: 3_155_760_000n })
const bps: Range = { unit: 'bps', min: 0n, max: 10_000n }

const ranges = {
  seed: wei(),
  minRequest: wei(1n),
  maxRequest: wei(1n),
  minSeat: wei(1n),
  maxSeat: wei(1n),
  rewardPerBlock: { ...wei(), optional: true },
  maxPositiveRebaseE18: { unit: 'parts of 10^18', min: 0n, max: rebaseLimitOffE18, optional: true },
  virtualOffset: { unit: 'decimals', min: 0n, max: 18n, optional: true },
  vestingBps: bps,
  bunkerBps: bps,
  cycleSeconds: seconds(20n),
  exitDelaySeconds: seconds(),
  entrySeconds: seconds(),
  seatExitSeconds: seconds(),
  partialExitSeconds: seconds(),
  bunkerSeconds: seconds(),
  historySeconds: seconds(1n),
  historyGrainSeconds: seconds(1n),
} as const satisfies Partial<Record<keyof LiquidConfig, Range>>

const choices = {
  exits: ['queue', 'fixed'],
  profitTest: ['highWater', 'net', 'principal'],
  seedLock: ['shares', 'value'],
  seatReleases: ['time', 'events'],
  lossPath: [true, false],
  receipts: [true, false],
  cycleAutoSync: [true, false],
  cycleCheckpoint: [true, false],
  legacyRounding: [true, false],
} as const satisfies Partial<Record<keyof LiquidConfig, readonly unknown[]>>

const limitRanges: Record<keyof ReportLimits, Range> = {
  annualIncreaseBps: { unit: 'bps', min: 0n, max: maxAmount, optional: true },
  maxLossBps: { ...bps, optional: true },
  maxDrawdownBps: { ...bps, optional: true },
  shareRateDeviationBps: { ...bps, optional: true },
  requestMarginSeconds: { ...seconds(), optional: true },
  appearedSeatsPerDay: { unit: 'seats', min: 0n, max: 1_000_000n, optional: true },
}

const names = [...Object.keys(ranges), ...Object.keys(choices), 'feeRecipients', 'limits']

/** Which options a preset reads at all; the text says who does. */
const readers: Partial<Record<keyof LiquidConfig, { who: string; reads(config: LiquidConfig): boolean }>> = {
  seedLock: { who: 'the instant vault', reads: c => c.model === 'instant' },
  virtualOffset: {
    who: 'the instant and the cycle vault',
    reads: c => c.model === 'instant' || c.model === 'cycle',
  },
  cycleSeconds: { who: 'the cycle vault', reads: c => c.model === 'cycle' },
  cycleAutoSync: { who: 'the cycle vault', reads: c => c.model === 'cycle' },
  cycleCheckpoint: { who: 'the cycle vault', reads: c => c.model === 'cycle' },
  exitDelaySeconds: { who: 'exits "fixed"', reads: c => c.exits === 'fixed' },
  minRequest: { who: 'exits "queue"', reads: c => c.exits === 'queue' },
  maxRequest: { who: 'exits "queue"', reads: c => c.exits === 'queue' },
}

const show = (value: unknown): string =>
  typeof value === 'bigint' ? `${value}` : `the ${typeof value} ${JSON.stringify(value) ?? String(value)}`

function refuse(option: string, message: string): never {
  return fail('OPTION_INVALID', message, { option })
}

function checkRange(name: string, value: unknown, range: Range): void {
  if (value === undefined && range.optional) return
  const between = `${range.min} … ${range.max === maxAmount ? '2^128−1' : range.max} ${range.unit}`
  if (typeof value !== 'bigint') refuse(name, `"${name}" expected a bigint of ${between}, got ${show(value)}`)
  if (value < range.min || value > range.max) refuse(name, `"${name}" expected ${between}, got ${value}`)
}

/** How many letters apart two names are. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

function unknown(where: string, name: string, known: readonly string[]): never {
  const near = known.map(other => ({ other, off: distance(name, other) })).sort((x, y) => x.off - y.off)[0]
  const hint = near !== undefined && near.off <= 3 ? `, did you mean "${near.other}"?` : ''
  return refuse(name, `there is no ${where} "${name}"${hint}`)
}

function checkFees(recipients: unknown): void {
  if (!Array.isArray(recipients)) refuse('feeRecipients', `"feeRecipients" expected a list, got ${show(recipients)}`)
  let all = 0n
  for (const [i, recipient] of recipients.entries()) {
    const name = `feeRecipients[${i}]`
    const { account, bps: part } = (recipient ?? {}) as { account?: unknown; bps?: unknown }
    if (typeof account !== 'string' || account.length === 0 || account.length > 128)
      refuse('feeRecipients', `"${name}.account" expected 1 … 128 characters, got ${show(account)}`)
    if ([queueAccount, burnerAccount, deadAccount].includes(account))
      refuse('feeRecipients', `"${name}.account" expected somebody, "${account}" is an account of the protocol`)
    checkRange(`${name}.bps`, part, bps)
    all += part as bigint
  }
  if (all > 10_000n) refuse('feeRecipients', `"feeRecipients" expected at most 10000 bps together, got ${all}`)
}

function checkLimits(limits: unknown): void {
  if (typeof limits !== 'object' || limits === null)
    refuse('limits', `"limits" expected an object, got ${show(limits)}`)
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(limitRanges, name)) unknown('limit', name, Object.keys(limitRanges))
    checkRange(`limits.${name}`, value, limitRanges[name as keyof ReportLimits])
  }
}

/** What makes no sense together, as a sentence. */
function contradiction(config: LiquidConfig): string | undefined {
  const { model, exits } = config
  if (model === 'rebasing' && exits === 'fixed')
    return 'exits "fixed" expected a vault: the rebasing pool pays through its queue only (presets enki, accumulated, artemis have both)'
  if (!config.lossPath && exits === 'queue')
    return 'exits "queue" share losses, and "lossPath" is false: there would be none to share, and nobody to pay the last'
  if (config.vestingBps > 0n && !(model === 'instant' && exits === 'fixed'))
    return `"vestingBps" expected 0, got ${config.vestingBps}: only exits "fixed" of the instant vault vest, set it to 0n`
  if (config.receipts && !((model === 'instant' || model === 'cycle') && exits === 'fixed'))
    return '"receipts" expected false: only a vault with exits "fixed" stands on a 1:1 receipt, because a receipt carries no loss'
  if (config.legacyRounding && !(model === 'rate' && exits === 'fixed'))
    return '"legacyRounding" expected false: only exits "fixed" of the rate pool are priced by an inverse rate'
  if (config.profitTest === 'principal' && model !== 'rebasing')
    return 'profitTest "principal" expected the rebasing pool: the others are paid beside their seats and would never charge a fee'
  if (model === 'cycle' && exits === 'queue' && !config.cycleCheckpoint)
    return 'exits "queue" expected "cycleCheckpoint": without it a report cannot pay what the cycle has released already'
  if (config.minRequest > config.maxRequest)
    return `"minRequest" expected at most "maxRequest", got ${config.minRequest} and ${config.maxRequest} wei`
  if (config.minSeat > config.maxSeat)
    return `"minSeat" expected at most "maxSeat", got ${config.minSeat} and ${config.maxSeat} wei`
  if (config.historyGrainSeconds > config.historySeconds)
    return `"historyGrainSeconds" expected at most "historySeconds", got ${config.historyGrainSeconds} and ${config.historySeconds} s: no window could be measured`
  if (config.historySeconds / config.historyGrainSeconds > 100_000n)
    return `"historySeconds" expected at most 100000 times "historyGrainSeconds", got ${config.historySeconds} and ${config.historyGrainSeconds} s: take a coarser grain`
  return undefined
}

/**
 * Refuses a configuration that no part would accept, or that says what nobody reads: `base` is the preset that it
 * changes.
 * @throws LstError `OPTION_INVALID`, with the name of the option in `details.option`.
 */
export function checkConfig(config: LiquidConfig, base: LiquidConfig): void {
  for (const name of Object.keys(config))
    if (!names.includes(name) && !['preset', 'profile', 'model'].includes(name)) unknown('option', name, names)
  for (const fixed of ['preset', 'profile', 'model'] as const)
    if (config[fixed] !== base[fixed])
      refuse(fixed, `"${fixed}" is the preset's: ${show(base[fixed])}, not ${show(config[fixed])}`)
  for (const [name, range] of Object.entries(ranges)) checkRange(name, config[name as keyof typeof ranges], range)
  checkRebaseLimit(config.maxPositiveRebaseE18)
  for (const [name, allowed] of Object.entries(choices)) {
    const value = config[name as keyof typeof choices]
    if (!(allowed as readonly unknown[]).includes(value))
      refuse(name, `"${name}" expected ${allowed.map(item => JSON.stringify(item)).join(' or ')}, got ${show(value)}`)
  }
  checkFees(config.feeRecipients)
  checkLimits(config.limits)
  const wrong = contradiction(config)
  if (wrong !== undefined) fail('OPTION_INVALID', wrong)
  for (const [name, reader] of Object.entries(readers)) {
    const key = name as keyof LiquidConfig
    if (config[key] !== base[key] && !reader.reads(config))
      refuse(name, `"${name}" is read by ${reader.who} only, and would do nothing in preset ${config.preset}`)
  }
}
