import { bytesToHex } from '@l2/common'
import type { Address, Hash } from 'viem'
import { fixedBytes } from '../batch/singular.js'
import { SequencerError } from '../errors.js'

/** Where the blocks of an inbox transaction lie: 0 in its calldata, 1 in an object store, 2 on Celestia (reserved), 3 in blobs. */
export type MetisDaType = 0 | 1 | 2 | 3

/** Calldata of a transaction to Metis' inbox. Source: MetisProtocol/mvm, batch-submitter. */
export type MetisInbox = {
  readonly daType: MetisDaType
  /** Always `none` for blobs. */
  readonly compression: 'none' | 'zlib'
  readonly batchIndex: bigint
  /** Number of the first L2 block. */
  readonly firstBlock: bigint
  readonly blockCount: number
  /** Calldata: the blocks. Object store: the object's name. Blobs: hashes of the L1 transactions that carry them, in order. */
  readonly body: Uint8Array
}

/** A block in the calldata of an inbox transaction. */
export type MetisInboxBlock = {
  /** Seconds; 40 bits on the wire. */
  readonly timestamp: bigint
  readonly l1BlockNumber: bigint
  readonly transactions: readonly MetisInboxTransaction[]
}

export type MetisInboxTransaction =
  /** Signed by a user and ordered by the sequencer, whose signature is 65 bytes (r, s, v), three zero bytes for "none", or empty. */
  | { readonly type: 'sequencer'; readonly raw: Uint8Array; readonly signature: Uint8Array }
  /** Enqueued on L1. */
  | { readonly type: 'queue'; readonly l1TxOrigin: Address; readonly queueIndex: bigint }

const headerBytes = 70
const zlibType = 0x0b
/** Bytes of a block's head: transaction count 3, timestamp 5, L1 block number 32. */
const blockHeadBytes = 40

function invalid(reason: string, offset: number): never {
  throw new SequencerError(`invalid Metis inbox data at byte ${offset}: ${reason}`, {
    code: 'METIS_INBOX_INVALID',
    details: { reason, offset },
  })
}

function readUint(bytes: Uint8Array, at: number, length: number): bigint {
  let value = 0n
  for (let i = at; i < at + length; i++) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

function writeUint(out: Uint8Array, at: number, length: number, value: bigint, field: string): number {
  if (value < 0n || value >> BigInt(8 * length) !== 0n) invalid(`${field} ${value} does not fit ${length} bytes`, at)
  let rest = value
  for (let i = at + length - 1; i >= at; i--) {
    out[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return at + length
}

/**
 * Reads the calldata of an inbox transaction. Metis' readers take it as such only beyond 70 bytes, so an empty body is refused.
 *
 * @throws SequencerError `METIS_INBOX_INVALID`
 */
export function decodeMetisInbox(data: Uint8Array): MetisInbox {
  if (data.length <= headerBytes) invalid(`${data.length} bytes, more than ${headerBytes} expected`, 0)
  const daType = data[0]!
  const compression = data[1]!
  if (daType > 3) invalid(`DA type ${daType}`, 0)
  if (compression !== 0 && compression !== zlibType) invalid(`compression type ${compression}`, 1)
  const body = data.subarray(headerBytes)
  if (daType === 3) {
    if (compression !== 0) invalid('compressed blob hashes', 1)
    if (body.length % 32 !== 0) invalid(`${body.length} bytes of transaction hashes`, headerBytes)
  }
  return {
    daType: daType as MetisDaType,
    compression: compression === 0 ? 'none' : 'zlib',
    batchIndex: readUint(data, 2, 32),
    firstBlock: readUint(data, 34, 32),
    blockCount: Number(readUint(data, 66, 4)),
    body,
  }
}

/**
 * The calldata of an inbox transaction.
 *
 * @throws SequencerError `METIS_INBOX_INVALID`
 */
export function encodeMetisInbox(inbox: MetisInbox): Uint8Array {
  const { daType, body } = inbox
  if (body.length === 0) invalid('an empty body', headerBytes)
  if (daType === 3 && (inbox.compression !== 'none' || body.length % 32 !== 0)) {
    invalid('the body of blobs is uncompressed hashes', headerBytes)
  }
  const out = new Uint8Array(headerBytes + body.length)
  out[0] = daType
  out[1] = inbox.compression === 'zlib' ? zlibType : 0
  writeUint(out, 2, 32, inbox.batchIndex, 'batchIndex')
  writeUint(out, 34, 32, inbox.firstBlock, 'firstBlock')
  writeUint(out, 66, 4, BigInt(inbox.blockCount), 'blockCount')
  out.set(body, headerBytes)
  return out
}

/** The hashes of the L1 blob transactions that the body of a DA type 3 inbox names, in order. */
export function metisBlobTransactions(body: Uint8Array): Hash[] {
  const hashes: Hash[] = []
  for (let at = 0; at < body.length; at += 32) hashes.push(bytesToHex(body.subarray(at, at + 32)))
  return hashes
}

/**
 * Reads the uncompressed blocks of a DA type 0 or 1 inbox. Byte strings are views of `bytes`.
 *
 * @throws SequencerError `METIS_INBOX_INVALID`
 */
export function decodeMetisInboxBlocks(bytes: Uint8Array): MetisInboxBlock[] {
  let at = 0
  const need = (length: number, what: string): number => {
    if (length > bytes.length - at) invalid(`${what} is cut`, at)
    at += length
    return at - length
  }
  const blocks: MetisInboxBlock[] = []
  while (at < bytes.length) {
    const head = need(blockHeadBytes, 'block head')
    const count = Number(readUint(bytes, head, 3))
    const transactions: MetisInboxTransaction[] = []
    for (let i = 0; i < count; i++) {
      const start = need(4, 'transaction head')
      const kind = bytes[start]!
      const length = Number(readUint(bytes, start + 1, 3))
      if (kind === 0) {
        const raw = need(length, 'transaction')
        const signatureBytes = Number(readUint(bytes, need(3, 'signature length'), 3))
        const signature = need(signatureBytes, 'signature')
        transactions.push({
          type: 'sequencer',
          raw: bytes.subarray(raw, raw + length),
          signature: bytes.subarray(signature, signature + signatureBytes),
        })
      } else if (kind === 1) {
        if (length !== 0) invalid('an enqueued transaction with data', start)
        // 16 bytes of queue index, where mvm's comments say 32.
        const origin = need(36, 'enqueued transaction')
        transactions.push({
          type: 'queue',
          l1TxOrigin: bytesToHex(bytes.subarray(origin, origin + 20)),
          queueIndex: readUint(bytes, origin + 20, 16),
        })
      } else invalid(`transaction kind ${kind}`, start)
    }
    blocks.push({
      timestamp: readUint(bytes, head + 3, 5),
      l1BlockNumber: readUint(bytes, head + 8, 32),
      transactions,
    })
  }
  return blocks
}

/**
 * The blocks of a DA type 0 or 1 inbox, before compression.
 *
 * @throws SequencerError `METIS_INBOX_INVALID`
 */
export function encodeMetisInboxBlocks(blocks: readonly MetisInboxBlock[]): Uint8Array {
  let length = 0
  for (const { transactions } of blocks) {
    length += blockHeadBytes
    for (const each of transactions) length += each.type === 'queue' ? 40 : 7 + each.raw.length + each.signature.length
  }
  const out = new Uint8Array(length)
  let at = 0
  for (const { timestamp, l1BlockNumber, transactions } of blocks) {
    at = writeUint(out, at, 3, BigInt(transactions.length), 'transaction count')
    at = writeUint(out, at, 5, timestamp, 'timestamp')
    at = writeUint(out, at, 32, l1BlockNumber, 'l1BlockNumber')
    for (const each of transactions) {
      out[at++] = each.type === 'queue' ? 1 : 0
      if (each.type === 'queue') {
        at = writeUint(out, at, 3, 0n, 'length')
        out.set(fixedBytes(each.l1TxOrigin, 20, 'l1TxOrigin'), at)
        at = writeUint(out, at + 20, 16, each.queueIndex, 'queueIndex')
      } else {
        at = writeUint(out, at, 3, BigInt(each.raw.length), 'transaction length')
        out.set(each.raw, at)
        at = writeUint(out, at + each.raw.length, 3, BigInt(each.signature.length), 'signature length')
        out.set(each.signature, at)
        at += each.signature.length
      }
    }
  }
  return out
}
