import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import type { Address } from 'viem'
import { encodeRlp } from '../rlp/rlp.js'
import { defaultRecovery, type SenderRecovery } from './recovery.js'
import type { Authorization, Transaction } from './types.js'

const halfOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n >> 1n

function word(value: bigint): Uint8Array {
  return hexToBytes(value.toString(16).padStart(64, '0'))!
}

/** Who signed an EIP-7702 tuple; `undefined` where nobody did, which makes the tuple void. */
export function authorityOf(
  authorization: Authorization,
  recovery: SenderRecovery = defaultRecovery,
): Address | undefined {
  const { yParity, r, s } = authorization
  if ((yParity !== 0 && yParity !== 1) || r === 0n || s === 0n || s > halfOrder) return undefined
  const fields = encodeRlp([authorization.chainId, hexToBytes(authorization.address)!, authorization.nonce])
  const hash = recovery.keccak256(concatBytes(Uint8Array.of(5), fields))
  const authority = recovery.recover(hash, concatBytes(word(r), word(s)), yParity)
  return authority === undefined ? undefined : bytesToHex(authority)
}

/** The accounts whose code a type 4 transaction may set, without repetition, in the order of its tuples. */
export function authoritiesOf(
  transaction: Transaction,
  recovery: SenderRecovery = defaultRecovery,
): readonly Address[] {
  if (transaction.authorizationList.length === 0) return []
  const authorities = new Set<Address>()
  for (const authorization of transaction.authorizationList) {
    const authority = authorityOf(authorization, recovery)
    if (authority !== undefined) authorities.add(authority)
  }
  return [...authorities]
}
