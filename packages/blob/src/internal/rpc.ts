import { redactUrls } from '@l2/common'
import { BlobError, type BlobErrorCode } from '../errors.js'
import { wordsOfNode } from '../refusal/classify.js'

/** All this package needs of a viem client (or of anything else that speaks JSON-RPC). */
export type RpcClient = {
  // viem types `request` by method; one signature that every client satisfies has to be this wide.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  request(args: any, options?: any): Promise<any>
}

/** A call, untyped as the wire is. */
export async function rpc(client: RpcClient, method: string, params: readonly unknown[]): Promise<unknown> {
  return client.request({ method, params })
}

/**
 * A foreign error to keep as a cause: its name, code and message, the URLs in it cut down to their origins. The error itself holds
 * URLs with keys, and whoever prints ours would print them.
 */
export function redactedCause(cause: unknown): Error {
  const { name, message, code } = (cause ?? {}) as Record<string, unknown>
  const error = new Error(redactUrls(typeof message === 'string' ? message : String(cause)).slice(0, 1000))
  if (typeof name === 'string') error.name = name
  return typeof code === 'number' || typeof code === 'string' ? Object.assign(error, { code }) : error
}

/** A foreign error as one of ours; the text of a node may carry URLs with keys. */
export function rpcError(method: string, cause: unknown, code: BlobErrorCode = 'NODE_UNAVAILABLE'): BlobError {
  const reason = wordsOfNode(cause)
  return new BlobError(`${method} failed: ${reason}`, {
    code,
    recovery: code === 'NODE_UNAVAILABLE' ? 'retry' : 'abort',
    details: { method, reason },
    cause: redactedCause(cause),
  })
}

/** @throws BlobError `RPC_RESPONSE` */
export function quantity(method: string, field: string, value: unknown): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) {
    throw new BlobError(`${method}: "${field}" expected a hex quantity, got ${String(value).slice(0, 80)}`, {
      code: 'RPC_RESPONSE',
      details: { method, field },
    })
  }
  return BigInt(value)
}

const missing =
  /method.*(not (found|supported|available|allowed|whitelisted)|does not exist|disabled|unavailable)|(unsupported|unknown|unrecognized) method|not whitelisted/i

/** Whether a node says that it does not have, or does not offer, a method. */
export function isMethodMissing(error: unknown): boolean {
  for (let depth = 0, at = error as Record<string, unknown> | undefined; at && depth < 16; depth++) {
    if (at['code'] === -32601 || at['code'] === -32004 || at['code'] === 4200) return true
    if (at['status'] === 403 || missing.test(String(at['message']))) return true
    at = at['cause'] as Record<string, unknown> | undefined
  }
  return false
}
