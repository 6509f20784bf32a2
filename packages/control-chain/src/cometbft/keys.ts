import { concatBytes } from '@l2/common'
import { ed25519 } from '@noble/curves/ed25519.js'
import { cometAddress } from './extended-commit.js'

/** A key of the consensus engine as its files have it. */
export type CometKey = {
  /** ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** A new key: of a validator, or of a node's place in the engine's network. */
export function createCometKey(): CometKey {
  const { secretKey, publicKey } = ed25519.keygen()
  return { publicKey, secret: secretKey }
}

/** The name of a node among its peers, in front of `@host:port`. */
export function cometNodeId(publicKey: Uint8Array): string {
  return cometAddress(publicKey).slice(2)
}

/** `priv_validator_key.json` */
export function validatorKeyFile({ publicKey, secret }: CometKey): string {
  return JSON.stringify({
    address: cometAddress(publicKey).slice(2).toUpperCase(),
    pub_key: publicKeyJson(publicKey),
    priv_key: { type: 'tendermint/PrivKeyEd25519', value: base64(concatBytes(secret, publicKey)) },
  })
}

/** `node_key.json` */
export function nodeKeyFile({ publicKey, secret }: CometKey): string {
  return JSON.stringify({
    priv_key: { type: 'tendermint/PrivKeyEd25519', value: base64(concatBytes(secret, publicKey)) },
  })
}

/** A public key as the engine's JSON has it. */
export function publicKeyJson(publicKey: Uint8Array): { type: string; value: string } {
  return { type: 'tendermint/PubKeyEd25519', value: base64(publicKey) }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
