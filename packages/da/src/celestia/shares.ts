import { DaError } from '../errors.js'
import { namespaceBytes } from './namespace.js'

/** Bytes of a share, the unit of a Celestia block. Source: celestia-app specs, "Shares". */
export const shareBytes = 512
/** Bytes of the address in the first share of a blob of version 1. */
export const signerBytes = 20
const infoBytes = 1
const lengthBytes = 4

/** 0: anonymous. 1: with the address that paid, which readers can trust. 2 is the protocol's own and never posted by users. */
export type ShareVersion = 0 | 1 | 2

/** Data as it goes into a Celestia block. */
export type CelestiaBlob = {
  /** 29 bytes */
  readonly namespace: Uint8Array
  readonly data: Uint8Array
  readonly shareVersion: ShareVersion
  /** 20 bytes, in versions 1 and 2 only. */
  readonly signer?: Uint8Array | undefined
}

const continuationBytes = shareBytes - namespaceBytes - infoBytes
const firstBytes = (version: ShareVersion) => continuationBytes - lengthBytes - (version === 0 ? 0 : signerBytes)

/**
 * Shares that data of that many bytes take.
 *
 * @example
 * ```ts
 * import { sharesNeeded } from '@l2/da/celestia'
 *
 * console.log(sharesNeeded(478, 0), sharesNeeded(479, 0)) // 1 2
 * ```
 */
export function sharesNeeded(bytes: number, version: ShareVersion): number {
  if (bytes === 0) return 0
  const first = firstBytes(version)
  return bytes <= first ? 1 : 1 + Math.ceil((bytes - first) / continuationBytes)
}

/** @throws DaError `DA_OPTIONS_INVALID`, `DA_EMPTY`, `DA_TOO_LARGE` */
export function checkBlob({ data, shareVersion, signer }: CelestiaBlob): void {
  if (data.length === 0) throw new DaError('Celestia takes no empty blob', { code: 'DA_EMPTY' })
  if (data.length > 0xffff_ffff) throw new DaError('a blob has at most 2^32 − 1 bytes', { code: 'DA_TOO_LARGE' })
  if ((signer?.length ?? 0) !== (shareVersion === 0 ? 0 : signerBytes)) {
    throw new DaError(`share version ${shareVersion} has a signer of ${shareVersion === 0 ? 0 : signerBytes} bytes`, {
      code: 'DA_OPTIONS_INVALID',
      details: { shareVersion, signerLength: signer?.length ?? 0 },
    })
  }
}

/**
 * Writes the shares of a blob one behind the other. Source: go-square `share.SplitBlobs`.
 *
 * @throws DaError `DA_EMPTY`, `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { namespaceOfName, splitShares } from '@l2/da/celestia'
 *
 * const blob = { namespace: namespaceOfName('rollup'), data: new Uint8Array(479).fill(1), shareVersion: 0 } as const
 * console.log(splitShares(blob).length) // 1024
 * ```
 */
export function splitShares(blob: CelestiaBlob): Uint8Array {
  checkBlob(blob)
  const { namespace, data, shareVersion, signer } = blob
  const count = sharesNeeded(data.length, shareVersion)
  const out = new Uint8Array(count * shareBytes)
  let taken = 0
  for (let index = 0; index < count; index++) {
    let at = index * shareBytes
    out.set(namespace, at)
    at += namespaceBytes
    out[at++] = (shareVersion << 1) | (index === 0 ? 1 : 0)
    if (index === 0) {
      new DataView(out.buffer).setUint32(at, data.length)
      at += lengthBytes
      if (signer !== undefined) {
        out.set(signer, at)
        at += signerBytes
      }
    }
    const part = data.subarray(taken, taken + (index + 1) * shareBytes - at)
    out.set(part, at)
    taken += part.length
  }
  return out
}

function malformed(reason: string): DaError {
  return new DaError(`malformed shares: ${reason}`, { code: 'DA_RESPONSE_INVALID', details: { reason } })
}

/**
 * Reads the shares of one blob back. Strict: what {@link splitShares} would not have written is refused.
 *
 * @throws DaError `DA_RESPONSE_INVALID`
 * @example
 * ```ts
 * import { joinShares, namespaceOfName, splitShares } from '@l2/da/celestia'
 *
 * const blob = { namespace: namespaceOfName('rollup'), data: Uint8Array.of(1, 2), shareVersion: 0 } as const
 * console.log(joinShares(splitShares(blob)).data) // Uint8Array(2) [ 1, 2 ]
 * ```
 */
export function joinShares(shares: Uint8Array): CelestiaBlob {
  if (shares.length === 0 || shares.length % shareBytes !== 0) throw malformed(`${shares.length} bytes`)
  const namespace = shares.slice(0, namespaceBytes)
  const info = shares[namespaceBytes]!
  const shareVersion = (info >> 1) as ShareVersion
  if (shareVersion > 2) throw malformed(`version ${shareVersion}`)
  if ((info & 1) === 0) throw malformed('no share begins the sequence')
  const length = new DataView(shares.buffer, shares.byteOffset).getUint32(namespaceBytes + infoBytes)
  const count = sharesNeeded(length, shareVersion)
  if (length === 0 || count !== shares.length / shareBytes) throw malformed(`${length} bytes in ${shares.length}`)
  const data = new Uint8Array(length)
  let taken = 0
  let signer: Uint8Array | undefined
  for (let index = 0; index < count; index++) {
    let at = index * shareBytes
    const end = at + shareBytes
    for (let i = 0; i < namespaceBytes; i++) {
      if (shares[at + i] !== namespace[i]) throw malformed(`share ${index} has another namespace`)
    }
    at += namespaceBytes
    if (shares[at++] !== ((shareVersion << 1) | (index === 0 ? 1 : 0))) throw malformed(`info byte of share ${index}`)
    if (index === 0) {
      at += lengthBytes
      if (shareVersion !== 0) {
        signer = shares.slice(at, at + signerBytes)
        at += signerBytes
      }
    }
    const part = shares.subarray(at, Math.min(end, at + length - taken))
    data.set(part, taken)
    taken += part.length
    for (let i = at + part.length; i < end; i++) if (shares[i] !== 0) throw malformed(`padding of share ${index}`)
  }
  return signer === undefined ? { namespace, data, shareVersion } : { namespace, data, shareVersion, signer }
}

/**
 * Gas of a transaction that pays for blobs of these sizes: 8 a share byte, 70 bytes of the transaction a blob at 10, and 75 000.
 * Source: celestia-app x/blob/types, `EstimateGas`.
 *
 * @example
 * ```ts
 * import { estimateGas } from '@l2/da/celestia'
 *
 * console.log(estimateGas([100_000]) > estimateGas([1000])) // true
 * ```
 */
export function estimateGas(sizes: readonly number[], version: ShareVersion = 0): bigint {
  const shares = sizes.reduce((sum, size) => sum + sharesNeeded(size, version), 0)
  return BigInt(shares) * BigInt(shareBytes) * 8n + 700n * BigInt(sizes.length) + 75_000n
}
