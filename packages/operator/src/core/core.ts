import { isL2Error } from '@l2/common'
import {
  type ControlChain,
  type ControlEvent,
  type ControlState,
  type FoldedBlock,
  type HeaderId,
  leaderAt,
  nameBlocks,
  type OperatorList,
  planOf,
  proposalHold,
} from '@l2/control-chain'
import type { HeaderGossip } from '@l2/gossip'
import type { Leadership, SequencerLoop } from '@l2/node'
import type { HeaderDomain, SenderRecovery } from '@l2/sequencer-core/block'
import type { SlotLeader } from '@l2/staking'
import { slotOf } from '@l2/staking/epoch'
import type { Address, Hash, Hex } from 'viem'
import type { OperatorEntry } from '../home/genesis.js'
import { heightOnPath } from './align.js'
import { createFollowing } from './following.js'
import { createInbox } from './inbox.js'
import { createNamedChain, gossipBlock, type NamedChain } from './own-chain.js'
import { createVoting } from './voting.js'

/** How far milestones lag: of so many settled blocks it is remembered. */
const keptLags = 4096
/** Blocks that may wait for their milestone: more than a leader may be ahead. */
const keptArrivals = 256

export type CoreParts = {
  id: number
  operators: readonly Pick<OperatorEntry, 'id' | 'header'>[]
  domain: HeaderDomain
  genesis: Hash
  nameDepth: bigint
  recovery: SenderRecovery
  /** With the header key; the digest is the keccak256 of the message. */
  sign(digest: Hash, message: Uint8Array): Promise<Hex>
  /** After the last control block that is folded, also before the chain is open. */
  state(): ControlState
  chain(): ControlChain
  sequencer(): SequencerLoop
  gossip(): HeaderGossip
  l1: { readonly number: bigint }
  derivedHash(height: bigint): Promise<Hash | undefined>
  /** What the operator last saw of L1 where it is final. */
  l1Mark(): OperatorList['l1']
  say(message: string): void
}

/** One operator's part in the protocol of docs/protocol.md: what it names, signs, follows and votes for. */
export type OperatorCore = {
  /** Who leads, for the sequencer. */
  readonly leadership: Leadership
  /** What it says beside its vote. */
  list(state: ControlState): OperatorList
  onBlock(ordered: FoldedBlock): void
  /** Begins to listen, once sequencer, gossip and control chain are there. */
  open(): Promise<void>
  /** One round: goes where the control chain says, follows, makes a block where it leads, and votes. Why no block is made, as a text. */
  step(): Promise<string | undefined>
  /** Every header that is signed here. */
  onHeader(height: bigint): void
  leader(): SlotLeader | undefined
  /** The highest settled block that is executed here. */
  milestone(): { number: bigint; hash: Hash }
  /** Milliseconds from when a block was the head here until it was settled here, of the newest ones. */
  readonly lags: readonly number[]
  readonly chain: NamedChain
  close(): void
}

export function createCore(parts: CoreParts): OperatorCore {
  const { id, operators, domain, say } = parts
  const headerOf = new Map(operators.map(({ id, header }) => [id, header]))
  const idOf = new Map(operators.map(({ id, header }) => [header as string, id]))
  const operatorOf = (signer: Address): number | undefined => idOf.get(signer)
  const lags: number[] = []
  /** When a block became the head here, by its height. */
  const arrivals = new Map<bigint, number>()
  const arrived = (height: bigint): void => {
    arrivals.set(height, performance.now())
    if (arrivals.size > keptArrivals) arrivals.delete(arrivals.keys().next().value!)
  }
  let stop = (): void => {}

  const leaderIn = (state: ControlState, height: bigint): SlotLeader | undefined => {
    const leader = leaderAt(state, planOf(state), height)
    const sequencer = leader === undefined ? undefined : headerOf.get(leader)
    const slot = state.stake === undefined ? undefined : slotOf(state.stake.schedule, height)
    if (leader === undefined || sequencer === undefined || slot === undefined) return undefined
    return { id: leader, sequencer, epoch: slot.epoch, term: state.view }
  }
  const leaderNow = (height: bigint): SlotLeader | undefined => leaderIn(parts.state(), height)

  /** The term in which L1 dropped what the own head stood on: nothing more is signed in it. */
  let droppedIn: number | undefined
  let invalid: { view: number; header: HeaderId } | undefined
  let named: NamedChain | undefined
  const chain = (): NamedChain =>
    (named ??= createNamedChain({
      sequencer: parts.sequencer(),
      domain,
      genesis: parts.genesis,
      l1Number: () => parts.l1.number,
    }))

  const leadership: Leadership = {
    leaderAt: leaderNow,
    hold(head) {
      const state = parts.state()
      if (droppedIn === state.view) return 'L1 dropped what the head stood on: this term signs nothing more'
      const held = proposalHold(state, planOf(state), chain(), id, head)
      if (held === undefined) return undefined
      if (held === 'notLeader') return `operator ${leaderNow(head + 1n)?.id ?? 'nobody'} leads`
      return held === 'ahead'
        ? `${state.parameters.ahead} blocks are above the milestone: waiting for more than two thirds`
        : 'the head is not where the term in force begins'
    },
  }
  const inbox = createInbox({
    domain,
    recovery: parts.recovery,
    state: parts.state,
    head: () => chain().head,
    leaderAt: leaderNow,
    operatorOf,
    onEquivocation: (accused, transaction) => {
      if (parts.state().jailed.has(accused)) return
      say(`operator ${accused} signed two headers at one place: the evidence is on its way`)
      voting.accuse(transaction).catch(error => say(`evidence: ${(error as Error).message}`))
    },
    onHeader: () => {},
  })
  const voting = createVoting({ operator: id, domain, sign: parts.sign, chain: parts.chain, say })
  let following: ReturnType<typeof createFollowing>
  const list = (state: ControlState): OperatorList =>
    nameBlocks(state, chain(), { nameDepth: parts.nameDepth, l1: parts.l1Mark() })

  /** Takes the own chain back to where the term in force allows it to go on. */
  const align = async (state: ControlState): Promise<void> => {
    const sequencer = parts.sequencer()
    const keep = heightOnPath(state, chain())
    const common = sequencer.commonWithL1
    const isDropped = common !== undefined && common < sequencer.head.number
    if (isDropped) droppedIn = state.view
    // Below the milestone only the fold goes back.
    const living = isDropped && common >= state.milestone.height ? common : sequencer.head.number
    const to = keep < living ? keep : living
    if (to < sequencer.head.number) {
      say(
        `goes back to block ${to}: ${keep <= living ? `term ${state.view} goes on from there` : 'L1 dropped the rest'}`,
      )
      await sequencer.goBack(to, state.view)
    }
  }
  const rollbackTo = (state: ControlState): HeaderId | undefined => {
    const common = parts.sequencer().commonWithL1
    if (common === undefined || common >= state.milestone.height) return undefined
    const hash = state.settled.get(common)
    return hash === undefined ? undefined : { height: common, hash }
  }
  const tell = (event: ControlEvent): void => {
    if (event.type === 'termEnded') {
      say(
        `term ${event.view} begins above block ${event.start.height}, operator ${event.leader} leads (${event.cause})`,
      )
    } else if (event.type === 'jailed') say(`operator ${event.operator} is jailed: ${event.reason}`)
    else if (event.type === 'settledRevoked') {
      const blocks = event.blocks.length === 1 ? 'a settled block' : `${event.blocks.length} settled blocks`
      say(
        `L1 was reorganised: ${blocks} above ${event.blocks.at(-1)!.height - 1n} are taken back by more than two thirds`,
      )
    }
  }

  return {
    leadership,
    list,
    lags,
    get chain() {
      return chain()
    },
    onBlock({ events }) {
      for (const event of events) {
        tell(event)
        if (event.type !== 'settled') continue
        for (const { height } of event.blocks) {
          const arrivedAtMs = arrivals.get(height)
          arrivals.delete(height)
          if (arrivedAtMs !== undefined) lags.push(Math.round(performance.now() - arrivedAtMs))
        }
        if (lags.length > keptLags) lags.splice(0, lags.length - keptLags)
      }
    },
    async open() {
      const gossip = parts.gossip()
      following = createFollowing({
        ...{ domain, recovery: parts.recovery, sequencer: parts.sequencer(), gossip, chain: chain(), inbox },
        leaderAt: leaderNow,
        derivedHash: parts.derivedHash,
        onTaken: block => {
          voting.progress()
          arrived(block.header.height)
          const signer = headerOf.get(leaderNow(block.header.height)?.id ?? 0)
          if (signer !== undefined && block.header.term === parts.state().view) inbox.note(block, signer)
        },
        onInvalid: (header, reason) => {
          if (header.height <= parts.state().start.height) return
          say(`block ${header.height} of the leader is invalid: ${reason}`)
          invalid = { view: parts.state().view, header }
        },
      })
      stop = gossip.subscribe(received => inbox.take(received))
      // What was made before the process ended may have reached nobody.
      const state = parts.state()
      for (let height = state.milestone.height + 1n; height <= chain().head; height++) {
        const block = parts.sequencer().block(height)
        if (block === undefined || block.header.term !== state.view) continue
        if (leaderNow(height)?.id === id) await gossip.publish(gossipBlock(block))
      }
    },
    async step() {
      const sequencer = parts.sequencer()
      const state = parts.state()
      await align(state)
      inbox.forget(state, sequencer.head.number)
      while (await following.step(parts.state())) {
        // As far as there is something to follow.
      }
      let waiting = following.waiting
      if (leaderNow(sequencer.head.number + 1n)?.id === id && parts.state().view === state.view) {
        const { number } = sequencer.head
        try {
          while (await sequencer.produce(Date.now())) {
            // On a fresh start the chain catches up with the clock.
          }
          waiting = sequencer.waiting
        } catch (error) {
          // The term ended, or somebody else's turn came, between building and signing; or the place was signed before a reorg.
          if (!isL2Error(error, 'NOT_LEADER') && !isL2Error(error, 'GUARD_DOUBLE_SIGN')) throw error
          waiting = error.message
        }
        if (sequencer.head.number > number) voting.progress()
      }
      const now = parts.state()
      const { head } = chain()
      const standing = {
        head: { height: head, hash: chain().blockAt(head)?.hash ?? parts.genesis },
        catchingUp: head < now.milestone.height,
        originDropped: droppedIn === now.view,
        rollbackTo: rollbackTo(now),
        invalidHeader: invalid?.view === now.view ? invalid.header : undefined,
      }
      await voting.step(now, standing, list(now))
      return waiting
    },
    onHeader(height) {
      arrived(height)
      const block = parts.sequencer().block(height)
      if (block === undefined) return
      parts
        .gossip()
        .publish(gossipBlock(block))
        .catch(error => say(`gossip: ${(error as Error).message}`))
    },
    leader: () => leaderNow(chain().head + 1n),
    milestone() {
      const { milestone } = parts.state()
      const sequencer = parts.sequencer()
      const height = milestone.height < sequencer.head.number ? milestone.height : sequencer.head.number
      const block = sequencer.block(height)
      return { number: height, hash: block?.ref.hash ?? parts.genesis }
    },
    close: () => stop(),
  }
}
