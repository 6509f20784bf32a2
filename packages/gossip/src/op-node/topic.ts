import { concatBytes, hexToBytes } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import { compress, uncompress } from 'snappyjs'
import type { Hex } from 'viem'
import { type OpPayloadVersion, opPayloadDigest } from './payload.js'

/** Bytes of a message at most, before compression. */
export const maxOpMessageBytes: number = 10 * 2 ** 20

/** op-node's topic of blocks: 2 from Ecotone, 3 from Isthmus on. */
export const opBlocksTopic = (chainId: bigint, version: OpPayloadVersion): string =>
  `/optimism/${chainId}/${version}/blocks`

/** op-node's name of a message: of what it says, decompressed, so that nobody can send the same block twice. */
export function opMessageId(topic: string, data: Uint8Array): Uint8Array {
  let content = data
  let domain = 0
  try {
    content = uncompress(data, maxOpMessageBytes)
    domain = 1
  } catch {
    // What is no snappy has a name, too.
  }
  const name = new TextEncoder().encode(topic)
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(name.length), true)
  return sha256(concatBytes(Uint8Array.of(domain, 0, 0, 0), length, name, content)).subarray(0, 20)
}

/** A payload as op-node takes it: signature, 65 bytes with a last one of 0 or 1, and payload, as one snappy block. */
export async function sealOpMessage(
  payload: Uint8Array,
  chainId: bigint,
  sign: (digest: Hex) => Promise<Hex>,
): Promise<Uint8Array> {
  const signature = hexToBytes(await sign(opPayloadDigest(payload, chainId)))!
  signature[64] = signature[64]! % 27
  return compress(concatBytes(signature, payload))
}
