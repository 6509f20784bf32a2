import { type Clock, equalBytes } from '@l2/common'
import type { CelestiaClient } from './client.js'
import { shareCommitment } from './commitment.js'

/** Looks for submissions whose outcome is not known. */
type Search = {
  /** The height of a submission that may be on its way from height `from` on; `undefined` when it would have been evicted since. */
  find(blobs: readonly { commitment: Uint8Array }[], from: bigint, signal: AbortSignal): Promise<bigint | undefined>
}

/** Makes the {@link Search} of one namespace. */
export function createSearch(
  settings: { namespace: Uint8Array; pollMs: number; unknownBlocks: number },
  { client, clock }: { client: CelestiaClient; clock: Clock },
): Search {
  /** The first height at or above `from` that holds all of the blobs. */
  async function scan(
    blobs: readonly { commitment: Uint8Array }[],
    from: bigint,
    to: bigint,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    for (let height = from; height <= to; height++) {
      const found = await client.getAll(height, [settings.namespace], { signal })
      const holds = ({ commitment }: { commitment: Uint8Array }) =>
        found.some(blob => equalBytes(blob.commitment, commitment) && equalBytes(shareCommitment(blob), commitment))
      if (blobs.every(holds)) return height
    }
    return undefined
  }

  async function find(
    blobs: readonly { commitment: Uint8Array }[],
    from: bigint,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    let next = from
    for (;;) {
      const { height: head } = await client.localHead({ signal })
      const found = await scan(blobs, next, head, signal)
      if (found !== undefined) return found
      if (head >= from + BigInt(settings.unknownBlocks)) return undefined
      next = head + 1n > next ? head + 1n : next
      await clock.sleep(settings.pollMs, signal)
    }
  }

  return { find }
}
