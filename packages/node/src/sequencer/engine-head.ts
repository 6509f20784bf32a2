import { genesisBlockRef, type L2BlockRef, type RollupConfig } from '@l2/sequencer-core/derivation'
import type { ExecutedBlock } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import type { BlockId, StateEngine } from '../engine/engine.js'
import type { Chain } from './chain.js'
import type { PublishedBlock } from './published.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`
/** Blocks kept behind the finalized one. */
const keptBlocks = 256n

/** What readers of the engine see: its head, which follows the chain's, and its labels. */
export type EngineHead = {
  /** The head that the engine reads at. */
  readonly ref: L2BlockRef
  /** Executed, as the engine has it, whatever the log knows of it: the block that the next one is built on. */
  parent(): Promise<ExecutedBlock>
  /** Moves the labels of the engine, and forgets what is final. */
  setLabels(labels: { safe: BlockId; finalized: BlockId }): void
  /** Shows the chain's head, with the block that it is. */
  follow(block: Pick<PublishedBlock, 'executed' | 'attributes'>): Promise<void>
  /** Shows a block that the chain goes back to, and answers with it; `undefined` is the genesis block. */
  goBack(kept: PublishedBlock | undefined): Promise<ExecutedBlock>
}

export function createEngineHead(rollup: RollupConfig, engine: StateEngine, chain: Chain): EngineHead {
  let ref = chain.head
  let labels = { safe: rollup.genesis.l2, finalized: rollup.genesis.l2 }

  /** The labels as far as they are of the chain that ends with the head: L1 may have changed since they were set. */
  const labelsNow = (): { safe: Hash; finalized: Hash } => {
    const hashOf = ({ number, hash }: BlockId): Hash => {
      if (number === 0n || number > chain.head.number) return zeroHash
      const block = chain.block(number)
      return block === undefined || block.ref.hash === hash ? hash : zeroHash
    }
    return { safe: hashOf(labels.safe), finalized: hashOf(labels.finalized) }
  }

  return {
    get ref() {
      return ref
    },
    parent: async () => chain.tip?.executed ?? (await engine.block(chain.head.hash))!,
    setLabels(next) {
      labels = next
      const { number } = next.finalized
      if (number > keptBlocks) chain.forgetBelow(number - keptBlocks)
    },
    async follow({ executed, attributes }) {
      await engine.setHead({ head: chain.head.hash, ...labelsNow() }).catch(async error => {
        // A program that took the place of another between the log's read and this block's entry does not have it.
        if ((await engine.block(chain.head.hash)) !== undefined) throw error
        await engine.import(executed, attributes)
        await engine.setHead({ head: chain.head.hash, ...labelsNow() })
      })
      ref = chain.head
    },
    async goBack(kept) {
      const to = kept?.ref ?? genesisBlockRef(rollup)
      const { finalized } = labels
      const isFinalKept = finalized.number > 0n && finalized.number <= to.number
      await engine.setHead({ head: to.hash, safe: zeroHash, finalized: isFinalKept ? finalized.hash : zeroHash })
      ref = to
      return kept?.executed ?? (await engine.block(to.hash))!
    },
  }
}
