import { OrderedMap } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import * as z from 'zod/mini'
import { LstError } from '../errors.js'

/** JSON as `JSON.parse` gives it: every integer a decimal string, every map a list of pairs in key order. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A reducer's state to JSON and back. */
export type Codec<State> = {
  encode(state: State): Json
  /** @throws LstError `STATE_INVALID` naming the path of what is wrong. */
  decode(json: unknown): State
}

/** A non-negative integer below 2^256 as a decimal string. */
export const integer = /* @__PURE__ */ (() =>
  z.codec(z.string().check(z.regex(/^(0|[1-9]\d{0,77})$/)), z.bigint(), {
    decode: text => BigInt(text),
    encode: value => value.toString(),
  }))()

type Encoder = (value: never) => Json

/** How what is no plain zod type is written. */
const encoders = new WeakMap<z.ZodMiniType, Encoder>()

/** A {@link OrderedMap} as pairs. */
export function mapOf<K extends z.ZodMiniType<string | number | bigint>, V extends z.ZodMiniType>(key: K, value: V) {
  const schema = z.codec(
    z.array(z.tuple([key, value])),
    z.custom<OrderedMap<z.output<K>, z.output<V>>>(item => item instanceof OrderedMap),
    {
      decode: pairs => OrderedMap.from(pairs as unknown as [z.output<K>, z.output<V>][]),
      encode: map => [...map] as never,
    },
  )
  const [writeKey, writeValue] = [encoder(key), encoder(value)]
  encoders.set(schema, (map: OrderedMap<string | number | bigint, unknown>) =>
    Array.from(map, ([k, v]) => [writeKey(k as never), writeValue(v as never)]),
  )
  return schema
}

/** Balances by account. */
export const ledger = /* @__PURE__ */ (() => mapOf(z.string().check(z.minLength(1), z.maxLength(128)), integer))()

/**
 * Writes what a schema reads, without checking again what our own reducers made: zod's `encode` takes seconds for a
 * queue of some 10^4 requests, and holds up whoever saves the state.
 */
function encoder(schema: z.ZodMiniType): Encoder {
  const known = encoders.get(schema)
  if (known !== undefined) return known
  if (schema instanceof z.ZodMiniObject) {
    const fields = Object.entries(schema.shape).map(([name, field]) => [name, encoder(field as z.ZodMiniType)] as const)
    return (value: Record<string, unknown>) => {
      const json: Record<string, Json> = {}
      for (const [name, write] of fields) if (value[name] !== undefined) json[name] = write(value[name] as never)
      return json
    }
  }
  if (schema instanceof z.ZodMiniArray) {
    const write = encoder(schema.def.element as z.ZodMiniType)
    return (items: readonly never[]) => items.map(write)
  }
  if (schema instanceof z.ZodMiniOptional) return encoder(schema.def.innerType as z.ZodMiniType)
  if (schema instanceof z.ZodMiniDiscriminatedUnion) {
    const { discriminator } = schema._zod.def
    const options = new Map(
      (schema.def.options as readonly z.ZodMiniObject[]).map(option => [
        (option.shape[discriminator] as z.ZodMiniLiteral).def.values[0],
        encoder(option),
      ]),
    )
    return (value: Record<string, unknown>) => options.get(value[discriminator] as never)!(value as never)
  }
  return value => (typeof value === 'bigint' ? (value as bigint).toString() : value)
}

/** Brands are types only: a schema speaks of bigints where the state speaks of `Assets` and `Shares`. */
export function codec<State>(
  schema: z.ZodMiniType,
  check: (state: State) => string | undefined = () => undefined,
): Codec<State> {
  const write = encoder(schema)
  return {
    encode: state => write(state as never),
    decode: json => {
      const parsed = readSchema(schema, json)
      if (!parsed.ok)
        throw new LstError('JSON is not a state of this reducer', {
          code: 'STATE_INVALID',
          meta: parsed.issues.slice(0, 8),
          cause: parsed.cause,
        })
      const contradiction = check(parsed.value as State)
      if (contradiction !== undefined) throw new LstError(contradiction, { code: 'STATE_INVALID' })
      return parsed.value as State
    },
  }
}
