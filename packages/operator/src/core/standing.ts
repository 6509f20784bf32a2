import type { ControlState, HeaderId } from '@l2/control-chain'
import type { SequencerLoop } from '@l2/node'
import type { Hash } from 'viem'
import { heightOnPath } from './align.js'
import { createDropped, type DroppedBlock } from './dropped.js'
import type { NamedChain } from './own-chain.js'

export type StandingParts = {
  genesis: Hash
  state(): ControlState
  sequencer(): Pick<SequencerLoop, 'head' | 'block' | 'commonWithL1' | 'goBack'>
  chain(): NamedChain
  /** Its height as it was read last, and the hash of the block at a height as it is now. */
  l1: { readonly number: bigint; hashAt(number: bigint): Promise<Hash | undefined> }
  say(message: string): void
}

/** Where the own chain stands before the term in force and before L1, and its way back there. */
export function createStanding({ genesis, state, sequencer, chain, l1, say }: StandingParts) {
  const dropped = createDropped(number => l1.hashAt(number))
  /** The term in which L1 dropped what the own head stood on: nothing more is signed in it. */
  let droppedIn: number | undefined
  /** The answer of {@link milestone} as long as nothing moves. */
  let known: { state: ControlState; head: Hash; at: { number: bigint; hash: Hash } } | undefined
  let invalid: { view: number; header: HeaderId } | undefined
  const rollbackTo = (now: ControlState): HeaderId | undefined => {
    const common = sequencer().commonWithL1
    if (common === undefined || common >= now.milestone.height) return dropped.rollbackTo
    const hash = now.settled.get(common)
    return hash === undefined ? undefined : { height: common, hash }
  }
  /** The own blocks above a height, as L1 had them. */
  const above = (height: bigint): DroppedBlock[] => {
    const blocks: DroppedBlock[] = []
    for (let at = height + 1n; at <= chain().head; at++) {
      const block = sequencer().block(at)
      if (block === undefined) continue
      const { l1OriginNumber: number, l1OriginHash } = block.header
      blocks.push({ height: at, hash: chain().nameOf(block), origin: { number, hash: l1OriginHash } })
    }
    return blocks
  }
  return {
    isOriginDropped: (): boolean => droppedIn === state().view,
    /** Takes the own chain back to where the term in force allows it to go on. */
    async align(now: ControlState): Promise<void> {
      const own = sequencer()
      const keep = heightOnPath(now, chain())
      const common = own.commonWithL1
      const isDropped = common !== undefined && common < own.head.number
      if (isDropped) {
        droppedIn = now.view
        dropped.note(above(common))
      }
      await dropped.look(now, l1.number)
      // Below the milestone only the fold goes back.
      const living = isDropped && common >= now.milestone.height ? common : own.head.number
      const to = keep < living ? keep : living
      if (to >= own.head.number) return
      const why = keep <= living ? `term ${now.view} goes on from there` : 'L1 dropped the rest'
      say(`goes back to block ${to}: ${why}`)
      await own.goBack(to, now.view)
    },
    /** The highest settled block that is executed here. */
    milestone(): { number: bigint; hash: Hash } {
      const now = state()
      const own = sequencer()
      if (known?.state !== now || known.head !== own.head.hash) {
        // What came back to an own branch beside the milestone has not gone back from it yet: below where they part.
        const onPath = heightOnPath(now, chain())
        const number = now.milestone.height < onPath ? now.milestone.height : onPath
        known = { state: now, head: own.head.hash, at: { number, hash: own.block(number)?.ref.hash ?? genesis } }
      }
      return known.at
    },
    /** What the leader made does not hold. */
    refuse(header: HeaderId, reason: string): void {
      if (header.height <= state().start.height) return
      // It comes again as long as its leader leads, and is said once.
      if (invalid?.view === state().view && invalid.header.hash === header.hash) return
      say(`block ${header.height} of the leader is invalid: ${reason}`)
      invalid = { view: state().view, header }
    },
    /** What is voted by. */
    at(now: ControlState) {
      const { head } = chain()
      return {
        head: { height: head, hash: chain().blockAt(head)?.hash ?? genesis },
        catchingUp: head < now.milestone.height,
        originDropped: droppedIn === now.view,
        rollbackTo: rollbackTo(now),
        invalidHeader: invalid?.view === now.view ? invalid.header : undefined,
      }
    },
  }
}
