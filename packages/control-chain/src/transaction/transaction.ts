import { bytesToHex, concatBytes, equalBytes, hexToBytes } from '@l2/common'
import {
  decodeSignedHeader,
  encodeSignedHeader,
  type HeaderDomain,
  hashSequencerHeader,
  recoverSigner,
  type SignedHeader,
  signedHeaderLength,
} from '@l2/sequencer-core/block'
import { readInboxTransaction } from '@l2/sequencer-core/derivation'
import { nobleRecovery } from '@l2/sequencer-core/transaction'
import type { PoolCommand } from '@l2/staking'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { type Address, type Hash, type Hex, parseTransaction, type TransactionSerialized } from 'viem'
import {
  type BatchStatement,
  decodeBatchStatement,
  encodeBatchStatement,
  hashBatchStatement,
  maxDataHashes,
  statementLength,
} from '../attestation/statement.js'
import { fixed, reader, u32, uint } from '../bytes.js'
import { refuse } from '../errors.js'
import type { ControlTransaction } from '../fold/block.js'
import type { TermCause } from '../fold/state.js'
import { decodeList, encodeList, maxListLength, type OperatorList } from '../list/list.js'
import type { PostingRules } from '../posting/state.js'
import { decodePoolCommands, encodePoolCommands } from '../stake/pool-commands.js'

/** What an operator signs with its header key. */
export type OperatorMessage =
  | { readonly type: 'termVote'; readonly view: number; readonly cause?: TermCause | undefined }
  | { readonly type: 'list'; readonly list: OperatorList }
  | { readonly type: 'batch'; readonly statement: BatchStatement; readonly nonce: bigint }
  | { readonly type: 'posterVote'; readonly turn: bigint }

/** Whose key is whose: keys are never forgotten, so that rotating one is no escape. */
export interface SignerDirectory {
  operatorOf(signer: Address): number | undefined
}

export type TransactionContext = {
  readonly domain: HeaderDomain
  readonly keys: SignerDirectory
  /** Of the parameters: hashes of a list. */
  readonly window: number
  /** Where a committee attests batches. */
  readonly posting?:
    | Pick<PostingRules, 'attestation' | 'attestationKey' | 'batchInbox' | 'domain' | 'posterAccount'>
    | undefined
}

/** Why a transaction is no part of a block. */
export type TransactionRefusal =
  /** Not what the codec makes. */
  | 'T_DECODE'
  /** Signed by nobody who is, or was, an operator. */
  | 'T_SIGNER'
  /** Two headers that are one, stand at two places, or have two signers; a statement that nobody of ours signed. */
  | 'T_NO_FAULT'
  /** Commands that do not lead from the pool's root to the one that was agreed on. */
  | 'T_POOL'

const types = {
  ...{ termVote: 1, list: 2, equivocation: 3, poolCommands: 4 },
  ...{ batch: 5, posterVote: 6, falseStatement: 7, falsePosting: 8 },
} as const
const causes = { silent: 1, l1: 2, invalid: 3, rollback: 4 } as const
const withdrawal = 0
const signatureLength = 65
const tag = /*#__PURE__*/ new TextEncoder().encode('l2-control-chain/transaction/v1')

function causeBytes(cause: TermCause | undefined): Uint8Array {
  if (cause === undefined) return Uint8Array.of(withdrawal)
  const code = Uint8Array.of(causes[cause.type])
  if (cause.type === 'silent' || cause.type === 'l1') return code
  const block = cause.type === 'invalid' ? cause.header : cause.to
  return concatBytes(code, uint('block.height', block.height, 8), fixed('block.hash', block.hash, 32))
}

function bodyOf(message: OperatorMessage, sequence: bigint): Uint8Array {
  return concatBytes(Uint8Array.of(types[message.type]), uint('sequence', sequence, 8), ...contentOf(message))
}

function contentOf(message: OperatorMessage): Uint8Array[] {
  switch (message.type) {
    case 'list':
      return [encodeList(message.list)]
    case 'batch':
      return [uint('nonce', message.nonce, 8), encodeBatchStatement(message.statement)]
    case 'posterVote':
      return [uint('turn', message.turn, 8)]
    case 'termVote':
      return [u32('view', message.view), causeBytes(message.cause)]
  }
}

function messageOf(body: Uint8Array, domain: HeaderDomain): Uint8Array {
  return concatBytes(tag, uint('chainId', domain.chainId, 32), fixed('rollup', domain.rollup, 20), body)
}

/**
 * Signs a message as an operator.
 *
 * @param options.sequence Higher than that of every earlier transaction of the operator, also after a restart.
 * @param sign Signs a 32-byte digest with the header key: `account.sign({ hash })` of viem. The digest is the keccak256
 * of the message: a key service that signs no bare digest takes that.
 * @throws ControlChainError `ENCODING_INVALID`
 *
 * @example
 * ```ts
 * import { readTransaction, signTransaction } from '@l2/control-chain'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const account = privateKeyToAccount(`0x${'07'.repeat(32)}`)
 * const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
 * const message = { type: 'termVote', view: 4, cause: { type: 'silent' } } as const
 * const bytes = await signTransaction({ domain, message, sequence: 1n }, hash => account.sign({ hash }))
 * const keys = { operatorOf: (signer: string) => (signer === account.address.toLowerCase() ? 2 : undefined) }
 * const read = readTransaction(bytes, { domain, keys, window: 16 })
 * console.log(read.ok && read.transaction.type) // termVote
 * ```
 */
export async function signTransaction(
  options: { domain: HeaderDomain; message: OperatorMessage; sequence: bigint },
  sign: (digest: Hash, message: Uint8Array) => Promise<Hex>,
): Promise<Uint8Array> {
  const body = bodyOf(options.message, options.sequence)
  const message = messageOf(body, options.domain)
  const signature = await sign(bytesToHex(keccak_256(message)), message)
  return concatBytes(body, fixed('signature', signature, signatureLength))
}

/**
 * Two headers of one place as a transaction. It has no sender: the headers convict by themselves. In one order, so that
 * the same fault is the same bytes whoever reports it.
 *
 * @throws SequencerError `HEADER_INVALID`
 */
export function encodeEquivocation(a: SignedHeader, b: SignedHeader): Uint8Array {
  const [first, second] = [encodeSignedHeader(a), encodeSignedHeader(b)].sort((x, y) =>
    bytesToHex(x) < bytesToHex(y) ? -1 : 1,
  )
  return concatBytes(Uint8Array.of(types.equivocation), first!, second!)
}

/**
 * What L1 told the pool, as a transaction. It has no sender either: the root that more than two thirds have named says
 * whether it is all of it, and nothing else.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 */
export function poolCommandsTransaction(commands: readonly PoolCommand[]): Uint8Array {
  return concatBytes(Uint8Array.of(types.poolCommands), encodePoolCommands(commands))
}

/**
 * Reads and checks a transaction of the control chain: whatever is refused here, every honest operator refuses in a
 * proposal. Pure: it depends on the bytes and on registered keys only. Longer bytes than any transaction's are not
 * looked at; never throws.
 */
export function readTransaction(
  bytes: Uint8Array,
  context: TransactionContext,
): { ok: true; transaction: ControlTransaction } | { ok: false; reason: TransactionRefusal } {
  const refused = (reason: TransactionRefusal) => ({ ok: false, reason }) as const
  const content = Math.max(maxListLength(context.window), 8 + statementLength(maxDataHashes))
  const longest = Math.max(9 + content, 1 + 2 * signedHeaderLength)
  if (bytes[0] === types.poolCommands) {
    const commands = decodePoolCommands(bytes.subarray(1))
    return commands === undefined ? refused('T_DECODE') : { ok: true, transaction: { type: 'poolCommands', commands } }
  }
  if (bytes[0] === types.falsePosting) return readFalsePosting(bytes, context)
  if (bytes.length > longest + signatureLength) return refused('T_DECODE')
  if (bytes[0] === types.equivocation) return readEquivocation(bytes, context)
  if (bytes[0] === types.falseStatement) return readFalseStatement(bytes, context)
  if (bytes.length < 9 + signatureLength) return refused('T_DECODE')
  const body = bytes.subarray(0, -signatureLength)
  const read = reader(body)
  const type = read.u8()
  const sequence = read.u64()
  const message = readMessage(type, read.rest(), context)
  if (message === undefined) return refused('T_DECODE')
  const signature = bytesToHex(bytes.subarray(-signatureLength))
  const signer = recoverSigner(bytesToHex(keccak_256(messageOf(body, context.domain))), signature)
  const operator = signer === undefined ? undefined : context.keys.operatorOf(signer)
  if (operator === undefined) return refused('T_SIGNER')
  return { ok: true, transaction: { ...message, operator, sequence } }
}

function readMessage(type: number, bytes: Uint8Array, context: TransactionContext): OperatorMessage | undefined {
  if (type === types.termVote) return readVote(bytes)
  if (type === types.list) {
    const list = decodeList(bytes, context.window)
    return list === undefined ? undefined : { type: 'list', list }
  }
  if (context.posting === undefined) return undefined
  if (type === types.posterVote) {
    return bytes.length === 8 ? { type: 'posterVote', turn: reader(bytes).u64() } : undefined
  }
  const statement = type === types.batch && bytes.length > 8 ? decodeBatchStatement(bytes.subarray(8)) : undefined
  return statement === undefined ? undefined : { type: 'batch', statement, nonce: reader(bytes).u64() }
}

function readVote(bytes: Uint8Array): OperatorMessage | undefined {
  if (bytes.length < 5) return undefined
  const read = reader(bytes)
  const view = read.u32()
  const code = read.u8()
  if (bytes.length === 5) {
    if (code === withdrawal) return { type: 'termVote', view }
    if (code === causes.silent) return { type: 'termVote', view, cause: { type: 'silent' } }
    if (code === causes.l1) return { type: 'termVote', view, cause: { type: 'l1' } }
    return undefined
  }
  if (bytes.length !== 45) return undefined
  const block = { height: read.u64(), hash: read.hash() }
  if (code === causes.invalid) return { type: 'termVote', view, cause: { type: 'invalid', header: block } }
  if (code === causes.rollback) return { type: 'termVote', view, cause: { type: 'rollback', to: block } }
  return undefined
}

function readEquivocation(bytes: Uint8Array, { domain, keys }: TransactionContext): ReturnType<typeof readTransaction> {
  const a = decodeSignedHeader(bytes.subarray(1, 1 + signedHeaderLength))
  const b = decodeSignedHeader(bytes.subarray(1 + signedHeaderLength))
  if (a === undefined || b === undefined) return { ok: false, reason: 'T_DECODE' }
  // One order only: the same fault has one name.
  if (!equalBytes(encodeEquivocation(a, b), bytes)) return { ok: false, reason: 'T_DECODE' }
  const [hashA, hashB] = [hashSequencerHeader(a.header, domain), hashSequencerHeader(b.header, domain)]
  const samePlace =
    a.header.epochId === b.header.epochId && a.header.term === b.header.term && a.header.height === b.header.height
  if (hashA === hashB || !samePlace) return { ok: false, reason: 'T_NO_FAULT' }
  const [signerA, signerB] = [recoverSigner(hashA, a.signature), recoverSigner(hashB, b.signature)]
  const accused = signerA === undefined ? undefined : keys.operatorOf(signerA)
  if (accused === undefined) return { ok: false, reason: 'T_SIGNER' }
  // One operator may have had two keys: both are its own.
  if (signerB === undefined || keys.operatorOf(signerB) !== accused) return { ok: false, reason: 'T_NO_FAULT' }
  const { epochId, term, height } = a.header
  const place = { epochId, term, height }
  const evidence = bytesToHex(keccak_256(bytes))
  return { ok: true, transaction: { type: 'equivocation', accused, evidence, place, headers: [a, b] } }
}

/**
 * A statement with a member's signature as a transaction: it convicts if the control chain has ordered another under its
 * number, or none.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 */
export function encodeFalseStatement(accused: number, statement: BatchStatement, signature: Hex): Uint8Array {
  const signed = hexToBytes(signature)
  if (signed === undefined) refuse('ENCODING_INVALID', 'signature expected bytes', { field: 'signature' })
  return concatBytes(
    Uint8Array.of(types.falseStatement),
    u32('accused', accused),
    encodeBatchStatement(statement),
    signed,
  )
}

function readFalseStatement(bytes: Uint8Array, { posting }: TransactionContext): ReturnType<typeof readTransaction> {
  if (posting === undefined || bytes.length < 5) return { ok: false, reason: 'T_DECODE' }
  const { attestation, attestationKey, domain } = posting
  const accused = reader(bytes.subarray(1)).u32()
  const statement = decodeBatchStatement(bytes.subarray(5, -attestation.signatureLength))
  if (statement === undefined) return { ok: false, reason: 'T_DECODE' }
  const key = attestationKey(accused)
  if (key === undefined) return { ok: false, reason: 'T_SIGNER' }
  const signature = bytesToHex(bytes.subarray(-attestation.signatureLength))
  const digest = hashBatchStatement(statement, domain)
  const isSigned = attestation.valid([{ id: accused, power: 1n, key }], digest, new Map([[accused, signature]]))
  if (isSigned.length === 0) return { ok: false, reason: 'T_NO_FAULT' }
  const evidence = bytesToHex(keccak_256(bytes))
  return { ok: true, transaction: { type: 'falseStatement', accused, evidence, statement } }
}

/** Of an L1 transaction as evidence: Ethereum's pools take no larger ones. */
const maxPostingLength = 131_072

/**
 * A poster's transaction of L1 as evidence, of a blob transaction without its blobs: it convicts if it carries what no
 * statement names.
 *
 * @param raw EIP-2718 bytes, as `eth_getRawTransactionByHash` answers them
 * @throws ControlChainError `ENCODING_INVALID`
 */
export function encodeFalsePosting(accused: number, raw: Uint8Array): Uint8Array {
  if (raw.length === 0 || raw.length > maxPostingLength) {
    refuse('ENCODING_INVALID', `a transaction expected to have 1 … ${maxPostingLength} bytes, got ${raw.length}`)
  }
  return concatBytes(Uint8Array.of(types.falsePosting), u32('accused', accused), raw)
}

function readFalsePosting(bytes: Uint8Array, { posting }: TransactionContext): ReturnType<typeof readTransaction> {
  const refused = (reason: TransactionRefusal) => ({ ok: false, reason }) as const
  const raw = bytes.subarray(5)
  if (posting === undefined || raw.length === 0 || raw.length > maxPostingLength) return refused('T_DECODE')
  const accused = reader(bytes.subarray(1)).u32()
  const account = posting.posterAccount(accused)
  if (account === undefined) return refused('T_SIGNER')
  const l1 = signedForL1(raw, posting.domain.l1ChainId)
  if (l1 === undefined) return refused('T_DECODE')
  if (l1.to?.toLowerCase() !== posting.batchInbox.toLowerCase()) return refused('T_NO_FAULT')
  if (l1.sender(nobleRecovery)?.toLowerCase() !== account.toLowerCase()) return refused('T_NO_FAULT')
  const dataHashes = l1.blobVersionedHashes ?? [bytesToHex(keccak_256(l1.data))]
  const evidence = bytesToHex(keccak_256(bytes))
  return { ok: true, transaction: { type: 'falsePosting', accused, evidence, nonce: l1.nonce, dataHashes } }
}

/** A transaction that is signed, and for this chain alone: a deposit has no signature, and one without a chain id may be of another. */
function signedForL1(raw: Uint8Array, l1ChainId: bigint) {
  const isTyped = raw[0]! >= 1 && raw[0]! <= 3
  const read = isTyped || raw[0]! >= 0xc0 ? readInboxTransaction(raw, l1ChainId) : undefined
  if (read === undefined) return undefined
  try {
    const { nonce, chainId } = parseTransaction(bytesToHex(raw) as TransactionSerialized)
    return BigInt(chainId ?? 0) === l1ChainId ? { ...read, nonce: BigInt(nonce ?? 0) } : undefined
  } catch {
    return undefined
  }
}
