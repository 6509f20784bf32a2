import { bytesToHex, hexToBytes } from '@l2/common'
import type { PeerId } from '@libp2p/interface'
import type { Hex } from 'viem'
import type { Libp2pModules } from './modules.js'

/** The network key of a peer; `undefined` for one that has another kind of key. */
export function keyOf(peer: PeerId): Hex | undefined {
  return peer.type === 'Ed25519' ? bytesToHex(peer.publicKey.raw) : undefined
}

export function peerOf(key: Hex, { publicKeyFromRaw, peerIdFromPublicKey }: Libp2pModules): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(hexToBytes(key)!))
}
