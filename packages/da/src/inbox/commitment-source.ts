import { hexToBytes, isL2Error, type Logger, silentLogger } from '@l2/common'
import { type ChallengeSource, type ChallengeWindows, challengeOutcome } from '../alt-da/challenge.js'
import { alternativeToCommitment, type Commitment, commitmentToHex, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import type { DaCallOptions, DaGetOptions, DataAvailability } from '../port.js'
import { askInTurn } from '../router/readers.js'

/** What {@link createCommitmentSource} works with. */
export type CommitmentSourceDeps = {
  /** Read the commitments; of several that read one, the first that answers counts, be it that the commitment is dead. */
  layers: readonly Pick<DataAvailability, 'name' | 'reads' | 'get' | 'verify'>[]
  /**
   * The challenge contract of a chain with keccak commitments (OP alt-DA): what was demanded in time and never delivered is dropped by everybody,
   * whoever still has it. Its `head` should be one that L1 does not take back: `createEthereumChallenges({ contract, head: 'finalized' }, { client })`.
   */
  challenges?: { source: ChallengeSource; windows: ChallengeWindows } | undefined
  /** Told of every commitment that is skipped. */
  onSkipped?: ((skipped: SkippedCommitment) => void) | undefined
  logger?: Logger | undefined
}

/** Plain settings of {@link createCommitmentSource}. */
export type CommitmentSourceOptions = {
  /**
   * First bytes of the commitments that the chain takes, a fact of the chain that all its readers share: others are skipped. By default a
   * commitment that no adapter reads stops derivation, because to skip what others take would fork the chain.
   */
  accept?: readonly number[] | undefined
  /**
   * What becomes of a keccak commitment while its challenge can still come or be answered. `wait` (default): derivation waits, so that all
   * readers come to the same. `take`: it goes on with the data, as OP's does, which takes back its blocks when the challenge expires; ours does
   * not, and a reader who comes later skips what this one took. Only for chains whose challenges never expire.
   */
  openWindows?: 'wait' | 'take' | undefined
}

/** A commitment that stands for nothing, and why: the same for every reader of the chain. */
export type SkippedCommitment = {
  readonly commitment: `0x${string}`
  readonly l1Block: bigint
  /**
   * `malformed`: no commitment of its layer. `not-accepted`: of a layer that the chain does not take. `dead`: its layer says that it is invalid for
   * ever. `challenge-expired`: the data was demanded and not delivered in time.
   */
  readonly reason: 'malformed' | 'not-accepted' | 'dead' | 'challenge-expired'
}

/** What derivation asks about commitments; it has the shape of the `CommitmentSource` of `@l2/sequencer-core`. */
export interface DaCommitmentSource {
  /**
   * The data behind a commitment as the inbox has it (type byte first), or `undefined` when every reader of the chain skips it. Rejects while
   * that is not known: skipping then would fork the chain.
   *
   * @param block the L1 block that names the commitment, its time in Unix seconds
   * @throws DaError what the layer that says most says
   */
  getCommitted(
    commitment: string,
    block: { number: bigint; timestamp?: bigint | undefined },
    options?: DaCallOptions,
  ): Promise<Uint8Array | undefined>
}

/**
 * What layers hold, as derivation asks for it: by commitment and the L1 block that names it. A commitment that the protocol declares void is
 * skipped, so that one bad commitment stops nobody; data that cannot be had now stops derivation until it can.
 *
 * @example
 * ```ts
 * import { commitmentToBatcherData, createCommitmentSource, daLayer } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const da = createMemoryDa()
 * const source = createCommitmentSource({ accept: [daLayer.memory] }, { layers: [da] })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)])
 * // In the inbox a commitment follows the version byte 01; derivation asks without it.
 * const hex = (bytes: Uint8Array) => `0x${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`
 * const named = hex(commitmentToBatcherData(commitments[0]!).subarray(1))
 * console.log(await source.getCommitted(named, { number: 7n })) // Uint8Array(2) [ 0, 1 ]
 * console.log(await source.getCommitted('0x016d00', { number: 7n })) // undefined
 * ```
 */
export function createCommitmentSource(
  options: CommitmentSourceOptions,
  deps: CommitmentSourceDeps,
): DaCommitmentSource {
  const { layers, challenges } = deps
  const logger = deps.logger ?? silentLogger
  const accept = options.accept && new Set(options.accept)
  for (const byte of accept ?? []) {
    if (!Number.isInteger(byte) || byte < 0 || byte > 255) {
      throw new DaError('"accept" of createCommitmentSource expects layer bytes', {
        code: 'DA_OPTIONS_INVALID',
        details: { byte },
      })
    }
  }

  /** A commitment that some layer can ask about, or why there is none. Pure: every reader comes to the same. */
  async function parse(hex: string): Promise<Commitment | 'malformed' | 'not-accepted'> {
    const bytes = hexToBytes(hex)
    let commitment: Commitment
    try {
      commitment = alternativeToCommitment(bytes ?? new Uint8Array())
    } catch {
      return 'malformed'
    }
    if (accept !== undefined && !accept.has(commitment.layer)) return 'not-accepted'
    const readers = layers.filter(layer => layer.reads(commitment))
    if (readers.length === 0) {
      throw new DaError(`no adapter here reads layer ${commitment.layer}, and the chain does not say to skip it`, {
        code: 'DA_UNVERIFIABLE',
        details: { layer: commitment.layer, commitment: commitmentToHex(commitment).slice(0, 130) },
      })
    }
    for (const reader of readers) {
      try {
        // Without a network: only whether the payload has the form of its layer.
        await reader.verify(commitment, new Uint8Array())
      } catch (error) {
        if (isL2Error(error, 'DA_COMMITMENT_INVALID')) return 'malformed'
      }
    }
    return commitment
  }

  async function read(commitment: Commitment, l1Block: bigint, call: DaGetOptions): Promise<Uint8Array | undefined> {
    const ask = () => askInTurn(layers, commitment, call, layer => layer.get(commitment, call))
    if (challenges === undefined || commitment.layer !== daLayer.keccak) return ask()
    // The contract comes first: what it declares void is void for those who have the data, too.
    const { status, deadlineBlock, data } = await challengeOutcome(challenges, commitment.payload, l1Block, call)
    if (status === 'expired') return undefined
    if ((status === 'open' || status === 'active') && options.openWindows !== 'take') {
      throw new DaError(`whether the commitment counts is decided at L1 block ${deadlineBlock}`, {
        code: 'DA_NOT_YET',
        details: { status, deadlineBlock, l1Block },
      })
    }
    try {
      return await ask()
    } catch (error) {
      call.signal?.throwIfAborted()
      if (status === 'resolved' && data !== undefined) return data
      throw error
    }
  }

  return {
    async getCommitted(hex, block, call = {}) {
      const l1Block = block.number
      const skip = (reason: SkippedCommitment['reason'], cause?: unknown): undefined => {
        const skipped = { commitment: hex.slice(0, 2 + 2 * 128) as `0x${string}`, l1Block, reason }
        logger.warn({ ...skipped, ...(cause instanceof Error ? { cause: cause.message } : {}) }, 'commitment skipped')
        deps.onSkipped?.(skipped)
        return undefined
      }
      const commitment = await parse(hex)
      if (typeof commitment === 'string') return skip(commitment)
      try {
        const { signal, timeoutMs } = call
        const named = { l1InclusionBlock: l1Block, l1InclusionTimestamp: block.timestamp }
        const data = await read(commitment, l1Block, { signal, timeoutMs, ...named })
        return data ?? skip('challenge-expired')
      } catch (error) {
        if (isL2Error(error, 'DA_COMMITMENT_DEAD')) return skip('dead', error)
        throw error
      }
    },
  }
}
