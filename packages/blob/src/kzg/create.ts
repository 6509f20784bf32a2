import { isL2Error, type Logger, silentLogger } from '@l2/common'
import type { NativePart } from '@l2/common/node'
import { BlobError } from '../errors.js'
import type { KzgBackend } from './kzg.js'

/** @see createBlobKzg */
export type CreateBlobKzgOptions = {
  /** The libraries to try, in order. Default `c-kzg`, `eth-kzg`, `noble`; in a browser `noble`. */
  backends?: readonly KzgBackend[] | undefined
  /** Tables that make native cell proofs faster, for about 100 MB and a slower start. Default `false`. */
  precompute?: boolean | undefined
}

/** What {@link createBlobKzg} and `createKzgPool` work with. */
export type KzgDependencies = {
  /**
   * Told once which library is used in the place of a preferred one, and why: `warn` where the preferred one is installed and does not load,
   * `debug` where it is not installed. Default silent.
   */
  logger?: Logger | undefined
}

/** @see createKzgPool */
export type CreateKzgPoolOptions = CreateBlobKzgOptions & {
  /** Calls that are worked on at the same time. Default: as many as the machine runs threads. */
  size?: number | undefined
  /** Calls that may wait; one more rejects with `KZG_POOL_FULL`. Default 1024. */
  maxQueued?: number | undefined
}

/** The native library of a backend, or the error that says what is wrong with it. */
export function needed<T>(backend: KzgBackend, part: NativePart<T>): T {
  if (part.state === 'ready') return part.module
  const { state, reason, cause } = part
  throw new BlobError(
    `${backend} is ${state === 'absent' ? 'not installed' : `installed and does not load: ${reason}`}`,
    {
      code: 'KZG_BACKEND',
      meta: state === 'absent' ? [] : [`try: let the package manager build it, or leave ${backend} out of "backends"`],
      details: { backend, state, reason },
      cause,
    },
  )
}

/**
 * What the first library of the list makes that can be used.
 *
 * @throws BlobError `KZG_BACKEND`
 */
export async function firstOf<T extends { readonly backend: KzgBackend }>(
  backends: readonly KzgBackend[],
  makers: Partial<Record<KzgBackend, () => Promise<T>>>,
  logger: Logger = silentLogger,
): Promise<T> {
  const skipped: { backend: KzgBackend; state: 'absent' | 'broken'; reason: string }[] = []
  for (const backend of backends) {
    try {
      const make = makers[backend]
      if (make === undefined) {
        skipped.push({ backend, state: 'absent', reason: 'not for this platform' })
        continue
      }
      const made = await make()
      const broken = skipped.filter(({ state }) => state === 'broken')
      const say = broken.length > 0 ? 'warn' : 'debug'
      if (skipped.length > 0) {
        const why = (broken.length > 0 ? broken : skipped).map(one => `${one.backend}: ${one.reason}`).join('; ')
        logger[say](
          { backend, skipped },
          `KZG is computed by ${backend}, for a preferred library does not load (${why})`,
        )
      }
      return made
    } catch (cause) {
      const absent = isL2Error(cause, 'KZG_BACKEND') && cause.details['state'] === 'absent'
      const reason = isL2Error(cause) ? String(cause.details['reason'] ?? cause.shortMessage) : firstLine(cause)
      skipped.push({ backend, state: absent ? 'absent' : 'broken', reason: absent ? 'not installed' : reason })
    }
  }
  const reasons = skipped.map(({ backend, reason }) => `${backend}: ${reason}`)
  throw new BlobError('no KZG library could be loaded', {
    code: 'KZG_BACKEND',
    meta: reasons,
    details: { backends, reasons },
  })
}

const firstLine = (cause: unknown): string => String(cause instanceof Error ? cause.message : cause).split('\n')[0]!

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
