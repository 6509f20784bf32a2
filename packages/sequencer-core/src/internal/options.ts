import { readSchema } from '@l2/common/schema'
import type * as z from 'zod/mini'
import { SequencerError, type SequencerErrorCode } from '../errors.js'

/** Validates the options of a service; every problem is listed with its path. @throws SequencerError with `code` */
export function checkOptions<T>(schema: z.ZodMiniType<T>, options: unknown, what: string, code: SequencerErrorCode): T {
  const parsed = readSchema(schema, options)
  if (parsed.ok) return parsed.value
  throw new SequencerError(`options of ${what} are invalid`, {
    code,
    meta: parsed.issues,
  })
}
