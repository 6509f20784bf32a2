import { bytesToHex, concatBytes, equalBytes, hexToBytes } from '@l2/common'
import { DaError } from './errors.js'

/**
 * The first byte of a commitment: the layer that holds the data. 0x00, 0x0a and 0x0c are the DA layer bytes registered with the OP
 * Stack; the others are ours and take free values. Source: OP specs, alt-DA, "Input Commitment Submission".
 *
 * @example
 * ```ts
 * import { daLayer } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const { commitments } = await createMemoryDa().submit([Uint8Array.of(1)])
 * console.log(commitments[0]!.layer === daLayer.memory) // true
 * ```
 */
export const daLayer = {
  /** A certificate of an EigenDA proxy. */
  eigenDa: 0x00,
  /** A pointer of Avail's alt-DA server. */
  avail: 0x0a,
  celestia: 0x0c,
  memory: 0x6d,
  /** An object named by its keccak256, in a bucket or a directory. */
  object: 0x6f,
  /** A certificate of an AnyTrust committee; the byte is Nitro's header of one. */
  anyTrust: 0x88,
  /** keccak256 of the data, held by an alt-DA server: commitment type 0 of the OP Stack. */
  keccak: 0xad,
  ethereumCalldata: 0xe0,
  ethereumBlob: 0xe4,
  /** Copies on several layers. */
  mirror: 0xf0,
  /** Data on a store, its hash on an anchor layer, with a challenge window. */
  hybrid: 0xf1,
} as const

/** What a layer gives back for data and takes to find it. Opaque to everybody but the adapter of the layer. */
export type Commitment = {
  /** One byte, see {@link daLayer}. */
  readonly layer: number
  readonly payload: Uint8Array
}

/**
 * Bytes of the longest commitment read; certificates of EigenDA are the longest in use, at a few kilobytes.
 *
 * @example
 * ```ts
 * import { maxCommitmentBytes } from '@l2/da'
 *
 * console.log(maxCommitmentBytes) // 16384
 * ```
 */
export const maxCommitmentBytes = 16_384

function invalid(reason: string, details: Record<string, unknown> = {}): DaError {
  return new DaError(`invalid commitment: ${reason}`, { code: 'DA_COMMITMENT_INVALID', details })
}

/**
 * The canonical bytes: layer, then payload.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { daLayer, encodeCommitment } from '@l2/da'
 *
 * console.log(encodeCommitment({ layer: daLayer.keccak, payload: new Uint8Array(32) }).length) // 33
 * ```
 */
export function encodeCommitment(commitment: Commitment): Uint8Array {
  const { layer, payload } = commitment
  if (!Number.isInteger(layer) || layer < 0 || layer > 255) throw invalid('"layer" expected one byte', { layer })
  if (payload.length === 0 || payload.length >= maxCommitmentBytes) {
    throw invalid(`"payload" expected 1 to ${maxCommitmentBytes - 1} bytes, got ${payload.length}`, {
      length: payload.length,
    })
  }
  if (layer === daLayer.keccak && payload.length !== 32) throw invalid(`a keccak commitment has 32 bytes`, { layer })
  return concatBytes(Uint8Array.of(layer), payload)
}

/**
 * Reads {@link encodeCommitment} back.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { daLayer, decodeCommitment } from '@l2/da'
 *
 * const commitment = decodeCommitment(Uint8Array.of(daLayer.memory, ...new Uint8Array(32)))
 * console.log(commitment.layer === daLayer.memory, commitment.payload.length) // true 32
 * ```
 */
export function decodeCommitment(bytes: Uint8Array): Commitment {
  const commitment = { layer: bytes[0] ?? -1, payload: bytes.slice(1) }
  encodeCommitment(commitment)
  return commitment
}

/**
 * A commitment as text, for JSON, logs and command lines.
 *
 * @example
 * ```ts
 * import { commitmentToHex, hexToCommitment } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const da = createMemoryDa()
 * const { commitments } = await da.submit([new TextEncoder().encode('hello')])
 * const text = commitmentToHex(commitments[0]!)
 * console.log(text) // 0x6d1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8
 * console.log(new TextDecoder().decode(await da.get(hexToCommitment(text)))) // hello
 * ```
 */
export function commitmentToHex(commitment: Commitment): `0x${string}` {
  return bytesToHex(encodeCommitment(commitment))
}

/**
 * Reads {@link commitmentToHex} back.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { hexToCommitment } from '@l2/da'
 *
 * console.log(hexToCommitment(`0x6d${'00'.repeat(32)}`).payload.length) // 32
 * ```
 */
export function hexToCommitment(hex: string): Commitment {
  const bytes = hex.length <= 2 * maxCommitmentBytes + 2 ? hexToBytes(hex) : undefined
  if (bytes === undefined) throw invalid('hex expected', { length: hex.length })
  return decodeCommitment(bytes)
}

/**
 * Whether two commitments are the same.
 *
 * @example
 * ```ts
 * import { equalCommitments } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const da = createMemoryDa()
 * const [first, again] = [await da.submit([Uint8Array.of(1)]), await da.submit([Uint8Array.of(1)])]
 * console.log(equalCommitments(first.commitments[0]!, again.commitments[0]!)) // true
 * ```
 */
export function equalCommitments(a: Commitment, b: Commitment): boolean {
  return a.layer === b.layer && equalBytes(a.payload, b.payload)
}

/**
 * The batcher transaction data that puts a commitment on L1 the OP alt-DA way: `01 ‖ 00 ‖ keccak256` for a keccak commitment,
 * `01 ‖ 01 ‖ layer ‖ payload` for every other. Source: OP specs, alt-DA, "Input Commitment Submission".
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { commitmentToBatcherData, daLayer } from '@l2/da'
 *
 * // Version 1, type 0, and the hash.
 * console.log(commitmentToBatcherData({ layer: daLayer.keccak, payload: new Uint8Array(32) }).subarray(0, 3)) // Uint8Array(3) [ 1, 0, 0 ]
 * ```
 */
export function commitmentToBatcherData(commitment: Commitment): Uint8Array {
  const bytes = encodeCommitment(commitment)
  return commitment.layer === daLayer.keccak
    ? concatBytes(Uint8Array.of(1, 0), commitment.payload)
    : concatBytes(Uint8Array.of(1, 1), bytes)
}

/**
 * Reads {@link commitmentToBatcherData} back; the two are inverse to each other. Data whose first byte is not 01 carries frames, not a commitment.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { batcherDataToCommitment, daLayer } from '@l2/da'
 *
 * console.log(batcherDataToCommitment(Uint8Array.of(1, 0, ...new Uint8Array(32))).layer === daLayer.keccak) // true
 * ```
 */
export function batcherDataToCommitment(data: Uint8Array): Commitment {
  if (data[0] !== 1) throw invalid('batcher data begins with 01', { first: data[0] })
  return alternativeToCommitment(data.subarray(1))
}

/** A commitment as alt-DA servers speak it: type byte first. Inverse of {@link commitmentToAlternative}. */
export function alternativeToCommitment(bytes: Uint8Array): Commitment {
  if (bytes[0] === 0) {
    if (bytes.length !== 33) throw invalid(`a keccak commitment has 33 bytes, got ${bytes.length}`)
    return { layer: daLayer.keccak, payload: bytes.slice(1) }
  }
  if (bytes[0] !== 1) throw invalid('commitment type 0 (keccak) or 1 (generic) expected', { type: bytes[0] })
  // Two ways to write one commitment would be two identities of one batch.
  if (bytes[1] === daLayer.keccak) throw invalid('keccak commitments have type 0', { layer: bytes[1] })
  return decodeCommitment(bytes.subarray(1))
}

/** What an alt-DA server calls a commitment: {@link commitmentToBatcherData} without the version byte. */
export function commitmentToAlternative(commitment: Commitment): Uint8Array {
  return commitmentToBatcherData(commitment).subarray(1)
}
