import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Logger, silentLogger } from '@l2/common'
import * as z from 'zod/mini'
import { type AdapterParts, type OpEngine, openAdapter } from '../adapter/engine.js'
import { type CommonOptions, defaultBuildTimeoutMs, defaultHistory, genesisText } from '../adapter/options.js'
import { createReader } from '../adapter/reader.js'
import { checkOptions, commonSchema } from '../adapter/schema.js'
import { OpEngineError } from '../errors.js'
import { Supervisor } from '../host/supervisor.js'
import { wasmParts } from '../host/wasm-engine.js'
import { compileEngine } from './compile.js'
import { type OpEngineKind, requireEngineFile } from './engine-file.js'
import { startSidecar } from './sidecar.js'
import { locateStore, lockStore, type NodeStore } from './store.js'
import { nodeWorker } from './worker-handle.js'

/** Options of {@link createOpEngine} in Node. */
export type OpEngineOptions = CommonOptions & {
  readonly store: NodeStore
  /** `wasm`, the default, runs in a worker thread; `native` is a program of its own, about seven times as fast. */
  readonly engine?: OpEngineKind | undefined
  /** The engine's file, or its folder. Default: see {@link findEngineFile}. */
  readonly file?: string | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    ...commonSchema,
    store: z.union([
      z.literal('memory'),
      z.strictObject({ path: z.string().check(z.minLength(1)), type: z.optional(z.enum(['lmdb', 'log'])) }),
    ]),
    engine: z.optional(z.enum(['wasm', 'native'])),
    file: z.optional(z.string().check(z.minLength(1))),
    logger: z.optional(z.custom<Logger>(value => typeof value === 'object' && value !== null)),
  }))()

/** Reads that a sidecar answers at the same time, beside the block that it builds. */
const sidecarReads = 4

/**
 * Opens an execution engine of the OP Stack over a store: op-geth's state transition in WebAssembly, or the same as a native program. The first start
 * writes the genesis; later ones go on at the head, however long the chain is.
 *
 * @throws OpEngineError `ENGINE_OPTIONS`, `ENGINE_MISSING`, `ENGINE_GENESIS`, `ENGINE_STORE_FOREIGN`, `ENGINE_STORE_CORRUPT`, `ENGINE_STORE_FAILED`,
 * `ENGINE_STORE_LOCKED`, `ENGINE_CRASHED`
 *
 * @example
 * ```ts no-run
 * import { readFileSync } from 'node:fs'
 * import { createOpEngine } from '@l2/op-engine/node'
 *
 * const engine = await createOpEngine({
 *   genesis: readFileSync('genesis.json', 'utf8'),
 *   store: { path: 'engine' },
 * })
 * const parent = (await engine.block('latest'))!
 * const block = await engine.build(parent.hash, {
 *   timestamp: parent.timestamp + 2n,
 *   prevRandao: `0x${'00'.repeat(32)}`,
 *   suggestedFeeRecipient: '0x4200000000000000000000000000000000000011',
 *   withdrawals: [],
 *   parentBeaconBlockRoot: `0x${'00'.repeat(32)}`,
 *   transactions: [],
 *   noTxPool: true,
 *   gasLimit: parent.gasLimit,
 *   eip1559Params: '0x0000000000000000',
 *   minBaseFee: undefined,
 * })
 * await engine.setHead({ head: block.hash, safe: parent.hash, finalized: parent.hash })
 * const reader = engine.reader()
 * console.log(await reader.request({ method: 'eth_blockNumber' }))
 * await engine.close()
 * ```
 */
export async function createOpEngine(options: OpEngineOptions): Promise<OpEngine> {
  checkOptions(optionsSchema, options)
  const kind = options.engine ?? 'wasm'
  const file = resolve(await requireEngineFile(kind, options.file))
  const path = options.store === 'memory' ? undefined : resolve(options.store.path)
  const lock = path === undefined ? undefined : await lockFolder(path)
  const release = async (): Promise<void> => lock?.release()
  try {
    const parts = kind === 'native' ? nativeParts(options, file, path, release) : await wasm(options, file, release)
    return await openAdapter(parts)
  } catch (error) {
    await release()
    throw error
  }
}

async function lockFolder(path: string) {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (cause) {
    throw new OpEngineError(`${dirname(path)} cannot be made: ${(cause as Error).message}`, {
      code: 'ENGINE_STORE_FAILED',
      cause,
    })
  }
  return lockStore(path)
}

async function wasm(options: OpEngineOptions, file: string, release: () => Promise<void>): Promise<AdapterParts> {
  return wasmParts({
    ...(await compileEngine(file)),
    options,
    store: locateStore(options.store),
    logger: options.logger ?? silentLogger,
    startWorker: nodeWorker,
    release,
  })
}

/** The sidecar answers reads beside the block that it builds; there is nothing to take away from a read but its answer. */
function nativeParts(
  options: OpEngineOptions,
  file: string,
  path: string | undefined,
  release: () => Promise<void>,
): AdapterParts {
  const supervisor = new Supervisor({
    start: startSidecar(file, {
      GOGC: String(options.gcPercent ?? 400),
      ...(options.softMemoryBytes === undefined ? {} : { GOMEMLIMIT: `${options.softMemoryBytes}B` }),
    }),
    open: {
      params: {
        history: options.history ?? defaultHistory,
        readOnly: false,
        ...(path === undefined ? {} : { path: join(path, 'native') }),
      },
      bytes: [new TextEncoder().encode(genesisText(options.genesis))],
    },
    limits: { build: 1, read: sidecarReads },
    killsOverdue: false,
    buildTimeoutMs: options.buildTimeoutMs ?? defaultBuildTimeoutMs,
    logger: options.logger ?? silentLogger,
  })
  return {
    name: 'op-engine (native)',
    supervisor,
    reader: readerOptions => createReader(supervisor, readerOptions ?? {}, async () => {}),
    tidyMs: options.tidyMs ?? 20,
    async close() {
      await supervisor.close()
      await release()
    },
  }
}
