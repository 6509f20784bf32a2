import type { OwnBlock, OwnChain } from '@l2/control-chain'
import type { BlockSource, GossipBlock } from '@l2/gossip'
import type { PublishedBlock, SequencerLoop } from '@l2/node'
import { encodeSealedBlock, type HeaderDomain, hashSequencerHeader } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'

/** The chain that ends in the own head, by the names that operators give to blocks: the digests of their headers. */
export type NamedChain = OwnChain & {
  /** Height of the head. */
  readonly head: bigint
  nameOf(block: Pick<PublishedBlock, 'header'>): Hash
}

export type NamedChainParts = {
  sequencer: Pick<SequencerLoop, 'head' | 'block' | 'commonWithL1'>
  domain: HeaderDomain
  genesis: Hash
  /** Height of L1, as it was read last. */
  l1Number(): bigint
}

export function createNamedChain({ sequencer, domain, genesis, l1Number }: NamedChainParts): NamedChain {
  const names = new WeakMap<object, Hash>()
  const nameOf = ({ header }: Pick<PublishedBlock, 'header'>): Hash => {
    const known = names.get(header) ?? hashSequencerHeader(header, domain)
    names.set(header, known)
    return known
  }
  return {
    get head() {
      return sequencer.head.number
    },
    nameOf,
    blockAt(height): OwnBlock | undefined {
      if (height === 0n) return { hash: genesis, view: 0, stored: true, originDepth: l1Number() }
      if (height > sequencer.head.number) return undefined
      const block = sequencer.block(height)
      if (block === undefined) return undefined
      const common = sequencer.commonWithL1
      const isDropped = common !== undefined && height > common
      const depth = l1Number() - block.header.l1OriginNumber
      // Whatever the sequencer shows is in its log.
      return { hash: nameOf(block), view: block.header.term, stored: true, originDepth: isDropped ? undefined : depth }
    },
  }
}

/** Bytes that a block is handed on as. */
export function gossipBlock(
  block: Pick<PublishedBlock, 'header' | 'signature' | 'executed' | 'attributes'>,
): GossipBlock {
  return { header: block.header, signature: block.signature, payload: encodeSealedBlock(block) }
}

/** What others may be given: the chain that is kept in memory, and below it the log. */
export function createBlockSource(
  sequencer: Pick<SequencerLoop, 'head' | 'block' | 'logged'>,
  chain: NamedChain,
  data: (hash: Hash) => Uint8Array | undefined,
): BlockSource {
  return {
    data: async hash => data(hash),
    async block(id) {
      // Blocks that somebody still has to ask for by name are above the milestone, or little below it.
      for (let height = chain.head; height > 0n; height--) {
        const block = sequencer.block(height)
        if (block === undefined) return undefined
        if (chain.nameOf(block) === id) return gossipBlock(block)
      }
      return undefined
    },
    async range(from, count, maxBytes) {
      const found: GossipBlock[] = []
      let bytes = 0
      const isFull = (block: GossipBlock): boolean => {
        bytes += block.payload.length
        if (found.length > 0 && bytes > maxBytes) return true
        found.push(block)
        return found.length >= count
      }
      if (from < 1n || from > chain.head) return found
      if (sequencer.block(from) === undefined) {
        for await (const block of sequencer.logged(from)) if (isFull(gossipBlock(block))) break
        return found
      }
      for (let height = from; height <= chain.head; height++) {
        const block = sequencer.block(height)
        if (block === undefined || isFull(gossipBlock(block))) break
      }
      return found
    },
  }
}
