import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { concatBytes, hexToBytes, isL2Error, redactUrls } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import { recoverSigner } from '@l2/sequencer-core/block'
import {
  type Address,
  type Hex,
  hashDomain,
  hashStruct,
  keccak256,
  type LocalAccount,
  parseSignature,
  serializeTransaction,
  type TypedDataDomain,
  toHex,
  toPrefixedMessage,
} from 'viem'
import { publicKeyToAddress, toAccount } from 'viem/accounts'
import * as z from 'zod/mini'
import { OperatorError, refuse } from '../errors.js'

/** Options of {@link createRemoteAccount}. */
export type RemoteAccountOptions = {
  /** Where it answers: `https://…`, or `http://` on this machine. */
  url: string
  /** Of the key, uncompressed: 64 bytes, or 65 with the leading 04. Its name in the service's API. */
  publicKey: Hex
  /** PEM: who may have issued the service's certificate, and how this operator shows itself to it. */
  tls?: { caFile?: string | undefined; certFile?: string | undefined; keyFile?: string | undefined } | undefined
  /** Milliseconds; what comes later is not looked at. Defaults to 2 000. */
  timeoutMs?: number | undefined
}

/** An account that can say what it signs as bytes, of which the hash is signed: what a key service wants. */
export type SigningAccount = LocalAccount & {
  /** Signs the keccak256 of the bytes. Absent: `sign` does it. */
  readonly signBytes?: ((bytes: Uint8Array) => Promise<Hex>) | undefined
}

const schema = /* @__PURE__ */ (() => {
  const path = z.optional(z.string().check(z.minLength(1)))
  return z.object({
    url: z.string().check(z.regex(/^https?:\/\/[^\s/@]+(\/[^\s?#]*)?$/)),
    publicKey: z.string().check(z.regex(/^0x(04)?[0-9a-fA-F]{128}$/)),
    tls: z.optional(z.object({ caFile: path, certFile: path, keyFile: path })),
    timeoutMs: z.optional(z.number().check(z.positive(), z.maximum(60_000))),
  })
})()

/** A signature in JSON, and then some. */
const maxAnswerBytes = 4_096

function failed(reason: string, cause?: unknown): OperatorError {
  return new OperatorError(`the key service did not sign: ${reason}`, {
    code: 'SIGNER_FAILED',
    recovery: 'retry',
    cause,
  })
}

function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    return refuse('CONFIG_INVALID', `cannot read ${path}`, { cause })
  }
}

/** One request, one answer or none: nothing is asked again, so nothing is signed twice for one question. */
async function post(url: URL, body: string, tls: object, timeoutMs: number): Promise<string> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return await new Promise<string>((resolve, reject) => {
    const asked = send(url, {
      ...tls,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/plain, application/json',
        'content-length': body.length,
      },
      signal: AbortSignal.timeout(timeoutMs),
    })
    asked.on('error', cause => {
      const isLate = cause.name === 'AbortError' || cause.name === 'TimeoutError'
      reject(failed(isLate ? `no answer within ${timeoutMs} ms` : redactUrls(cause.message), cause))
    })
    asked.on('response', response => {
      const parts: Buffer[] = []
      let bytes = 0
      response.on('data', (part: Buffer) => {
        bytes += part.length
        if (bytes > maxAnswerBytes) asked.destroy(new Error(`an answer of more than ${maxAnswerBytes} bytes`))
        else parts.push(part)
      })
      response.on('error', cause => reject(failed('the answer broke off', cause)))
      response.on('end', () => {
        if (response.statusCode !== 200) reject(failed(`status ${response.statusCode}`))
        else resolve(Buffer.concat(parts).toString('utf8'))
      })
    })
    asked.end(body)
  })
}

/** The signature in an answer: bare, as Web3Signer gives it, or as JSON. */
function readSignature(answer: string): Hex {
  const text = answer.trim()
  const found =
    /^"?(0x[0-9a-fA-F]{130})"?$/.exec(text) ?? /^\{\s*"signature"\s*:\s*"(0x[0-9a-fA-F]{130})"\s*\}$/.exec(text)
  if (found === null) throw failed('the answer is no signature')
  return found[1]!.toLowerCase() as Hex
}

/**
 * An account whose key lies in a signing service with the API of Web3Signer (`POST /api/v1/eth1/sign/<public key>`). It is
 * asked over TLS, or on this machine; what it answers is checked against the key before anybody sees it; a late, wrong or
 * missing answer is an error that costs the turn. It signs no bare hash: headers go as typed data, votes and registrations
 * as the bytes of which the hash is signed.
 *
 * @throws OperatorError `CONFIG_INVALID`; from its methods `SIGNER_FAILED` (retry)
 */
export function createRemoteAccount(
  options: RemoteAccountOptions,
): SigningAccount & { signBytes(bytes: Uint8Array): Promise<Hex> } {
  const read = readSchema(schema, options)
  if (!read.ok) refuse('CONFIG_INVALID', 'the options of a key service are invalid', { meta: read.issues })
  const { timeoutMs = 2_000, tls = {} } = options
  const base = new URL(options.url)
  const isLocal = base.hostname === 'localhost' || base.hostname === '[::1]' || /^127(\.\d+){3}$/.test(base.hostname)
  if (base.protocol !== 'https:' && !isLocal) {
    refuse('CONFIG_INVALID', `${base.origin} is another machine: a key service is asked there through TLS only`)
  }
  const bare = options.publicKey
    .slice(2)
    .replace(/^04(?=[0-9a-fA-F]{128}$)/, '')
    .toLowerCase()
  const address = publicKeyToAddress(`0x04${bare}`).toLowerCase() as Address
  const target = new URL(`${base.pathname.replace(/\/$/, '')}/api/v1/eth1/sign/0x${bare}`, base)
  const pems = { ca: readPem(tls.caFile), cert: readPem(tls.certFile), key: readPem(tls.keyFile) }

  const signBytes = async (bytes: Uint8Array): Promise<Hex> => {
    const answer = await post(target, JSON.stringify({ data: toHex(bytes) }), pems, timeoutMs)
    const signature = readSignature(answer)
    // Another key's, or the other form of the same: everybody would refuse what carries it.
    if (recoverSigner(keccak256(bytes), signature) !== address) throw failed(`the signature is not ${address}'s`)
    return signature
  }
  const account = toAccount({
    address,
    signMessage: ({ message }) => signBytes(hexToBytes(toPrefixedMessage(message))!),
    signTypedData: typed => {
      const {
        domain = {},
        types,
        primaryType,
        message,
      } = typed as unknown as {
        domain?: Record<string, unknown>
        types: Record<string, readonly { name: string; type: string }[]>
        primaryType: string
        message: Record<string, unknown>
      }
      const domainTypes = { EIP712Domain: domainFields(domain), ...types }
      const separator = hashDomain({ domain, types: domainTypes } as unknown as Parameters<typeof hashDomain>[0])
      const content = hashStruct({ data: message, primaryType, types } as unknown as Parameters<typeof hashStruct>[0])
      return signBytes(concatBytes(Uint8Array.of(0x19, 0x01), hexToBytes(separator)!, hexToBytes(content)!))
    },
    signTransaction: async (transaction, { serializer = serializeTransaction } = {}) => {
      // Of a blob transaction the sidecar is not signed.
      const unsigned = 'sidecars' in transaction ? { ...transaction, sidecars: false } : transaction
      const signature = await signBytes(hexToBytes((await serializer(unsigned as typeof transaction)) as Hex)!)
      return await serializer(transaction, parseSignature(signature))
    },
  })
  return { ...account, signBytes } as SigningAccount & { signBytes(bytes: Uint8Array): Promise<Hex> }
}

function domainFields(domain: Record<string, unknown>): { name: string; type: string }[] {
  const types = { name: 'string', version: 'string', chainId: 'uint256', verifyingContract: 'address', salt: 'bytes32' }
  return Object.entries(types).flatMap(([name, type]) => (domain[name] === undefined ? [] : [{ name, type }]))
}

/**
 * Signs the keccak256 of bytes with any account: as a bare hash where it can, else as the bytes.
 *
 * @throws OperatorError `SIGNER_FAILED` for an account that can do neither
 */
export async function signBytesWith(account: SigningAccount, bytes: Uint8Array): Promise<Hex> {
  if (account.signBytes !== undefined) return await account.signBytes(bytes)
  const { sign } = account
  if (sign === undefined) refuse('SIGNER_FAILED', `the account ${account.address} signs neither hashes nor bytes`)
  try {
    return await sign({ hash: keccak256(bytes) })
  } catch (cause) {
    throw isL2Error(cause) ? cause : failed('the account refused', cause)
  }
}

/**
 * Signs EIP-712 data with any account.
 *
 * @throws OperatorError `SIGNER_FAILED`
 */
export async function signTypedDataWith(
  account: SigningAccount,
  typed: {
    domain: TypedDataDomain
    types: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>
    primaryType: string
    message: Record<string, unknown>
  },
): Promise<Hex> {
  try {
    return await account.signTypedData(typed as Parameters<typeof account.signTypedData>[0])
  } catch (cause) {
    throw isL2Error(cause) ? cause : failed('the account refused', cause)
  }
}
