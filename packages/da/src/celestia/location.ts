import { concatBytes } from '@l2/common'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { isBlobNamespace, namespaceBytes } from './namespace.js'

/** Where a blob is, and what it is. */
export type CelestiaCommitment = {
  height: bigint
  /** Share commitment, 32 bytes. */
  commitment: Uint8Array
  /** 29 bytes; `undefined` in the short form of other alt-DA servers, which leave it to configuration. */
  namespace: Uint8Array | undefined
}

/**
 * Reads a commitment: `u64le height ‖ commitment` as Celestia's alt-DA servers write it, with a `u32le` offset and size behind it (which
 * are hints and ignored), or with the 10 free bytes of the namespace behind it, which is what this adapter writes.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { hexToCommitment } from '@l2/da'
 * import { parseCelestiaCommitment } from '@l2/da/celestia'
 *
 * const other = hexToCommitment(`0x0c0500000000000000${'11'.repeat(32)}`)
 * console.log(parseCelestiaCommitment(other).height) // 5n
 * ```
 */
export function parseCelestiaCommitment({ layer, payload }: Commitment): CelestiaCommitment {
  const { length } = payload
  if (layer !== daLayer.celestia || (length !== 40 && length !== 48 && length !== 50)) {
    throw new DaError('not a commitment of Celestia', { code: 'DA_COMMITMENT_INVALID', details: { layer, length } })
  }
  const namespace = length === 50 ? concatBytes(new Uint8Array(namespaceBytes - 10), payload.subarray(40)) : undefined
  const height = new DataView(payload.buffer, payload.byteOffset).getBigUint64(0, true)
  if (height === 0n || height > BigInt(Number.MAX_SAFE_INTEGER) || (namespace && !isBlobNamespace(namespace))) {
    throw new DaError('a Celestia commitment with an impossible height or namespace', {
      code: 'DA_COMMITMENT_INVALID',
      details: { height },
    })
  }
  return { height, commitment: payload.slice(8, 40), namespace }
}

/**
 * Inverse of {@link parseCelestiaCommitment}.
 *
 * @example
 * ```ts
 * import { formatCelestiaCommitment, namespaceOfName } from '@l2/da/celestia'
 *
 * const commitment = new Uint8Array(32)
 * console.log(formatCelestiaCommitment({ height: 5n, commitment, namespace: namespaceOfName('rollup') }).payload.length) // 50
 * ```
 */
export function formatCelestiaCommitment({ height, commitment, namespace }: CelestiaCommitment): Commitment {
  const at = new Uint8Array(8)
  new DataView(at.buffer).setBigUint64(0, height, true)
  return {
    layer: daLayer.celestia,
    payload: concatBytes(at, commitment, namespace?.subarray(namespaceBytes - 10) ?? new Uint8Array()),
  }
}
