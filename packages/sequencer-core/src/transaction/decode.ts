import { bytesToHex, isL2Error } from '@l2/common'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { encodeRlp, type RlpItem, readItem, readList, readUint, writeHeader } from '../rlp/rlp.js'
import { checkTransaction, type GasSchedule } from './gas.js'
import { type BatchSenderRecovery, defaultRecovery, recoveryRecordBytes, type SenderRecovery } from './recovery.js'
import type { AccessListEntry, Authorization, Transaction, TransactionType } from './types.js'

/** How strict the door is. */
export type DecodeOptions = {
  /** Transactions signed for another chain are refused; without it any chain goes. */
  chainId?: bigint | undefined
  /** Takes type 0 transactions that name no chain (before EIP-155). Default false, as geth's RPC. */
  allowUnprotected?: boolean | undefined
  /** Bytes. Default {@link defaultMaxTransactionBytes}. */
  maxBytes?: number | undefined
  /** Gas and fee rules, checked before the costly signature; without it {@link checkTransaction} is the caller's. */
  schedule?: GasSchedule | undefined
}

/** Bytes: geth's limit, four slots of 32 KiB. */
export const defaultMaxTransactionBytes = 131_072

/**
 * Decodes a signed transaction from its EIP-2718 bytes (types 0, 1, 2 and 4), checks it, and recovers its sender. Nothing goes through hex or
 * a tree: `raw` and `data` of the result are views of the input, which must not be changed afterwards.
 *
 * Checked: canonical RLP, field sizes, the shape of EIP-7702 tuples, `s` in the lower half, the chain.
 *
 * @throws SequencerError `TX_MALFORMED`, `TX_TYPE_UNSUPPORTED`, `TX_OVERSIZED`, `TX_WRONG_CHAIN`, `TX_UNPROTECTED`, `TX_INVALID_SENDER`,
 * and with a `schedule` those of {@link checkTransaction}
 *
 * @example
 * ```ts
 * import { decodeTransaction } from '@l2/sequencer-core/transaction'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const raw = await account.signTransaction({
 *   chainId: 10, nonce: 7, gas: 21_000n, maxFeePerGas: 9n, maxPriorityFeePerGas: 1n, to: account.address, value: 5n,
 * })
 * const transaction = decodeTransaction(hexToBytes(raw), { chainId: 10n })
 * console.log(transaction.sender === account.address.toLowerCase(), transaction.nonce, transaction.value) // true 7n 5n
 * ```
 */
export function decodeTransaction(
  raw: Uint8Array,
  options: DecodeOptions & { recovery?: SenderRecovery | undefined } = {},
): Transaction {
  const recovery = options.recovery ?? defaultRecovery
  const { transaction, signingHash } = parse(raw, options, recovery.keccak256)
  const sender = recovery.recover(signingHash, transaction.signature, transaction.yParity)
  if (sender === undefined) throw noSender()
  transaction.sender = bytesToHex(sender)
  return transaction
}

/**
 * {@link decodeTransaction} for many, with their senders recovered together. A transaction that is refused gives its error at its place; the
 * promise itself rejects only when the recovery fails as a whole.
 */
export async function decodeTransactions(
  raws: readonly Uint8Array[],
  options: DecodeOptions & { recovery: BatchSenderRecovery },
): Promise<(Transaction | SequencerError)[]> {
  const { recovery } = options
  const results: (Transaction | SequencerError)[] = []
  const parsed: { transaction: Draft; at: number }[] = []
  const records = new Uint8Array(raws.length * recoveryRecordBytes)
  for (const raw of raws) {
    try {
      const { transaction, signingHash } = parse(raw, options, recovery.keccak256)
      const offset = parsed.length * recoveryRecordBytes
      records.set(signingHash, offset)
      records.set(transaction.signature, offset + 32)
      records[offset + 96] = transaction.yParity
      parsed.push({ transaction, at: results.length })
      results.push(transaction)
    } catch (error) {
      results.push(error as SequencerError)
    }
  }
  const senders = await recovery.recoverBatch(records.subarray(0, parsed.length * recoveryRecordBytes))
  for (const [i, { transaction, at }] of parsed.entries()) {
    const sender = senders.subarray(20 * i, 20 * i + 20)
    if (sender.some(byte => byte !== 0)) transaction.sender = bytesToHex(sender)
    else results[at] = noSender()
  }
  return results
}

type Draft = { -readonly [Field in keyof Transaction]: Transaction[Field] }

function malformed(message: string, details: Readonly<Record<string, unknown>> = {}): SequencerError {
  return new SequencerError(message, { code: 'TX_MALFORMED', details })
}

function noSender(): SequencerError {
  return new SequencerError('invalid sender', { code: 'TX_INVALID_SENDER' })
}

const unsupported: Readonly<Record<number, string>> = {
  3: 'blob transactions are for L1',
  126: 'deposits come from L1 only',
}

/** Where the fields of each type are: the number of items, and the index of the nonce. */
const shapes = {
  0: { items: 9, nonce: 0 },
  1: { items: 11, nonce: 1 },
  2: { items: 12, nonce: 1 },
  4: { items: 13, nonce: 1 },
} as const

const noAccessList: readonly AccessListEntry[] = []
const noAuthorizations: readonly Authorization[] = []

function parse(
  raw: Uint8Array,
  options: DecodeOptions,
  keccak256: SenderRecovery['keccak256'],
): { transaction: Draft; signingHash: Uint8Array } {
  const limit = options.maxBytes ?? defaultMaxTransactionBytes
  if (raw.length > limit) {
    throw new SequencerError(`oversized data: transaction size ${raw.length}, limit ${limit}`, {
      code: 'TX_OVERSIZED',
      details: { bytes: raw.length, limit },
    })
  }
  if (raw.length === 0) throw malformed('typed transaction too short')
  const first = raw[0]!
  const type = first >= 0xc0 ? 0 : first
  if (type !== 0 && type !== 1 && type !== 2 && type !== 4) throw notTaken(type)
  // A type byte of zero is no legacy transaction: those begin with their list.
  if (first === 0) throw notTaken(0)
  try {
    return parseFields(raw, type, options, keccak256)
  } catch (error) {
    if (isL2Error(error, 'RLP_INVALID'))
      throw new SequencerError(`rlp: ${error.shortMessage}`, { code: 'TX_MALFORMED', details: error.details })
    throw error
  }
}

function notTaken(type: number): SequencerError {
  const reason = unsupported[type]
  return new SequencerError(
    `transaction type not supported${reason === undefined ? `: ${type}` : `: tx type ${type} not supported by this pool: ${reason}`}`,
    { code: 'TX_TYPE_UNSUPPORTED', details: { type } },
  )
}

function parseFields(
  raw: Uint8Array,
  type: TransactionType,
  options: DecodeOptions,
  keccak256: SenderRecovery['keccak256'],
): { transaction: Draft; signingHash: Uint8Array } {
  const list = readItem(raw, type === 0 ? 0 : 1)
  if (list.end !== raw.length) throw malformed(`rlp: ${raw.length - list.end} bytes behind the transaction`)
  const shape = shapes[type]
  const items = readList(raw, list, shape.items)
  if (items.length !== shape.items)
    throw malformed(`rlp: ${items.length} fields in a transaction of type ${type}, ${shape.items} expected`)

  let at: number = shape.nonce
  const nonce = readUint(raw, items[at++]!, 8)
  const maxPriorityFeePerGas = readUint(raw, items[at++]!)
  const maxFeePerGas = type >= 2 ? readUint(raw, items[at++]!) : maxPriorityFeePerGas
  const gasLimit = readUint(raw, items[at++]!, 8)
  const to = readTo(raw, items[at++]!, type)
  const value = readUint(raw, items[at++]!)
  const dataItem = items[at++]!
  if (dataItem.list) throw malformed('rlp: a string expected for the data')
  const accessList = type === 0 ? noAccessList : readAccessList(raw, items[at++]!)
  const authorizationList = type === 4 ? readAuthorizations(raw, items[at++]!) : noAuthorizations
  const v = readUint(raw, items[at]!)
  const signature = readSignature(raw, items[at + 1]!, items[at + 2]!)

  let chainId: bigint | undefined
  let yParity: bigint
  if (type !== 0) {
    chainId = readUint(raw, items[0]!)
    yParity = v
  } else if (v === 27n || v === 28n) {
    yParity = v - 27n
  } else {
    if (v < 35n) throw invalidSignature()
    chainId = (v - 35n) >> 1n
    yParity = (v - 35n) & 1n
  }
  if (yParity > 1n) throw invalidSignature()
  if (chainId === undefined) {
    if (options.allowUnprotected !== true)
      throw new SequencerError('only replay-protected (EIP-155) transactions allowed over RPC', {
        code: 'TX_UNPROTECTED',
      })
  } else if (options.chainId !== undefined && chainId !== options.chainId) {
    throw new SequencerError(`invalid chain id for signer: have ${chainId} want ${options.chainId}`, {
      code: 'TX_WRONG_CHAIN',
      details: { have: chainId, want: options.chainId },
    })
  }

  const transaction: Draft = {
    type,
    raw,
    hash: '0x',
    sender: '0x',
    chainId,
    nonce,
    gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas,
    to,
    value,
    data: raw.subarray(dataItem.start, dataItem.end),
    accessList,
    authorizationList,
    yParity: yParity === 0n ? 0 : 1,
    signature,
  }
  if (options.schedule !== undefined) checkTransaction(transaction, options.schedule)
  transaction.hash = bytesToHex(keccak256(raw))
  const unsigned = unsignedBytes(raw, type, list.start, items[at - 1]!.end, chainId)
  return { transaction, signingHash: keccak256(unsigned) }
}

/** What was signed: the fields before the signature under a new header, and for EIP-155 the chain with two zeros. */
function unsignedBytes(
  raw: Uint8Array,
  type: TransactionType,
  start: number,
  end: number,
  chainId: bigint | undefined,
): Uint8Array {
  const chainBytes = type === 0 && chainId !== undefined ? encodeRlp(chainId) : undefined
  const length = end - start + (chainBytes === undefined ? 0 : chainBytes.length + 2)
  const out = new Uint8Array(length + 9)
  let offset = 0
  if (type !== 0) out[offset++] = type
  offset = writeHeader(out, offset, length, true)
  out.set(raw.subarray(start, end), offset)
  offset += end - start
  if (chainBytes !== undefined) {
    out.set(chainBytes, offset)
    offset += chainBytes.length
    // Two empty strings where the signature will be.
    out[offset++] = 0x80
    out[offset++] = 0x80
  }
  return out.subarray(0, offset)
}

function readAddress(raw: Uint8Array, item: RlpItem): Address {
  if (item.list || item.end - item.start !== 20)
    throw malformed(`rlp: an address of 20 bytes expected, got ${item.end - item.start}`)
  return bytesToHex(raw.subarray(item.start, item.end))
}

function readTo(raw: Uint8Array, item: RlpItem, type: TransactionType): Address | undefined {
  if (item.list || item.start !== item.end) return readAddress(raw, item)
  if (type === 4) throw malformed('EIP-7702 transaction cannot be used to create contract')
  return undefined
}

function readAccessList(raw: Uint8Array, item: RlpItem): readonly AccessListEntry[] {
  if (item.list && item.start === item.end) return noAccessList
  return readList(raw, item).map(entry => {
    const fields = readList(raw, entry, 2)
    if (fields.length !== 2) throw malformed('rlp: address and storage keys expected in an access list')
    const storageKeys = readList(raw, fields[1]!).map((key): Hash => {
      if (key.list || key.end - key.start !== 32)
        throw malformed(`rlp: a storage key of 32 bytes expected, got ${key.end - key.start}`)
      return bytesToHex(raw.subarray(key.start, key.end))
    })
    return { address: readAddress(raw, fields[0]!), storageKeys }
  })
}

function readAuthorizations(raw: Uint8Array, item: RlpItem): readonly Authorization[] {
  const tuples = readList(raw, item)
  if (tuples.length === 0) throw malformed('set code tx must have at least one authorization tuple')
  return tuples.map(tuple => {
    const fields = readList(raw, tuple, 6)
    if (fields.length !== 6) throw malformed(`rlp: ${fields.length} fields in an authorization tuple, 6 expected`)
    return {
      chainId: readUint(raw, fields[0]!),
      address: readAddress(raw, fields[1]!),
      nonce: readUint(raw, fields[2]!, 8),
      yParity: Number(readUint(raw, fields[3]!, 1)),
      r: readUint(raw, fields[4]!),
      s: readUint(raw, fields[5]!),
    }
  })
}

function invalidSignature(): SequencerError {
  return malformed('invalid transaction v, r, s values')
}

function bigEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * (31 - i))) & 0xffn))
}

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const maxScalarBytes = /* @__PURE__ */ bigEndian(order - 1n)
const halfOrderBytes = /* @__PURE__ */ bigEndian(order >> 1n)

/** Whether 32 bytes at `offset` are, as a number, above `bound`. */
function isAbove(bytes: Uint8Array, offset: number, bound: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) {
    const difference = bytes[offset + i]! - bound[i]!
    if (difference !== 0) return difference > 0
  }
  return false
}

function readSignature(raw: Uint8Array, r: RlpItem, s: RlpItem): Uint8Array {
  const signature = new Uint8Array(64)
  for (const [item, end] of [
    [r, 32],
    [s, 64],
  ] as const) {
    const length = item.end - item.start
    // Empty is zero, which is no valid value either; the header was canonical, leading zeros are left to refuse.
    if (item.list || length === 0 || length > 32) throw invalidSignature()
    if (raw[item.start] === 0) throw malformed('rlp: signature value with a leading zero')
    signature.set(raw.subarray(item.start, item.end), end - length)
    if (isAbove(signature, end - 32, maxScalarBytes)) throw invalidSignature()
  }
  if (isAbove(signature, 32, halfOrderBytes))
    throw new SequencerError('invalid sender: invalid transaction v, r, s values', {
      code: 'TX_INVALID_SENDER',
      details: { reason: 's is in the upper half' },
    })
  return signature
}
