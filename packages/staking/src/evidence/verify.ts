import { bytesToHex, concatBytes, hexToBytes, isL2Error, toJson } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash, Hex } from 'viem'
import { parseTransaction, serializeTransaction } from 'viem'
import { later } from '../internal/seconds.js'
import type { OffenceKind } from '../slashing/penalty.js'
import { transactionsRoot } from './merkle.js'
import { recoverSigner, type SignedObjects, signingHash } from './typed-data.js'
import type { Evidence, EvidenceCode, EvidenceContext, Signed, Turn, Verdict } from './types.js'

type Refusal = { ok: false; code: EvidenceCode; reason: string }
export type ContextPlace = { epoch: bigint; term: number; index: bigint }
type Claim<Name extends keyof SignedObjects> = { name: Name; signed: Signed<SignedObjects[Name]>; epoch: bigint }

const no = (code: EvidenceCode, reason: string): Refusal => ({ ok: false, code, reason })
const text = new TextEncoder()

function word(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 31, rest = value; rest > 0n && i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}

/**
 * Name of a fault: keccak256(keccak256(kind) ‖ accused ‖ epoch ‖ term ‖ height or index), each a 32-byte word. The
 * payloads are not in it: a third conflicting block is the same fault.
 */
export function evidenceIdOf(kind: OffenceKind, accused: number, place: ContextPlace): Hex {
  return bytesToHex(
    keccak256(
      concatBytes(
        keccak256(text.encode(kind)),
        word(BigInt(accused)),
        word(place.epoch),
        word(BigInt(place.term)),
        word(place.index),
      ),
    ),
  )
}

/** keccak256 of the evidence's canonical JSON: what a reporter commits to. */
export function evidenceHashOf(evidence: Evidence): Hex {
  return bytesToHex(keccak256(text.encode(canonicalJson(evidence))))
}

/** JSON with sorted keys, bigints as decimal strings, hex in lower case: one text for one proof. */
function canonicalJson(value: unknown): string {
  const sort = (item: unknown): unknown =>
    Array.isArray(item)
      ? item.map(sort)
      : typeof item === 'object' && item !== null
        ? Object.fromEntries(
            Object.entries(item)
              .filter(([, field]) => field !== undefined)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, field]) => [key, sort(field)]),
          )
        : typeof item === 'string' && item.startsWith('0x')
          ? item.toLowerCase()
          : item
  return toJson(sort(value))
}

/**
 * Judges evidence. Pure and total: no network, no clock, no exception for whatever it is given. Checks run in a fixed
 * order, and the first that fails names the verdict: decoding, domain, future, expired, duplicate, key, signature, then
 * the rule of the kind.
 *
 * @returns The offence to hand to `applyPool`, or the code of what is missing. Doubt acquits.
 */
export function verifyEvidence(evidence: Evidence, context: EvidenceContext): Verdict {
  try {
    return judge(evidence, context)
  } catch (error) {
    if (isL2Error(error)) return no('E_DECODE', error.shortMessage)
    return no('E_DECODE', 'not evidence')
  }
}

function judge(evidence: Evidence, context: EvidenceContext): Verdict {
  switch (evidence.type) {
    case 'EQUIVOCATION_BLOCK': {
      const { a, b } = evidence
      const samePlace =
        a.message.epochId === b.message.epochId &&
        a.message.term === b.message.term &&
        a.message.height === b.message.height
      return convict(
        evidence,
        context,
        { epoch: a.message.epochId, term: a.message.term, index: a.message.height },
        [header(a), header(b)],
        hashes => conflicting(hashes, samePlace),
      )
    }
    case 'EQUIVOCATION_RECEIPT': {
      const { a, b } = evidence
      const samePlace =
        a.message.epochId === b.message.epochId &&
        a.message.term === b.message.term &&
        a.message.sequenceNo === b.message.sequenceNo
      return convict(
        evidence,
        context,
        { epoch: a.message.epochId, term: a.message.term, index: a.message.sequenceNo },
        [receipt(a), receipt(b)],
        hashes => conflicting(hashes, samePlace),
      )
    }
    case 'EQUIVOCATION_BATCH': {
      const { a, b } = evidence
      if (a.message.chainId !== context.domain.chainId || b.message.chainId !== context.domain.chainId) {
        return no('E_DOMAIN', `batch of chain ${a.message.chainId} / ${b.message.chainId}`)
      }
      // A signer picks the heights of its false batch: the later epoch that has begun is the honest one's or no
      // earlier.
      const epochs = [a, b].map(({ message }) => epochOfHeight(context, message.firstHeight))
      const begun = epochs.filter((epoch): epoch is bigint => epoch !== undefined && epoch <= context.now.epoch)
      if (begun.length === 0) return no('E_FUTURE', 'neither batch is of an epoch that has begun')
      const epoch = begun.reduce((x, y) => (x > y ? x : y))
      const claims = [a, b].map(signed => ({ name: 'BatchHeader' as const, signed, epoch }))
      // Index only: the epoch is derived from contents, which must not be in the fault's name.
      const place = { epoch, term: 0, index: a.message.batchIndex }
      return convict(evidence, context, place, claims, hashes =>
        conflicting(hashes, a.message.batchIndex === b.message.batchIndex),
      )
    }
    case 'INVALID_STATE_ROOT':
    case 'ATTESTED_INVALID': {
      const { game, assertion } = evidence
      const dispute = context.facts.disputes.find(item => same(item.game, game) && item.assertion === assertion)
      if (!context.policy.games.some(item => same(item, game))) return no('E_SOURCE', 'the game is not on the list')
      if (dispute === undefined) return no('E_SOURCE', 'no such dispute')
      const place = { epoch: dispute.epoch, term: 0, index: BigInt(assertion) }
      return convict(evidence, context, place, [], () => {
        const accused = (signer: Address): boolean => idOf(context, signer, dispute.epoch) === evidence.accused
        const guilty =
          evidence.type === 'INVALID_STATE_ROOT' ? accused(dispute.poster) : dispute.cosigners.some(accused)
        if (!guilty) return no('E_KEY_UNKNOWN', 'the accused neither posted nor signed the assertion')
        if (dispute.outcome === 'withdrawn') return no('E_EXCUSED', 'withdrawn before it was challenged')
        if (!dispute.final) return no('E_SOURCE', 'the dispute is not final')
        return dispute.outcome === 'invalid' ? undefined : no('E_NO_FAULT', 'the assertion is valid')
      })
    }
    case 'DOWNTIME': {
      const judged = context.judgedDowntime.filter(({ id }) => id === evidence.accused)
      const turns = context.facts.turns.filter(
        turn =>
          turn.leader === evidence.accused &&
          turn.epoch <= evidence.lastEpoch &&
          judged.every(({ epoch }) => turn.epoch > epoch),
      )
      const last = turns[turns.length - 1]
      const place = { epoch: last?.epoch ?? evidence.lastEpoch, term: 0, index: last?.startHeight ?? 0n }
      return convict(evidence, context, place, [], () =>
        last === undefined ? no('E_SOURCE', 'no turn of the accused') : downtime(evidence.accused, turns, context),
      )
    }
    case 'CENSORSHIP_FORCED': {
      const { message } = evidence.header
      const place = { epoch: message.epochId, term: message.term, index: evidence.item }
      return convict(evidence, context, place, [header(evidence.header)], () => censorship(evidence, context))
    }
    case 'ORDERING':
      return ordering(evidence, context)
    case 'DATA_WITHHOLDING': {
      const challenge = context.facts.daChallenges.find(item => item.challenge === evidence.challenge)
      if (challenge === undefined) return no('E_SOURCE', 'no such challenge')
      const place = { epoch: challenge.epoch, term: 0, index: BigInt(challenge.challenge) }
      return convict(evidence, context, place, [], () => {
        if (idOf(context, challenge.poster, challenge.epoch) !== evidence.accused) {
          return no('E_KEY_UNKNOWN', 'the data was posted by somebody else')
        }
        if (context.now.atSeconds <= challenge.deadlineSeconds) return no('E_NO_FAULT', 'the deadline has not passed')
        if (challenge.answeredAtSeconds !== undefined && challenge.answeredAtSeconds <= challenge.deadlineSeconds) {
          return no('E_NO_FAULT', 'the challenge was answered in time')
        }
        return challenge.congested ? no('E_EXCUSED', 'L1 was congested') : undefined
      })
    }
    case 'MISSED_REVEAL': {
      const round = context.facts.reveals.find(item => item.epoch === evidence.epoch)
      if (round === undefined) return no('E_SOURCE', 'no commitments for this epoch')
      return convict(evidence, context, { epoch: evidence.epoch, term: 0, index: 0n }, [], () => {
        if (!round.committed.includes(evidence.accused)) return no('E_NO_FAULT', 'the accused has committed to nothing')
        if (context.now.atSeconds <= round.deadlineSeconds) return no('E_NO_FAULT', 'the deadline has not passed')
        return round.revealed.includes(evidence.accused) ? no('E_NO_FAULT', 'revealed in time') : undefined
      })
    }
    default:
      return no('E_DECODE', 'no such kind of evidence')
  }
}

const header = (signed: Signed<SignedObjects['SequencerHeader']>): Claim<'SequencerHeader'> => ({
  name: 'SequencerHeader',
  signed,
  epoch: signed.message.epochId,
})
const receipt = (signed: Signed<SignedObjects['Receipt']>): Claim<'Receipt'> => ({
  name: 'Receipt',
  signed,
  epoch: signed.message.epochId,
})
const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** The common checks, in order, then the rule of the kind. */
function convict(
  evidence: Evidence,
  context: EvidenceContext,
  place: ContextPlace,
  claims: readonly Claim<keyof SignedObjects>[],
  rule: (hashes: readonly Hash[]) => Refusal | undefined,
): Verdict {
  const { now, policy } = context
  if (!Number.isSafeInteger(evidence.accused)) return no('E_DECODE', 'accused is no sequencer id')
  // Fields out of range fail here, before anything is concluded from them.
  const hashes = claims.map(({ name, signed }) => signingHash(context.domain, name, signed.message))
  if (place.epoch > now.epoch) return no('E_FUTURE', `epoch ${place.epoch}, now is ${now.epoch}`)
  const epoch = context.epochs.find(item => item.epoch === place.epoch)
  if (epoch === undefined) return no('E_EXPIRED', `epoch ${place.epoch} is not known any more`)
  if (epoch.startAtSeconds > now.atSeconds) return no('E_FUTURE', `epoch ${place.epoch} has not begun`)
  if (epoch.startAtSeconds < now.atSeconds - policy.evidenceMaxAgeSeconds) {
    return no(
      'E_EXPIRED',
      `${now.atSeconds - epoch.startAtSeconds} seconds old, at most ${policy.evidenceMaxAgeSeconds}`,
    )
  }
  // A batch has one place whatever its heights say.
  const named = evidence.type === 'EQUIVOCATION_BATCH' ? { ...place, epoch: 0n } : place
  const evidenceId = evidenceIdOf(evidence.type, evidence.accused, named)
  if (context.seen.includes(evidenceId)) return no('E_DUPLICATE', 'this fault is known')
  for (const { signed, epoch: signedIn } of claims) {
    if (idOf(context, signed.signer, signedIn) !== evidence.accused) {
      return no(
        'E_KEY_UNKNOWN',
        `${signed.signer.slice(0, 42)} is no key of sequencer ${evidence.accused} in epoch ${signedIn}`,
      )
    }
  }
  for (const [index, { signed }] of claims.entries()) {
    const signer = recoverSigner(hashes[index]!, signed.signature)
    if (signer === undefined || !same(signer, signed.signer))
      return no('E_SIG', `signature ${index + 1} is not its signer’s`)
  }
  const refusal = rule(hashes)
  if (refusal !== undefined) return refusal
  return {
    ok: true,
    offence: {
      kind: evidence.type,
      id: evidence.accused,
      evidenceId,
      evidenceHash: evidenceHashOf(evidence),
      offenceEpoch: place.epoch,
      offenceAtSeconds: epoch.startAtSeconds,
    },
  }
}

/** Whose key this was in an epoch. */
function idOf(context: EvidenceContext, signer: Address, epoch: bigint): number | undefined {
  return context.keys.find(
    entry =>
      same(entry.signer, signer) && entry.fromEpoch <= epoch && (entry.toEpoch === undefined || epoch < entry.toEpoch),
  )?.id
}

function epochOfHeight(context: EvidenceContext, height: bigint): bigint | undefined {
  let found: bigint | undefined
  for (const { epoch, startHeight } of context.epochs) {
    if (startHeight <= height && (found === undefined || epoch > found)) found = epoch
  }
  return found
}

function conflicting([first, second]: readonly Hash[], samePlace: boolean): Refusal | undefined {
  // Another term or another height is a race between leaders or another block: no contradiction.
  if (!samePlace) return no('E_POSITION', 'the two are about different places')
  return first === second ? no('E_SAME_CONTENT', 'the two are the same') : undefined
}

function downtime(accused: number, own: readonly Turn[], context: EvidenceContext): Refusal | undefined {
  const { windowTurns, minTurns } = context.policy.downtime
  const window = own.slice(-windowTurns)
  if (window.length < windowTurns)
    return no('E_EXCUSED', `${window.length} turns since joining, ${windowTurns} are looked at`)
  const halted = haltedTurns(context.facts.turns)
  const away = (epoch: bigint): boolean =>
    context.facts.maintenance.some(item => item.id === accused && item.fromEpoch <= epoch && epoch <= item.toEpoch)
  let missed = 0
  let excused = 0
  for (const turn of window) {
    if (turn.produced > 0) continue
    if (turn.l1Stalled || halted.has(turn) || away(turn.epoch)) excused++
    else missed++
  }
  if (missed > windowTurns - minTurns) return undefined
  return excused > 0
    ? no('E_EXCUSED', `${excused} of ${missed + excused} missed turns are excused`)
    : no('E_NO_FAULT', `${missed} of ${windowTurns} turns missed, ${windowTurns - minTurns} are allowed`)
}

/**
 * Turns of halts: two or more different leaders in a row that produced nothing were stopped by something they share.
 */
function haltedTurns(turns: readonly Turn[]): Set<Turn> {
  const halted = new Set<Turn>()
  let run: Turn[] = []
  const close = (): void => {
    if (new Set(run.map(({ leader }) => leader)).size >= 2) for (const turn of run) halted.add(turn)
    run = []
  }
  for (const turn of turns) {
    if (turn.produced === 0) run.push(turn)
    else close()
  }
  close()
  return halted
}

function censorship(
  evidence: Extract<Evidence, { type: 'CENSORSHIP_FORCED' }>,
  context: EvidenceContext,
): Refusal | undefined {
  const { message } = evidence.header
  const { queue, turnStarts } = context.facts
  const { windowSeconds, graceSeconds } = context.policy.forcedInclusion
  const item = queue.find(({ index }) => index === evidence.item)
  const turn = turnStarts.find(({ epoch, term }) => epoch === message.epochId && term === message.term)
  if (item === undefined || turn === undefined) return no('E_SOURCE', 'no such queue item or turn')
  if (message.forcedUpTo > evidence.item) return no('E_NO_FAULT', 'the item is included')
  const at = message.timestamp
  if (item.enqueuedAtSeconds + windowSeconds >= at) return no('E_NO_FAULT', 'the window had not elapsed')
  // Items go in order: one that is not due yet and stands before this one excuses it.
  const blocked = queue.some(
    ({ index, enqueuedAtSeconds }) =>
      index >= message.forcedUpTo && index < evidence.item && enqueuedAtSeconds + windowSeconds >= at,
  )
  if (blocked) return no('E_EXCUSED', 'an earlier item was not due')
  const dueInTurn = later(turn.atSeconds, item.enqueuedAtSeconds + windowSeconds)
  return at <= dueInTurn + graceSeconds ? no('E_EXCUSED', 'the leader’s own grace had not elapsed') : undefined
}

type OrderingEvidence = Extract<Evidence, { type: 'ORDERING' }>

function ordering(evidence: OrderingEvidence, context: EvidenceContext): Verdict {
  if (evidence.policy === 'receipts') {
    const { a, b } = evidence
    const place = { epoch: a.message.epochId, term: a.message.term, index: a.message.sequenceNo }
    const claims = b === undefined ? [receipt(a)] : [receipt(a), receipt(b)]
    return convict(evidence, context, place, claims, () => brokenPromise(evidence, context))
  }
  if (evidence.policy !== 'priority' && evidence.policy !== 'committed') return no('E_DECODE', 'no such policy')
  const { message } = evidence.header
  const place = { epoch: message.epochId, term: message.term, index: message.height }
  return convict(evidence, context, place, [header(evidence.header)], () => {
    if (!activePolicy(context, evidence.policy, message.height)) return no('E_EXCUSED', 'the policy is not active')
    const transactions = evidence.transactions.map(hexToBytes)
    if (transactions.includes(undefined)) return no('E_DECODE', 'a transaction is no hex')
    const root = (context.txRoot ?? transactionsRoot)(transactions as Uint8Array[])
    if (root !== message.txRoot) return no('E_PROOF', 'the transactions are not the block’s')
    return evidence.policy === 'priority'
      ? priorityBroken(evidence, context)
      : committedOrderBroken(message.height, transactions as Uint8Array[], context)
  })
}

function activePolicy(context: EvidenceContext, policy: OrderingEvidence['policy'], height: bigint): boolean {
  return context.policy.ordering.some(item => item.policy === policy && item.fromHeight <= height)
}

function priorityBroken(
  evidence: Extract<OrderingEvidence, { policy: 'priority' }>,
  context: EvidenceContext,
): Refusal | undefined {
  const { transactions, earlier, later } = evidence
  if (
    !Number.isInteger(earlier) ||
    !Number.isInteger(later) ||
    earlier < 0 ||
    earlier >= later ||
    later >= transactions.length
  ) {
    return no('E_DECODE', 'earlier and later are no positions of the block')
  }
  const fee = context.facts.baseFees.find(({ height }) => height === evidence.header.message.height)
  if (fee === undefined) return no('E_SOURCE', 'no base fee for this height')
  const first = paying(transactions[earlier]!, fee.baseFeePerGas)
  const second = paying(transactions[later]!, fee.baseFeePerGas)
  if (first === undefined || second === undefined) return no('E_NO_FAULT', 'one of them pays no priority fee')
  if (first.sender === second.sender) return no('E_EXCUSED', 'one sender’s transactions go by nonce')
  if (first.tip >= second.tip) return no('E_NO_FAULT', 'the earlier one pays no less')
  // The better one could only come after its sender's transactions before it: if one of those stands behind the
  // earlier, it was not yet due.
  for (let i = earlier + 1; i < later; i++) {
    if (paying(transactions[i]!, fee.baseFeePerGas)?.sender === second.sender) {
      return no('E_EXCUSED', 'the later one waited for its sender’s nonce')
    }
  }
  return undefined
}

/** Sender and effective tip of a signed transaction; `undefined` when it is not one. */
function paying(raw: Hex, baseFee: bigint): { sender: Address; tip: bigint } | undefined {
  try {
    const transaction = parseTransaction(raw)
    const { r, s, v, yParity, ...unsigned } = transaction as typeof transaction & {
      r?: Hex
      s?: Hex
      v?: bigint
      yParity?: number
    }
    if (r === undefined || s === undefined) return undefined
    const parity = yParity ?? (v === undefined ? 0 : v >= 35n ? Number((v - 35n) % 2n) : Number(v - 27n))
    const hash = bytesToHex(
      keccak256(hexToBytes(serializeTransaction(unsigned as Parameters<typeof serializeTransaction>[0]))!),
    )
    const word64 = (value: Hex): string => value.slice(2).padStart(64, '0')
    const sender = recoverSigner(hash, `0x${word64(r)}${word64(s)}0${parity}`)
    if (sender === undefined) return undefined
    const cap = (transaction.maxFeePerGas ?? transaction.gasPrice ?? 0n) - baseFee
    const wanted = transaction.maxPriorityFeePerGas ?? cap
    return { sender, tip: wanted < cap ? wanted : cap }
  } catch {
    return undefined
  }
}

function committedOrderBroken(
  height: bigint,
  transactions: Uint8Array[],
  context: EvidenceContext,
): Refusal | undefined {
  const committed = context.facts.committedOrders.find(item => item.height === height)
  if (committed === undefined) return no('E_SOURCE', 'no committed order for this height')
  const place = new Map<Hash, number>(committed.txHashes.map((hash, index) => [hash, index]))
  let last = -1
  for (const bytes of transactions) {
    const index = place.get(bytesToHex(keccak256(bytes)))
    if (index === undefined) continue
    if (index < last) return undefined
    last = index
  }
  return no('E_NO_FAULT', 'the block keeps the committed order')
}

function brokenPromise(
  evidence: Extract<OrderingEvidence, { policy: 'receipts' }>,
  context: EvidenceContext,
): Refusal | undefined {
  const { message: a } = evidence.a
  const b = evidence.b?.message
  if (!activePolicy(context, 'receipts', a.notAfterHeight)) return no('E_EXCUSED', 'the policy is not active')
  const included = (txHash: Hash) => context.facts.inclusions.find(item => item.txHash === txHash)
  // Only blocks that the accused itself produced in the promise's epoch can break it: who was replaced could not keep
  // it.
  const produced = (height: bigint): boolean =>
    context.facts.turns.some(
      turn =>
        turn.leader === evidence.accused &&
        turn.epoch === a.epochId &&
        turn.startHeight <= height &&
        height < turn.startHeight + BigInt(turn.produced),
    )
  const first = included(a.txHash)
  if (b === undefined) {
    if (context.facts.finalHeight < a.notAfterHeight) return no('E_NO_FAULT', 'the promised height is not final')
    if (first !== undefined && first.height <= a.notAfterHeight) return no('E_NO_FAULT', 'included in time')
    return produced(a.notAfterHeight)
      ? undefined
      : no('E_EXCUSED', 'the leader’s turn ended before the promised height')
  }
  if (a.epochId !== b.epochId || a.term !== b.term || a.sequenceNo >= b.sequenceNo) {
    return no('E_POSITION', 'a is not promised before b in one term')
  }
  const second = included(b.txHash)
  if (second === undefined || second.height > context.facts.finalHeight)
    return no('E_SOURCE', 'b is not included, or not final')
  const kept =
    first !== undefined &&
    (first.height < second.height || (first.height === second.height && first.index < second.index))
  if (kept) return no('E_NO_FAULT', 'the promised order was kept')
  if (a.notAfterHeight < second.height) return no('E_EXCUSED', 'a’s receipt had expired')
  return produced(second.height) ? undefined : no('E_EXCUSED', 'somebody else included b')
}
