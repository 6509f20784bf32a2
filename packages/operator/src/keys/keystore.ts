import {
  createCipheriv,
  createDecipheriv,
  createHash,
  pbkdf2,
  randomBytes,
  randomUUID,
  type ScryptOptions,
  scrypt,
} from 'node:crypto'
import { promisify } from 'node:util'
import { bytesToHex, concatBytes, equalBytes, hexToBytes } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import { keccak256 } from 'viem'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'

// Two standard forms of one thing: a key from a password (scrypt or PBKDF2), AES-128-CTR with its first half, a checksum over
// its second half and what was enciphered. Accounts have Web3 Secret Storage (version 3), which every wallet reads; keys of
// other curves have EIP-2335 (version 4).

/** Options of {@link encryptKeystore}. */
export type KeystoreOptions = {
  /** 32 bytes. */
  secret: Uint8Array
  password: string
  /** `account` for secp256k1 keys (version 3), `other` for ed25519 and BLS12-381 (version 4, EIP-2335). */
  form: 'account' | 'other'
  /** Address of an account, public key of another one: stands in the file in the clear. */
  publicName: `0x${string}`
  description?: string | undefined
  /** Cost of scrypt, a power of two. Defaults to 2^18: about a second, and 256 MiB for a moment. */
  scryptCost?: number | undefined
}

const hex = /* @__PURE__ */ (() => z.string().check(z.regex(/^(0x)?([0-9a-fA-F]{2}){0,256}$/)))()
const kdfParams = /* @__PURE__ */ (() =>
  z.union([
    z.object({
      dklen: z.literal(32),
      n: z.int().check(z.minimum(2), z.maximum(2 ** 20)),
      r: z.int().check(z.minimum(1), z.maximum(16)),
      p: z.int().check(z.minimum(1), z.maximum(16)),
      salt: hex,
    }),
    z.object({
      dklen: z.literal(32),
      c: z.int().check(z.minimum(1), z.maximum(10_000_000)),
      prf: z.literal('hmac-sha256'),
      salt: hex,
    }),
  ]))()
const schema = /* @__PURE__ */ (() =>
  z.union([
    z.object({
      version: z.literal(3),
      crypto: z.object({
        cipher: z.literal('aes-128-ctr'),
        cipherparams: z.object({ iv: hex }),
        ciphertext: hex,
        kdf: z.enum(['scrypt', 'pbkdf2']),
        kdfparams: kdfParams,
        mac: hex,
      }),
    }),
    z.object({
      version: z.literal(4),
      pubkey: z.optional(hex),
      crypto: z.object({
        kdf: z.object({ function: z.enum(['scrypt', 'pbkdf2']), params: kdfParams, message: z.string() }),
        checksum: z.object({ function: z.literal('sha256'), message: hex }),
        cipher: z.object({ function: z.literal('aes-128-ctr'), params: z.object({ iv: hex }), message: hex }),
      }),
    }),
  ]))()

type KdfParams = z.infer<typeof kdfParams>
/** What both forms say. */
type Sealed = { version: 3 | 4; iv: Uint8Array; ciphertext: Uint8Array; checksum: Uint8Array; kdf: KdfParams }

const bare = (bytes: Uint8Array): string => bytesToHex(bytes).slice(2)
const bytesOf = (text: string): Uint8Array => hexToBytes(text.startsWith('0x') ? text : `0x${text}`)!

/** EIP-2335 says how a password is written; version 3 takes it as it is. */
function passwordBytes(password: string, version: 3 | 4): Uint8Array {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what EIP-2335 takes out
  const text = version === 3 ? password : password.normalize('NFKD').replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
  return new TextEncoder().encode(text)
}

const scryptAsync: (password: Uint8Array, salt: Uint8Array, length: number, options: ScryptOptions) => Promise<Buffer> =
  promisify(scrypt)

async function deriveKey(password: Uint8Array, kdf: KdfParams): Promise<Uint8Array> {
  const salt = bytesOf(kdf.salt)
  if ('c' in kdf) return await promisify(pbkdf2)(password, salt, kdf.c, kdf.dklen, 'sha256')
  const { n, r, p, dklen } = kdf
  return await scryptAsync(password, salt, dklen, { N: n, r, p, maxmem: 128 * n * r + 2 ** 20 * 32 })
}

function checksumOf(version: 3 | 4, key: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const content = concatBytes(key.subarray(16, 32), ciphertext)
  return version === 3 ? keccak256(content, 'bytes') : createHash('sha256').update(content).digest()
}

/**
 * A secret as a file of a standard form, for a wallet, a client or Web3Signer to read, too.
 *
 * @throws OperatorError `KEYSTORE_INVALID` for a secret that is no key or an empty password
 */
export async function encryptKeystore(options: KeystoreOptions): Promise<string> {
  const { secret, password, form, publicName, description = '', scryptCost = 2 ** 18 } = options
  if (secret.length !== 32) refuse('KEYSTORE_INVALID', `a key of ${secret.length} bytes, 32 expected`)
  if (password.length === 0) refuse('KEYSTORE_INVALID', 'an empty password keeps nothing')
  const version = form === 'account' ? 3 : 4
  const kdf = { dklen: 32 as const, n: scryptCost, r: 8, p: 1, salt: bare(randomBytes(32)) }
  const iv = randomBytes(16)
  const key = await deriveKey(passwordBytes(password, version), kdf)
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), iv)
  const ciphertext = concatBytes(cipher.update(secret), cipher.final())
  const checksum = bare(checksumOf(version, key, ciphertext))
  const name = publicName.slice(2).toLowerCase()
  const sealed =
    version === 3
      ? {
          version,
          id: randomUUID(),
          address: name,
          crypto: {
            ciphertext: bare(ciphertext),
            cipherparams: { iv: bare(iv) },
            cipher: 'aes-128-ctr',
            kdf: 'scrypt',
            kdfparams: kdf,
            mac: checksum,
          },
        }
      : {
          crypto: {
            kdf: { function: 'scrypt', params: kdf, message: '' },
            checksum: { function: 'sha256', params: {}, message: checksum },
            cipher: { function: 'aes-128-ctr', params: { iv: bare(iv) }, message: bare(ciphertext) },
          },
          description,
          pubkey: name,
          path: '',
          uuid: randomUUID(),
          version,
        }
  return `${JSON.stringify(sealed, undefined, 2)}\n`
}

function readSealed(text: string): Sealed {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    refuse('KEYSTORE_INVALID', 'the keystore is no JSON', { cause })
  }
  const read = readSchema(schema, json)
  if (!read.ok) refuse('KEYSTORE_INVALID', 'no keystore of version 3 or 4 (EIP-2335)', { meta: read.issues })
  const found = read.value
  return found.version === 3
    ? {
        version: 3,
        iv: bytesOf(found.crypto.cipherparams.iv),
        ciphertext: bytesOf(found.crypto.ciphertext),
        checksum: bytesOf(found.crypto.mac),
        kdf: found.crypto.kdfparams,
      }
    : {
        version: 4,
        iv: bytesOf(found.crypto.cipher.params.iv),
        ciphertext: bytesOf(found.crypto.cipher.message),
        checksum: bytesOf(found.crypto.checksum.message),
        kdf: found.crypto.kdf.params,
      }
}

/**
 * The secret of a keystore, of either form, by whomever it was made. The file is bounded before it is believed: no cost of it takes more than 2 GiB.
 *
 * @throws OperatorError `KEYSTORE_INVALID`, `PASSWORD_WRONG`; neither says anything of the secret
 */
export async function decryptKeystore(text: string, password: string): Promise<Uint8Array> {
  const { version, iv, ciphertext, checksum, kdf } = readSealed(text)
  if (iv.length !== 16) refuse('KEYSTORE_INVALID', `an initialisation vector of ${iv.length} bytes, 16 expected`)
  const key = await deriveKey(passwordBytes(password, version), kdf)
  if (!equalBytes(checksumOf(version, key, ciphertext), checksum)) {
    refuse('PASSWORD_WRONG', 'the password does not open the keystore')
  }
  const decipher = createDecipheriv('aes-128-ctr', key.subarray(0, 16), iv)
  const secret = concatBytes(decipher.update(ciphertext), decipher.final())
  if (secret.length !== 32) refuse('KEYSTORE_INVALID', `the keystore holds ${secret.length} bytes, 32 expected`)
  return secret
}
