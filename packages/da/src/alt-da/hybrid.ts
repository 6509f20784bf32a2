import { bytesToHex, closable, concatBytes, equalBytes, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { type Commitment, commitmentToBatcherData, daLayer, decodeCommitment, encodeCommitment } from '../commitment.js'
import { DaError, isUndecided } from '../errors.js'
import { createTurns } from '../internal/call.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { createSubmissions, notedMaxCost, noteMaxCost, type Posted } from '../internal/submissions.js'
import type { DaCallOptions, DaReceipt, DaStatus, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { type ChallengeSource, type ChallengeStatus, type ChallengeWindows, challengeOutcome } from './challenge.js'

/** What {@link createHybridDa} works with. */
export type HybridDaDeps = {
  /** Holds the data: an alt-DA server, an object store, another chain. */
  store: DataAvailability
  /** Holds the hashes: Ethereum calldata. */
  anchor: DataAvailability
  /** Without it nothing can be challenged, and data that the store lost is lost. */
  challenges?: { source: ChallengeSource; windows: ChallengeWindows } | undefined
  /** Remembers submissions over a restart: one can have been stored and not anchored. */
  journal?: Store | undefined
}

/** A hybrid commitment in parts. */
export type HybridCommitment = {
  /** keccak256 of the data: what the anchor carries and a challenge names. */
  dataHash: Uint8Array
  length: number
  /** L1 block of the anchor, from which the challenge window counts. */
  anchoredAtBlock: bigint
  anchor: Commitment
  store: Commitment
}

/** Adds challenges to the port. */
export interface HybridDa extends DataAvailability {
  /** Where a commitment stands between its block and the end of its windows, and the last L1 block at which that can change. */
  challenge(commitment: Commitment, call?: DaCallOptions): Promise<{ status: ChallengeStatus; deadlineBlock: bigint }>
}

/**
 * Reads a hybrid commitment.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da/testing'
 * import { createHybridDa, parseHybridCommitment } from '@l2/da/alt-da'
 *
 * const da = createHybridDa({ store: createMemoryDa(), anchor: createMemoryDa() })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)])
 * const { length, anchoredAtBlock } = parseHybridCommitment(commitments[0]!)
 * console.log(length, anchoredAtBlock) // 2 1n
 * ```
 */
export function parseHybridCommitment({ layer, payload }: Commitment): HybridCommitment {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const anchorLength = payload.length > 46 ? view.getUint16(44) : 0
  if (layer !== daLayer.hybrid || anchorLength < 2 || payload.length < 46 + anchorLength + 2) {
    throw new DaError('not a hybrid commitment', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer, length: payload.length },
    })
  }
  return {
    dataHash: payload.slice(0, 32),
    length: view.getUint32(32),
    anchoredAtBlock: view.getBigUint64(36),
    anchor: decodeCommitment(payload.subarray(46, 46 + anchorLength)),
    store: decodeCommitment(payload.subarray(46 + anchorLength)),
  }
}

/**
 * Inverse of {@link parseHybridCommitment}.
 *
 * @example
 * ```ts
 * import { daLayer } from '@l2/da'
 * import { formatHybridCommitment, parseHybridCommitment } from '@l2/da/alt-da'
 *
 * const copy = { layer: daLayer.memory, payload: new Uint8Array(32) }
 * const parts = { dataHash: new Uint8Array(32), length: 2, anchoredAtBlock: 1n, anchor: copy, store: copy }
 * console.log(parseHybridCommitment(formatHybridCommitment(parts)).length) // 2
 * ```
 */
export function formatHybridCommitment(parts: HybridCommitment): Commitment {
  const anchor = encodeCommitment(parts.anchor)
  const head = new Uint8Array(14)
  const view = new DataView(head.buffer)
  view.setUint32(0, parts.length)
  view.setBigUint64(4, parts.anchoredAtBlock)
  view.setUint16(12, anchor.length)
  return {
    layer: daLayer.hybrid,
    payload: concatBytes(parts.dataHash, head, anchor, encodeCommitment(parts.store)),
  }
}

/**
 * Data on a store, its keccak256 on an anchor layer as an OP alt-DA commitment (`01 00 ‖ hash`): cheap, and safe for as long as somebody can
 * challenge. Reading asks the store; where that fails, the data that a challenge brought to L1. Metis calls this its Memo mode; there the key on
 * L1 does not bind the data, here the hash does.
 *
 * `submit` returns when both have it, the store first: a hash on L1 without data would be an invitation to challenge.
 *
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da/testing'
 * import { createHybridDa } from '@l2/da/alt-da'
 *
 * const store = createMemoryDa()
 * const da = createHybridDa({ store, anchor: createMemoryDa() })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)])
 * console.log(await da.get(commitments[0]!)) // Uint8Array(2) [ 0, 1 ]
 * await store.reorg(1)
 * console.log(await da.get(commitments[0]!).catch(({ code }) => code)) // DA_NOT_FOUND
 * ```
 */
export function createHybridDa(deps: HybridDaDeps): HybridDa {
  const { store, anchor, challenges } = deps
  const name = 'hybrid'

  const challenge = async (commitment: Commitment, call?: DaCallOptions) => {
    const { anchoredAtBlock: block, dataHash } = parseHybridCommitment(commitment)
    if (challenges === undefined) return { status: 'accepted' as const, deadlineBlock: block, data: undefined }
    return challengeOutcome(challenges, dataHash, block, call)
  }

  const verify = async (commitment: Commitment, data: Uint8Array) => {
    const { dataHash, length } = parseHybridCommitment(commitment)
    return data.length === length && equalBytes(keccak256(data), dataHash)
  }

  const limits = async (call?: DaCallOptions) => ({ maxBytes: (await store.limits(call)).maxBytes, maxItems: 1 })

  // Hashes get to the anchor in the order of the calls, whichever the store ends first.
  const takeTurn = createTurns()

  async function post(entry: JournalEntry, signal: AbortSignal): Promise<Posted> {
    const { key } = entry
    const data = entry.items[0]!
    const dataHash = keccak256(data)
    const turn = takeTurn()
    try {
      const stored = await store.submit([data], { key, signal })
      const hash = commitmentToBatcherData({ layer: daLayer.keccak, payload: dataHash })
      await turn.come
      const anchoring = anchor.submit([hash], { key, signal, maxCost: notedMaxCost(entry.note) })
      turn.leave()
      const anchored = await anchoring
      const commitment = formatHybridCommitment({
        dataHash,
        length: data.length,
        anchoredAtBlock: anchored.height,
        anchor: anchored.commitments[0]!,
        store: stored.commitments[0]!,
      })
      return { receipt: { key, height: anchored.height, commitments: [commitment] } }
    } catch (error) {
      signal.throwIfAborted()
      if (!isL2Error(error) || isUndecided(error.code)) throw error
      return { refused: error }
    } finally {
      turn.leave()
    }
  }
  const isGone = async (of: (parts: HybridCommitment) => Commitment, layer: DataAvailability, receipt: DaReceipt) =>
    (await layer.status(of(parseHybridCommitment(receipt.commitments[0]!)))) === 'lost'
  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.journal ?? createMemoryStore(), 'hybrid'),
    post,
    note: noteMaxCost,
    isLost: async receipt =>
      (await isGone(parts => parts.anchor, anchor, receipt)) || (await isGone(parts => parts.store, store, receipt)),
  })

  return {
    name,
    capabilities: {
      retentionSeconds: store.capabilities.retentionSeconds,
      finality: anchor.capabilities.finality,
    },
    challenge: async (commitment, call) => {
      const { status, deadlineBlock } = await challenge(commitment, call)
      return { status, deadlineBlock }
    },
    limits,
    quote: async (sizes, call) => {
      checkItems(name, sizes, await limits(call))
      // What the store is paid, and in what, is between it and its operator; the anchor is what a sequencer pays.
      return anchor.quote([34], call)
    },
    submit: (items, call) =>
      submissions.submit(items, call, async () => {
        const sizes = items.map(item => item.length)
        checkItems(name, sizes, await limits(call))
      }),
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: ({ layer }) => layer === daLayer.hybrid,
    verify,
    get: async (commitment, call) => {
      const parts = parseHybridCommitment(commitment)
      // What the contract declares void is void for those who still have the data, too: all readers come to the same.
      const found = challenges === undefined ? undefined : await challenge(commitment, call)
      if (found?.status === 'expired') {
        throw new DaError('the data was challenged and not delivered in time: the commitment is void', {
          code: 'DA_COMMITMENT_DEAD',
          details: { expected: bytesToHex(parts.dataHash), deadlineBlock: found.deadlineBlock },
        })
      }
      let failure: unknown
      try {
        const data = await store.get(parts.store, call)
        if (await verify(commitment, data)) return data
        failure = new DaError('the store returned other data than the anchor has the hash of', {
          code: 'DA_MISMATCH',
          details: { expected: bytesToHex(parts.dataHash), length: data.length },
        })
      } catch (error) {
        call?.signal?.throwIfAborted()
        failure = error
      }
      if (found?.status === 'resolved' && found.data !== undefined && (await verify(commitment, found.data))) {
        return found.data
      }
      throw failure
    },
    status: async (commitment, call): Promise<DaStatus> =>
      anchor.status(parseHybridCommitment(commitment).anchor, call),
    ...closable(async () => {
      await submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))
      await store.close()
      await anchor.close()
    }),
  }
}
