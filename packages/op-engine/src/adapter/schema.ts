import { readSchema } from '@l2/common/schema'
import * as z from 'zod/mini'
import { OpEngineError } from '../errors.js'

/** Validates options; every problem is listed with its path. @throws OpEngineError `ENGINE_OPTIONS` */
export function checkOptions<T>(schema: z.ZodMiniType<T>, options: unknown): T {
  const parsed = readSchema(schema, options)
  if (parsed.ok) return parsed.value
  throw new OpEngineError('options of the engine are invalid', {
    code: 'ENGINE_OPTIONS',
    meta: parsed.issues,
  })
}

const blocks = /* @__PURE__ */ (() => z.int().check(z.nonnegative(), z.maximum(Number.MAX_SAFE_INTEGER)))()

/** What is checked of {@link CommonOptions}. */
export const commonSchema = {
  genesis: z.union([z.string(), z.record(z.string(), z.unknown())]),
  history: z.optional(z.strictObject({ states: blocks, bodies: blocks })),
  gcPercent: z.optional(z.int().check(z.minimum(10), z.maximum(10_000))),
  softMemoryBytes: z.optional(z.int().check(z.minimum(64 << 20), z.maximum(4 * 2 ** 30))),
  tidyMs: z.optional(z.number().check(z.positive(), z.maximum(60_000))),
  buildTimeoutMs: z.optional(z.int().check(z.minimum(100), z.maximum(3_600_000))),
}
