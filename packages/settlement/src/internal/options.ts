import { readSchema } from '@l2/common/schema'
import type { Address, Hash } from 'viem'
import * as z from 'zod/mini'
import { SettlementError } from '../errors.js'

/** Validates the options of a function; every problem is listed with its path. @throws SettlementError `SETTLEMENT_OPTIONS_INVALID` */
export function checkOptions<S extends z.ZodMiniType>(schema: S, options: unknown, what: string): z.output<S> {
  const parsed = readSchema(schema, options)
  if (parsed.ok) return parsed.value
  throw new SettlementError(`options of ${what} are invalid`, {
    code: 'SETTLEMENT_OPTIONS_INVALID',
    meta: parsed.issues.slice(0, 20),
  })
}

/** An account's address, not the zero address. */
export const address = /* @__PURE__ */ z.custom<Address>(
  value => typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value) && !/^0x0{40}$/.test(value),
  'expected an address that is not zero',
)

export const hash = /* @__PURE__ */ z.custom<Hash>(
  value => typeof value === 'string' && /^0x[0-9a-fA-F]{64}$/.test(value),
  'expected 32 bytes of hex',
)

/** A bigint between two bounds, both allowed. */
export const uint = (max: bigint, min = 0n) =>
  z.custom<bigint>(
    value => typeof value === 'bigint' && value >= min && value <= max,
    `expected a bigint of ${min} to ${max}`,
  )
