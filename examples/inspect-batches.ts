/**
 * Prints what an OP Stack batcher wrote: channels, frames, batches, blocks, transactions, sizes.
 *
 *   pnpm example examples/inspect-batches.ts <L1 RPC URL> <transaction hash> [--beacon <beacon API URL>] [--rollup rollup.json]
 *   pnpm example examples/inspect-batches.ts <L1 RPC URL> --rollup rollup.json [--beacon URL] [--from N] [--blocks N] [--batcher ADDRESS]
 *   pnpm example examples/inspect-batches.ts <file> [--kind transaction|data|channel|span-batch|blob] [--chain-id N]
 *
 * With a rollup.json and no transaction: what the chain's batcher sent in the newest 20 L1 blocks, or from block N on. The beacon API of an anvil is at
 * the same address as its RPC. A file holds raw bytes or hex: a signed L1 transaction, batcher data (version byte first), a compressed channel, a span batch without its type
 * byte, or a blob. A JSON manifest names such a file beside it, and what it holds.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { anvilBeacon, type Beacon, type BlobBlock, createBeacon, decodeOpBlob, getBlobs, type Kzg } from '@l2/blob'
import { createBlobKzg } from '@l2/blob/kzg'
import { decodeBatcherTransaction, openChannel } from '@l2/sequencer-core'
import {
  type Batch,
  type ChannelBank,
  type ChannelReader,
  createChannelBank,
  decodeBatch,
} from '@l2/sequencer-core/batch'
import {
  createRpcL1Source,
  fromRollupJson,
  type RollupConfig,
  readInboxTransaction,
} from '@l2/sequencer-core/derivation'
import { nodeDecompressors } from '@l2/sequencer-core/node'
import { nobleRecovery } from '@l2/sequencer-core/transaction'
import {
  createPublicClient,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  type PublicClient,
  parseTransaction,
  type TransactionSerialized,
} from 'viem'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    beacon: { type: 'string' },
    kind: { type: 'string' },
    'chain-id': { type: 'string' },
    rollup: { type: 'string' },
    from: { type: 'string' },
    blocks: { type: 'string' },
    batcher: { type: 'string' },
  },
})
const config: RollupConfig | undefined =
  values.rollup === undefined ? undefined : fromRollupJson(JSON.parse(readFileSync(values.rollup, 'utf8')))
let chainId = values['chain-id'] === undefined ? (config?.l2ChainId ?? 10n) : BigInt(values['chain-id'])
const say = (depth: number, text: string): void => console.log(`${'  '.repeat(depth)}${text}`)
const size = (bytes: Uint8Array): string => `${bytes.length.toLocaleString('en')} B`

/** What our libraries say of data that are not what they should be; anything else is a fault. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'shortMessage' in error) return String(error.shortMessage)
  throw error
}

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
  if (reader.end?.type === 'invalid') say(depth, `then: ${reader.end.error.shortMessage}`)
  if (reader.end?.type === 'unusable') say(depth, `not a channel: ${reader.end.reason}`)
}

/** How frames become channels: any complete one is printed, whatever came before it. */
const rules = { channelTimeoutBlocks: 50n, maxBankBytes: 1_000_000_000, readAnyReady: true }

/** Prints the frames of each piece of batcher data, and the channels that are complete. */
function printData(pieces: readonly Uint8Array[], depth: number, bank = createChannelBank(), l1Block = 0n): void {
  for (const data of pieces) {
    let decoded: ReturnType<typeof decodeBatcherTransaction>
    try {
      decoded = decodeBatcherTransaction(data)
    } catch (error) {
      say(depth, `${size(data)} that derivation passes over: ${reasonOf(error)}`)
      continue
    }
    if (decoded.version === 1) {
      say(depth, `alt-DA commitment, ${size(decoded.commitment)}`)
      continue
    }
    for (const frame of decoded.frames) {
      say(
        depth,
        `frame ${frame.frameNumber}${frame.isLast ? ' (last)' : ''} of ${frame.channelId}, ${size(frame.data)}`,
      )
      bank.add(frame, l1Block, rules)
    }
  }
  for (let channel = bank.read(l1Block, rules); channel !== undefined; channel = bank.read(l1Block, rules)) {
    say(depth, `channel ${channel.channelId}`)
    printChannel(channel.data, depth + 1)
  }
}

function sayIncomplete(bank: ChannelBank, depth: number): void {
  if (bank.channelCount > 0)
    say(depth, `${bank.channelCount} channels are incomplete: their other frames are in other transactions`)
}

/** Prints batcher data that stand alone. */
function printAlone(pieces: readonly Uint8Array[], depth: number): void {
  const bank = createChannelBank()
  printData(pieces, depth, bank)
  sayIncomplete(bank, depth)
}

function printTransaction(raw: Uint8Array): void {
  const serialized = `0x${Buffer.from(raw).toString('hex')}` as TransactionSerialized
  const transaction = parseTransaction(serialized)
  const data = hexToBytes(transaction.data ?? '0x')
  say(0, `transaction ${keccak256(raw)} to ${transaction.to}, ${size(data)} of calldata`)
  printAlone([data], 1)
}

/** An L1 as this program reads it. */
type L1 = { client: PublicClient; isAnvil: boolean; beacon: Beacon | undefined; kzg(): Promise<Kzg> }

async function openL1(url: string): Promise<L1> {
  const client = createPublicClient({ transport: http(url) })
  const version = await client.request({ method: 'web3_clientVersion' })
  const isAnvil = version.startsWith('anvil')
  const { beacon } = values
  let kzg: Promise<Kzg> | undefined
  return {
    client,
    isAnvil,
    beacon: beacon === undefined ? undefined : createBeacon({ url: beacon, ...(isAnvil ? anvilBeacon : {}) }),
    kzg: () => (kzg ??= createBlobKzg()),
  }
}

/** What a batcher put into blobs, each proved against its hash; `undefined` where no beacon API was given. */
async function readBlobs(l1: L1, block: BlobBlock, hashes: readonly Hex[]): Promise<Uint8Array[] | undefined> {
  if (l1.beacon === undefined) {
    say(1, `${hashes.length} blobs: give --beacon <URL> to read them`)
    return undefined
  }
  const blobs = await getBlobs(l1.beacon, { block, versionedHashes: hashes, kzg: await l1.kzg() })
  return blobs.flatMap((blob, i) => {
    try {
      const piece = decodeOpBlob(blob)
      say(1, `blob ${i}: ${size(piece)} of ${(130_044).toLocaleString('en')}`)
      return [piece]
    } catch (error) {
      say(1, `blob ${i} that derivation passes over: ${reasonOf(error)}`)
      return []
    }
  })
}

async function fetchTransaction(l1: L1, hash: Hex): Promise<void> {
  const transaction = await l1.client.getTransaction({ hash })
  say(0, `transaction ${hash} from ${transaction.from} to ${transaction.to}, type ${transaction.type}`)
  const hashes = transaction.blobVersionedHashes ?? []
  if (hashes.length === 0) return printAlone([hexToBytes(transaction.input)], 1)
  const { number, timestamp } = await l1.client.getBlock({ blockHash: transaction.blockHash! })
  const pieces = await readBlobs(l1, { number, hash: transaction.blockHash!, timestamp }, hashes)
  if (pieces !== undefined) printAlone(pieces, 1)
}

/** What the batcher of a chain sent, block by block of L1. */
async function printRollup(l1: L1, rollup: RollupConfig): Promise<void> {
  const count = BigInt(values.blocks ?? 20)
  const head = await l1.client.getBlockNumber()
  const first = values.from === undefined ? head - count + 1n : BigInt(values.from)
  const start = first > rollup.genesis.l1.number ? first : rollup.genesis.l1.number
  const batcher = (values.batcher ?? rollup.genesis.systemConfig.batcher).toLowerCase()
  const source = createRpcL1Source({ client: l1.client, config: rollup, trustNode: l1.isAnvil })
  const bank = createChannelBank()
  say(0, `chain ${rollup.l2ChainId}: what ${batcher} sent to ${rollup.batchInbox} from L1 block ${start} on`)
  let sent = 0
  let others = 0
  for (let number = start; number < start + count; number++) {
    const block = await source.block(number)
    if (block === undefined) break
    for (const { raw } of block.transactions) {
      const transaction = readInboxTransaction(raw, rollup.l1ChainId)
      if (transaction?.to?.toLowerCase() !== rollup.batchInbox.toLowerCase()) continue
      if (transaction.sender(nobleRecovery)?.toLowerCase() !== batcher) {
        others++
        continue
      }
      sent++
      const hashes = transaction.blobVersionedHashes
      say(0, `L1 block ${number}, transaction ${keccak256(raw)}`)
      const pieces = hashes === undefined ? [transaction.data] : await readBlobs(l1, block, hashes)
      if (pieces !== undefined) printData(pieces, 1, bank, number)
    }
  }
  say(0, `${sent} transactions of the batcher, ${others} of others, which count for nothing`)
  sayIncomplete(bank, 0)
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
  else if (kind === 'data') printAlone([bytes], 0)
  else if (kind === 'channel') printChannel(bytes, 0)
  else if (kind === 'blob') {
    const data = decodeOpBlob(bytes)
    say(0, `blob of ${size(data)}`)
    printAlone([data], 1)
  } else if (kind === 'span-batch') {
    const typed = Uint8Array.from([1, ...bytes])
    printBatch(decodeBatch(typed, { chainId }), typed, 0)
  } else throw new Error(`unknown kind "${kind}"`)
}

const [source, hash] = positionals
if (source === undefined) {
  console.log('usage: pnpm example examples/inspect-batches.ts <file> | <L1 RPC URL> <transaction hash> [--beacon URL]')
  console.log('       pnpm example examples/inspect-batches.ts <L1 RPC URL> --rollup rollup.json [--beacon URL]')
  process.exitCode = 1
} else if (/^https?:\/\//.test(source)) {
  const l1 = await openL1(source)
  if (hash !== undefined) await fetchTransaction(l1, hash as Hex)
  else if (config !== undefined) await printRollup(l1, config)
  else throw new Error('a transaction hash or --rollup is missing')
} else printFile(source)
