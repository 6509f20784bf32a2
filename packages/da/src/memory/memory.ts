import { bytesToHex, type Clock, closable, concatBytes, equalBytes, systemClock } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { createSerial, withDeadline } from '../internal/call.js'
import { checkItems, itemsDigest } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import type { DaCallOptions, DaEntry, DaReceipt, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'

/** Plain settings of {@link createMemoryDa}. */
export type MemoryDaOptions = {
  /** Bytes of one item; 16 MiB. */
  maxBytes?: number | undefined
  /** Items of one submission; 64. */
  maxItems?: number | undefined
  /** Milliseconds added to every call; 0. */
  latencyMs?: number | undefined
  /** Blocks on top of a block that make it final; 0, so that everything is final at once. */
  finalityBlocks?: number | undefined
  /** Seconds after which data may be asked for in vain; kept for ever by default. */
  retentionSeconds?: number | undefined
  /** Wei per byte quoted; 0. */
  weiPerByte?: bigint | undefined
}

/** A fault of {@link MemoryDaDeps.inject}. */
export type MemoryFault =
  | { type: 'fail'; error: DaError }
  /** No answer until the caller gives up. */
  | { type: 'stall' }
  | { type: 'delay'; ms: number }
  /** The layer does what it was asked, and the answer is lost. */
  | { type: 'lose-answer' }
  /** `get` hands over other bytes: the adapter must notice. */
  | { type: 'lie'; change: (data: Uint8Array) => Uint8Array }

/** What {@link createMemoryDa} works with. */
export type MemoryDaDeps = {
  /** Where data lives; by default in memory. `createFileStore(directory)` of `@l2/da/node` makes it survive. */
  store?: Store | undefined
  clock?: Clock | undefined
  /** Asked before every operation; what it returns goes wrong. */
  inject?: ((operation: 'limits' | 'quote' | 'submit' | 'get' | 'status') => MemoryFault | undefined) | undefined
}

/** The embedded layer: a chain of blocks with one submission each. */
export interface MemoryDa extends DataAvailability {
  readonly height: () => Promise<bigint>
  /** Drops the newest blocks, as a reorg would; their data is lost. */
  reorg(depth: number): Promise<void>
  /** Adds blocks without data. */
  mine(blocks: number): Promise<void>
  list(range: { from: bigint; to: bigint }, call?: DaCallOptions): AsyncIterable<DaEntry>
}

const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    maxBytes: z._default(z.int().check(z.positive()), 16 * 1024 * 1024),
    maxItems: z._default(z.int().check(z.positive()), 64),
    latencyMs: z._default(z.number().check(z.nonnegative()), 0),
    finalityBlocks: z._default(z.int().check(z.nonnegative()), 0),
    retentionSeconds: z.optional(z.number().check(z.positive())),
    weiPerByte: z._default(z.bigint().check(z.nonnegative()), 0n),
  }))()

const text = new TextEncoder()
const plain = new TextDecoder()
const hashKey = (hash: Uint8Array) => bytesToHex(hash).slice(2)
const heightKey = (height: bigint) => `memory/block/${height.toString().padStart(20, '0')}`

/**
 * The embedded default: content-addressed by keccak256, in memory or in a {@link Store}. It needs no network and behaves like the other
 * layers, faults included.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const da = createMemoryDa({ finalityBlocks: 1 })
 * const { commitments } = await da.submit([Uint8Array.of(1, 2, 3)])
 * console.log(await da.status(commitments[0]!)) // included
 * await da.submit([Uint8Array.of(4)])
 * console.log(await da.status(commitments[0]!)) // final
 * console.log((await da.get(commitments[0]!)).length) // 3
 * ```
 */
export function createMemoryDa(options: MemoryDaOptions = {}, deps: MemoryDaDeps = {}): MemoryDa {
  const settings = parseOptions('createMemoryDa', schema, options)
  const store = deps.store ?? createMemoryStore()
  const clock = deps.clock ?? systemClock
  const name = 'memory'
  let closed = false
  let head: bigint | undefined
  // Writes go one after another: heights have no gaps, and the order is the order of `submit`.
  const inOrder = createSerial()

  const readHead = async (): Promise<bigint> => {
    if (head !== undefined) return head
    const last = (await store.keys('memory/block/')).at(-1)
    // A block may have been added meanwhile.
    head ??= BigInt(last?.slice('memory/block/'.length) ?? '0')
    return head
  }
  const enter = async <T>(
    operation: Parameters<NonNullable<MemoryDaDeps['inject']>>[0],
    call: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined } | undefined,
    run: (fault: MemoryFault | undefined) => Promise<T>,
  ): Promise<T> => {
    if (closed) throw new DaError(`${name} is closed`, { code: 'DA_CLOSED' })
    return withDeadline(
      `${name} ${operation}`,
      call,
      undefined,
      async signal => {
        if (settings.latencyMs > 0) await clock.sleep(settings.latencyMs, signal)
        const fault = deps.inject?.(operation)
        if (fault?.type === 'fail') throw fault.error
        if (fault?.type === 'delay') await clock.sleep(fault.ms, signal)
        if (fault?.type === 'stall') await new Promise(() => {})
        signal.throwIfAborted()
        const result = await run(fault)
        if (fault?.type === 'lose-answer') {
          throw new DaError(`${name} did not answer`, { code: 'DA_OUTCOME_UNKNOWN', details: { operation } })
        }
        return result
      },
      clock,
    )
  }
  const hashOf = (commitment: Commitment): Uint8Array => {
    if (commitment.layer !== daLayer.memory || commitment.payload.length !== 32) {
      throw new DaError('not a commitment of the memory layer', {
        code: 'DA_COMMITMENT_INVALID',
        details: { layer: commitment.layer, length: commitment.payload.length },
      })
    }
    return commitment.payload
  }
  const heightOf = async (hash: Uint8Array): Promise<bigint | undefined> => {
    const at = await store.get(`memory/at/${hashKey(hash)}`)
    return at === undefined ? undefined : BigInt(plain.decode(at))
  }
  const commitmentOf = (data: Uint8Array): Commitment => ({ layer: daLayer.memory, payload: keccak_256(data) })
  const blockOf = async (height: bigint): Promise<{ timeMs: number; hashes: Uint8Array[] } | undefined> => {
    const block = await store.get(heightKey(height))
    if (block === undefined) return undefined
    const hashes: Uint8Array[] = []
    for (let at = 8; at + 32 <= block.length; at += 32) hashes.push(block.slice(at, at + 32))
    return { timeMs: Number(new DataView(block.buffer, block.byteOffset).getBigUint64(0)), hashes }
  }
  const append = async (height: bigint, hashes: readonly Uint8Array[]): Promise<void> => {
    const time = new Uint8Array(8)
    new DataView(time.buffer).setBigUint64(0, BigInt(Math.floor(clock.now())))
    await store.put(heightKey(height), concatBytes(time, ...hashes))
    head = height
    await index(height, hashes)
  }
  /** Notes where data can be found, unless it was there before. */
  const index = async (height: bigint, hashes: readonly Uint8Array[]): Promise<void> => {
    for (const hash of hashes) {
      const key = `memory/at/${hashKey(hash)}`
      if ((await store.get(key)) === undefined) await store.put(key, text.encode(height.toString()))
    }
  }
  type KeyRecord = { digest: string; height: string; hashes: string[] }
  const keyRecord = async (key: string): Promise<KeyRecord | undefined> => {
    const bytes = await store.get(`memory/key/${itemsDigest([text.encode(key)])}`)
    return bytes === undefined ? undefined : (JSON.parse(plain.decode(bytes)) as KeyRecord)
  }
  const receiptOf = (key: string, record: KeyRecord): DaReceipt => ({
    key,
    height: BigInt(record.height),
    commitments: record.hashes.map(hash => ({
      layer: daLayer.memory,
      payload: Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16)),
    })),
  })
  /** The receipt of a key whose blocks are still there. */
  const found = async (key: string, digest?: string): Promise<DaReceipt | undefined> => {
    const record = await keyRecord(key)
    if (record === undefined) return undefined
    if (digest !== undefined && record.digest !== digest) {
      throw new DaError('the idempotency key was used for other data', { code: 'DA_KEY_REUSED', details: { key } })
    }
    const receipt = receiptOf(key, record)
    const block = await blockOf(receipt.height)
    const holds = ({ payload }: Commitment) => block?.hashes.some(hash => equalBytes(hash, payload)) === true
    return receipt.commitments.every(holds) ? receipt : undefined
  }
  /** The block is what makes a submission: a crash before it leaves nothing to find, and after it everything. */
  const write = async (items: readonly Uint8Array[], key: string, digest: string): Promise<DaReceipt> => {
    const commitments = items.map(commitmentOf)
    const hashes = commitments.map(({ payload }) => payload)
    const known = await found(key, digest)
    if (known !== undefined) {
      await index(known.height, hashes)
      return known
    }
    for (const [at, item] of items.entries()) await store.put(`memory/data/${hashKey(hashes[at]!)}`, item)
    const height = (await readHead()) + 1n
    const record: KeyRecord = { digest, height: height.toString(), hashes: hashes.map(hashKey) }
    await store.put(`memory/key/${itemsDigest([text.encode(key)])}`, text.encode(JSON.stringify(record)))
    await append(height, hashes)
    return { key, commitments, height }
  }

  return {
    name,
    capabilities: {
      retentionSeconds: settings.retentionSeconds,
      finality: settings.finalityBlocks === 0 ? 'instant' : 'probabilistic',
    },
    limits: call => enter('limits', call, async () => ({ maxBytes: settings.maxBytes, maxItems: settings.maxItems })),
    quote: (sizes, call) =>
      enter('quote', call, async () => {
        checkItems(name, sizes, settings)
        const bytes = sizes.reduce((sum, size) => sum + size, 0)
        return { cost: settings.weiPerByte * BigInt(bytes), unit: 'wei', validUntilMs: clock.now() + 12_000 }
      }),
    submit: async (items, call) => {
      checkItems(
        name,
        items.map(item => item.length),
        settings,
      )
      const cost = settings.weiPerByte * BigInt(items.reduce((sum, item) => sum + item.length, 0))
      if (call?.maxCost !== undefined && cost > call.maxCost) {
        throw new DaError(`${name} asks ${cost} wei, at most ${call.maxCost} allowed`, {
          code: 'DA_FEE_TOO_HIGH',
          details: { cost, maxCost: call.maxCost },
        })
      }
      const digest = itemsDigest(items)
      return enter('submit', call, () => inOrder(() => write(items, call?.key ?? digest, digest)))
    },
    pending: async call => {
      call?.signal?.throwIfAborted()
      return []
    },
    resume: (key, call) => enter('status', call, () => inOrder(() => found(key))),
    reads: ({ layer }) => layer === daLayer.memory,
    get: (commitment, call) => {
      return enter('get', call, async fault => {
        const hash = hashOf(commitment)
        const height = await heightOf(hash)
        const stored = height === undefined ? undefined : await store.get(`memory/data/${hashKey(hash)}`)
        if (height === undefined || stored === undefined) {
          throw new DaError('the memory layer has no such data', {
            code: 'DA_NOT_FOUND',
            details: { hash: hashKey(hash) },
          })
        }
        const block = await blockOf(height)
        const age = clock.now() - (block?.timeMs ?? 0)
        if (settings.retentionSeconds !== undefined && age > settings.retentionSeconds * 1000) {
          throw new DaError('the data is past its retention', { code: 'DA_EXPIRED', details: { height } })
        }
        const data = fault?.type === 'lie' ? fault.change(stored) : stored
        if (!equalBytes(keccak_256(data), hash)) {
          throw new DaError('the memory layer returned other data', {
            code: 'DA_MISMATCH',
            details: { hash: hashKey(hash), length: data.length },
          })
        }
        return data
      })
    },
    verify: async (commitment, data) => equalBytes(keccak_256(data), hashOf(commitment)),
    status: (commitment, call) =>
      enter('status', call, async () => {
        const height = await heightOf(hashOf(commitment))
        if (height === undefined) return 'lost'
        return (await readHead()) - height >= BigInt(settings.finalityBlocks) ? 'final' : 'included'
      }),
    async *list({ from, to }, call) {
      for (let height = from < 1n ? 1n : from; height <= to; height++) {
        call?.signal?.throwIfAborted()
        const block = await blockOf(height)
        if (block === undefined) {
          head = undefined
          if (height > (await readHead())) return
          continue
        }
        for (const payload of block.hashes) {
          const data = await store.get(`memory/data/${hashKey(payload)}`)
          if (data !== undefined) yield { height, commitment: { layer: daLayer.memory, payload }, data }
        }
      }
    },
    height: readHead,
    mine: blocks =>
      inOrder(async () => {
        for (let i = 0; i < blocks; i++) await append((await readHead()) + 1n, [])
      }),
    reorg: depth =>
      inOrder(async () => {
        for (let height = await readHead(), left = depth; left > 0 && height > 0n; left--, height--) {
          const block = await blockOf(height)
          for (const hash of block?.hashes ?? []) {
            if ((await heightOf(hash)) !== height) continue
            await store.delete(`memory/at/${hashKey(hash)}`)
            await store.delete(`memory/data/${hashKey(hash)}`)
          }
          await store.delete(heightKey(height))
          head = height - 1n
        }
      }),
    ...closable(async () => {
      await inOrder(async () => {})
      closed = true
    }),
  }
}
