import { z } from 'zod'
import { OpEngineError } from '../errors.js'

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
