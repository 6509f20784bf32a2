import { readSchema } from '@l2/common/schema'
import type * as z from 'zod/mini'
import { DaError } from '../errors.js'

/** Parses an options object; every issue is listed with its path. Values are not repeated: an option may be a token. */
export function parseOptions<S extends z.ZodMiniType>(of: string, schema: S, options: unknown): z.output<S> {
  const parsed = readSchema(schema, options)
  if (parsed.ok) return parsed.value
  const { issues } = parsed
  throw new DaError(`invalid options of ${of}`, { code: 'DA_OPTIONS_INVALID', meta: issues, details: { issues } })
}
