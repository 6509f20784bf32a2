import { bytesToHex, concatBytes, hexToBytes, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../../errors.js'
import type { PooledTransaction } from '../../mempool/types.js'
import { encodeRlp } from '../../rlp/rlp.js'
import type { Transaction } from '../../transaction/types.js'
import { part, restOf, shifted, type UsedNonces, use } from '../compose.js'
import type { BlockOrdering, OrderedBlock, OrderingEvidence, OrderingPolicy, Violation } from '../policy.js'
import { violation } from '../universal.js'
import { decodeCiphertext, encodeCiphertext } from './bls.js'
import type { DecryptionShare, ThresholdScheme } from './scheme.js'

/** A transaction that nobody can read before its place is fixed. */
export type EncryptedEnvelope = {
  /** Which key it is encrypted to. */
  readonly eon: bigint
  /** 32 random bytes; with the sender the identity, so that nobody else can use it. */
  readonly identityPrefix: Hash
  readonly sender: Address
  /** What the transaction inside may ask for at most, and what the sender pays for even if it cannot be decrypted. */
  readonly gasLimit: bigint
  /** c1 ‖ c2 ‖ c3. */
  readonly ciphertext: Uint8Array
}

/** The identity that an envelope is encrypted to: prefix ‖ sender, 52 bytes. */
export function identityOf(envelope: Pick<EncryptedEnvelope, 'identityPrefix' | 'sender'>): Uint8Array {
  return concatBytes(hexToBytes(envelope.identityPrefix)!, hexToBytes(envelope.sender)!)
}

/** keccak-256 over the RLP of an envelope's fields. */
export function hashEnvelope(envelope: EncryptedEnvelope): Hash {
  const { eon, identityPrefix, sender, gasLimit, ciphertext } = envelope
  return bytesToHex(keccak256(encodeRlp([eon, hexToBytes(identityPrefix)!, hexToBytes(sender)!, gasLimit, ciphertext])))
}

/** Encrypts a signed transaction. `sigma`: 32 random bytes, new for each. */
export function encryptTransaction(
  scheme: ThresholdScheme,
  publicKey: Uint8Array,
  transaction: Pick<Transaction, 'raw' | 'sender' | 'gasLimit'>,
  random: { eon: bigint; identityPrefix: Hash; sigma: Uint8Array },
): EncryptedEnvelope {
  const { eon, identityPrefix, sigma } = random
  const { sender, gasLimit, raw } = transaction
  const identity = identityOf({ identityPrefix, sender })
  const ciphertext = encodeCiphertext(scheme.encrypt(publicKey, identity, raw, sigma))
  return { eon, identityPrefix, sender, gasLimit, ciphertext }
}

/** An order that is fixed: published (signed, in a block, on L1) before anybody releases a share. */
export type OrderCommitment = {
  readonly height: bigint
  readonly eon: bigint
  /** Number of envelopes of this eon that earlier commitments have used. */
  readonly pointer: number
  readonly envelopes: readonly Hash[]
}

/** keccak-256 over the RLP of a commitment: what keypers answer to. */
export function hashCommitment(commitment: OrderCommitment): Hash {
  const { height, eon, pointer, envelopes } = commitment
  return bytesToHex(keccak256(encodeRlp([height, eon, BigInt(pointer), envelopes.map(hash => hexToBytes(hash)!)])))
}

/** What a keyper answers to a commitment: a share for each envelope. It must not answer to two commitments for one height. */
export type KeyperAnswer = {
  readonly keyper: number
  readonly commitment: Hash
  readonly shares: readonly Uint8Array[]
}

/** Makes a keyper's answer. */
export function releaseShares(
  scheme: ThresholdScheme,
  keyper: { index: number; secretShare: Uint8Array },
  commitment: OrderCommitment,
  envelopes: readonly EncryptedEnvelope[],
): KeyperAnswer {
  for (const [i, hash] of commitment.envelopes.entries())
    if (envelopes[i] === undefined || hashEnvelope(envelopes[i]) !== hash)
      throw new SequencerError(`envelope ${i} is not what was committed to`, { code: 'THRESHOLD_INVALID' })
  return {
    keyper: keyper.index,
    commitment: hashCommitment(commitment),
    shares: commitment.envelopes.map((_, i) => scheme.share(keyper.secretShare, identityOf(envelopes[i]!))),
  }
}

/** A commitment with everything that opens it. */
export type OpenedRound = {
  readonly commitment: OrderCommitment
  readonly envelopes: readonly EncryptedEnvelope[]
  readonly keys: readonly Uint8Array[]
}

/** Parameters of {@link createEncryptedQueue}. */
export type EncryptedQueueOptions = {
  scheme: ThresholdScheme
  eon: bigint
  publicKey: Uint8Array
  /** By keyper, from 1 on. */
  keyShares: readonly Uint8Array[]
  threshold: number
  /** Gas of the envelopes of one block. Default 10 000 000. */
  gasLimit?: bigint | undefined
  /** Envelopes that wait. Default 4096. */
  maxWaiting?: number | undefined
  /** Bytes of one ciphertext. Default 131 200. */
  maxCiphertextBytes?: number | undefined
}

/** The queue of encrypted transactions: a state machine in which no share is taken before the order is fixed. */
export interface EncryptedQueue {
  readonly waiting: number
  /** Moves only forward. */
  readonly pointer: number
  /** @throws SequencerError `THRESHOLD_INVALID`, `TX_POOL_FULL` */
  submit(envelope: EncryptedEnvelope): Hash
  /** Fixes the longest run of the queue that fits, in order. @throws SequencerError `THRESHOLD_INVALID` while an order is open */
  commit(height: bigint): OrderCommitment
  /** Takes an answer to the open commitment; wrong shares are refused one by one. @throws SequencerError `THRESHOLD_INVALID` */
  answer(answer: KeyperAnswer): void
  /** The opened round once there are enough answers, and `undefined` before: without keys there is no block. */
  open(): OpenedRound | undefined
}

/** An empty queue of one eon. */
export function createEncryptedQueue(options: EncryptedQueueOptions): EncryptedQueue {
  const { scheme, eon, publicKey, keyShares, threshold } = options
  const gasLimit = options.gasLimit ?? 10_000_000n
  const maxWaiting = options.maxWaiting ?? 4_096
  const maxBytes = options.maxCiphertextBytes ?? 131_200
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keyShares.length)
    throw new SequencerError(`threshold ${threshold} of ${keyShares.length} keypers`, { code: 'POLICY_PARAMETERS' })
  let queue: EncryptedEnvelope[] = []
  let pointer = 0
  const identities = new Set<string>()
  let current: { commitment: OrderCommitment; hash: Hash; envelopes: EncryptedEnvelope[] } | undefined
  const answers = new Map<number, readonly Uint8Array[]>()
  const refuse = (message: string): never => {
    throw new SequencerError(message, { code: 'THRESHOLD_INVALID' })
  }
  return {
    get waiting() {
      return queue.length
    },
    get pointer() {
      return pointer
    },
    submit(envelope) {
      if (envelope.eon !== eon) refuse(`envelope of eon ${envelope.eon}, this is ${eon}`)
      if (envelope.gasLimit <= 0n || envelope.gasLimit > gasLimit)
        refuse(`envelope with ${envelope.gasLimit} gas, at most ${gasLimit}`)
      if (envelope.ciphertext.length > maxBytes)
        refuse(`ciphertext of ${envelope.ciphertext.length} bytes, at most ${maxBytes}`)
      decodeCiphertext(envelope.ciphertext)
      const identity = bytesToHex(identityOf(envelope))
      // A second use of an identity would be opened by the first one's key.
      if (identities.has(identity)) refuse('this identity has been used')
      if (queue.length >= maxWaiting)
        throw new SequencerError('the encrypted queue is full', { code: 'TX_POOL_FULL', recovery: 'retry' })
      identities.add(identity)
      queue.push(envelope)
      return hashEnvelope(envelope)
    },
    commit(height) {
      if (current !== undefined) refuse(`the order of height ${current.commitment.height} is still open`)
      let gas = 0n
      let count = 0
      while (count < queue.length && gas + queue[count]!.gasLimit <= gasLimit) gas += queue[count++]!.gasLimit
      const envelopes = queue.slice(0, count)
      queue = queue.slice(count)
      const commitment = { height, eon, pointer, envelopes: envelopes.map(hashEnvelope) }
      pointer += count
      current = { commitment, hash: hashCommitment(commitment), envelopes }
      answers.clear()
      return commitment
    },
    answer({ keyper, commitment, shares }) {
      if (current === undefined || commitment !== current.hash)
        return refuse('shares for an order that is not committed')
      const keyShare = keyShares[keyper - 1]
      if (keyShare === undefined) return refuse(`keyper ${keyper} of ${keyShares.length}`)
      if (shares.length !== current.envelopes.length)
        refuse(`${shares.length} shares for ${current.envelopes.length} envelopes`)
      for (const [i, share] of shares.entries())
        if (!scheme.verifyShare(keyShare, identityOf(current.envelopes[i]!), share))
          refuse(`share ${i} of keyper ${keyper} does not verify`)
      answers.set(keyper, shares)
    },
    open() {
      if (current === undefined || answers.size < threshold) return undefined
      const { commitment, envelopes } = current
      const keys = envelopes.map((_, i) => {
        const shares: DecryptionShare[] = [...answers].map(([keyper, each]) => ({ keyper, share: each[i]! }))
        return scheme.combine(shares, threshold)
      })
      // Every share was verified, so this holds; a scheme that is broken must not go unnoticed.
      for (const [i, key] of keys.entries())
        if (!scheme.verifyKey(publicKey, identityOf(envelopes[i]!), key))
          refuse(`the key of envelope ${i} does not verify`)
      current = undefined
      return { commitment, envelopes, keys }
    },
  }
}

/** What the judge of {@link thresholdEncrypted} wants to know. */
export type ThresholdEvidence = OrderingEvidence & {
  /** The commitment as published, with envelopes and keys. */
  readonly encrypted?: OpenedRound | undefined
}

/**
 * Encrypted transactions first, in the order that was fixed before anybody could read them; then everybody else by the inner policy. Nobody can
 * front-run what nobody can read, not even the sequencer, as long as fewer than the threshold of keypers collude.
 *
 * Left out is only what cannot be decrypted, is not a transaction of the envelope's sender, asks for more gas than the envelope says, or cannot
 * be executed. While a round's keys are missing (`'sealed'`) there is nothing in the block at all.
 *
 * The judge finds another order (`threshold/order`), omissions (`threshold/missing`), false keys (`threshold/key`) and envelopes other than those
 * committed to (`threshold/commitment`).
 */
export function thresholdEncrypted<Evidence extends OrderingEvidence>(
  inner: OrderingPolicy<Evidence>,
  options: {
    scheme: ThresholdScheme
    publicKey: Uint8Array
    /** Of the rollup: chain, recovery. @throws SequencerError for what is no transaction */
    decode: (raw: Uint8Array) => Transaction
    roundAt: (height: bigint) => OpenedRound | 'sealed' | undefined
  },
): OrderingPolicy<Evidence & ThresholdEvidence> {
  const { scheme, publicKey, decode, roundAt } = options

  const read = (envelope: EncryptedEnvelope, key: Uint8Array): Transaction | undefined => {
    try {
      const raw = scheme.decrypt(identityOf(envelope), key, decodeCiphertext(envelope.ciphertext))
      const transaction = raw === undefined ? undefined : decode(raw)
      if (transaction === undefined || transaction.sender !== envelope.sender.toLowerCase()) return undefined
      return transaction.gasLimit <= envelope.gasLimit ? transaction : undefined
    } catch (error) {
      if (isL2Error(error)) return undefined
      throw error
    }
  }
  const readAll = ({ envelopes, keys }: OpenedRound): Transaction[] =>
    envelopes.flatMap((envelope, i) => read(envelope, keys[i]!) ?? [])

  return {
    name: `threshold(${inner.name})`,
    admit: (transaction, context) => inner.admit(transaction, context),
    open(block): BlockOrdering {
      const round = roundAt(block.height)
      if (round === 'sealed') return { next: () => ({ type: 'done' }), settle: () => undefined }
      const queue = (round === undefined ? [] : readAll(round)).map(toPooled)
      const used: UsedNonces = new Map()
      let taken: PooledTransaction | undefined
      let rest: BlockOrdering | undefined
      return {
        next(view) {
          const entry = queue[0]
          if (entry !== undefined && rest === undefined) {
            const { gasLimit, raw } = entry.transaction
            if (gasLimit > view.gasLeft || raw.length > view.bytesLeft) return { type: 'done' }
            taken = entry
            return { type: 'take', entries: [entry], atomic: false }
          }
          rest ??= inner.open({ ...block, nowMs: view.nowMs, pool: restOf(block.pool, used) })
          return rest.next(view)
        },
        settle(outcome) {
          if (taken === undefined) {
            if (rest === undefined) throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
            rest.settle(outcome)
            return
          }
          if (outcome === 'included') use(used, [taken])
          taken = undefined
          queue.shift()
        },
      }
    },
    verify(block, evidence) {
      const { encrypted } = evidence
      const { violations, count } =
        encrypted === undefined ? { violations: [], count: 0 } : checkRound(block, evidence, encrypted)
      const rest = part<Evidence>(block, evidence, count, block.transactions.length)
      return [...violations, ...shifted(inner.verify(rest.block, rest.evidence), count)]
    },
  }

  function checkRound(
    block: OrderedBlock,
    evidence: OrderingEvidence,
    round: OpenedRound,
  ): { violations: Violation[]; count: number } {
    const violations: Violation[] = []
    const { commitment, envelopes, keys } = round
    if (commitment.height !== block.height)
      violations.push(
        violation(
          'threshold/commitment',
          undefined,
          undefined,
          `for height ${commitment.height}, the block has ${block.height}`,
        ),
      )
    for (const [i, hash] of commitment.envelopes.entries()) {
      const envelope = envelopes[i]
      const key = keys[i]
      if (envelope === undefined || hashEnvelope(envelope) !== hash)
        violations.push(
          violation('threshold/commitment', undefined, hash, `envelope ${i} is not what was committed to`),
        )
      else if (key === undefined || !scheme.verifyKey(publicKey, identityOf(envelope), key))
        violations.push(violation('threshold/key', undefined, hash, `the key of envelope ${i} does not verify`))
    }
    if (violations.length > 0) return { violations, count: 0 }
    let count = 0
    const at = new Map<Hash, number>(block.transactions.map((transaction, index) => [transaction.hash, index]))
    let gasUsed = 0n
    for (const { hash, gasLimit } of readAll(round)) {
      if (block.transactions[count]?.hash === hash) {
        gasUsed += evidence.gasUsed?.[count] ?? gasLimit
        count++
        continue
      }
      const index = at.get(hash)
      if (index !== undefined) violations.push(violation('threshold/order', index, hash, `its place is ${count}`))
      else if (
        evidence.excused?.has(hash) !== true &&
        evidence.wasIncluded?.(hash) !== true &&
        gasLimit <= block.gasLimit - gasUsed
      )
        violations.push(violation('threshold/missing', undefined, hash, `belongs at ${count}`))
    }
    return { violations, count }
  }
}

/** A transaction of an opened round: its place in the round is all that counts. */
const toPooled = (transaction: Transaction, arrival: number): PooledTransaction => ({
  transaction,
  arrival,
  arrivedAtMs: 0,
  readyAtMs: 0,
  isPrivate: true,
  mayRevert: true,
  condition: undefined,
})
