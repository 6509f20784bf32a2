import { bytesToHex, concatBytes } from '@l2/common'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { encodeRlp, readItem, readList, readString, readUint } from '../rlp/rlp.js'
import type { L1Log } from './l1.js'
import { addressAt, keccak, readUintBe, sameHex, uintBe, unhex } from './words.js'

/** The EIP-2718 type byte of deposits. */
export const depositType = 0x7e

/** `keccak256("TransactionDeposited(address,address,uint256,bytes)")` */
export const transactionDepositedTopic: Hash = '0xb3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32'

/** A transaction that L1 puts into an L2 block: unsigned, paid for on L1. Source: OP specs, "Deposits". */
export type DepositTransaction = {
  /** Makes each deposit unique, see {@link depositSourceHash}. */
  readonly sourceHash: Hash
  readonly from: Address
  /** `undefined` creates a contract. */
  readonly to: Address | undefined
  /** Wei created on L2 before the transaction runs. */
  readonly mint: bigint
  /** Wei. */
  readonly value: bigint
  readonly gas: bigint
  /** Exempt from the block's gas, only before Regolith. */
  readonly isSystemTransaction: boolean
  readonly data: Uint8Array
}

/** What a source hash is made of. */
export type DepositSource =
  /** A user's deposit: where its log is. */
  | { readonly type: 'user'; readonly l1BlockHash: Hash; readonly logIndex: bigint }
  /** The L1-info deposit of a block. */
  | { readonly type: 'l1-info'; readonly l1BlockHash: Hash; readonly sequenceNumber: bigint }
  /** A transaction of a network upgrade, named by its intent. */
  | { readonly type: 'upgrade'; readonly intent: string }

/** `keccak256(uint256(domain) ++ inner)`. Source: OP specs, "Source hash computation". */
export function depositSourceHash(source: DepositSource): Hash {
  const [domain, inner] = ((): [bigint, Uint8Array] => {
    switch (source.type) {
      case 'user':
        return [0n, concatBytes(unhex(source.l1BlockHash, 32), uintBe(source.logIndex, 32))]
      case 'l1-info':
        return [1n, concatBytes(unhex(source.l1BlockHash, 32), uintBe(source.sequenceNumber, 32))]
      case 'upgrade':
        return [2n, new TextEncoder().encode(source.intent)]
    }
  })()
  return keccak(concatBytes(uintBe(domain, 32), unhex(keccak(inner))))
}

/** `0x7e ++ rlp([sourceHash, from, to, mint, value, gas, isSystemTransaction, data])` */
export function encodeDeposit(deposit: DepositTransaction): Uint8Array {
  return concatBytes(
    Uint8Array.of(depositType),
    encodeRlp([
      unhex(deposit.sourceHash, 32),
      unhex(deposit.from, 20),
      deposit.to === undefined ? new Uint8Array() : unhex(deposit.to, 20),
      deposit.mint,
      deposit.value,
      deposit.gas,
      deposit.isSystemTransaction ? 1n : 0n,
      deposit.data,
    ]),
  )
}

function invalid(reason: string, details: Record<string, unknown> = {}): never {
  throw new SequencerError(`invalid deposit: ${reason}`, { code: 'DEPOSIT_INVALID', details: { reason, ...details } })
}

/**
 * Reads an encoded deposit. Its `data` is a view of `bytes`.
 *
 * @throws SequencerError `DEPOSIT_INVALID`, `RLP_INVALID`
 */
export function decodeDeposit(bytes: Uint8Array): DepositTransaction {
  if (bytes[0] !== depositType) invalid('not of type 0x7e')
  const list = readItem(bytes, 1)
  if (list.end !== bytes.length) invalid(`${bytes.length - list.end} bytes too many`)
  const items = readList(bytes, list, 8)
  if (items.length !== 8) invalid(`expected 8 fields, got ${items.length}`)
  const sized = (index: number, length: number): Uint8Array => {
    const field = readString(bytes, items[index]!)
    if (field.length !== length) invalid(`field ${index} expected ${length} bytes, got ${field.length}`)
    return field
  }
  const system = readUint(bytes, items[6]!, 1)
  if (system > 1n) invalid('isSystemTransaction is not a boolean')
  return {
    sourceHash: bytesToHex(sized(0, 32)),
    from: bytesToHex(sized(1, 20)),
    to: items[2]!.start === items[2]!.end && !items[2]!.list ? undefined : bytesToHex(sized(2, 20)),
    mint: readUint(bytes, items[3]!),
    value: readUint(bytes, items[4]!),
    gas: readUint(bytes, items[5]!, 8),
    isSystemTransaction: system === 1n,
    data: readString(bytes, items[7]!),
  }
}

/**
 * The deposit that a `TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData)` log of
 * L1 block `l1BlockHash` stands for. A malformed log is an error and never skipped: leaving out a deposit would fork the chain.
 *
 * @throws SequencerError `DEPOSIT_INVALID`
 *
 * @example
 * ```ts
 * import { depositFromLog, encodeDeposit, encodeDepositLog } from '@l2/sequencer-core/derivation'
 *
 * const log = encodeDepositLog({
 *   from: '0x00000000000000000000000000000000000000aa',
 *   to: '0x00000000000000000000000000000000000000bb',
 *   mint: 10n ** 18n, value: 10n ** 18n, gas: 21_000n, data: new Uint8Array(),
 * })
 * const l1BlockHash = `0x${'11'.repeat(32)}` as const
 * const deposit = depositFromLog({ ...log, address: '0x00000000000000000000000000000000000000cc', logIndex: 3 }, l1BlockHash)
 * console.log(deposit.mint, deposit.gas) // 1000000000000000000n 21000n
 * console.log(encodeDeposit(deposit)[0]) // 126
 * ```
 */
export function depositFromLog(log: L1Log, l1BlockHash: Hash): DepositTransaction {
  const { topics, data } = log
  const at = { logIndex: log.logIndex, l1BlockHash }
  if (topics.length !== 4) invalid(`expected 4 topics, got ${topics.length}`, at)
  if (!sameHex(topics[0]!, transactionDepositedTopic)) invalid('another event', at)
  if (data.length < 64) invalid(`${data.length} bytes of data, at least 64`, at)
  if (data.length % 32 !== 0) invalid('data is not made of whole words', at)
  const from = unhex(topics[1]!, 32)
  const to = unhex(topics[2]!, 32)
  if (readUintBe(unhex(topics[3]!, 32)) !== 0n) invalid('unknown version', at)
  if (readUintBe(data, 0, 32) !== 32n) invalid('opaque data offset is not 32', at)
  const declared = readUintBe(data, 32, 64)
  const room = data.length - 64
  if (declared > BigInt(room)) invalid(`opaque data of ${declared} bytes in ${room}`, at)
  const length = Number(declared)
  if (length + 32 <= room) invalid('more padding than a word', at)
  if (length < 73) invalid(`opaque data of ${length} bytes, at least 73`, at)
  const opaque = data.subarray(64, 64 + length)
  return {
    sourceHash: depositSourceHash({ type: 'user', l1BlockHash, logIndex: BigInt(log.logIndex) }),
    from: addressAt(from, 0),
    to: opaque[72] === 0 ? addressAt(to, 0) : undefined,
    mint: readUintBe(opaque, 0, 32),
    value: readUintBe(opaque, 32, 64),
    gas: readUintBe(opaque, 64, 72),
    isSystemTransaction: false,
    data: opaque.subarray(73),
  }
}

/** Topics and data of the log that the portal emits for a deposit: the inverse of {@link depositFromLog}. */
export function encodeDepositLog(deposit: Omit<DepositTransaction, 'sourceHash' | 'isSystemTransaction'>): {
  topics: readonly Hash[]
  data: Uint8Array
} {
  const length = 73 + deposit.data.length
  const topic = (address: Address): Hash => `0x${'00'.repeat(12)}${address.slice(2)}`
  return {
    topics: [
      transactionDepositedTopic,
      topic(deposit.from),
      topic(deposit.to ?? `0x${'00'.repeat(20)}`),
      `0x${'00'.repeat(32)}`,
    ],
    data: concatBytes(
      uintBe(32n, 32),
      uintBe(BigInt(length), 32),
      uintBe(deposit.mint, 32),
      uintBe(deposit.value, 32),
      uintBe(deposit.gas, 8),
      Uint8Array.of(deposit.to === undefined ? 1 : 0),
      deposit.data,
      new Uint8Array((32 - (length % 32)) % 32),
    ),
  }
}

/** The deposits of an L1 block, encoded, in log order. */
export function depositsOfBlock(logs: readonly L1Log[], l1BlockHash: Hash, depositContract: Address): Uint8Array[] {
  return logs
    .filter(
      log =>
        sameHex(log.address, depositContract) &&
        log.topics.length > 0 &&
        sameHex(log.topics[0]!, transactionDepositedTopic),
    )
    .map(log => encodeDeposit(depositFromLog(log, l1BlockHash)))
}

const aliasOffset = 0x1111000000000000000000000000000000001111n
const addressMask = (1n << 160n) - 1n

/** The address under which an L1 contract acts on L2. Source: OP specs, "Address aliasing". */
export function aliasL1Address(address: Address): Address {
  return bytesToHex(uintBe((readUintBe(unhex(address, 20)) + aliasOffset) & addressMask, 20))
}

/** Whether encoded bytes are a deposit. */
export function isDeposit(transaction: Uint8Array): boolean {
  return transaction[0] === depositType
}

/** How many transactions at the head of a block are deposits. */
export function countLeadingDeposits(transactions: readonly Uint8Array[]): number {
  let count = 0
  while (count < transactions.length && isDeposit(transactions[count]!)) count++
  return count
}
