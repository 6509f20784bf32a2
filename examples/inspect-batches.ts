/**
 * Prints what an OP Stack batcher wrote: channels, frames, batches, blocks, transactions, sizes.
 *
 *   pnpm example examples/inspect-batches.ts <L1 RPC URL> <transaction hash> [--beacon <beacon API URL>]
 *   pnpm example examples/inspect-batches.ts <file> [--kind transaction|data|channel|span-batch|blob] [--chain-id N]
 *
 * A file holds raw bytes or hex: a signed L1 transaction, batcher data (version byte first), a compressed channel, a span batch without its type
 * byte, or a blob. A JSON manifest names such a file beside it, and what it holds.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { decodeOpBlob, versionedHashOf } from '@l2/blob'
import {
  type Batch,
  type ChannelReader,
  createChannelBank,
  decodeBatch,
  decodeBatcherTransaction,
  openChannel,
} from '@l2/sequencer-core'
import { nodeDecompressors } from '@l2/sequencer-core/node'
import {
  createPublicClient,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  parseTransaction,
  type TransactionSerialized,
} from 'viem'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    beacon: { type: 'string' },
    kind: { type: 'string' },
    'chain-id': { type: 'string', default: '10' },
  },
})
let chainId = BigInt(values['chain-id'])
const say = (depth: number, text: string): void => console.log(`${'  '.repeat(depth)}${text}`)
const size = (bytes: Uint8Array): string => `${bytes.length.toLocaleString('en')} B`
const kinds = { legacy: 0, eip2930: 0, eip1559: 0, eip7702: 0, other: 0 }

function typeOf(raw: Uint8Array): keyof typeof kinds {
  const first = raw[0] ?? 0
  if (first >= 0xc0) return 'legacy'
  return first === 1 ? 'eip2930' : first === 2 ? 'eip1559' : first === 4 ? 'eip7702' : 'other'
}

function describe(transactions: readonly Uint8Array[]): string {
  const counts = { ...kinds }
  let bytes = 0
  for (const raw of transactions) {
    counts[typeOf(raw)]++
    bytes += raw.length
  }
  const types = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []))
  return `${transactions.length} transactions${types.length > 0 ? ` (${types.join(', ')})` : ''}, ${bytes.toLocaleString('en')} B`
}

function printBatch(batch: Batch, bytes: Uint8Array, depth: number): void {
  if (batch.type === 'singular') {
    say(
      depth,
      `singular batch, ${size(bytes)}: time ${batch.timestamp}, epoch ${batch.epochNumber}, ${describe(batch.transactions)}`,
    )
    return
  }
  const transactions = batch.blocks.flatMap(block => block.transactions)
  say(depth, `span batch, ${size(bytes)}: ${batch.blocks.length} blocks, ${describe(transactions)}`)
  const origins = batch.blocks.filter(block => block.originAdvanced).length
  say(
    depth + 1,
    `genesis time + ${batch.relTimestamp} s, last L1 origin ${batch.l1OriginNumber}, ${origins} new origins`,
  )
  batch.blocks.forEach((block, i) => {
    say(depth + 1, `block ${i}${block.originAdvanced ? ' (new origin)' : ''}: ${describe(block.transactions)}`)
  })
  if (transactions.length > 0) say(depth + 1, `first transaction ${keccak256(transactions[0]!)}`)
}

function printChannel(data: Uint8Array, depth: number): void {
  const reader: ChannelReader = openChannel(data, { chainId, decompressors: nodeDecompressors })
  say(
    depth,
    `${size(data)} of ${reader.algorithm ?? 'unknown'}, ${reader.compression ?? 'not opened'}, ${size(reader.stream)} of batches`,
  )
  for (let batch = reader.next(); batch !== undefined; batch = reader.next())
    printBatch(batch, reader.batchBytes, depth)
  if (reader.end?.kind === 'invalid') say(depth, `then: ${reader.end.error.shortMessage}`)
  if (reader.end?.kind === 'unusable') say(depth, `not a channel: ${reader.end.reason}`)
}

/** Prints the frames of each piece of batcher data, and the channels that are complete. */
function printData(pieces: readonly Uint8Array[], depth: number): void {
  const bank = createChannelBank()
  const rules = { channelTimeoutBlocks: 1n, maxBankBytes: 1_000_000_000, readAnyReady: true }
  for (const data of pieces) {
    const decoded = decodeBatcherTransaction(data)
    if (decoded.version === 1) {
      say(depth, `alt-DA commitment, ${size(decoded.commitment)}`)
      continue
    }
    for (const frame of decoded.frames) {
      say(
        depth,
        `frame ${frame.frameNumber}${frame.isLast ? ' (last)' : ''} of ${frame.channelId}, ${size(frame.data)}`,
      )
      bank.add(frame, 0n, rules)
    }
  }
  for (let channel = bank.read(0n, rules); channel !== undefined; channel = bank.read(0n, rules)) {
    say(depth, `channel ${channel.channelId}`)
    printChannel(channel.data, depth + 1)
  }
  if (bank.channelCount > 0)
    say(depth, `${bank.channelCount} channels are incomplete: their other frames are in other transactions`)
}

function printTransaction(raw: Uint8Array): void {
  const serialized = `0x${Buffer.from(raw).toString('hex')}` as TransactionSerialized
  const transaction = parseTransaction(serialized)
  const data = hexToBytes(transaction.data ?? '0x')
  say(0, `transaction ${keccak256(raw)} to ${transaction.to}, ${size(data)} of calldata`)
  printData([data], 1)
}

type Sidecar = { blob: Hex; kzg_commitment: Hex }

async function fetchTransaction(url: string, hash: Hex): Promise<void> {
  const client = createPublicClient({ transport: http(url) })
  const transaction = await client.getTransaction({ hash })
  say(0, `transaction ${hash} from ${transaction.from} to ${transaction.to}, type ${transaction.type}`)
  const hashes = transaction.blobVersionedHashes ?? []
  if (hashes.length === 0) {
    printData([hexToBytes(transaction.input)], 1)
    return
  }
  if (values.beacon === undefined) {
    say(1, `${hashes.length} blobs: give --beacon <URL> to read them`)
    return
  }
  const block = await client.getBlock({ blockHash: transaction.blockHash! })
  const get = async (path: string): Promise<{ data: unknown }> => {
    const response = await fetch(new URL(path, values.beacon))
    if (!response.ok) throw new Error(`the beacon node answered ${response.status}`)
    return (await response.json()) as { data: unknown }
  }
  const [genesis, spec] = await Promise.all([get('/eth/v1/beacon/genesis'), get('/eth/v1/config/spec')])
  const { genesis_time } = genesis.data as { genesis_time: string }
  const { SECONDS_PER_SLOT } = spec.data as { SECONDS_PER_SLOT: string }
  const slot = (block.timestamp - BigInt(genesis_time)) / BigInt(SECONDS_PER_SLOT)
  const sidecars = (await get(`/eth/v1/beacon/blob_sidecars/${slot}`)).data as Sidecar[]
  const blobs = new Map(sidecars.map(each => [versionedHashOf(hexToBytes(each.kzg_commitment)), each.blob]))
  const pieces = hashes.map(each => {
    const blob = blobs.get(each)
    if (blob === undefined) throw new Error(`the beacon node has no blob ${each}`)
    return decodeOpBlob(hexToBytes(blob))
  })
  for (const [i, piece] of pieces.entries()) say(1, `blob ${i}: ${size(piece)} of ${(130_044).toLocaleString('en')}`)
  printData(pieces, 1)
}

function readBytes(path: string): Uint8Array {
  const file = readFileSync(path)
  const text = file.subarray(0, 4096).toString('latin1').trim()
  if (!/^(0x)?[0-9a-fA-F\s]+$/.test(text)) return new Uint8Array(file)
  const hex = file.toString('utf8').trim()
  return hexToBytes((hex.startsWith('0x') ? hex : `0x${hex}`) as Hex)
}

/** A file's kind where nobody says: by its size and first bytes. */
function guess(bytes: Uint8Array): string {
  if (bytes.length === 131_072) return 'blob'
  const first = bytes[0] ?? 0
  if (first === 0) return 'data'
  if (first === 2 || first >= 0xc0) return 'transaction'
  return 'channel'
}

function printFile(path: string): void {
  let kind = values.kind
  let bytes: Uint8Array
  if (path.endsWith('.json')) {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as {
      name: string
      kind: string
      file?: string
      rollup?: { chainId: number | null }
      vectors?: { name: string; inputLen: number; blobSha256: string }[]
    }
    say(0, manifest.name)
    if (manifest.file === undefined) {
      for (const each of manifest.vectors ?? []) say(1, `${each.name}: ${each.inputLen} B, blob ${each.blobSha256}`)
      return
    }
    kind ??= manifest.kind
    if (manifest.rollup?.chainId != null) chainId = BigInt(manifest.rollup.chainId)
    bytes = readBytes(join(dirname(path), manifest.file))
  } else bytes = readBytes(path)
  kind ??= guess(bytes)
  if (kind === 'transaction' || kind === 'batcher-transaction') printTransaction(bytes)
  else if (kind === 'data') printData([bytes], 0)
  else if (kind === 'channel') printChannel(bytes, 0)
  else if (kind === 'blob') {
    const data = decodeOpBlob(bytes)
    say(0, `blob of ${size(data)}`)
    printData([data], 1)
  } else if (kind === 'span-batch') {
    const typed = Uint8Array.from([1, ...bytes])
    printBatch(decodeBatch(typed, { chainId }), typed, 0)
  } else throw new Error(`unknown kind "${kind}"`)
}

const [source, hash] = positionals
if (source === undefined) {
  console.log('usage: pnpm example examples/inspect-batches.ts <file> | <L1 RPC URL> <transaction hash> [--beacon URL]')
  process.exitCode = 1
} else if (/^https?:\/\//.test(source)) {
  if (hash === undefined) throw new Error('a transaction hash is missing')
  await fetchTransaction(source, hash as Hex)
} else printFile(source)
