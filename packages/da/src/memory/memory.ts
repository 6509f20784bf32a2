import { type Clock, closable, equalBytes, systemClock } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { createSerial } from '../internal/call.js'
import { checkItems, itemsDigest } from '../internal/journal.js'
import { parseOptions, positiveSeconds } from '../internal/options.js'
import type { DaCallOptions, DaEntry, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { createBlocks, hashKey } from './blocks.js'
import { createEnter, type Enter, type MemoryFault } from './faults.js'
import { createReceipts } from './receipts.js'

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
  retentionSeconds?: bigint | undefined
  /** Wei per byte quoted; 0. */
  weiPerByte?: bigint | undefined
}

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
    retentionSeconds: z.optional(positiveSeconds),
    weiPerByte: z._default(z.bigint().check(z.nonnegative()), 0n),
  }))()

function hashOf(commitment: Commitment): Uint8Array {
  if (commitment.layer !== daLayer.memory || commitment.payload.length !== 32) {
    throw new DaError('not a commitment of the memory layer', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer: commitment.layer, length: commitment.payload.length },
    })
  }
  return commitment.payload
}

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
  // Writes go one after another: heights have no gaps, and the order is the order of `submit`.
  const inOrder = createSerial()
  const blocks = createBlocks(store, clock)
  const receipts = createReceipts(store, blocks)
  const answer = createEnter(name, settings.latencyMs, { clock, inject: deps.inject })
  const enter: Enter = async (operation, call, run) => {
    if (closed) throw new DaError(`${name} is closed`, { code: 'DA_CLOSED' })
    return answer(operation, call, run)
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
      return enter('submit', call, () => inOrder(() => receipts.write(items, call?.key ?? digest, digest)))
    },
    pending: async call => {
      call?.signal?.throwIfAborted()
      return []
    },
    resume: (key, call) => enter('status', call, () => inOrder(() => receipts.found(key))),
    reads: ({ layer }) => layer === daLayer.memory,
    get: (commitment, call) => {
      return enter('get', call, async fault => {
        const hash = hashOf(commitment)
        const height = await blocks.heightOf(hash)
        const stored = height === undefined ? undefined : await blocks.dataOf(hash)
        if (height === undefined || stored === undefined) {
          throw new DaError('the memory layer has no such data', {
            code: 'DA_NOT_FOUND',
            details: { hash: hashKey(hash) },
          })
        }
        const block = await blocks.at(height)
        const age = clock.now() - (block?.timeMs ?? 0)
        if (settings.retentionSeconds !== undefined && age > Number(settings.retentionSeconds) * 1000) {
          throw new DaError('the data is past its retention', { code: 'DA_EXPIRED', details: { height } })
        }
        const data = fault?.type === 'lie' ? fault.change(stored) : stored
        if (!equalBytes(keccak256(data), hash)) {
          throw new DaError('the memory layer returned other data', {
            code: 'DA_MISMATCH',
            details: { hash: hashKey(hash), length: data.length },
          })
        }
        return data
      })
    },
    verify: async (commitment, data) => equalBytes(keccak256(data), hashOf(commitment)),
    status: (commitment, call) =>
      enter('status', call, async () => {
        const height = await blocks.heightOf(hashOf(commitment))
        if (height === undefined) return 'lost'
        return (await blocks.head()) - height >= BigInt(settings.finalityBlocks) ? 'final' : 'included'
      }),
    list: blocks.list,
    height: blocks.head,
    mine: count =>
      inOrder(async () => {
        for (let i = 0; i < count; i++) await blocks.append((await blocks.head()) + 1n, [])
      }),
    reorg: depth => inOrder(() => blocks.drop(depth)),
    ...closable(async () => {
      await inOrder(async () => {})
      closed = true
    }),
  }
}
