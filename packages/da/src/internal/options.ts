import { readSchema } from '@l2/common/schema'
import * as z from 'zod/mini'
import { DaError } from '../errors.js'

/** A span of time that is not over at once. */
export const positiveSeconds = /* @__PURE__ */ (() => z.bigint().check(z.positive()))()

/** Parses an options object; every issue is listed with its path. Values are not repeated: an option may be a token. */
export function parseOptions<S extends z.ZodMiniType>(of: string, schema: S, options: unknown): z.output<S> {
  const parsed = readSchema(schema, options)
  if (parsed.ok) return parsed.value
  const { issues } = parsed
  throw new DaError(`invalid options of ${of}`, { code: 'DA_OPTIONS_INVALID', meta: issues, details: { issues } })
}
