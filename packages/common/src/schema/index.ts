import { en } from 'zod/locales'
import type * as z from 'zod/mini'

/** What a schema makes of an input: its value, or every issue as `"path" what is wrong`. Values are not repeated: an option may be a token. */
export type SchemaAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly string[]; readonly cause: unknown }

// The mini form of zod, which all packages use for its size, has no words of its own; they are handed in, because a setting would be global.
let words: ReturnType<typeof en>['localeError'] | undefined

/** Reads an input by a schema. Codecs decode. */
export function readSchema<S extends z.ZodMiniType>(schema: S, input: unknown): SchemaAnswer<z.output<S>> {
  words ??= en().localeError
  const parsed = schema.safeParse(input, { error: words })
  if (parsed.success) return { ok: true, value: parsed.data }
  const issues = parsed.error.issues.map(({ path, message }) => `"${path.join('.')}" ${message}`)
  return { ok: false, issues, cause: parsed.error }
}
