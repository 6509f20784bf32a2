import type { L1Block, L1Source } from '@l2/sequencer-core'

/** The L1 blocks that a sequencer builds on: each is read once, those below the present origin are forgotten. */
export type L1View = {
  at(number: bigint, signal?: AbortSignal): Promise<L1Block | undefined>
  forgetBelow(number: bigint): void
}

export function createL1View(source: L1Source): L1View {
  const known = new Map<bigint, L1Block>()
  return {
    async at(number, signal) {
      const found = known.get(number)
      if (found !== undefined) return found
      const block = await source.block(number, { signal })
      if (block !== undefined) known.set(number, block)
      return block
    },
    forgetBelow(number) {
      for (const key of known.keys()) if (key < number) known.delete(key)
    },
  }
}
