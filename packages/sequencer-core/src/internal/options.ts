import type { z } from 'zod'
import { SequencerError, type SequencerErrorCode } from '../errors.js'

/** Validates the options of a service; every problem is listed with its path. @throws SequencerError with `code` */
export function checkOptions<T>(schema: z.ZodType<T>, options: unknown, what: string, code: SequencerErrorCode): T {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  throw new SequencerError(`options of ${what} are invalid`, {
    code,
    meta: parsed.error.issues.map(issue => `"${issue.path.join('.')}" ${issue.message}`),
  })
}
