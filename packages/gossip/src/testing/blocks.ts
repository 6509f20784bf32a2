import { bytesToHex } from '@l2/common'
import { type HeaderDomain, hashSequencerHeader } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import type { BlockSource, GossipBlock } from '../port/gossip.js'

/** The rollup of the suites. */
export const testDomain: HeaderDomain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` }

const word = (value: bigint): Hash => `0x${value.toString(16).padStart(64, '0')}`

/** A block that nobody could execute: its payload is bytes that repeat from the seed on, its signature is nobody's. */
export function testBlock(height: bigint, { bytes = 100, term = 0, seed = 0 } = {}): GossipBlock {
  const payload = new Uint8Array(bytes)
  let state = (Number(height) * 2_654_435_761 + seed + 1) >>> 0
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    payload[at] = state >>> 24
  }
  const header = {
    epochId: 0n,
    term,
    height,
    parentHash: word(height),
    txRoot: word(BigInt(seed)),
    stateRoot: word(height + 1n),
    timestamp: 1_700_000_000n + height,
    l1OriginNumber: 1n,
    l1OriginHash: word(1n),
    forcedUpTo: 0n,
  }
  return { header, signature: bytesToHex(new Uint8Array(65).fill(1)), payload }
}

export const idOf = (block: GossipBlock): Hash => hashSequencerHeader(block.header, testDomain)

/** A log that holds these blocks. */
export function sourceOf(blocks: readonly GossipBlock[]): BlockSource {
  return {
    block: async id => blocks.find(block => idOf(block) === id),
    async range(from, count, maxBytes) {
      const start = blocks.findIndex(({ header }) => header.height === from)
      const found = start < 0 ? [] : blocks.slice(start, start + count)
      let left = maxBytes
      return found.filter(({ payload }, index) => (left -= payload.length) >= 0 || index === 0)
    },
  }
}
