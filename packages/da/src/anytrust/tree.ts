import { concatBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'

/** Bytes of a leaf. Source: Nitro, `daprovider/anytrust/tree`. */
const binBytes = 64 * 1024

/**
 * The hash by which AnyTrust names data: keccak256 leaves over 64 KiB each, joined in pairs with the bytes below them, the first bit inverted.
 * Source: Nitro, `daprovider/anytrust/tree`, `RecordHash`.
 */
export function treeHash(data: Uint8Array): Uint8Array {
  let layer: { hash: Uint8Array; size: number }[] = []
  for (let at = 0; at < data.length || layer.length === 0; at += binBytes) {
    const bin = data.subarray(at, at + binBytes)
    layer.push({ hash: keccak256(concatBytes(Uint8Array.of(0xfe), keccak256(bin))), size: bin.length })
  }
  while (layer.length > 1) {
    const joined: typeof layer = []
    for (let at = 0; at < layer.length; at += 2) {
      const [left, right] = [layer[at]!, layer[at + 1]]
      if (right === undefined) {
        joined.push(left)
        continue
      }
      const size = left.size + right.size
      const sizeBytes = new Uint8Array(4)
      new DataView(sizeBytes.buffer).setUint32(0, size)
      joined.push({ hash: keccak256(concatBytes(Uint8Array.of(0xff), left.hash, right.hash, sizeBytes)), size })
    }
    layer = joined
  }
  const { hash } = layer[0]!
  hash[0]! ^= 0x80
  return hash
}
