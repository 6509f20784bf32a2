import type { Address, Hash, Hex } from 'viem'
import type { Offence } from '../pool/commands.js'
import type { BatchMessage, HeaderMessage, ReceiptMessage, SequencerDomain } from './typed-data.js'

/** A signed object, whose signer is claimed and checked. */
export type Signed<T> = { message: T; signer: Address; signature: Hex }

/**
 * What is said to prove a fault of sequencer `accused`. Facts that no signature proves (what L1 and the canonical chain
 * say) are named here and looked up in {@link EvidenceFacts}.
 */
export type Evidence = { accused: number } & (
  | { type: 'EQUIVOCATION_BLOCK'; a: Signed<HeaderMessage>; b: Signed<HeaderMessage> }
  | { type: 'EQUIVOCATION_BATCH'; a: Signed<BatchMessage>; b: Signed<BatchMessage> }
  | { type: 'EQUIVOCATION_RECEIPT'; a: Signed<ReceiptMessage>; b: Signed<ReceiptMessage> }
  | { type: 'INVALID_STATE_ROOT' | 'ATTESTED_INVALID'; game: Address; assertion: Hash }
  | { type: 'DOWNTIME'; lastEpoch: bigint }
  | { type: 'CENSORSHIP_FORCED'; item: bigint; header: Signed<HeaderMessage> }
  /** `priority`: the block's transactions in order; `earlier` and `later` are the positions that break the policy. */
  | {
      type: 'ORDERING'
      policy: 'priority'
      header: Signed<HeaderMessage>
      transactions: readonly Hex[]
      earlier: number
      later: number
    }
  /** `receipts`: a was promised a lower number than b; without b, a was promised a height that has passed. */
  | { type: 'ORDERING'; policy: 'receipts'; a: Signed<ReceiptMessage>; b?: Signed<ReceiptMessage> | undefined }
  /** `committed`: the ciphertexts' order was committed to before they were opened. */
  | { type: 'ORDERING'; policy: 'committed'; header: Signed<HeaderMessage>; transactions: readonly Hex[] }
  | { type: 'DATA_WITHHOLDING'; challenge: Hash }
  | { type: 'MISSED_REVEAL'; epoch: bigint }
)

/**
 * The key registry: keys are never forgotten, so that rotating one is no escape. `toEpoch` is exclusive; left out:
 * still in use.
 */
export type KeyEntry = { signer: Address; id: number; fromEpoch: bigint; toEpoch?: bigint | undefined }

/** A turn of the canonical chain, from its own start: what a predecessor left undone does not count. */
export type Turn = {
  epoch: bigint
  startHeight: bigint
  leader: number
  /** Blocks of this leader in this turn. A turn that re-selection ended counts by what it produced. */
  produced: number
  /** L1 stood still, so nobody could have produced. */
  l1Stalled: boolean
}

/**
 * What the verifier knows from L1 and from the canonical chain: its own node's answers, or those of a bundle it chooses
 * to believe.
 */
export type EvidenceFacts = {
  disputes: readonly {
    game: Address
    assertion: Hash
    outcome: 'invalid' | 'valid' | 'withdrawn'
    final: boolean
    epoch: bigint
    poster: Address
    cosigners: readonly Address[]
  }[]
  /** In order of their heights. */
  turns: readonly Turn[]
  maintenance: readonly { id: number; fromEpoch: bigint; toEpoch: bigint }[]
  queue: readonly { index: bigint; enqueuedAtSeconds: bigint }[]
  turnStarts: readonly { epoch: bigint; term: number; atSeconds: bigint }[]
  inclusions: readonly { txHash: Hash; height: bigint; index: number }[]
  /** Everything up to here is final. */
  finalHeight: bigint
  baseFees: readonly { height: bigint; baseFeePerGas: bigint }[]
  committedOrders: readonly { height: bigint; txHashes: readonly Hash[] }[]
  daChallenges: readonly {
    challenge: Hash
    poster: Address
    epoch: bigint
    deadlineSeconds: bigint
    answeredAtSeconds?: bigint | undefined
    congested: boolean
  }[]
  reveals: readonly {
    epoch: bigint
    deadlineSeconds: bigint
    committed: readonly number[]
    revealed: readonly number[]
  }[]
}

/** Nothing is known of L1 or of the canonical chain: enough for contradictions that signatures alone prove. */
export const emptyFacts: EvidenceFacts = {
  disputes: [],
  turns: [],
  maintenance: [],
  queue: [],
  turnStarts: [],
  inclusions: [],
  finalHeight: 0n,
  baseFees: [],
  committedOrders: [],
  daChallenges: [],
  reveals: [],
}

/** What the chain holds against its leaders, and from when. */
export type EvidencePolicy = {
  evidenceMaxAgeSeconds: bigint
  /** Dispute games whose results are believed. */
  games: readonly Address[]
  /** A fault when more than windowTurns − minTurns of the last windowTurns own turns were missed. */
  downtime: { windowTurns: number; minTurns: number }
  /** OP Stack: 12 hours. Grace is counted from the leader's own turn start. */
  forcedInclusion: { windowSeconds: bigint; graceSeconds: bigint }
  ordering: readonly { policy: 'priority' | 'receipts' | 'committed'; fromHeight: bigint }[]
}

/**
 * Two weeks for evidence, as the pool has by default, half of twenty turns missed, and twelve hours to include what was
 * forced, as on the OP Stack, with ten minutes of grace. No dispute game is believed and no ordering is promised.
 */
export const defaultEvidencePolicy: EvidencePolicy = {
  evidenceMaxAgeSeconds: 14n * 86_400n,
  games: [],
  downtime: { windowTurns: 20, minTurns: 10 },
  forcedInclusion: { windowSeconds: 43_200n, graceSeconds: 600n },
  ordering: [],
}

/** Everything a verdict depends on besides the evidence. Pure data: verification needs no network. */
export type EvidenceContext = {
  domain: SequencerDomain
  now: { epoch: bigint; atSeconds: bigint }
  keys: readonly KeyEntry[]
  /** When each epoch began, seconds: a signer's own timestamps decide nothing. */
  epochs: readonly { epoch: bigint; startAtSeconds: bigint; startHeight: bigint }[]
  /** Faults already admitted. */
  seen: readonly Hex[]
  /** Up to which epoch downtime has been judged: turns are counted anew after a conviction. */
  judgedDowntime: readonly { id: number; epoch: bigint }[]
  policy: EvidencePolicy
  facts: EvidenceFacts
  /** Root over a block's transactions as headers have it. Default: {@link transactionsRoot}. */
  txRoot?: ((transactions: readonly Uint8Array[]) => Hash) | undefined
}

/** Why evidence is refused; stable. */
export type EvidenceCode =
  /** Malformed, too large, or a field out of range. */
  | 'E_DECODE'
  /** Another chain's domain. */
  | 'E_DOMAIN'
  /** About an epoch that has not begun. */
  | 'E_FUTURE'
  /** Older than the evidence window. */
  | 'E_EXPIRED'
  /** This fault is known. */
  | 'E_DUPLICATE'
  /** The signer is not a key of the accused in that epoch. */
  | 'E_KEY_UNKNOWN'
  /** A signature is not the claimed signer's, or not canonical. */
  | 'E_SIG'
  /** The objects are about different places. */
  | 'E_POSITION'
  /** The objects are the same. */
  | 'E_SAME_CONTENT'
  /** No fact that the verifier believes supports the claim. */
  | 'E_SOURCE'
  /** Contents do not belong to the signed root. */
  | 'E_PROOF'
  /** It happened, and is excused: late joiner, maintenance, a halt of everybody, congestion, an inactive policy. */
  | 'E_EXCUSED'
  /** What is proven is no fault. */
  | 'E_NO_FAULT'

/** Guilty of an offence that {@link applyPool} takes as it is, or not convicted and why. */
export type Verdict = { ok: true; offence: Offence } | { ok: false; code: EvidenceCode; reason: string }
