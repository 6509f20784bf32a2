import { isL2Error } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import { foreignCause } from '../internal/call.js'

/** What the adapters need of an Ethereum client: any viem client is one, and so is any EIP-1193 provider. */
export type EthereumClient = {
  request(request: { method: string; params?: unknown }): Promise<unknown>
}

/** What signs: a viem `LocalAccount` is one. */
export type TransactionSigner = {
  readonly address: Hex
  signTransaction(transaction: never): Promise<Hex>
}

/** A block header, as far as it matters here. */
export type BlockHead = { number: bigint; hash: Hex; timestamp: bigint; baseFee: bigint }

/** A mined transaction. */
export type Receipt = { hash: Hex; blockNumber: bigint; blockHash: Hex }

/** A transaction as a node returns it. */
export type MinedTransaction = {
  hash: Hex
  to: Hex | null
  input: Hex
  blockNumber: bigint | undefined
  blobHashes: readonly Hex[]
}

function malformed(method: string, what: string): DaError {
  return new DaError(`the Ethereum node answered ${method} with something else`, {
    code: 'DA_RESPONSE_INVALID',
    details: { method, expected: what },
  })
}

type Fields = Record<string, unknown>

/** A quantity in an answer of `method`. @throws DaError `DA_RESPONSE_INVALID` */
export function parseQuantity(method: string, value: unknown): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,64}$/i.test(value)) throw malformed(method, 'a quantity')
  return BigInt(value)
}

function hash(method: string, value: unknown): Hex {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{64}$/i.test(value)) throw malformed(method, '32 bytes')
  return value.toLowerCase() as Hex
}

function fields(method: string, value: unknown): Fields | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value !== 'object') throw malformed(method, 'an object')
  return value as Fields
}

/** Calls a node; whatever it throws becomes `DA_UNAVAILABLE`, except for errors of ours. */
export async function call(client: EthereumClient, method: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await client.request({ method, params })
  } catch (error) {
    if (isL2Error(error)) throw error
    throw new DaError(`the Ethereum node did not answer ${method}`, {
      code: 'DA_UNAVAILABLE',
      details: { method },
      cause: foreignCause(error),
    })
  }
}

/** A block by number or tag; `undefined` where the node has none. */
export async function readBlock(client: EthereumClient, block: bigint | string): Promise<BlockHead | undefined> {
  const method = 'eth_getBlockByNumber'
  const found = fields(
    method,
    await call(client, method, [typeof block === 'bigint' ? `0x${block.toString(16)}` : block, false]),
  )
  if (found === undefined) return undefined
  return {
    number: parseQuantity(method, found['number']),
    hash: hash(method, found['hash']),
    timestamp: parseQuantity(method, found['timestamp']),
    baseFee: found['baseFeePerGas'] === undefined ? 0n : parseQuantity(method, found['baseFeePerGas']),
  }
}

/** The newest block. */
export async function readHead(client: EthereumClient): Promise<BlockHead> {
  const head = await readBlock(client, 'latest')
  if (head === undefined) throw malformed('eth_getBlockByNumber', 'the latest block')
  return head
}

/** The number of the finalized block; 0 where the node knows none. */
export async function readFinalized(client: EthereumClient): Promise<bigint> {
  try {
    return (await readBlock(client, 'finalized'))?.number ?? 0n
  } catch (error) {
    // Nodes without a finalized block yet answer with an error instead of null.
    if (isL2Error(error) && /finalized|not found|unknown block/i.test(String((error.cause as Error)?.message)))
      return 0n
    throw error
  }
}

/** The receipt of a mined transaction. */
export async function readReceipt(client: EthereumClient, of: Hex): Promise<Receipt | undefined> {
  const method = 'eth_getTransactionReceipt'
  const found = fields(method, await call(client, method, [of]))
  if (found === undefined || found['blockNumber'] === null) return undefined
  return {
    hash: of,
    blockNumber: parseQuantity(method, found['blockNumber']),
    blockHash: hash(method, found['blockHash']),
  }
}

/** A transaction, mined or pending. */
export async function readTransaction(client: EthereumClient, of: Hex): Promise<MinedTransaction | undefined> {
  const method = 'eth_getTransactionByHash'
  const found = fields(method, await call(client, method, [of]))
  if (found === undefined) return undefined
  const { to, input, blockNumber, blobVersionedHashes } = found
  if (typeof input !== 'string' || !/^0x([0-9a-f]{2})*$/i.test(input)) throw malformed(method, '"input" as hex')
  return {
    hash: hash(method, found['hash']),
    to: typeof to === 'string' ? (to.toLowerCase() as Hex) : null,
    input: input as Hex,
    blockNumber: blockNumber === null || blockNumber === undefined ? undefined : parseQuantity(method, blockNumber),
    blobHashes: Array.isArray(blobVersionedHashes) ? blobVersionedHashes.map(item => hash(method, item)) : [],
  }
}

/** A quantity asked for by a method without parameters. */
export async function readQuantity(
  client: EthereumClient,
  method: string,
  params: readonly unknown[] = [],
): Promise<bigint> {
  return parseQuantity(method, await call(client, method, params))
}

/** A quantity, or `otherwise` where the node does not offer the method. */
export async function readOptionalQuantity(client: EthereumClient, method: string, otherwise: bigint): Promise<bigint> {
  try {
    return await readQuantity(client, method)
  } catch (error) {
    const cause = String((error as DaError).cause ?? '')
    if (/not supported|not found|does not exist|unsupported|-32601/i.test(cause)) return otherwise
    throw error
  }
}
