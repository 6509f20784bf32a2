import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { encodeRlp, readItem, readList, readString, readUint } from '../rlp/rlp.js'
import { invalidBatch } from './cursor.js'
import type { BatchBlock, SingularBatch } from './types.js'

/** Bytes of a field that has to be a hex string of a fixed length. */
export function fixedBytes(hex: string, length: number, field: string): Uint8Array {
  const bytes = hexToBytes(hex)
  if (bytes === undefined || bytes.length !== length) {
    throw new SequencerError(`"${field}" expected ${length} bytes of hex, got "${hex.slice(0, 80)}"`, {
      code: 'BATCH_FIELD_INVALID',
      details: { field, length },
    })
  }
  return bytes
}

/** Checks that a field fits in the 64 bits it has on the wire. */
export function uint64(value: bigint, field: string): bigint {
  if (value < 0n || value >= 1n << 64n) {
    throw new SequencerError(`"${field}" expected 0 to 2^64-1, got ${value}`, {
      code: 'BATCH_FIELD_INVALID',
      details: { field, value },
    })
  }
  return value
}

/** The singular batch of one L2 block. */
export function toSingularBatch(block: BatchBlock): SingularBatch {
  const { parentHash, epochNumber, epochHash, timestamp, transactions } = block
  return { type: 'singular', parentHash, epochNumber, epochHash, timestamp, transactions }
}

/** The content of a type 0 batch, behind its type byte. */
export function encodeSingularContent(batch: SingularBatch): Uint8Array {
  return encodeRlp([
    fixedBytes(batch.parentHash, 32, 'parentHash'),
    uint64(batch.epochNumber, 'epochNumber'),
    fixedBytes(batch.epochHash, 32, 'epochHash'),
    uint64(batch.timestamp, 'timestamp'),
    batch.transactions,
  ])
}

/** Bytes behind the list are ignored, as op-node does. */
export function decodeSingularContent(bytes: Uint8Array, offset: number): SingularBatch {
  const list = readItem(bytes, offset)
  const items = readList(bytes, list, 5)
  const [parent, epoch, epochHash, timestamp, transactions] = items
  if (transactions === undefined) invalidBatch(`singular batch of ${items.length} fields`, offset)
  const hash = (item: { start: number; end: number; list: boolean }, field: string): Hash => {
    const value = readString(bytes, item)
    if (value.length !== 32) invalidBatch(`${field} of ${value.length} bytes`, item.start)
    return bytesToHex(value)
  }
  return {
    type: 'singular',
    parentHash: hash(parent!, 'parent hash'),
    epochNumber: readUint(bytes, epoch!, 8),
    epochHash: hash(epochHash!, 'epoch hash'),
    timestamp: readUint(bytes, timestamp!, 8),
    transactions: readList(bytes, transactions!).map(item => readString(bytes, item)),
  }
}
