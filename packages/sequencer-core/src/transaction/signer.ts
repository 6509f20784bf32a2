import { bytesToHex, hexToBytes } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import { defaultRecovery, type SenderRecovery } from './recovery.js'

/** Half the order of secp256k1: a signature with a greater `s` is the malleable twin of another. */
const halfOrder = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/**
 * Who signed a digest. Only the canonical form counts: 65 bytes r ‖ s ‖ v, v 27 or 28, `s` in the lower half.
 *
 * @returns the address in lower case, `undefined` when it is nobody's signature. Never throws.
 */
export function recoverSigner(
  digest: Hash,
  signature: Hex,
  recovery: SenderRecovery = defaultRecovery,
): Address | undefined {
  const bytes = hexToBytes(signature)
  const hash = hexToBytes(digest)
  if (bytes?.length !== 65 || hash?.length !== 32) return undefined
  const v = bytes[64]!
  if (v !== 27 && v !== 28) return undefined
  if (BigInt(bytesToHex(bytes.subarray(32, 64))) > halfOrder) return undefined
  const signer = recovery.recover(hash, bytes.subarray(0, 64), v === 27 ? 0 : 1)
  return signer === undefined ? undefined : bytesToHex(signer)
}
