import { z } from 'zod'
import { OpEngineError } from '../errors.js'

/** Blocks kept behind the finalized one; 0 keeps all. */
export type History = {
  /** Whose state can be read, and proven. */
  readonly states: number
  /** Whose transactions and receipts can be read. */
  readonly bodies: number
}

/** A day of states and thirty days of bodies, at a block every two seconds. */
export const defaultHistory: History = { states: 43_200, bodies: 1_296_000 }

/** What engines on every platform take. */
export type CommonOptions = {
  /** geth's genesis file, as text or parsed. */
  readonly genesis: string | object
  /** Default: {@link defaultHistory}. */
  readonly history?: History | undefined
  /** Go's garbage collector runs when the heap has grown by so many per cent. Default: 400, which costs memory and saves a fifth of the time. */
  readonly gcPercent?: number | undefined
  /** Memory that the engine tries to stay below, bytes. It can have 4 GiB at most. Default: 3 GiB. */
  readonly softMemoryBytes?: number | undefined
  /** Milliseconds that one {@link OpEngine.tidy} works. Called by {@link ExecutionEngine.setHead} when the finalized block has moved. Default: 20. */
  readonly tidyMs?: number | undefined
}

/** Text of a genesis file. @throws OpEngineError `ENGINE_GENESIS` */
export function genesisText(genesis: string | object): string {
  if (typeof genesis !== 'string') return JSON.stringify(genesis)
  try {
    JSON.parse(genesis)
  } catch (cause) {
    throw new OpEngineError(`the genesis is no JSON: ${(cause as Error).message}`, { code: 'ENGINE_GENESIS', cause })
  }
  return genesis
}

/** Validates options; every problem is listed with its path. @throws OpEngineError `ENGINE_OPTIONS` */
export function checkOptions<T>(schema: z.ZodType<T>, options: unknown): T {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  throw new OpEngineError('options of the engine are invalid', {
    code: 'ENGINE_OPTIONS',
    meta: parsed.error.issues.map(issue => `"${issue.path.join('.')}" ${issue.message}`),
  })
}

const blocks = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)

/** What is checked of {@link CommonOptions}. */
export const commonSchema = {
  genesis: z.string().or(z.record(z.string(), z.unknown())),
  history: z.strictObject({ states: blocks, bodies: blocks }).optional(),
  gcPercent: z.number().int().min(10).max(10_000).optional(),
  softMemoryBytes: z
    .number()
    .int()
    .min(64 << 20)
    .max(4 * 2 ** 30)
    .optional(),
  tidyMs: z.number().positive().max(60_000).optional(),
}
