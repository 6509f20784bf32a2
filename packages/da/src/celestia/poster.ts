import { type Clock, isL2Error } from '@l2/common'
import { DaError, isDaError } from '../errors.js'
import type { Journal, JournalEntry } from '../internal/journal.js'
import type { Posted } from '../internal/submissions.js'
import type { DaReceipt } from '../port.js'
import type { CelestiaClient } from './client.js'
import { shareCommitment } from './commitment.js'
import type { Inclusion } from './inclusion.js'
import { formatCelestiaCommitment } from './location.js'
import { createSearch } from './search.js'
import { type CelestiaBlob, estimateGas } from './shares.js'

/** How blobs are posted; `CelestiaDaOptions` tells what each setting is. */
type PosterSettings = {
  namespace: Uint8Array
  signer: Uint8Array | undefined
  gasPrice: number
  maxGasPrice: number
  maxAttempts: number
  pollMs: number
  unknownBlocks: number
  proveInclusion: boolean
}

/** Posts the submissions of one paying account; the price that it offers rises with what nodes ask. */
type Poster = {
  /** utia for blobs of these sizes, at the price offered now. */
  costOf(sizes: readonly number[]): bigint
  /** Posts an entry of the journal, or finds what was posted of it before. One at a time. */
  post(entry: JournalEntry, signal: AbortSignal): Promise<Posted>
}

/** Journalled before blobs are sent: from which height on they may be there, and whether a node may have them. */
type Note = { fromHeight: string; sent: boolean }

/** Makes the {@link Poster} of an account. */
export function createPoster(
  settings: PosterSettings,
  {
    client,
    journal,
    inclusion,
    clock,
  }: { client: CelestiaClient; journal: Journal; inclusion: Inclusion; clock: Clock },
): Poster {
  const { namespace, signer } = settings
  const shareVersion = signer === undefined ? 0 : 1
  const search = createSearch(settings, { client, clock })
  let gasPrice = settings.gasPrice

  const blobsOf = (items: readonly Uint8Array[]): (CelestiaBlob & { commitment: Uint8Array })[] =>
    items.map(data => {
      const blob = { namespace, data, shareVersion, signer } as const
      return { ...blob, commitment: shareCommitment(blob) }
    })

  async function post(entry: JournalEntry, signal: AbortSignal): Promise<Posted> {
    const blobs = blobsOf(entry.items)
    let note = entry.note === undefined ? undefined : (JSON.parse(entry.note) as Note)
    let failure: unknown
    for (let attempt = 0; attempt < settings.maxAttempts; attempt++) {
      signal.throwIfAborted()
      let submitting = false
      try {
        if (note?.sent === true) {
          const height = await search.find(blobs, BigInt(note.fromHeight), signal)
          if (height !== undefined) return { receipt: await prove(entry.key, height, blobs, signal) }
        }
        const head = await client.localHead({ signal })
        const sending = { fromHeight: head.height.toString(), sent: true }
        await journal.note(entry, JSON.stringify(sending))
        note = sending
        submitting = true
        const height = await client.submit(blobs, { gasPrice, maxGasPrice: settings.maxGasPrice, signal })
        submitting = false
        return { receipt: await prove(entry.key, height, blobs, signal) }
      } catch (error) {
        signal.throwIfAborted()
        failure = error
        if (!isDaError(error)) throw error
        const certainlyNot =
          error.code === 'DA_UNDERPRICED' || error.code === 'DA_NONCE_CONFLICT' || error.details['sent'] === false
        if (certainlyNot && note !== undefined) {
          note = { ...note, sent: false }
          await journal.note(entry, JSON.stringify(note))
        }
        if (error.code === 'DA_UNDERPRICED') {
          if (gasPrice >= settings.maxGasPrice) {
            return {
              refused: new DaError('Celestia asks more gas price than is allowed', {
                code: 'DA_FEE_TOO_HIGH',
                details: { maxGasPrice: settings.maxGasPrice },
                cause: error,
              }),
            }
          }
          gasPrice = Math.min(gasPrice * 1.5, settings.maxGasPrice)
          continue
        }
        if (error.retry === 'fatal' || error.code === 'DA_FEE_TOO_HIGH' || error.code === 'DA_INSUFFICIENT_FUNDS') {
          // A refusal to read says nothing about what was sent before.
          if (note?.sent === true && !submitting) throw error
          return { refused: error }
        }
        await clock.sleep(settings.pollMs, signal)
      }
    }
    if (note?.sent === true) {
      // Whoever lies is named; what it lies about may be there all the same.
      const lies = isL2Error(failure, 'DA_MISMATCH') || isL2Error(failure, 'DA_PROOF_INVALID')
      if (lies) throw failure
      throw new DaError('whether Celestia included the submission is not known', {
        code: 'DA_OUTCOME_UNKNOWN',
        details: { key: entry.key, fromHeight: note.fromHeight },
        retry: 'failover',
        cause: failure,
      })
    }
    return { refused: failure }
  }

  /** The receipt of what the node says it included, after checking the proof. */
  async function prove(
    key: string,
    height: bigint,
    blobs: readonly { commitment: Uint8Array }[],
    signal: AbortSignal,
  ): Promise<DaReceipt> {
    if (settings.proveInclusion) {
      for (const { commitment } of blobs) {
        await inclusion.check({ height, namespace, commitment }, { signal })
      }
    }
    return {
      key,
      height,
      commitments: blobs.map(({ commitment }) => formatCelestiaCommitment({ height, commitment, namespace })),
    }
  }

  return {
    costOf(sizes) {
      const gas = estimateGas(sizes, shareVersion)
      const billion = 1_000_000_000n
      return (gas * BigInt(Math.ceil(gasPrice * 1e9)) + billion - 1n) / billion
    },
    post,
  }
}
