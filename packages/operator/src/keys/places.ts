import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { bytesToHex } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import type { CometSigningKey } from '@l2/control-chain/cometbft'
import { ed25519 } from '@noble/curves/ed25519.js'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'
import { decryptKeystore } from './keystore.js'
import { readSecretFile } from './secret-file.js'
import { createRemoteAccount, type RemoteAccountOptions, type SigningAccount } from './web3signer.js'

/** Where a key is. Paths are of the home, or absolute. */
export type KeyPlace =
  /** A keystore, and a file with its password that nobody else may read. */
  | { readonly type: 'keystore'; readonly path: string; readonly passwordFile: string }
  /** A service that signs; for keys of accounts only. */
  | ({ readonly type: 'web3signer' } & RemoteAccountOptions)

/** Where an operator's keys are: `keys.json` of its home. */
export type KeyPlaces = {
  readonly version: 1
  /** Holds the stake; needed by commands about it, and not by the operator that runs. */
  readonly owner?: KeyPlace | undefined
  readonly header: KeyPlace
  readonly poster: KeyPlace
  readonly comet: KeyPlace
  readonly network: KeyPlace
}

/** Keys of accounts. */
export type AccountRole = 'owner' | 'header' | 'poster'
/** Keys of ed25519. */
export type EngineRole = 'comet' | 'network'

const schema = /* @__PURE__ */ (() => {
  const path = z.string().check(z.minLength(1), z.maxLength(4096))
  const keystore = z.strictObject({ type: z.literal('keystore'), path, passwordFile: path })
  const account = z.union([keystore, z.looseObject({ type: z.literal('web3signer') })])
  return z.strictObject({
    version: z.literal(1),
    owner: z.optional(account),
    header: account,
    poster: account,
    comet: keystore,
    network: keystore,
  })
})()

/** File of a home. */
export const keyPlacesFile = 'keys.json'

/**
 * Where the keys of a home are; `undefined` for a home of plain key files.
 *
 * @throws OperatorError `HOME_INVALID`
 */
export function readKeyPlaces(home: string): KeyPlaces | undefined {
  const path = join(home, keyPlacesFile)
  if (!existsSync(path)) return undefined
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    refuse('HOME_INVALID', `${path} is no JSON`, { cause })
  }
  const read = readSchema(schema, json)
  if (!read.ok) refuse('HOME_INVALID', `${path} does not say where the keys are`, { meta: read.issues })
  return read.value as unknown as KeyPlaces
}

const within = (home: string, path: string): string => (isAbsolute(path) ? path : join(home, path))

async function openKeystore(
  home: string,
  { path, passwordFile }: KeyPlace & { type: 'keystore' },
): Promise<Uint8Array> {
  const password = readSecretFile(within(home, passwordFile))
  return await decryptKeystore(readSecretFile(within(home, path)), password)
}

function placeOf(places: KeyPlaces, role: AccountRole | EngineRole): KeyPlace {
  return places[role] ?? refuse('HOME_INVALID', `${keyPlacesFile} does not say where the key "${role}" is`)
}

/**
 * The account of a role, wherever its key is.
 *
 * @throws OperatorError `HOME_INVALID`, `KEYSTORE_INVALID`, `PASSWORD_WRONG`, `CONFIG_INVALID`
 */
export async function openAccount(home: string, places: KeyPlaces, role: AccountRole): Promise<SigningAccount> {
  const place = placeOf(places, role)
  if (place.type === 'keystore') return privateKeyToAccount(bytesToHex(await openKeystore(home, place)))
  const { type: _, ...options } = place
  return createRemoteAccount(options)
}

/**
 * An ed25519 key: its secret, what it signs with, and its public key.
 *
 * @throws OperatorError `HOME_INVALID`, `KEYSTORE_INVALID`, `PASSWORD_WRONG`
 */
export async function openEngineKey(
  home: string,
  places: KeyPlaces,
  role: EngineRole,
): Promise<CometSigningKey & { readonly secret: Uint8Array }> {
  const place = placeOf(places, role)
  if (place.type !== 'keystore') return refuse('HOME_INVALID', `the key "${role}" is no key of a signing service`)
  const secret = await openKeystore(home, place)
  return {
    secret,
    publicKey: ed25519.getPublicKey(secret),
    sign: async message => ed25519.sign(message, secret),
  }
}

/** ed25519 signature over a message, as a registration wants it. */
export async function signWithEngineKey(key: CometSigningKey, message: Uint8Array): Promise<Hex> {
  return bytesToHex(await key.sign(message))
}

/** The public key of an ed25519 secret. */
export function enginePublicKey(secret: Uint8Array): Hex {
  return bytesToHex(ed25519.getPublicKey(secret))
}
