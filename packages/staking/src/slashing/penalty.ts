/** What a sequencer can be convicted of, in the order in which the `SequencerPool` on L1 numbers it. */
export const offenceKinds = [
  'EQUIVOCATION_BLOCK',
  'EQUIVOCATION_BATCH',
  'EQUIVOCATION_RECEIPT',
  'INVALID_STATE_ROOT',
  'ATTESTED_INVALID',
  'DOWNTIME',
  'CENSORSHIP_FORCED',
  'ORDERING',
  'DATA_WITHHOLDING',
  'MISSED_REVEAL',
] as const
/** One of {@link offenceKinds}. */
export type OffenceKind = (typeof offenceKinds)[number]

/** Offences of one class are correlated with each other. */
export type OffenceClass = 'equivocation' | 'state' | 'data' | 'service'

export type PenaltyRule = {
  readonly class: OffenceClass
  readonly baseBps: number
  /** Doubles with every repetition up to `capBps`. */
  readonly capBps: number
  /** Safety: jailed when admitted, tombstoned when executed. */
  readonly safety: boolean
  readonly reporterBps: number
  readonly treasuryBps: number
}

/** The penalty table. What the shares leave over, and the remainder of every division, is burnt. */
export const offenceRules: Readonly<Record<OffenceKind, PenaltyRule>> = {
  EQUIVOCATION_BLOCK: {
    class: 'equivocation',
    baseBps: 500,
    capBps: 500,
    safety: true,
    reporterBps: 500,
    treasuryBps: 2500,
  },
  EQUIVOCATION_BATCH: {
    class: 'equivocation',
    baseBps: 500,
    capBps: 500,
    safety: true,
    reporterBps: 500,
    treasuryBps: 2500,
  },
  EQUIVOCATION_RECEIPT: {
    class: 'equivocation',
    baseBps: 500,
    capBps: 500,
    safety: true,
    reporterBps: 500,
    treasuryBps: 2500,
  },
  INVALID_STATE_ROOT: {
    class: 'state',
    baseBps: 10_000,
    capBps: 10_000,
    safety: true,
    reporterBps: 5000,
    treasuryBps: 2500,
  },
  ATTESTED_INVALID: { class: 'state', baseBps: 1000, capBps: 1000, safety: true, reporterBps: 1000, treasuryBps: 2500 },
  DATA_WITHHOLDING: { class: 'data', baseBps: 1000, capBps: 1000, safety: true, reporterBps: 1000, treasuryBps: 2500 },
  CENSORSHIP_FORCED: {
    class: 'service',
    baseBps: 100,
    capBps: 1000,
    safety: false,
    reporterBps: 1000,
    treasuryBps: 9000,
  },
  ORDERING: { class: 'service', baseBps: 100, capBps: 1000, safety: false, reporterBps: 1000, treasuryBps: 9000 },
  DOWNTIME: { class: 'service', baseBps: 1, capBps: 1, safety: false, reporterBps: 0, treasuryBps: 10_000 },
  MISSED_REVEAL: { class: 'service', baseBps: 10, capBps: 10, safety: false, reporterBps: 1000, treasuryBps: 9000 },
}

/** The correlation multiplier: three times the share of stake that failed together, as in NEAR and Ethereum. */
const correlationFactor = 3n

/** What {@link penaltyBps} looks at; all amounts as they were at the offence. */
export type PenaltyInput = {
  kind: OffenceKind
  /** The offender's own weight, wei. */
  stakeWei: bigint
  /** Everybody's weight, wei. */
  totalWei: bigint
  /** Weight of all offenders of the class inside the correlation window, this one included, wei. */
  offendersWei: bigint
  /** Which repetition this is, from 1. */
  repetition: number
  /** Downtime only: stake offline beyond the usual, in basis points. Default 0. */
  excessOfflineBps?: number
}

/**
 * The share of stake that an offence costs, in basis points: the offender's own part, plus what correlation adds. The
 * offender's own stake is taken out of both sides of the correlation, so that one isolated failure costs the same in a
 * pool of four as in a pool of a thousand.
 *
 * @example
 * ```ts
 * import { penaltyBps } from '@l2/staking'
 *
 * const equal = { kind: 'EQUIVOCATION_BLOCK', stakeWei: 1n, totalWei: 9n, repetition: 1 } as const
 * console.log(penaltyBps({ ...equal, offendersWei: 1n })) // 500
 * console.log(penaltyBps({ ...equal, offendersWei: 2n })) // 4250
 * console.log(penaltyBps({ ...equal, offendersWei: 4n })) // 10000
 * ```
 */
export function penaltyBps(input: PenaltyInput): number {
  return Math.min(ownPenaltyBps(input) + correlatedPenaltyBps(input), 10_000)
}

/**
 * What an offence costs whatever others do, in basis points: the base of its kind, doubled by repetition up to the cap.
 * Paid for every time.
 */
export function ownPenaltyBps(input: Pick<PenaltyInput, 'kind' | 'repetition' | 'excessOfflineBps'>): number {
  const rule = offenceRules[input.kind]
  let base = rule.baseBps
  if (input.kind === 'DOWNTIME' && input.repetition <= 1) base = 0
  else for (let k = 1; k < input.repetition && base < rule.capBps; k++) base = Math.min(base * 2, rule.capBps)
  // Everybody down at once is a shared fault of a client or a provider, which costs more; one alone pays the base.
  // Factors of EIP-7716.
  return input.kind === 'DOWNTIME' ? base * offlineFactor(input.excessOfflineBps) : base
}

const offlineFactor = (excessOfflineBps = 0): number => Math.min(1 + Math.floor((381 * excessOfflineBps) / 10_000), 128)

/** What the others who offended at the time add, in basis points. Paid once, however often one was among them. */
function correlatedPenaltyBps(input: PenaltyInput): number {
  if (!offenceRules[input.kind].safety) return 0
  const others = input.offendersWei > input.stakeWei ? input.offendersWei - input.stakeWei : 0n
  const rest = input.totalWei > input.stakeWei ? input.totalWei - input.stakeWei : 1n
  const correlated = (correlationFactor * 10_000n * others) / rest
  return correlated > 10_000n ? 10_000 : Number(correlated)
}

/** The most that an offence can ever cost, in basis points: by repetition, or by what turns out about others. */
export function mostPenaltyBps(kind: OffenceKind, excessOfflineBps = 0): number {
  const { safety, capBps } = offenceRules[kind]
  if (safety) return 10_000
  return kind === 'DOWNTIME' ? capBps * offlineFactor(excessOfflineBps) : capBps
}

/** What a fraction of a stake is in wei: rounded up, so that no positive penalty is nothing. */
export function penaltyWei(fractionBps: number, stakeWei: bigint): bigint {
  return (BigInt(fractionBps) * stakeWei + 9_999n) / 10_000n
}

/**
 * Who gets a slash: reporter and treasury rounded down, the rest burnt. Without a reporter that share is burnt as well.
 */
export function splitSlash(
  kind: OffenceKind,
  amountWei: bigint,
  hasReporter: boolean,
): { reporterWei: bigint; treasuryWei: bigint; burntWei: bigint } {
  const rule = offenceRules[kind]
  const reporterWei = hasReporter ? (amountWei * BigInt(rule.reporterBps)) / 10_000n : 0n
  const treasuryWei = (amountWei * BigInt(rule.treasuryBps)) / 10_000n
  return { reporterWei, treasuryWei, burntWei: amountWei - reporterWei - treasuryWei }
}
