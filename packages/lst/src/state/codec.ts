import * as z from 'zod'
import { LstError } from '../errors.js'
import { OrderedMap } from './ordered-map.js'

/** JSON as `JSON.parse` gives it: every integer a decimal string, every map a list of pairs in key order. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A reducer's state to JSON and back. */
export type Codec<State> = {
  encode(state: State): Json
  /** @throws LstError `STATE_INVALID` naming the path of what is wrong. */
  decode(json: unknown): State
}

/** A non-negative integer below 2^256 as a decimal string. */
export const integer = z.codec(z.string().regex(/^(0|[1-9]\d{0,77})$/), z.bigint(), {
  decode: text => BigInt(text),
  encode: value => value.toString(),
})

/** A {@link OrderedMap} as pairs. */
export function mapOf<K extends z.ZodType<string | bigint>, V extends z.ZodType>(key: K, value: V) {
  return z.codec(
    z.array(z.tuple([key, value])),
    z.custom<OrderedMap<z.output<K>, z.output<V>>>(item => item instanceof OrderedMap),
    {
      decode: pairs => OrderedMap.from(pairs as [z.output<K>, z.output<V>][]),
      encode: map => [...map] as never,
    },
  )
}

/** Balances by account. */
export const ledger = mapOf(z.string().min(1).max(128), integer)

/** Brands are types only: a schema speaks of bigints where the state speaks of `Assets` and `Shares`. */
export function codec<State>(
  schema: z.ZodType,
  check: (state: State) => string | undefined = () => undefined,
): Codec<State> {
  return {
    encode: state => z.encode(schema, state as never) as Json,
    decode: json => {
      const parsed = z.safeDecode(schema, json as never)
      if (!parsed.success)
        throw new LstError('JSON is not a state of this reducer', {
          code: 'STATE_INVALID',
          meta: parsed.error.issues.slice(0, 8).map(issue => `"${issue.path.join('.')}" ${issue.message}`),
          cause: parsed.error,
        })
      const contradiction = check(parsed.data as State)
      if (contradiction !== undefined) throw new LstError(contradiction, { code: 'STATE_INVALID' })
      return parsed.data as State
    },
  }
}
