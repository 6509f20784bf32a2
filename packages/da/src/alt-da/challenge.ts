import type { DaCallOptions } from '../port.js'

/** How long data may be demanded and delivered on L1, in L1 blocks. Source: OP specs, alt-DA, `DataAvailabilityChallenge`. */
export type ChallengeWindows = {
  /** After the commitment's block in which anybody may demand the data. */
  challengeBlocks: bigint
  /** After the demand in which the data has to be there. */
  resolveBlocks: bigint
}

/** What happened on L1 about one commitment. */
export type ChallengeHistory = {
  /** Block of the commitment. */
  includedAtBlock: bigint
  challengedAtBlock?: bigint | undefined
  resolvedAtBlock?: bigint | undefined
}

/**
 * `open`: may still be challenged. `accepted`: nobody challenged in time. `active`: the data is demanded. `resolved`: it was delivered on L1.
 * `expired`: it was not, and derivation drops the commitment.
 */
export type ChallengeStatus = 'open' | 'accepted' | 'active' | 'resolved' | 'expired'

/**
 * The status of a commitment at an L1 block. Events outside their windows count for nothing, as the contract refuses them.
 *
 * @example
 * ```ts
 * import { challengeStatus } from '@l2/da/alt-da'
 *
 * const windows = { challengeBlocks: 10n, resolveBlocks: 5n }
 * console.log(challengeStatus({ includedAtBlock: 100n }, windows, 110n)) // open
 * console.log(challengeStatus({ includedAtBlock: 100n }, windows, 111n)) // accepted
 * console.log(challengeStatus({ includedAtBlock: 100n, challengedAtBlock: 105n }, windows, 111n)) // expired
 * ```
 */
export function challengeStatus(history: ChallengeHistory, windows: ChallengeWindows, head: bigint): ChallengeStatus {
  const { includedAtBlock, challengedAtBlock, resolvedAtBlock } = history
  const lastChallenge = includedAtBlock + windows.challengeBlocks
  if (
    challengedAtBlock === undefined ||
    challengedAtBlock > head ||
    challengedAtBlock < includedAtBlock ||
    challengedAtBlock > lastChallenge
  ) {
    return head > lastChallenge ? 'accepted' : 'open'
  }
  const lastResolve = challengedAtBlock + windows.resolveBlocks
  const inTime =
    resolvedAtBlock !== undefined &&
    resolvedAtBlock <= head &&
    resolvedAtBlock >= challengedAtBlock &&
    resolvedAtBlock <= lastResolve
  if (inTime) return 'resolved'
  return head > lastResolve ? 'expired' : 'active'
}

/** What L1 knows about challenges: `createEthereumChallenges` reads it from the contract. */
export interface ChallengeSource {
  /** The newest L1 block. */
  head(call?: DaCallOptions): Promise<bigint>
  /**
   * What happened about a keccak commitment of a block, and the data where it was delivered. Nothing after the block `untilBlock` counts, so that a
   * reader who comes years later asks a node for the logs of days, which is what nodes answer.
   */
  find(
    dataHash: Uint8Array,
    includedAtBlock: bigint,
    call?: DaCallOptions & { untilBlock?: bigint | undefined },
  ): Promise<Omit<ChallengeHistory, 'includedAtBlock'> & { data?: Uint8Array | undefined }>
}

/** Asks L1 where a commitment stands, until when that can change, and for the data that a challenge brought. */
export async function challengeOutcome(
  { source, windows }: { source: ChallengeSource; windows: ChallengeWindows },
  dataHash: Uint8Array,
  includedAtBlock: bigint,
  call?: DaCallOptions,
): Promise<{ status: ChallengeStatus; deadlineBlock: bigint; data: Uint8Array | undefined }> {
  const head = await source.head(call)
  const last = includedAtBlock + windows.challengeBlocks + windows.resolveBlocks
  // A node that has not even got the block has nothing to say about it.
  const found =
    head < includedAtBlock
      ? {}
      : await source.find(dataHash, includedAtBlock, { ...call, untilBlock: head < last ? head : last })
  const status = challengeStatus({ includedAtBlock, ...found }, windows, head)
  const demanded = status === 'active' || status === 'expired' || status === 'resolved'
  const deadlineBlock = demanded
    ? found.challengedAtBlock! + windows.resolveBlocks
    : includedAtBlock + windows.challengeBlocks
  return { status, deadlineBlock, data: found.data }
}
