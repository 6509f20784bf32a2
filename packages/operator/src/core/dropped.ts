import type { ControlState, HeaderId } from '@l2/control-chain'
import type { Hash } from 'viem'

/** A block of the own chain, and the L1 block that it stood on. */
export type DroppedBlock = HeaderId & { readonly origin: { readonly number: bigint; readonly hash: Hash } }

/** Of so many it is remembered; a milestone is never further behind. */
const keptBlocks = 512

/**
 * Blocks that the own chain gave up because L1 dropped what they stood on. Lists that were made before can settle them all the same: nobody can build on
 * a milestone that is gone, and who has given it up sees it on its own chain no more.
 */
export function createDropped(hashAt: (l1Number: bigint) => Promise<Hash | undefined>) {
  let blocks: readonly DroppedBlock[] = []
  let to: HeaderId | undefined
  let looked: string | undefined
  return {
    note(gone: readonly DroppedBlock[]): void {
      const isNew = (block: DroppedBlock): boolean => !blocks.some(({ hash }) => hash === block.hash)
      blocks = [...blocks, ...gone.filter(isNew)].slice(-keptBlocks)
    },
    /**
     * Looks whether the settled chain goes through one of them, and whether L1 still lacks it. An L1 that does not answer says nothing. L1 is asked once for
     * each of its heights: this is called many times a second.
     */
    async look({ settled, milestone }: Pick<ControlState, 'settled' | 'milestone'>, l1Number: bigint): Promise<void> {
      const named = blocks
        .filter(({ height, hash }) => height <= milestone.height && settled.get(height) === hash)
        .sort((a, b) => (a.height < b.height ? -1 : 1))
      const question = named[0] && `${l1Number} ${milestone.height} ${named[0].hash}`
      if (question !== undefined && question === looked) return
      looked = question
      to = undefined
      for (const { height, hash, origin } of named) {
        const now = await hashAt(origin.number).catch(() => undefined)
        if (now === undefined) return
        if (now === origin.hash) {
          // L1 went back to it.
          blocks = blocks.filter(block => block.hash !== hash)
          continue
        }
        const below = settled.get(height - 1n)
        if (below !== undefined) to = { height: height - 1n, hash: below }
        return
      }
    },
    /** The highest settled block that L1 still carries, where it does not carry all of them. */
    get rollbackTo(): HeaderId | undefined {
      return to
    },
  }
}
