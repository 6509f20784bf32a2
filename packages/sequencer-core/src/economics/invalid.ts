import { SequencerError } from '../errors.js'

/** Throws `ECONOMICS_INVALID`. */
export function invalid(message: string, details: Record<string, unknown> = {}): never {
  throw new SequencerError(message, { code: 'ECONOMICS_INVALID', details })
}

/** Amounts are bigints of at least 0; counts are whole numbers of at least 0. */
export function checkNonNegative(fields: Record<string, bigint | number>): void {
  for (const [field, value] of Object.entries(fields)) {
    const ok = typeof value === 'bigint' ? value >= 0n : Number.isSafeInteger(value) && value >= 0
    if (!ok) invalid(`"${field}" expected a whole number of at least 0, got ${value}`, { field, value })
  }
}
