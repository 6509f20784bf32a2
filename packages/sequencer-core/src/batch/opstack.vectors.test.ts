import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { decodeOpBlob, encodeOpBlob, versionedHashOf } from '@l2/blob'
import { createBlobKzg } from '@l2/blob/kzg'
import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { vectorFiles } from '@l2/common/testing'
import { sha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { type Hex, parseTransaction, recoverTransactionAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { openChannel } from '../channel/batch-stream.js'
import { decodeBatcherTransaction, encodeBatcherTransaction } from '../channel/frame.js'
import { createNodeBrotliCompressor, createNodeZlibCompressor, nodeDecompressors } from '../compression/node.js'
import { encodeRlp } from '../rlp/rlp.js'
import { decodeBatch, encodeBatch } from './batch.js'
import type { Batch, BatchRollup } from './types.js'

type Json = { readonly [key: string]: unknown }

const files = vectorFiles('opstack')

const hash = (bytes: Uint8Array): Hex => bytesToHex(sha256(bytes))

/** Bytes of a data file, as its manifest says they are kept. */
function dataOf(manifest: Json, path: string): Uint8Array {
  const file = readFileSync(join(dirname(path), String(manifest['file'])))
  if (manifest['encoding'] === 'binary') return new Uint8Array(file)
  if (manifest['encoding'] !== 'hex') throw new Error(`unknown encoding ${manifest['encoding']}`)
  const bytes = hexToBytes(file.toString('utf8').trim())
  if (bytes === undefined) throw new Error(`${manifest['file']} is not hex`)
  return bytes
}

function rollupOf(manifest: Json): { rollup: BatchRollup; rebuilds: boolean } {
  const { chainId } = (manifest['rollup'] ?? {}) as { chainId?: number | string | null }
  const rebuilds = chainId !== null && chainId !== undefined
  return { rollup: { chainId: BigInt(rebuilds ? chainId : 1) }, rebuilds }
}

/** Compares what was decoded with what a manifest expects, key by key; a key that nobody reads fails. */
function expectAll(expected: Json, actual: { readonly [key: string]: () => unknown }): void {
  for (const [key, value] of Object.entries(expected)) {
    const read = actual[key]
    if (read === undefined) throw new Error(`the manifest expects "${key}", which this suite does not read`)
    expect(read(), key).toEqual(value)
  }
}

const typeNames = ['legacy', 'eip2930', 'eip1559', 'eip4844', 'eip7702'] as const

function txTypes(transactions: readonly Uint8Array[]): Json {
  const counts: Record<string, number> = { legacy: 0, eip2930: 0, eip1559: 0, eip7702: 0 }
  for (const [first] of transactions) counts[typeNames[first! >= 0xc0 ? 0 : first!]!]!++
  return counts
}

/** `to` and protection, straight from the RLP of the rebuilt transaction, by viem. */
function viewed(transactions: readonly Uint8Array[]): { creations: number; protectedLegacy: number } {
  let creations = 0
  let protectedLegacy = 0
  for (const raw of transactions) {
    // viem refuses the random signatures and oversized numbers of made-up batches, so that the fields are found by hand.
    const { to, v } = fieldsOf(raw)
    if (to.length === 0) creations++
    if (raw[0]! >= 0xc0 && !(v.length === 1 && (v[0] === 27 || v[0] === 28))) protectedLegacy++
  }
  return { creations, protectedLegacy }
}

function fieldsOf(raw: Uint8Array): { to: Uint8Array; v: Uint8Array } {
  const items: Uint8Array[] = []
  let at = raw[0]! >= 0xc0 ? 0 : 1
  const header = (offset: number): { start: number; end: number } => {
    const byte = raw[offset]!
    if (byte < 0x80) return { start: offset, end: offset + 1 }
    const short = byte - (byte >= 0xc0 ? 0xc0 : 0x80)
    if (short <= 55) return { start: offset + 1, end: offset + 1 + short }
    let length = 0
    for (let i = 1; i <= short - 55; i++) length = length * 256 + raw[offset + i]!
    return { start: offset + 1 + short - 55, end: offset + 1 + short - 55 + length }
  }
  const list = header(at)
  for (at = list.start; at < list.end; ) {
    const { start, end } = header(at)
    items.push(raw.subarray(start, end))
    at = end
  }
  const type = raw[0]! >= 0xc0 ? 0 : raw[0]!
  return { to: items[[3, 4, 5, 5, 5][type]!]!, v: items.at(-3)! }
}

/** What a batch of a manifest is compared with. */
function expectBatch(expected: Json, batch: Batch, bytes: Uint8Array, rollup: BatchRollup): void {
  const transactions =
    batch.type === 'span' ? batch.blocks.flatMap(block => block.transactions) : [...batch.transactions]
  const hashes = transactions.map(raw => keccak_256(raw))
  const common = {
    type: () => batch.type,
    txCount: () => transactions.length,
    txTypes: () => txTypes(transactions),
    contractCreations: () => viewed(transactions).creations,
    protectedLegacy: () => viewed(transactions).protectedLegacy,
    bytes: () => bytes.length,
    trailingBytes: () => bytes.length - encodeBatch(batch, rollup).length,
    rawTxBytes: () => transactions.reduce((sum, raw) => sum + raw.length, 0),
    firstTxHash: () => bytesToHex(hashes[0]!),
    lastTxHash: () => bytesToHex(hashes.at(-1)!),
    txHashesSha256: () => hash(concatBytes(...hashes)),
  }
  if (batch.type === 'singular') {
    expectAll(expected, {
      ...common,
      parentHash: () => batch.parentHash,
      epochNumber: () => batch.epochNumber.toString(),
      epochNum: () => batch.epochNumber.toString(),
      epochHash: () => batch.epochHash,
      timestamp: () => batch.timestamp.toString(),
    })
    return
  }
  expectAll(expected, {
    ...common,
    relTimestamp: () => batch.relTimestamp.toString(),
    l1OriginNum: () => batch.l1OriginNumber.toString(),
    parentCheck: () => bytesToHex(batch.parentCheck),
    l1OriginCheck: () => bytesToHex(batch.l1OriginCheck),
    blockCount: () => batch.blocks.length,
    newOriginBlocks: () => batch.blocks.flatMap((block, i) => (block.originAdvanced ? [i] : [])),
    blockTxCounts: () => batch.blocks.map(block => block.transactions.length),
  })
}

async function expectChannel(expected: Json, data: Uint8Array, rollup: BatchRollup, reencode: unknown): Promise<void> {
  // The JavaScript decoder has to see what the native one sees; it has no brotli.
  const ports = data[0] === 1 ? [nodeDecompressors] : [nodeDecompressors, undefined]
  for (const decompressors of ports) {
    const reader = openChannel(data, { ...rollup, decompressors })
    const read: { batch: Batch; bytes: Uint8Array }[] = []
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      read.push({ batch, bytes: reader.batchBytes })
    }
    expect(reader.end).toEqual({ type: 'end' })
    expectAll(expected, {
      compressedBytes: () => data.length,
      algorithm: () => reader.algorithm,
      terminated: () => reader.compression === 'complete',
      inflatedBytes: () => reader.stream.length,
      inflatedSha256: () => hash(reader.stream),
      batches: () => {
        const batches = expected['batches'] as Json[]
        expect(read.length).toBe(batches.length)
        batches.forEach((each, i) => {
          expectBatch(each, read[i]!.batch, read[i]!.bytes, rollup)
        })
        return batches
      },
    })
    if (reencode === undefined) continue
    expect(reencode).toBe('batches-identical')
    const stream = concatBytes(...read.map(({ batch }) => encodeRlp(encodeBatch(batch, rollup))))
    expect(hash(stream)).toBe(hash(reader.stream))
    // Compressed anew, it is the same channel to a reader.
    const compressor = reader.algorithm === 'brotli' ? createNodeBrotliCompressor() : createNodeZlibCompressor()
    const compression = compressor.open()
    await compression.write(stream)
    const packed = await compression.end()
    const again = openChannel(reader.algorithm === 'brotli' ? concatBytes(Uint8Array.of(1), packed) : packed, {
      ...rollup,
      decompressors: nodeDecompressors,
    })
    expect(again.compression).toBe('complete')
    expect(hash(again.stream)).toBe(hash(reader.stream))
  }
}

async function expectBatcherTransaction(manifest: Json, raw: Uint8Array): Promise<void> {
  const serialized = bytesToHex(raw)
  const transaction = parseTransaction(serialized as `0x02${string}`)
  const data = hexToBytes(transaction.data ?? '0x')!
  const { rollup } = rollupOf(manifest)
  const decoded = decodeBatcherTransaction(data)
  if (decoded.version !== 0) throw new Error('a commitment where frames were expected')
  const { frames } = decoded
  const sender = await recoverTransactionAddress({ serializedTransaction: serialized as `0x02${string}` })
  const expected = manifest['expect'] as Json
  expectAll(expected, {
    txHash: () => bytesToHex(keccak_256(raw)),
    sender: () => sender.toLowerCase(),
    to: () => transaction.to,
    calldataBytes: () => data.length,
    version: () => decoded.version,
    frames: () =>
      frames.map(frame => ({
        channelId: frame.channelId,
        frameNumber: frame.frameNumber,
        dataBytes: frame.data.length,
        isLast: frame.isLast,
      })),
    channel: () => expected['channel'],
  })
  expect(hash(encodeBatcherTransaction(frames))).toBe(hash(data))
  if (expected['channel'] !== undefined) {
    const channel = concatBytes(...frames.map(frame => frame.data))
    await expectChannel(expected['channel'] as Json, channel, rollup, manifest['reencode'])
  }
}

function expectSpanBatch(manifest: Json, content: Uint8Array): void {
  const { rollup, rebuilds } = rollupOf(manifest)
  const bytes = concatBytes(Uint8Array.of(1), content)
  const batch = decodeBatch(bytes, rollup)
  expectBatch(manifest['expect'] as Json, batch, bytes, rollup)
  if (manifest['reencode'] === undefined) return
  expect(manifest['reencode']).toBe('identical')
  expect(bytesToHex(encodeBatch(batch, rollup))).toBe(bytesToHex(bytes))
  if (rebuilds) return
  // Without transactions to compare, any chain id must do.
  const other = { chainId: 2n ** 64n - 59n }
  expect(bytesToHex(encodeBatch(decodeBatch(bytes, other), other))).toBe(bytesToHex(bytes))
}

function expectBlob(manifest: Json, blob: Uint8Array): void {
  const payload = decodeOpBlob(blob)
  expectAll(manifest['expect'] as Json, {
    blobSha256: () => hash(blob),
    payloadBytes: () => payload.length,
    payloadSha256: () => hash(payload),
  })
  if (manifest['reencode'] === undefined) return
  expect(manifest['reencode']).toBe('identical')
  expect(hash(encodeOpBlob(payload))).toBe(hash(blob))
}

/** The input of a codec case: hex, or a rule for byte i. */
function inputOf(rule: string, length: number): Uint8Array {
  const bytes = rule.startsWith('0x') ? hexToBytes(rule) : undefined
  if (bytes !== undefined) return bytes
  const match = /^byte\[i\]=(?:\((\d+)\*i\+(\d+)\)&255|i&255|(\d+)|0x([0-9a-f]{2}))$/i.exec(rule.replaceAll(' ', ''))
  if (match === null) throw new Error(`unknown input rule "${rule}"`)
  const [, factor, offset, constant, hex] = match
  return Uint8Array.from({ length }, (_, i) => {
    if (constant !== undefined) return Number(constant) & 255
    if (hex !== undefined) return Number.parseInt(hex, 16)
    return (Number(factor ?? 1) * i + Number(offset ?? 0)) & 255
  })
}

async function expectBlobCodec(manifest: Json): Promise<void> {
  const kzg = await createBlobKzg()
  for (const vector of manifest['vectors'] as Json[]) {
    const input = inputOf(String(vector['inputRule']), Number(vector['inputLen']))
    const blob = encodeOpBlob(input)
    expectAll(vector, {
      name: () => vector['name'],
      inputLen: () => input.length,
      inputRule: () => vector['inputRule'],
      firstFE: () => bytesToHex(blob.subarray(0, 32)).slice(2),
      blobSha256: () => hash(blob).slice(2),
      versionedHash: () => versionedHashOf(kzg.blobToKzgCommitment(blob)),
    })
    expect(hash(decodeOpBlob(blob))).toBe(hash(input))
  }
}

const kinds: { readonly [kind: string]: (manifest: Json, path: string) => void | Promise<void> } = {
  'batcher-transaction': (manifest, path) => expectBatcherTransaction(manifest, dataOf(manifest, path)),
  channel: (manifest, path) =>
    expectChannel(manifest['expect'] as Json, dataOf(manifest, path), rollupOf(manifest).rollup, manifest['reencode']),
  'span-batch': (manifest, path) => expectSpanBatch(manifest, dataOf(manifest, path)),
  blob: (manifest, path) => expectBlob(manifest, dataOf(manifest, path)),
  'blob-codec': manifest => expectBlobCodec(manifest),
}

describe.skipIf(files === undefined)('opstack vectors', () => {
  const manifests = (files ?? []).filter(file => file.endsWith('.json'))
  const read = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json

  it('has a manifest for every file', () => {
    expect(manifests.length).toBeGreaterThan(0)
    const named = new Set(manifests.map(path => join(dirname(path), String(read(path)['file']))))
    const unread = (files ?? []).filter(file => !file.endsWith('.json') && !named.has(file))
    expect(unread.map(file => basename(file))).toEqual([])
  })

  it.each(manifests.map(path => [basename(path, '.json'), path]))('%s', async (_, path) => {
    const manifest = read(path)
    const check = kinds[String(manifest['kind'])]
    if (check === undefined) throw new Error(`unknown kind "${manifest['kind']}"`)
    await check(manifest, path)
  })
})
