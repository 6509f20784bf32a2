import type { L1Block, L1Source } from '@l2/sequencer-core/derivation'
import type { L1Watch } from './l1-watch.js'

/** The L1 blocks that a sequencer builds on: each is read once, those below the present origin are forgotten. */
export type L1View = {
  /** A block that is deep enough to be built on, or is built on already. `undefined` while there is none. */
  at(number: bigint, signal?: AbortSignal): Promise<L1Block | undefined>
  /** The block after `parent`, where L1 has one that stands on it and is deep enough. */
  after(parent: L1Block, signal?: AbortSignal): Promise<L1Block | undefined>
  forgetBelow(number: bigint): void
  /** L1 has changed: what was read counts no more. */
  forgetAll(): void
}

/** @param confirmations blocks that must stand on one before it becomes an origin; 0: L1's very head does */
export function createL1View(source: L1Source, watch: Pick<L1Watch, 'number'>, confirmations: bigint): L1View {
  const known = new Map<bigint, L1Block>()
  const at = async (number: bigint, signal?: AbortSignal): Promise<L1Block | undefined> => {
    const found = known.get(number)
    if (found !== undefined) return found
    const block = await source.block(number, { signal })
    if (block !== undefined) known.set(number, block)
    return block
  }
  return {
    at,
    async after(parent, signal) {
      const number = parent.number + 1n
      if (number + confirmations > watch.number) return undefined
      const block = await at(number, signal)
      if (block === undefined || block.parentHash === parent.hash) return block
      // It was reorganised between the two reads: whoever follows L1 finds out what is left.
      known.delete(number)
      return undefined
    },
    forgetBelow(number) {
      for (const key of known.keys()) if (key < number) known.delete(key)
    },
    forgetAll() {
      known.clear()
    },
  }
}
