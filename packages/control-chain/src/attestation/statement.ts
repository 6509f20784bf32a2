import { bytesToHex, concatBytes } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash } from 'viem'
import { fixed, reader, uint } from '../bytes.js'
import { refuse } from '../errors.js'

/** The contract on L1 that committees speak to: a signature counts for this one alone. */
export type CommitteeDomain = {
  readonly l1ChainId: bigint
  /** The `Committee` of `@l2/contracts`. */
  readonly committee: Address
}

/** What a committee says of a batch: these blocks, carried by these data, end in this output. */
export type BatchStatement = {
  /** Of the L2. */
  readonly chainId: bigint
  /** Given by the control chain, one number a statement: whoever signs two of one number is convicted. */
  readonly sequence: bigint
  /** Which committee signs: 0 is the one that L1 was deployed with, and every handover counts one more. */
  readonly committee: bigint
  /** L2 block numbers, both in it. */
  readonly first: bigint
  readonly last: bigint
  /** L1 origin of the last block: on another branch of L1 the statement is void. */
  readonly lastOrigin: { readonly number: bigint; readonly hash: Hash }
  /** Of the last block, as the OP Stack computes it. */
  readonly outputRoot: Hash
  /** What L1 carries of it, in order: keccak of a transaction's calldata, or a blob's versioned hash ({@link maxDataHashes}). */
  readonly dataHashes: readonly Hash[]
}

/** What a committee says at a change of the poster, of the committee, or of both. */
export type TurnStatement = {
  /** Of the L2. */
  readonly chainId: bigint
  /** Numbers of their own, counted by the control chain. L1 takes only larger ones, and gaps are no harm. */
  readonly sequence: bigint
  /** Which committee signs. */
  readonly committee: bigint
  /** Who posts from the L1 block of this on; the zero address: as before. */
  readonly poster: Address
  /** L2 block number up to which the signers know statements: L1 refuses a turn that knows of fewer than itself. */
  readonly lastAttested: bigint
  /** Of committee number `committee + 1` (`membersHash` of an `Attestation`); zero: the same goes on. */
  readonly nextMembers: Hash
}

/** Data hashes of one statement at most: the blobs of several transactions. */
export const maxDataHashes = 64

/** EIP-712 types of what committees sign; the contract has the same. */
export const statementTypes = {
  Batch: [
    { name: 'l2ChainId', type: 'uint256' },
    { name: 'sequence', type: 'uint64' },
    { name: 'committee', type: 'uint64' },
    { name: 'first', type: 'uint64' },
    { name: 'last', type: 'uint64' },
    { name: 'originNumber', type: 'uint64' },
    { name: 'originHash', type: 'bytes32' },
    { name: 'outputRoot', type: 'bytes32' },
    { name: 'dataHashes', type: 'bytes32[]' },
  ],
  Turn: [
    { name: 'l2ChainId', type: 'uint256' },
    { name: 'sequence', type: 'uint64' },
    { name: 'committee', type: 'uint64' },
    { name: 'poster', type: 'address' },
    { name: 'lastAttested', type: 'uint64' },
    { name: 'nextMembers', type: 'bytes32' },
  ],
} as const

const text = (value: string): Uint8Array => keccak_256(new TextEncoder().encode(value))
const typeHash = (name: keyof typeof statementTypes): Uint8Array =>
  text(`${name}(${statementTypes[name].map(field => `${field.type} ${field.name}`).join(',')})`)
const hashes = /* @__PURE__ */ (() => ({
  domain: text('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'),
  name: text('L2 Committee'),
  version: text('1'),
  batch: typeHash('Batch'),
  turn: typeHash('Turn'),
}))()
const padding = /* @__PURE__ */ new Uint8Array(24)
const word64 = (field: string, value: bigint): Uint8Array => concatBytes(padding, uint(field, value, 8))
const wordAddress = (field: string, value: Address): Uint8Array =>
  concatBytes(padding.subarray(12), fixed(field, value, 20))

function digest(struct: Uint8Array, { l1ChainId, committee }: CommitteeDomain): Hash {
  const { domain, name, version } = hashes
  const where = concatBytes(uint('l1ChainId', l1ChainId, 32), wordAddress('committee', committee))
  const separator = keccak_256(concatBytes(domain, name, version, where))
  return bytesToHex(keccak_256(concatBytes(Uint8Array.of(0x19, 0x01), separator, keccak_256(struct))))
}

/**
 * The EIP-712 digest of a statement: what members sign, and what the contract on L1 computes.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 *
 * @example
 * ```ts
 * import { hashBatchStatement, statementTypes } from '@l2/control-chain'
 * import { hashTypedData, zeroHash } from 'viem'
 *
 * const committee = `0x${'c0'.repeat(20)}` as const
 * const statement = {
 *   chainId: 901n, sequence: 1n, committee: 0n, first: 1n, last: 300n,
 *   lastOrigin: { number: 50n, hash: zeroHash }, outputRoot: zeroHash, dataHashes: [zeroHash],
 * }
 * const { chainId: l2ChainId, lastOrigin, ...rest } = statement
 * const message = { ...rest, l2ChainId, originNumber: lastOrigin.number, originHash: lastOrigin.hash }
 * const domain = { name: 'L2 Committee', version: '1', chainId: 1n, verifyingContract: committee }
 * const theirs = hashTypedData({ domain, types: statementTypes, primaryType: 'Batch', message })
 * console.log(hashBatchStatement(statement, { l1ChainId: 1n, committee }) === theirs) // true
 * ```
 */
export function hashBatchStatement(statement: BatchStatement, domain: CommitteeDomain): Hash {
  const { lastOrigin, dataHashes } = statement
  const data = dataHashes.map(hash => fixed('dataHashes', hash, 32))
  const struct = concatBytes(
    hashes.batch,
    uint('chainId', statement.chainId, 32),
    word64('sequence', statement.sequence),
    word64('committee', statement.committee),
    word64('first', statement.first),
    word64('last', statement.last),
    word64('lastOrigin.number', lastOrigin.number),
    fixed('lastOrigin.hash', lastOrigin.hash, 32),
    fixed('outputRoot', statement.outputRoot, 32),
    keccak_256(concatBytes(...data)),
  )
  return digest(struct, domain)
}

/**
 * The EIP-712 digest of a change of turn, like {@link hashBatchStatement}.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 */
export function hashTurnStatement(statement: TurnStatement, domain: CommitteeDomain): Hash {
  const struct = concatBytes(
    hashes.turn,
    uint('chainId', statement.chainId, 32),
    word64('sequence', statement.sequence),
    word64('committee', statement.committee),
    wordAddress('poster', statement.poster),
    word64('lastAttested', statement.lastAttested),
    fixed('nextMembers', statement.nextMembers, 32),
  )
  return digest(struct, domain)
}

/** Bytes of a statement without data hashes. */
const fixedLength = 32 + 8 * 4 + 8 + 32 + 32 + 1

/** Bytes of a statement with so many data hashes. */
export function statementLength(dataHashes: number): number {
  return fixedLength + 32 * dataHashes
}

/**
 * A statement as the control chain orders it: big-endian, one form only.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 */
export function encodeBatchStatement(statement: BatchStatement): Uint8Array {
  const { dataHashes, lastOrigin, first, last } = statement
  if (dataHashes.length === 0 || dataHashes.length > maxDataHashes) {
    refuse('ENCODING_INVALID', `dataHashes expected 1 … ${maxDataHashes}, got ${dataHashes.length}`)
  }
  if (first > last) refuse('ENCODING_INVALID', `last expected from ${first} on, got ${last}`, { first, last })
  return concatBytes(
    uint('chainId', statement.chainId, 32),
    uint('sequence', statement.sequence, 8),
    uint('committee', statement.committee, 8),
    uint('first', first, 8),
    uint('last', last, 8),
    uint('lastOrigin.number', lastOrigin.number, 8),
    fixed('lastOrigin.hash', lastOrigin.hash, 32),
    fixed('outputRoot', statement.outputRoot, 32),
    uint('dataHashes.length', BigInt(dataHashes.length), 1),
    ...dataHashes.map(hash => fixed('dataHashes', hash, 32)),
  )
}

/** Reads what {@link encodeBatchStatement} makes, and nothing else; never throws. */
export function decodeBatchStatement(bytes: Uint8Array): BatchStatement | undefined {
  const count = bytes[fixedLength - 1] ?? 0
  if (count === 0 || count > maxDataHashes || bytes.length !== statementLength(count)) return undefined
  const read = reader(bytes)
  const statement = {
    chainId: BigInt(read.hash()),
    sequence: read.u64(),
    committee: read.u64(),
    first: read.u64(),
    last: read.u64(),
    lastOrigin: { number: read.u64(), hash: read.hash() },
    outputRoot: read.hash(),
    dataHashes: Array.from({ length: read.u8() }, () => read.hash()),
  }
  return statement.first > statement.last ? undefined : statement
}
