import { concatBytes } from '@l2/common'
import { type Commitment, daLayer, decodeCommitment, encodeCommitment } from '../commitment.js'
import { DaError } from '../errors.js'

/**
 * The copies that a mirror commitment names.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { daLayer, parseMirrorCommitment } from '@l2/da'
 *
 * const payload = Uint8Array.of(0, 33, daLayer.memory, ...new Uint8Array(32))
 * console.log(parseMirrorCommitment({ layer: daLayer.mirror, payload }).length) // 1
 * ```
 */
export function parseMirrorCommitment({ layer, payload }: Commitment): Commitment[] {
  const invalid = () =>
    new DaError('not a mirror commitment', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer, length: payload.length },
    })
  if (layer !== daLayer.mirror) throw invalid()
  const copies: Commitment[] = []
  for (let at = 0; at < payload.length; ) {
    const length = (payload[at]! << 8) | (payload[at + 1] ?? 0)
    if (length < 2 || at + 2 + length > payload.length) throw invalid()
    const copy = decodeCommitment(payload.subarray(at + 2, at + 2 + length))
    // A mirror of mirrors would let a few bytes ask for any amount of work.
    if (copy.layer === daLayer.mirror) throw invalid()
    copies.push(copy)
    at += 2 + length
  }
  if (copies.length === 0) throw invalid()
  return copies
}

/** Inverse of {@link parseMirrorCommitment}. */
export function formatMirrorCommitment(copies: readonly Commitment[]): Commitment {
  const parts = copies.flatMap(copy => {
    const bytes = encodeCommitment(copy)
    return [Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]
  })
  return { layer: daLayer.mirror, payload: concatBytes(...parts) }
}
