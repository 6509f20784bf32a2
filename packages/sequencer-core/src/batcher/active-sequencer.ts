import { SequencerError } from '../errors.js'
import type { BatcherNode } from './ports.js'

/** One of a rollup's sequencers. */
export type SequencerEndpoint = {
  /** For reports: no secret in it. */
  readonly name: string
  readonly node: BatcherNode
  /** Whether it is the one that makes blocks now. */
  isActive(options?: { signal?: AbortSignal | undefined }): Promise<boolean>
}

/** What happened while an active sequencer was looked for. */
export type ActiveSequencerEvent =
  /** Another one makes the blocks; `from` is `undefined` at first. */
  | { readonly type: 'changed'; readonly from: string | undefined; readonly to: string }
  /** It did not say whether it is active. */
  | { readonly type: 'failed'; readonly sequencer: string; readonly error: unknown }

/** Options of {@link createActiveSequencer}. */
export type ActiveSequencerOptions = {
  /** How long an answer that a sequencer is active holds, milliseconds. Default 0: it is asked before every status. */
  readonly checkMs?: number | undefined
}

/** A batcher's node that is whichever sequencer is active. */
export type ActiveSequencer = BatcherNode & {
  /** The one in use; `undefined` before the first. */
  readonly active: string | undefined
}

/**
 * Several sequencers of one rollup as one {@link BatcherNode}: before a status the one in use is asked whether it is still active; when it is not, or
 * does not answer, the next that is takes its place. Blocks come from the one that gave the last status, so that a round sees one chain.
 * The batcher's own rules do the rest after a change: a new sequencer that has not read as much of L1 is waited for, nothing under way is
 * given up, and nothing is posted twice unless the chain is another.
 *
 * `status` rejects with `BATCHER_NO_SEQUENCER` (`retry`) when none is active.
 *
 * Source: op-batcher, `ActiveL2EndpointProvider`.
 *
 * @throws SequencerError `BATCHER_OPTIONS` without a sequencer
 *
 * @example
 * ```ts no-run
 * import { rollupPresets } from '@l2/sequencer-core'
 * import { createActiveSequencer, createOpNodeSequencer } from '@l2/sequencer-core/batcher'
 *
 * const config = rollupPresets.opSepolia
 * const node = createActiveSequencer(
 *   {},
 *   {
 *     sequencers: [
 *       createOpNodeSequencer({ nodeUrl: 'http://10.0.0.1:9545', engineUrl: 'http://10.0.0.1:8545', config }),
 *       createOpNodeSequencer({ nodeUrl: 'http://10.0.0.2:9545', engineUrl: 'http://10.0.0.2:8545', config }),
 *     ],
 *     onEvent: event => console.log(event),
 *   },
 * )
 * console.log((await node.status()).unsafe.number, node.active)
 * ```
 */
export function createActiveSequencer(
  options: ActiveSequencerOptions,
  dependencies: {
    readonly sequencers: readonly SequencerEndpoint[]
    readonly onEvent?: ((event: ActiveSequencerEvent) => void) | undefined
    readonly nowMs?: (() => number) | undefined
  },
): ActiveSequencer {
  const { checkMs = 0 } = options
  const { sequencers, onEvent, nowMs = Date.now } = dependencies
  if (sequencers.length === 0) {
    throw new SequencerError('a rollup without a sequencer', { code: 'BATCHER_OPTIONS' })
  }
  let current: SequencerEndpoint | undefined
  let checkedAt: number | undefined
  /** The one in use failed: another is preferred, should two say that they are active. */
  let isSuspect = false

  const inOrder = (): readonly SequencerEndpoint[] => {
    const at = current === undefined ? 0 : sequencers.indexOf(current) + (isSuspect ? 1 : 0)
    return [...sequencers.slice(at), ...sequencers.slice(0, at)]
  }

  const find = async (signal: AbortSignal | undefined): Promise<SequencerEndpoint> => {
    const isFresh = checkedAt !== undefined && !isSuspect && nowMs() - checkedAt < checkMs
    if (current !== undefined && isFresh) return current
    const errors: unknown[] = []
    for (const sequencer of inOrder()) {
      let isActive: boolean
      try {
        isActive = await sequencer.isActive({ signal })
      } catch (error) {
        if (signal?.aborted) throw error
        errors.push(error)
        onEvent?.({ type: 'failed', sequencer: sequencer.name, error })
        continue
      }
      if (!isActive) continue
      const from = current?.name
      const hasChanged = sequencer !== current
      current = sequencer
      checkedAt = nowMs()
      isSuspect = false
      if (hasChanged) onEvent?.({ type: 'changed', from, to: sequencer.name })
      return sequencer
    }
    throw new SequencerError(
      `none of ${sequencers.length} sequencers is active${errors.length > 0 ? `, ${errors.length} did not answer` : ''}`,
      { code: 'BATCHER_NO_SEQUENCER', recovery: 'retry', cause: errors[0] },
    )
  }

  const ask = async <T>(signal: AbortSignal | undefined, question: () => Promise<T>): Promise<T> => {
    try {
      return await question()
    } catch (error) {
      if (!signal?.aborted) isSuspect = true
      throw error
    }
  }

  return {
    async status(callOptions) {
      const { node } = await find(callOptions?.signal)
      return ask(callOptions?.signal, () => node.status(callOptions))
    },
    async blocks(from, to, callOptions) {
      const { node } = current ?? (await find(callOptions?.signal))
      return ask(callOptions?.signal, () => node.blocks(from, to, callOptions))
    },
    get active() {
      return current?.name
    },
  }
}
