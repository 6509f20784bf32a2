import { createHash } from 'node:crypto'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import type { FrameFormat } from '../internal/frame-file.js'
import { type LogEntry, type LogHead, maxLogPayloadBytes } from './log.js'

// A file of frames; the body of a frame is one or more records.
//
//   record  kind u8 · length u32 · fence: epoch u64, holder | entry: epoch u64, seq u64, previous hash 32, payload
//           | begin: epoch u64, seq u64, hash 32 of the log's end where this file follows another, which is its first record

const recordHeaderBytes = 5
const entryPrefixBytes = 48
const kindFence = 0
const kindEntry = 1
const kindBegin = 2
/** Appends that wait for the disk share a frame up to this size. */
export const groupBytes: number = 4 * 2 ** 20

export const logFormat: FrameFormat = {
  magic: 'L2SEQLOG',
  version: 1,
  maxBodyBytes: groupBytes + maxLogPayloadBytes + recordHeaderBytes + entryPrefixBytes,
  corrupt,
}

/** A record of a frame. An entry is read when it is asked for: most are passed over. */
export type LogRecord =
  | { readonly type: 'fence'; readonly epoch: bigint }
  | { readonly type: 'begin'; readonly head: LogHead }
  | { readonly type: 'entry'; readonly seq: bigint; read(): LogEntry }

export function corrupt(path: string, offset: number, reason: string): SequencerError {
  return new SequencerError(`the log ${path} is damaged at byte ${offset}: ${reason}`, {
    code: 'LOG_CORRUPT',
    meta: ['try: put back a copy that was made after its last block; cutting it off would forget what was promised'],
    details: { path, offset, reason },
  })
}

export function hashOf(prefix: Uint8Array, payload: Uint8Array): Hash {
  return `0x${createHash('sha256').update(prefix).update(payload).digest('hex')}`
}

function encodeRecord(kind: number, ...parts: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.alloc(recordHeaderBytes)
  head.writeUInt8(kind)
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    1,
  )
  return [head, ...parts]
}

export function encodeFence(epoch: bigint, holder: Uint8Array): Uint8Array[] {
  const fence = Buffer.alloc(8)
  fence.writeBigUInt64BE(epoch)
  return encodeRecord(kindFence, fence, holder)
}

export function encodeEntry(prefix: Uint8Array, payload: Uint8Array): Uint8Array[] {
  return encodeRecord(kindEntry, prefix, payload)
}

/** @param prefix as that of an entry, of the log's end */
export function encodeBegin(prefix: Uint8Array): Uint8Array[] {
  return encodeRecord(kindBegin, prefix)
}

/** @throws SequencerError `LOG_CORRUPT` */
export function* parseBody(body: Buffer, path: string, offset: number): Generator<LogRecord> {
  let at = 0
  while (at < body.length) {
    if (at + recordHeaderBytes > body.length) throw corrupt(path, offset, 'record cut')
    const kind = body.readUInt8(at)
    const length = body.readUInt32BE(at + 1)
    const start = at + recordHeaderBytes
    at = start + length
    if (at > body.length) throw corrupt(path, offset, 'record cut')
    if (kind === kindFence && length >= 8) yield { type: 'fence', epoch: body.readBigUInt64BE(start) }
    else if (kind === kindBegin && length === entryPrefixBytes) {
      const { epoch, seq, prevHash: hash } = readPrefix(body, start)
      yield { type: 'begin', head: { epoch, seq, hash } }
    } else if (kind === kindEntry && length >= entryPrefixBytes) {
      const end = at
      const read = (): LogEntry => {
        const payload = new Uint8Array(end - start - entryPrefixBytes)
        payload.set(body.subarray(start + entryPrefixBytes, end))
        const hash = hashOf(body.subarray(start, start + entryPrefixBytes), payload)
        return { ...readPrefix(body, start), payload, hash }
      }
      yield { type: 'entry', seq: body.readBigUInt64BE(start + 8), read }
    } else throw corrupt(path, offset, `record of kind ${kind} with ${length} bytes`)
  }
}

function readPrefix(body: Buffer, start: number): { epoch: bigint; seq: bigint; prevHash: Hash } {
  return {
    epoch: body.readBigUInt64BE(start),
    seq: body.readBigUInt64BE(start + 8),
    prevHash: `0x${body.toString('hex', start + 16, start + entryPrefixBytes)}`,
  }
}
