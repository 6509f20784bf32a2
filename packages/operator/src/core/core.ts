import { isL2Error } from '@l2/common'
import {
  type ControlChain,
  type ControlState,
  type FoldedBlock,
  nameBlocks,
  type OperatorList,
  type OperatorMessage,
} from '@l2/control-chain'
import type { HeaderGossip } from '@l2/gossip'
import type { Leadership, SequencerLoop } from '@l2/node'
import type { HeaderDomain, SenderRecovery } from '@l2/sequencer-core/block'
import type { SlotLeader } from '@l2/staking'
import type { Hash, Hex } from 'viem'
import type { OperatorEntry } from '../home/genesis.js'
import { createFollowing } from './following.js'
import { createInbox } from './inbox.js'
import { createLags } from './lags.js'
import { createLeaders } from './leaders.js'
import { createNamedChain, gossipBlock, type NamedChain } from './own-chain.js'
import { createStanding } from './standing.js'
import { telling } from './telling.js'
import { createVoting } from './voting.js'

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
  /** `undefined` on a machine that stands by. */
  gossip(): HeaderGossip | undefined
  l1: { readonly number: bigint; hashAt(number: bigint): Promise<Hash | undefined> }
  derivedHash(height: bigint): Promise<Hash | undefined>
  /** What it signs for its committee, where there is one. */
  shares(state: ControlState): Pick<OperatorList, 'batch' | 'turn'>
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
  /** Begins to listen, once sequencer, gossip and control chain are there; anew where the gossip is another one. */
  open(): Promise<void>
  /** One round: goes where the control chain says, follows, makes a block where it leads, and votes. Why no block is made, as a text. */
  step(): Promise<string | undefined>
  /** Hands a message in to the control chain; false where it is not taken just now. */
  send(message: OperatorMessage): Promise<boolean>
  /** Hands in what convicts somebody. */
  accuse(transaction: Uint8Array): Promise<void>
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
  const { id, operators, domain, say, state, sequencer } = parts
  let stop = (): void => {}
  let named: NamedChain | undefined
  const chain = (): NamedChain =>
    (named ??= createNamedChain({
      ...{ sequencer: sequencer(), domain, genesis: parts.genesis },
      l1Number: () => parts.l1.number,
    }))
  const standing = createStanding({ genesis: parts.genesis, state, sequencer, chain, l1: parts.l1, say })
  const { isOriginDropped } = standing
  const { leaderNow, leadership, operatorOf, headerOf } = createLeaders({
    id,
    operators,
    state,
    chain,
    isOriginDropped,
  })
  const { lags, arrived, settled } = createLags()
  const inbox = createInbox({
    domain,
    recovery: parts.recovery,
    state: parts.state,
    head: () => chain().head,
    leaderAt: leaderNow,
    operatorOf,
    onEquivocation: (accused, transaction) => {
      if (state().jailed.has(accused)) return
      say(`operator ${accused} signed two headers at one place: the evidence is on its way`)
      voting.accuse(transaction).catch(error => say(`evidence: ${(error as Error).message}`))
    },
    onHeader: () => {},
  })
  const voting = createVoting({ operator: id, domain, sign: parts.sign, chain: parts.chain, say })
  let following: ReturnType<typeof createFollowing>
  const list = (state: ControlState): OperatorList => ({
    ...nameBlocks(state, chain(), { nameDepth: parts.nameDepth, l1: parts.l1Mark() }),
    ...parts.shares(state),
  })

  return {
    leadership,
    list,
    lags,
    get chain() {
      return chain()
    },
    onBlock({ events }) {
      for (const event of events) {
        const told = telling(event)
        if (told !== undefined) say(told)
        if (event.type === 'settled') settled(event.blocks)
      }
    },
    async open() {
      const gossip = parts.gossip()!
      stop()
      following = createFollowing({
        ...{ domain, recovery: parts.recovery, sequencer: sequencer(), gossip, chain: chain(), inbox },
        leaderAt: leaderNow,
        derivedHash: parts.derivedHash,
        onTaken: block => {
          voting.progress()
          arrived(block.header.height)
          const signer = headerOf(leaderNow(block.header.height)?.id ?? 0)
          if (signer !== undefined && block.header.term === state().view) inbox.note(block, signer)
        },
        onInvalid: standing.refuse,
      })
      stop = gossip.subscribe(received => inbox.take(received))
      // What was made before the process ended may have reached nobody.
      const now = state()
      for (let height = now.milestone.height + 1n; height <= chain().head; height++) {
        const block = sequencer().block(height)
        if (block === undefined || block.header.term !== now.view) continue
        if (leaderNow(height)?.id === id) await gossip.publish(gossipBlock(block))
      }
    },
    async step() {
      const own = sequencer()
      const before = state()
      await standing.align(before)
      inbox.forget(before, own.head.number)
      while (await following.step(state())) {
        // As far as there is something to follow.
      }
      let waiting = following.waiting
      if (leaderNow(own.head.number + 1n)?.id === id && state().view === before.view) {
        const { number } = own.head
        try {
          while (await own.produce(Date.now())) {
            // On a fresh start the chain catches up with the clock.
          }
          waiting = own.waiting
        } catch (error) {
          // The term ended, or somebody else's turn came, between building and signing; or the place was signed before a reorg.
          if (!isL2Error(error, 'NOT_LEADER') && !isL2Error(error, 'GUARD_DOUBLE_SIGN')) throw error
          waiting = error.message
        }
        if (own.head.number > number) voting.progress()
      }
      const now = state()
      await voting.step(now, standing.at(now), list(now))
      return waiting
    },
    send: message => voting.send(message),
    accuse: transaction => voting.accuse(transaction),
    onHeader(height) {
      arrived(height)
      const block = sequencer().block(height)
      if (block === undefined) return
      const sent = parts.gossip()?.publish(gossipBlock(block))
      sent?.catch(error => say(`gossip: ${(error as Error).message}`))
    },
    leader: () => leaderNow(chain().head + 1n),
    milestone: standing.milestone,
    close: () => stop(),
  }
}
