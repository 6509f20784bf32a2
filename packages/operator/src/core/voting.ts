import { isL2Error } from '@l2/common'
import {
  adviseVote,
  type ControlChain,
  type ControlState,
  defaultPatience,
  type HeaderId,
  type OperatorList,
  type OperatorMessage,
  type Patience,
  signTransaction,
  type TermCause,
} from '@l2/control-chain'
import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { Hash, Hex } from 'viem'

/** The control chain stands when no block came for so long: nobody votes then. */
const standsMs = 3000
/** A loop that was away for so long was stopped, or its machine was: its silence says nothing about others. */
const thawMs = 1000

export type VotingParts = {
  operator: number
  domain: HeaderDomain
  /** With the header key; the digest is the keccak256 of the message. */
  sign(digest: Hash, message: Uint8Array): Promise<Hex>
  chain(): Pick<ControlChain, 'submit' | 'status' | 'state'>
  patience?: Patience | undefined
  /** Monotonic. */
  nowMs?: (() => number) | undefined
  say(message: string): void
}

/** What the operator knows of its own chain when it thinks about voting. */
export type Standing = {
  readonly head: HeaderId
  readonly catchingUp: boolean
  readonly originDropped: boolean
  readonly rollbackTo: HeaderId | undefined
  readonly invalidHeader: HeaderId | undefined
}

/** An operator's votes: when it has waited long enough, and what it says of whom. */
export type Voting = {
  /** A header was executed on the head, or something else happened after which waiting begins anew. */
  progress(): void
  /** Votes, takes its vote back, or sends its list where proposers leave it out. */
  step(state: ControlState, standing: Standing, list: OperatorList): Promise<void>
  /** Signs a message and hands it in; false where the control chain does not take it just now. */
  send(message: OperatorMessage): Promise<boolean>
  /** Sends what convicts somebody. */
  accuse(transaction: Uint8Array): Promise<void>
}

export function createVoting(parts: VotingParts): Voting {
  const { patience = defaultPatience, nowMs: clock = () => performance.now() } = parts
  let progressAtMs = clock()
  let steppedAtMs = progressAtMs
  let wasStanding = false
  let view: number | undefined
  let vote: { cause: TermCause; atMs: number } | undefined
  let lastSequence = 0n
  let listSentAt = 0n
  let wasAhead = false

  const submit = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      await parts.chain().submit(bytes)
      return true
    } catch (error) {
      // Refused: the state has gone on meanwhile. Not to be had: the next round tries again.
      if (isL2Error(error, 'TRANSACTION_REFUSED') || isL2Error(error, 'CHAIN_UNAVAILABLE')) return false
      throw error
    }
  }
  const send = async (state: ControlState, message: OperatorMessage): Promise<boolean> => {
    const ordered = state.sequences.get(parts.operator) ?? 0n
    const now = BigInt(Date.now())
    // Above every earlier one, also after a restart with a clock that was put back.
    const sequence = [ordered + 1n, lastSequence + 1n, now].reduce((most, next) => (next > most ? next : most))
    lastSequence = sequence
    return await submit(await signTransaction({ domain: parts.domain, message, sequence }, parts.sign))
  }

  return {
    progress() {
      progressAtMs = clock()
    },
    async step(state, standing, list) {
      const nowMs = clock()
      const isStanding = parts.chain().status.sinceBlockMs > standsMs
      const isAhead = standing.head.height + 1n - state.milestone.height > BigInt(state.parameters.ahead)
      const isAnew = state.view !== view || nowMs - steppedAtMs > thawMs || wasStanding || (wasAhead && !isAhead)
      if (isAnew) progressAtMs = nowMs
      if (
        state.view !== view ||
        (vote !== undefined && state.votes.get(parts.operator) === undefined && isOrdered(vote, nowMs))
      ) {
        vote = undefined
      }
      view = state.view
      steppedAtMs = nowMs
      wasStanding = isStanding
      wasAhead = isAhead
      if (isStanding) return
      const advice = adviseVote(state, { nowMs, progressAtMs, ...standing, vote }, patience)
      if (advice?.type === 'withdraw') {
        if (await send(state, { type: 'termVote', view: state.view })) vote = undefined
      } else if (advice !== undefined) {
        const { cause } = advice
        if (vote?.cause.type !== cause.type) parts.say(`votes for the end of term ${state.view}: ${cause.type}`)
        if (await send(state, { type: 'termVote', view: state.view, cause })) vote = { cause, atMs: nowMs }
      }
      await sendList(state, list)
    },
    send: message => send(parts.chain().state(), message),
    accuse: async transaction => void (await submit(transaction)),
  }

  /** A vote that was sent long enough ago to have been ordered, and is not in the state: milestones have cleared it. */
  function isOrdered({ atMs }: { atMs: number }, nowMs: number): boolean {
    return nowMs - atMs > patience.repeatMs
  }

  async function sendList(state: ControlState, list: OperatorList): Promise<void> {
    const listedAt = state.listedAtHeight.get(parts.operator) ?? 0n
    const { listPatience } = state.parameters
    const isLeftOut = state.height - listedAt > BigInt(listPatience)
    if (!isLeftOut || state.height - listSentAt <= BigInt(listPatience) || list.hashes.length === 0) return
    if (await send(state, { type: 'list', list })) listSentAt = state.height
  }
}
