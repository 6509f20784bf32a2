import { isL2Error } from '@l2/common'
import type { ControlState, HeaderId } from '@l2/control-chain'
import type { GossipBlock, GossipVerdict, HeaderGossip, ReceivedHeader } from '@l2/gossip'
import type { FollowedBlock, SequencerLoop } from '@l2/node'
import {
  decodeSealedBlock,
  type HeaderDomain,
  hashSequencerHeader,
  recoverSigner,
  type SealedBlock,
  type SenderRecovery,
} from '@l2/sequencer-core/block'
import type { SlotLeader } from '@l2/staking'
import type { Hash } from 'viem'
import { missing, oldestSettled } from './align.js'
import type { Inbox } from './inbox.js'
import type { NamedChain } from './own-chain.js'

/** Blocks of one request. */
const rangeBlocks = 64
/** A peer that has nothing is not asked again at once. */
const restMs = 200
/** How long a payload or a range is waited for before the loop goes on without it. */
const patienceMs = 3000

export type FollowingParts = {
  domain: HeaderDomain
  recovery: SenderRecovery
  sequencer: Pick<SequencerLoop, 'head' | 'follow'>
  gossip: Pick<HeaderGossip, 'payload' | 'request'>
  chain: NamedChain
  inbox: Inbox
  leaderAt(height: bigint): SlotLeader | undefined
  /** The hash of a block that was derived from L1 here; `undefined` where derivation is not there yet. */
  derivedHash(height: bigint): Promise<Hash | undefined>
  /** A block of somebody else is on the head now. */
  onTaken(block: SealedBlock): void
  /** The leader's header at the next height, whose block is none. */
  onInvalid(header: HeaderId, reason: string): void
}

/** Brings the own chain to where the others are: along the headers of the term, and over what was missed. */
export type Following = {
  /** One round; true when the head moved. */
  step(state: ControlState): Promise<boolean>
  /** Why the next block is not taken, where there is one. */
  readonly waiting: string | undefined
}

export function createFollowing(parts: FollowingParts): Following {
  const { sequencer, gossip, chain, inbox, domain } = parts
  let waiting: string | undefined
  let restUntilMs = 0

  const take = async (block: SealedBlock, id: `0x${string}`): Promise<FollowedBlock> => {
    const followed = await sequencer.follow(block)
    waiting = followed.type === 'early' ? followed.reason : undefined
    if (followed.type === 'taken') parts.onTaken(block)
    if (followed.type === 'invalid') parts.onInvalid({ height: block.header.height, hash: id }, followed.reason)
    return followed
  }
  /** The block of a payload, when it is that of the header. */
  const read = (payload: Uint8Array, id: string): SealedBlock | undefined => {
    try {
      const block = decodeSealedBlock(payload)
      return hashSequencerHeader(block.header, domain) === id ? block : undefined
    } catch {
      return undefined
    }
  }

  const followHeader = async (received: ReceivedHeader): Promise<boolean> => {
    if (received.header.parentHash !== sequencer.head.hash) return false
    const signal = AbortSignal.timeout(patienceMs)
    const payload = await gossip.payload(received, { signal }).catch(error => {
      if (!isL2Error(error) && !signal.aborted) throw error
      return undefined
    })
    if (payload === undefined) {
      waiting = `nobody gives the block of header ${received.header.height}`
      return false
    }
    const block = read(payload, received.id)
    if (block === undefined) {
      // The header is signed, and what was given with it is not its block: it is as if it had been withheld.
      inbox.drop(received)
      return false
    }
    const { type } = await take(block, received.id)
    if (type !== 'early') inbox.drop(received)
    return type === 'taken'
  }

  /** Blocks from the head on, judged by what the control chain says of them. */
  const pull = async (state: ControlState, upTo: HeaderId | bigint): Promise<boolean> => {
    if (performance.now() < restUntilMs) return false
    const from = sequencer.head.number + 1n
    const last = typeof upTo === 'bigint' ? upTo : upTo.height
    const count = Math.min(rangeBlocks, Number(last - from + 1n))
    if (count < 1) return false
    const judge = (block: GossipBlock): GossipVerdict => {
      const id = hashSequencerHeader(block.header, domain)
      const { height, term } = block.header
      const settled = state.settled.get(height)
      if (settled !== undefined) return settled === id ? 'accept' : 'ignore'
      if (height <= state.start.height)
        return height < state.start.height || id === state.start.hash ? 'accept' : 'ignore'
      const signer = recoverSigner(id, block.signature, parts.recovery)
      return term === state.view && signer === parts.leaderAt(height)?.sequencer ? 'accept' : 'ignore'
    }
    const signal = AbortSignal.timeout(patienceMs)
    const blocks = await gossip.request({ type: 'range', from, count }, { judge, signal }).catch(error => {
      if (!isL2Error(error) && !signal.aborted) throw error
      restUntilMs = performance.now() + restMs
      return []
    })
    const trusted = trustedPart(state, blocks, id => hashSequencerHeader(id, domain))
    const oldest = oldestSettled(state)
    let moved = false
    for (const { payload, header } of trusted) {
      const id = hashSequencerHeader(header, domain)
      const block = read(payload, id)
      if (block === undefined) break
      if (header.height < oldest && (await parts.derivedHash(header.height)) !== block.executed.hash) {
        waiting = `block ${header.height} is older than what the operators remember, and not derived from L1 yet`
        break
      }
      if ((await take(block, id)).type !== 'taken') break
      moved = true
    }
    if (!moved) restUntilMs = performance.now() + restMs
    return moved
  }

  return {
    get waiting() {
      return waiting
    },
    async step(state) {
      const target = missing(state, chain)
      if (target !== undefined) {
        if (target.height <= sequencer.head.number) return false
        return await pull(state, target)
      }
      const next = sequencer.head.number + 1n
      for (const received of inbox.at(next)) if (await followHeader(received)) return true
      const lowest = inbox.lowestAbove(next)
      if (lowest !== undefined && inbox.at(next).length === 0) return await pull(state, lowest - 1n)
      return false
    },
  }
}

/**
 * What of a range may be executed. Settled blocks are known by their names; blocks between the milestone and the start only as
 * one chain that ends in the start: an honest operator has executed that one, and so all below it.
 */
function trustedPart(
  state: ControlState,
  blocks: readonly GossipBlock[],
  nameOf: (header: GossipBlock['header']) => string,
): readonly GossipBlock[] {
  const { milestone, start } = state
  const upToStart = blocks.findIndex(({ header }) => header.height === start.height)
  if (start.height <= milestone.height) return blocks
  const isWhole = upToStart >= 0 && nameOf(blocks[upToStart]!.header) === start.hash
  return isWhole ? blocks : blocks.filter(({ header }) => header.height <= milestone.height)
}
