import {
  type BatchStatement,
  type Committee,
  type ControlState,
  maxDataHashes,
  type OperatorMessage,
  type PostingRules,
  type PostingState,
} from '@l2/control-chain'
import type { PublishedBlock } from '@l2/node'
import type { BatcherApproval, UnpostedChannel } from '@l2/sequencer-core/batcher'
import { type Hash, type Hex, keccak256 } from 'viem'
import { attestCall, type CommitteeOnL1, turnCall } from './committee-on-l1.js'

/** Control blocks after which a statement that was handed in and not ordered is handed in again. */
const patienceBlocks = 4n
/** L1 blocks for which each operator waits for the one before it, until it sends a change of turn in the poster's place. */
const turnPatienceBlocks = 5n

export type PosterParts = {
  id: number
  rules: PostingRules
  account: Hex
  l2ChainId: bigint
  state(): ControlState
  /** Height of L1 as it was read last. */
  l1Number(): bigint
  committee: CommitteeOnL1
  /** Sends a transaction of the posting account and resolves when L1 has it; once for a key. */
  send(to: Hex, data: Hex, key: string): Promise<unknown>
  /** Hands a message in to the control chain. */
  submit(message: OperatorMessage): Promise<boolean>
  block(height: bigint): PublishedBlock | undefined
  outputRoot(height: bigint): Promise<Hash | undefined>
  say(message: string): void
}

/** What is asked of the committee before a batch is posted, and what L1 is told of it. */
export type Poster = BatcherApproval & {
  /** Whether it is this operator's turn by the control chain. */
  readonly isTurn: boolean
  /** What others may ask for before L1 has it. */
  data(hash: Hash): Uint8Array | undefined
  /** Tells L1 of a change of turn that the committee has signed, where nobody else did. */
  stepTurn(): Promise<void>
}

type Group = {
  readonly channels: number
  readonly first: bigint
  readonly last: bigint
  readonly dataHashes: readonly Hash[]
}

export function createPoster(parts: PosterParts): Poster {
  const { id, rules, committee, say } = parts
  const { attestation, domain } = rules
  const hashes = new WeakMap<Uint8Array, Hash>()
  let held = new Map<Hash, Uint8Array>()
  let proposed: { key: string; at: bigint } | undefined
  let isSending = false
  let told: string | undefined
  let turnSince: { sequence: bigint; l1Number: bigint } | undefined
  let attempts = 0

  const hashOf = (item: Uint8Array): Hash => {
    const hash = hashes.get(item) ?? keccak256(item)
    hashes.set(item, hash)
    return hash
  }
  const tell = (message: string): void => {
    if (message !== told) say(message)
    told = message
  }
  /** One call at a time; what it failed with is said, and it is tried again. */
  const send = (what: string, data: Hex): void => {
    if (isSending) return
    isSending = true
    void (async () => {
      try {
        const refusal = await committee.refusal(data)
        if (refusal !== undefined) return tell(`L1 does not take ${what}: ${refusal}`)
        await parts.send(domain.committee, data, `committee/${keccak256(data).slice(2, 34)}/${attempts++}`)
        tell(`L1 has ${what}`)
      } catch (error) {
        tell(`${what} could not be sent: ${(error as Error).message.split('\n', 1)[0]}`)
      } finally {
        isSending = false
      }
    })()
  }

  const propose = async (state: ControlState, posting: PostingState, group: Group): Promise<void> => {
    const { first, last, dataHashes } = group
    const isDue = last > posting.attestedTo && first <= posting.attestedTo + 1n && last <= state.milestone.height
    // A channel that ends in what is attested already waits for the next ones: all of them are named together.
    if (!isDue) return
    const key = `${posting.sequence}/${posting.committee.number}/${first}/${last}/${dataHashes.join()}`
    if (proposed?.key === key && state.height - proposed.at <= patienceBlocks) return
    const [root, nonce] = [await parts.outputRoot(last), await committee.nonce(parts.account)]
    const origin = parts.block(last)?.ref.l1Origin
    if (root === undefined || origin === undefined) return
    const statement: BatchStatement = {
      ...{ chainId: parts.l2ChainId, sequence: posting.sequence + 1n, committee: posting.committee.number },
      ...{ first, last, lastOrigin: origin, outputRoot: root, dataHashes },
    }
    if (await parts.submit({ type: 'batch', statement, nonce })) proposed = { key, at: state.height }
  }

  return {
    get isTurn() {
      return parts.state().posting?.turn.poster === id
    },
    data: hash => held.get(hash),
    async approved(channels) {
      held = new Map(channels.flatMap(({ items }) => items.map(item => [hashOf(item), item] as const)))
      const state = parts.state()
      const { posting } = state
      if (posting === undefined || posting.turn.poster !== id) return 0
      const groups = groupsOf(channels, hashOf)
      const { attested, open } = posting
      const named = groups.find(group => isNamed(group, attested?.statement))
      if (attested !== undefined && named !== undefined) {
        const { sequence } = attested.statement
        const { lastSequence } = await committee.progress()
        if (lastSequence === sequence) return named.channels
        if (lastSequence < sequence) {
          const members = committeeOf(posting, attested.statement.committee)
          const data = members && attestCall(attestation, members.members, attested)
          if (data !== undefined) send(`batch ${sequence}`, data)
          return 0
        }
      }
      if (groups.some(group => isNamed(group, open?.statement))) return 0
      const whole = groups.at(-1)
      if (whole !== undefined) await propose(state, posting, whole)
      return 0
    },
    async stepTurn() {
      const { posting } = parts.state()
      if (posting?.signedTurn === undefined) return
      const { statement } = posting.signedTurn
      const { lastTurn } = await committee.progress()
      if (lastTurn >= statement.sequence) {
        turnSince = undefined
        return
      }
      const l1Number = parts.l1Number()
      if (turnSince?.sequence !== statement.sequence) turnSince = { sequence: statement.sequence, l1Number }
      const rank = rankOf(posting, id)
      if (l1Number - turnSince.l1Number < rank * turnPatienceBlocks) return
      const data = turnCall(attestation, posting)
      if (data !== undefined) send(`turn ${statement.sequence}`, data)
    },
  }
}

/** What channels from the first on may be named together: one, two, and so on, as far as a statement holds them. */
function groupsOf(channels: readonly UnpostedChannel[], hashOf: (item: Uint8Array) => Hash): Group[] {
  const groups: Group[] = []
  let dataHashes: readonly Hash[] = []
  for (const [index, { items, lastBlock }] of channels.entries()) {
    dataHashes = [...dataHashes, ...items.map(hashOf)]
    if (dataHashes.length > maxDataHashes) break
    groups.push({ channels: index + 1, first: channels[0]!.firstBlock, last: lastBlock, dataHashes })
  }
  return groups
}

function isNamed({ first, last, dataHashes }: Group, statement: BatchStatement | undefined): boolean {
  return (
    statement !== undefined &&
    statement.first === first &&
    statement.last === last &&
    statement.dataHashes.join() === dataHashes.join()
  )
}

/** The one in force, or the one that it followed. */
function committeeOf({ committee, signedTurn }: PostingState, number: bigint): Committee | undefined {
  return [committee, signedTurn?.committee].find(each => each?.number === number)
}

/** How many go before an operator when a change of turn is to be sent: nobody before the poster, then in the order of ids. */
function rankOf({ turn, committee }: PostingState, id: number): bigint {
  if (turn.poster === id) return 0n
  const others = committee.members.filter(member => member.id !== turn.poster)
  const index = others.findIndex(member => member.id === id)
  return BigInt(index < 0 ? others.length + 1 : index + 1)
}
