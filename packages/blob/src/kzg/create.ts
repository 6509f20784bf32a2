import { BlobError } from '../errors.js'
import type { KzgBackend } from './kzg.js'

/** @see createBlobKzg */
export type CreateBlobKzgOptions = {
  /** The libraries to try, in order. Default `c-kzg`, `eth-kzg`, `noble`; in a browser `noble`. */
  backends?: readonly KzgBackend[] | undefined
  /** Tables that make native cell proofs faster, for about 100 MB and a slower start. Default `false`. */
  precompute?: boolean | undefined
}

/** @see createKzgPool */
export type CreateKzgPoolOptions = CreateBlobKzgOptions & {
  /** Calls that are worked on at the same time. Default: as many as the machine runs threads. */
  size?: number | undefined
  /** Calls that may wait; one more rejects with `KZG_POOL_FULL`. Default 1024. */
  maxQueued?: number | undefined
}

/**
 * What the first library of the list makes that can be imported.
 *
 * @throws BlobError `KZG_BACKEND`
 */
export async function firstOf<T>(
  backends: readonly KzgBackend[],
  makers: Partial<Record<KzgBackend, () => Promise<T>>>,
): Promise<T> {
  const reasons: string[] = []
  for (const backend of backends) {
    try {
      const make = makers[backend]
      if (make !== undefined) return await make()
      reasons.push(`${backend}: not for this platform`)
    } catch (cause) {
      reasons.push(`${backend}: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`)
    }
  }
  throw new BlobError('no KZG library could be imported', {
    code: 'KZG_BACKEND',
    meta: reasons,
    details: { backends, reasons },
  })
}

/** @throws BlobError `OPTION` */
export function checkPoolOptions(size: number, maxQueued: number): void {
  for (const [name, value, max] of [
    ['size', size, 1024],
    ['maxQueued', maxQueued, 2 ** 32],
  ] as const) {
    if (!Number.isInteger(value) || value < 1 || value > max) {
      throw new BlobError(`"${name}" expected an integer from 1 to ${max}, got ${value}`, {
        code: 'OPTION',
        details: { [name]: value },
      })
    }
  }
}
