import {
  type BridgeBooks,
  type Challenger,
  type ChallengerEvent,
  type ChallengerOptions,
  type ChallengerStatus,
  createChallenger,
  createL1Reader,
  createProposer,
  createSender,
  type Proposer,
  type ProposerEvent,
  type ProposerOptions,
  type ProposerStatus,
  type SenderOptions,
} from '@l2/settlement'
import type { Address, LocalAccount } from 'viem'
import type { Read } from '../engine/engine.js'
import { type L1, l1Wallet } from '../l1/l1.js'
import type { Supervision } from '../process/supervision.js'
import { shortHex } from '../status/format.js'
import type { Check } from '../status/health.js'
import type { Verifier } from '../verifier/verifier.js'
import { openBooks } from './books.js'
import type { EngineOutputs } from './outputs.js'

/** Which of the two a node is, and how. */
export type SettlingOptions = {
  /** The DisputeGameFactory. */
  factory: Address
  /** Proposes outputs, for this account's bonds. */
  proposer?: (Omit<ProposerOptions, 'factory'> & { account: LocalAccount }) | undefined
  /** Challenges false ones, for this account's bonds; it may be the proposer's. */
  challenger?: (Omit<ChallengerOptions, 'factory'> & { account: LocalAccount }) | undefined
  /** The L1 side of the native token's bridge, where the chain has one: its books are read every few seconds. */
  bridge?: Address | undefined
  sending?: SenderOptions | undefined
}

/** What a node has to do with proposals and disputes, for status and screens. */
export type SettlingStatus = {
  readonly proposer: ProposerStatus | undefined
  readonly challenger: ChallengerStatus | undefined
  /** Both sides of the native token's bridge, as they were read last. */
  readonly books: BridgeBooks | undefined
}

/** Proposals and disputes of a node. */
export type Settling = {
  readonly status: SettlingStatus
  /** Whether its operator has something to see to. */
  check(): Check
  /** Reads the books of the bridge now; `undefined` where there is none. Throws what the reads throw. */
  readBooks(): Promise<BridgeBooks | undefined>
  /** Begins the loops, which go on until the supervision stops. */
  run(supervision: Pick<Supervision, 'run'>): void
}

export type SettlingParts = {
  l1: L1
  verifier: Pick<Verifier, 'status' | 'safeAt'>
  /** Of the engine that users are answered from: they prove their withdrawals by it. */
  users: Pick<EngineOutputs, 'proofs'>
  /** Reads of that engine. */
  read: Read
  /** Of the engine that executes what was derived from L1. */
  derived: EngineOutputs
  say(message: string): void
}

const pauseMs = 1000
const booksPauseMs = 5000

/** Proposer and challenger over this node's own derivation. */
export function openSettling(options: SettlingOptions, parts: SettlingParts): Settling {
  const { l1, verifier, users, derived, read, say } = parts
  const { factory, proposer: proposing, challenger: challenging, sending = {} } = options
  const account = proposing?.account ?? challenging?.account
  const reader = account === undefined ? undefined : createL1Reader(l1Wallet(l1, account) as never)
  const senderOf = (of: LocalAccount) => createSender(sending, { l1: reader!, account: of })
  const tell = (who: string) => {
    let last: string | undefined
    return (event: ProposerEvent | ChallengerEvent) => {
      const message = said(who, event)
      // What is waited for is told at every look.
      if (message !== undefined && message !== last) say(message)
      last = message ?? last
    }
  }
  let proposer: Proposer | undefined
  let challenger: Challenger | undefined
  const sender = proposing === undefined ? undefined : senderOf(proposing.account)
  if (proposing !== undefined) {
    const { account: _, ...rest } = proposing
    proposer = createProposer(
      { ...rest, factory },
      {
        l1: reader!,
        sender: sender!,
        outputs: derived.outputs,
        proofs: users.proofs,
        heads: () => ({ safe: verifier.status.safe.number, finalized: verifier.status.finalized.number }),
        onEvent: tell('proposer'),
      },
    )
  }
  if (challenging !== undefined) {
    const { account: own, ...rest } = challenging
    challenger = createChallenger(
      { ...rest, factory },
      {
        l1: reader!,
        // Nonces of one account are given by one sender.
        sender: sender !== undefined && own.address === sender.address ? sender : senderOf(own),
        outputs: derived.outputs,
        derivedL1: () => verifier.status.l1Number,
        safeAt: l1Number => verifier.safeAt(l1Number)?.head.number,
        header: derived.header,
        onEvent: tell('challenger'),
      },
    )
  }
  const books = options.bridge === undefined ? undefined : openBooks({ bridge: options.bridge }, { l1, read })
  return {
    get status() {
      return { proposer: proposer?.status, challenger: challenger?.status, books: books?.last }
    },
    check() {
      const alarms = [...(proposer?.status.alarms ?? []), ...(challenger?.status.alarms ?? [])]
      const reasons = alarms.map(({ message }) => message)
      const wrong = books?.check().reason
      if (wrong !== undefined) reasons.push(wrong)
      return reasons.length === 0 ? { ok: true } : { ok: false, reason: reasons.join('; ') }
    },
    readBooks: async () => await books?.read(),
    run(supervision) {
      // Both wait out by themselves what passes.
      if (proposer !== undefined) supervision.run('proposer', { pauseMs, patience: 5 }, () => proposer.step())
      if (challenger !== undefined) supervision.run('challenger', { pauseMs, patience: 5 }, () => challenger.step())
      if (books !== undefined) supervision.run('books of the bridge', { pauseMs: booksPauseMs }, () => books.step())
    },
  }
}

/** What is said of an event, if anything. */
function said(who: string, event: ProposerEvent | ChallengerEvent): string | undefined {
  switch (event.type) {
    case 'proposed':
      return `block ${event.proposal.number} is proposed to L1: game ${event.proposal.index}`
    case 'judged':
      return event.isTrue ? undefined : `game ${event.index} claims what is not true of block ${event.number}`
    case 'sent':
      return `${who}: ${event.what} is on its way (${shortHex(event.hash)})`
    case 'decided':
      return `game ${event.index} is decided: ${event.status.replace('-', ' ')}`
    case 'alarm':
      return `${who}: ${event.alarm.message}`
    default:
      return undefined
  }
}
