import { BlobError } from '../errors.js'
import type { Kzg, KzgBackend } from './kzg.js'

/** @see createBlobKzg */
export type CreateBlobKzgOptions = {
  /** The libraries to try, in order. Default `c-kzg`, `eth-kzg`, `noble`. */
  backends?: readonly KzgBackend[] | undefined
  /** Tables that make cell proofs faster for about 100 MB. Default `false`. */
  precompute?: boolean | undefined
}

const importers: Record<KzgBackend, (precompute: boolean) => Promise<Kzg>> = {
  'c-kzg': async precompute => (await import('./c-kzg.js')).cKzg({ precompute: precompute ? 8 : 0 }),
  'eth-kzg': async precompute => (await import('./eth-kzg.js')).ethKzg({ precompute }),
  noble: async () => (await import('./noble.js')).nobleKzg(),
}

/**
 * KZG by the first library of the list that is installed; `backend` says which. The result can be handed to viem as its `kzg`.
 * Making it loads no trusted setup: the first call does, or `load()`.
 *
 * @throws BlobError `KZG_BACKEND` when none can be imported
 * @example
 * ```ts
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const kzg = await createBlobKzg({ backends: ['noble'] })
 * console.log(kzg.backend) // noble
 * ```
 */
export async function createBlobKzg(options: CreateBlobKzgOptions = {}): Promise<Kzg> {
  const backends = options.backends ?? ['c-kzg', 'eth-kzg', 'noble']
  const causes: unknown[] = []
  for (const backend of backends) {
    try {
      return await importers[backend](options.precompute ?? false)
    } catch (cause) {
      causes.push(cause)
    }
  }
  throw new BlobError(`no KZG library could be imported of: ${backends.join(', ')}`, {
    code: 'KZG_BACKEND',
    details: { backends, reasons: causes.map(cause => (cause instanceof Error ? cause.message : String(cause))) },
    cause: causes[0],
  })
}
