import { concatBytes } from '@l2/common'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'

/** A committee's promise to keep data until a time. */
export type AnyTrustCertificate = {
  /** Of the committee, 32 bytes. */
  readonly keysetHash: Uint8Array
  /** Tree hash of the data, 32 bytes. */
  readonly dataHash: Uint8Array
  /** Unix seconds until which the data is kept. */
  readonly timeoutSeconds: bigint
  /** Bit n: the n-th key of the keyset signed. */
  readonly signersMask: bigint
  /** Aggregated, 96 bytes. */
  readonly signature: Uint8Array
}

/** Version of the certificate: data is named by a tree of hashes. The flat hashes of version 0 are no longer made. */
const version = 1
const payloadBytes = 32 + 32 + 8 + 1 + 8 + 96

/**
 * Reads a certificate; the commitment's bytes are Nitro's, whose header byte 0x88 is the layer's. Source: Nitro, `DeserializeCertFrom`.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { daLayer } from '@l2/da'
 * import { parseAnyTrustCertificate } from '@l2/da/anytrust'
 *
 * const payload = new Uint8Array(177)
 * payload[72] = 1
 * console.log(parseAnyTrustCertificate({ layer: daLayer.anyTrust, payload }).signersMask) // 0n
 * ```
 */
export function parseAnyTrustCertificate({ layer, payload }: Commitment): AnyTrustCertificate {
  if (layer !== daLayer.anyTrust || payload.length !== payloadBytes || payload[72] !== version) {
    throw new DaError('not a certificate of AnyTrust', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer, length: payload.length, version: payload[72] },
    })
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  return {
    keysetHash: payload.slice(0, 32),
    dataHash: payload.slice(32, 64),
    timeoutSeconds: view.getBigUint64(64),
    signersMask: view.getBigUint64(73),
    signature: payload.slice(81),
  }
}

/**
 * Inverse of {@link parseAnyTrustCertificate}.
 *
 * @example
 * ```ts
 * import { formatAnyTrustCertificate, parseAnyTrustCertificate } from '@l2/da/anytrust'
 *
 * const hash = new Uint8Array(32)
 * const parts = { keysetHash: hash, dataHash: hash, timeoutSeconds: 7n, signersMask: 3n, signature: new Uint8Array(96) }
 * console.log(parseAnyTrustCertificate(formatAnyTrustCertificate(parts)).timeoutSeconds) // 7n
 * ```
 */
export function formatAnyTrustCertificate(certificate: AnyTrustCertificate): Commitment {
  const mask = new Uint8Array(8)
  new DataView(mask.buffer).setBigUint64(0, certificate.signersMask)
  return {
    layer: daLayer.anyTrust,
    payload: concatBytes(certificate.keysetHash, signedFields(certificate), mask, certificate.signature),
  }
}

/** What members sign. Source: Nitro, `SerializeSignableFields`. */
export function signedFields({ dataHash, timeoutSeconds }: Pick<AnyTrustCertificate, 'dataHash' | 'timeoutSeconds'>) {
  const timeout = new Uint8Array(8)
  new DataView(timeout.buffer).setBigUint64(0, timeoutSeconds)
  return concatBytes(dataHash, timeout, Uint8Array.of(version))
}
