import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import type { ExecutedBlock, PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { encodeRlp, type RlpItem, type RlpValue, readItem, readList, readString, readUint } from '../rlp/rlp.js'
import type { SequencerHeader } from './header.js'

/** A block that its author has built and not yet signed. */
export type UnsignedBlock = {
  readonly header: SequencerHeader
  readonly executed: ExecutedBlock
  /** What it was built from: enough to execute it again anywhere. Its `transactions` lead those of {@link executed}. */
  readonly attributes: PayloadAttributes
}

/** A block with its author's signature: what goes into the sequencer's log. */
export type SealedBlock = UnsignedBlock & {
  /** Over the header, 65 bytes. */
  readonly signature: Hex
}

function invalid(reason: string): never {
  throw new SequencerError(`not a sealed block: ${reason}`, { code: 'BLOCK_INVALID', details: { reason } })
}

const version = 1

function fixed(value: Hex, length: number, what: string): Uint8Array {
  const bytes = hexToBytes(value)
  if (bytes === undefined || bytes.length !== length) invalid(`${what} is not ${length} bytes`)
  return bytes as Uint8Array
}

const hash = (value: Hash, what: string): Uint8Array => fixed(value, 32, what)

/** A value that may be absent: a list of none or one. */
function optional(value: RlpValue | undefined): RlpValue {
  return value === undefined ? [] : [value]
}

function encode(block: UnsignedBlock, signature: Uint8Array): Uint8Array {
  const { header, executed, attributes } = block
  checkAgreement(block)
  const given = attributes.transactions.length
  attributes.transactions.forEach((transaction, index) => {
    const there = executed.transactions[index]
    if (there === undefined || !sameBytes(there, transaction))
      invalid(`transaction ${index} is not that of the attributes`)
  })
  const value: RlpValue = [
    [
      header.epochId,
      BigInt(header.term),
      header.height,
      hash(header.parentHash, 'parent hash'),
      hash(header.txRoot, 'transactions root'),
      hash(header.stateRoot, 'state root'),
      header.timestamp,
      header.l1OriginNumber,
      hash(header.l1OriginHash, 'L1 origin'),
      header.forcedUpTo,
    ],
    signature,
    [
      hash(executed.hash, 'block hash'),
      hash(executed.receiptsRoot, 'receipts root'),
      executed.gasLimit,
      executed.gasUsed,
      executed.baseFeePerGas,
    ],
    [
      hash(attributes.prevRandao, 'prevRandao'),
      fixed(attributes.suggestedFeeRecipient, 20, 'fee recipient'),
      optional(attributes.withdrawals === undefined ? undefined : []),
      optional(
        attributes.parentBeaconBlockRoot === undefined
          ? undefined
          : hash(attributes.parentBeaconBlockRoot, 'beacon root'),
      ),
      attributes.noTxPool ? 1n : 0n,
      attributes.gasLimit,
      optional(
        attributes.eip1559Params === undefined ? undefined : fixed(attributes.eip1559Params, 8, 'eip1559Params'),
      ),
      optional(attributes.minBaseFee),
      BigInt(given),
    ],
    executed.transactions,
  ]
  return concatBytes(Uint8Array.of(version), encodeRlp(value))
}

/** What header, executed block and attributes say twice must be the same. */
function checkAgreement({ header, executed, attributes }: UnsignedBlock): void {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  if (header.height !== executed.number) invalid(`header ${header.height} on block ${executed.number}`)
  if (!same(header.parentHash, executed.parentHash)) invalid('header and block have different parents')
  if (!same(header.stateRoot, executed.stateRoot)) invalid('header and block have different state roots')
  if (!same(header.txRoot, executed.transactionsRoot)) invalid('header and block have different transactions roots')
  if (header.timestamp !== executed.timestamp || attributes.timestamp !== executed.timestamp) {
    invalid('header, block and attributes have different times')
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, index) => byte === b[index]))
}

/**
 * A sealed block as the payload of a log entry: a version byte (1), then RLP. Transactions are stored once.
 *
 * @throws SequencerError `BLOCK_INVALID` when header, block and attributes contradict each other
 */
export function encodeSealedBlock(block: SealedBlock): Uint8Array {
  return encode(block, fixed(block.signature, 65, 'signature'))
}

/** The same without a signature: what a {@link SigningGuard} keeps until the block is finished. @throws SequencerError `BLOCK_INVALID` */
export function encodeUnsignedBlock(block: UnsignedBlock): Uint8Array {
  return encode(block, new Uint8Array())
}

/** @throws SequencerError `BLOCK_INVALID`, `RLP_INVALID` */
export function decodeSealedBlock(bytes: Uint8Array): SealedBlock {
  const { block, signature } = decode(bytes)
  if (signature.length !== 65) invalid(`signature of ${signature.length} bytes`)
  return { ...block, signature: bytesToHex(signature) }
}

/** @throws SequencerError `BLOCK_INVALID`, `RLP_INVALID` */
export function decodeUnsignedBlock(bytes: Uint8Array): UnsignedBlock {
  const { block, signature } = decode(bytes)
  if (signature.length !== 0) invalid('signed')
  return block
}

function decode(bytes: Uint8Array): { block: UnsignedBlock; signature: Uint8Array } {
  if (bytes[0] !== version) invalid(bytes.length === 0 ? 'empty' : `version ${bytes[0]}`)
  const top = readItem(bytes, 1)
  if (top.end !== bytes.length) invalid(`${bytes.length - top.end} bytes behind the end`)
  const list = (item: RlpItem | undefined, count: number, what: string): RlpItem[] => {
    if (item === undefined) return invalid(`no ${what}`)
    const items = readList(bytes, item, count)
    if (items.length !== count) invalid(`${what} of ${items.length} fields`)
    return items
  }
  const field = (item: RlpItem | undefined, length: number, what: string): Hex => {
    const value = readString(bytes, item!)
    if (value.length !== length) invalid(`${what} of ${value.length} bytes`)
    return bytesToHex(value)
  }
  const uint = (item: RlpItem | undefined, size = 8): bigint => readUint(bytes, item!, size)
  const flag = (item: RlpItem | undefined, what: string): boolean => {
    const value = uint(item, 1)
    if (value > 1n) invalid(`${what} is ${value}`)
    return value === 1n
  }
  const maybe = (item: RlpItem | undefined): RlpItem | undefined => readList(bytes, item!, 1)[0]

  const [headerItem, signatureItem, executedItem, attributesItem, transactionsItem] = list(top, 5, 'block')
  const h = list(headerItem, 10, 'header')
  const header: SequencerHeader = {
    epochId: uint(h[0]),
    term: Number(uint(h[1], 4)),
    height: uint(h[2]),
    parentHash: field(h[3], 32, 'parent hash'),
    txRoot: field(h[4], 32, 'transactions root'),
    stateRoot: field(h[5], 32, 'state root'),
    timestamp: uint(h[6]),
    l1OriginNumber: uint(h[7]),
    l1OriginHash: field(h[8], 32, 'L1 origin'),
    forcedUpTo: uint(h[9]),
  }
  const transactions = readList(bytes, transactionsItem!).map(item => readString(bytes, item).slice())
  const e = list(executedItem, 5, 'executed block')
  const executed: ExecutedBlock = {
    number: header.height,
    hash: field(e[0], 32, 'block hash'),
    parentHash: header.parentHash,
    stateRoot: header.stateRoot,
    transactionsRoot: header.txRoot,
    receiptsRoot: field(e[1], 32, 'receipts root'),
    timestamp: header.timestamp,
    gasLimit: uint(e[2]),
    gasUsed: uint(e[3]),
    baseFeePerGas: uint(e[4], 32),
    transactions,
  }
  const a = list(attributesItem, 9, 'attributes')
  const withdrawals = maybe(a[2])
  if (withdrawals !== undefined) list(withdrawals, 0, 'withdrawals')
  const beaconRoot = maybe(a[3])
  const eip1559Params = maybe(a[6])
  const minBaseFee = maybe(a[7])
  const given = uint(a[8], 4)
  if (given > BigInt(transactions.length)) invalid(`${given} transactions given, ${transactions.length} in the block`)
  const attributes: PayloadAttributes = {
    timestamp: header.timestamp,
    prevRandao: field(a[0], 32, 'prevRandao'),
    suggestedFeeRecipient: field(a[1], 20, 'fee recipient') as Address,
    withdrawals: withdrawals === undefined ? undefined : [],
    parentBeaconBlockRoot: beaconRoot === undefined ? undefined : field(beaconRoot, 32, 'beacon root'),
    transactions: transactions.slice(0, Number(given)),
    noTxPool: flag(a[4], 'noTxPool'),
    gasLimit: uint(a[5]),
    eip1559Params: eip1559Params === undefined ? undefined : field(eip1559Params, 8, 'eip1559Params'),
    minBaseFee: minBaseFee === undefined ? undefined : uint(minBaseFee, 32),
  }
  return { block: { header, executed, attributes }, signature: readString(bytes, signatureItem!) }
}
