import { bytesToHex, hexToBytes } from '@l2/common'
import type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from '@l2/sequencer-core/engine'
import type { AccountState } from '@l2/sequencer-core/mempool'
import type { Address, Hash, Hex } from 'viem'
import { OpEngineError } from '../errors.js'
import { closed, type Request, type Supervisor } from '../host/supervisor.js'
import { type OpReader, type ReaderOptions, type RpcAccessList, readResult } from './reader.js'

/** What execution says of a block: whoever executed it may have made up any of it. */
const executedFields = [
  ...(['number', 'hash', 'parentHash', 'stateRoot', 'transactionsRoot', 'receiptsRoot'] as const),
  ...(['timestamp', 'gasLimit', 'gasUsed', 'baseFeePerGas'] as const),
]

/** A block by number and hash. */
export type BlockReference = { readonly number: bigint; readonly hash: Hash }

/** What an engine said of itself when it was opened. */
export type OpEngineInfo = {
  readonly name: string
  readonly version: string
  readonly genesis: Hash
  /** Where the store stood: a start costs the same however long the chain is. */
  readonly head: BlockReference
  readonly safe: BlockReference | undefined
  readonly finalized: BlockReference | undefined
}

/**
 * An {@link ExecutionEngine} that makes OP Stack blocks: every attribute, any known parent, hashes equal to op-geth's.
 *
 * Errors are {@link OpEngineError} with the codes of the port.
 */
export interface OpEngine extends ExecutionEngine, AsyncDisposable {
  /** As it was at the last start of the engine. */
  readonly info: OpEngineInfo
  receipts(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]>
  accounts(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]>
  traceAccess(call: AccessCall, options?: CallOptions): Promise<TracedAccess>
  /** A reader over the same store; close it by itself, or with the engine. @throws OpEngineError `ENGINE_UNAVAILABLE` once the engine is closed */
  reader(options?: ReaderOptions): OpReader
  /** Forgets what the history no longer keeps, for about `budgetMs`; true when there is nothing left to forget. {@link setHead} does it by itself. */
  tidy(budgetMs?: number): Promise<boolean>
}

/** What an adapter stands on. */
export type AdapterParts = {
  readonly name: string
  readonly supervisor: Supervisor
  reader(options?: ReaderOptions): OpReader
  readonly tidyMs: number
  close(): Promise<void>
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const zeroAddress = /* @__PURE__ */ new Uint8Array(20)

/** The adapter over a supervised engine, once that is ready; an engine that does not get so far is closed. */
export async function openAdapter(parts: AdapterParts): Promise<OpEngine> {
  try {
    await parts.supervisor.ready()
  } catch (error) {
    await parts.supervisor.close()
    throw error
  }
  return new Adapter(parts)
}

class Adapter implements OpEngine {
  readonly name: string
  readonly #parts: AdapterParts
  #finalized: Hash = zeroHash
  #tracer: OpReader | undefined
  #closing: Promise<void> | undefined

  constructor(parts: AdapterParts) {
    this.name = parts.name
    this.#parts = parts
  }

  get info(): OpEngineInfo {
    return readInfo(this.#parts.supervisor.opened)
  }

  build(parent: Hash, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock> {
    return this.#build(parent, attributes, attributes.senders, options)
  }

  async #build(
    parent: Hash,
    attributes: PayloadAttributes,
    senders: PayloadAttributes['senders'],
    options: CallOptions | undefined,
  ): Promise<ExecutedBlock> {
    if (senders !== undefined && senders.length !== attributes.transactions.length) {
      throw new OpEngineError(`${senders.length} senders for ${attributes.transactions.length} transactions`, {
        code: 'ENGINE_ATTRIBUTES',
        details: { field: 'senders' },
      })
    }
    const { result } = await this.#call(
      {
        method: 'build',
        params: {
          parent,
          timestamp: String(attributes.timestamp),
          prevRandao: attributes.prevRandao,
          suggestedFeeRecipient: attributes.suggestedFeeRecipient,
          withdrawals: attributes.withdrawals === undefined ? null : [],
          parentBeaconBlockRoot: attributes.parentBeaconBlockRoot ?? null,
          gasLimit: String(attributes.gasLimit),
          eip1559Params: attributes.eip1559Params ?? null,
          minBaseFee: attributes.minBaseFee === undefined ? null : String(attributes.minBaseFee),
          senders: senders !== undefined,
        },
        bytes:
          senders === undefined
            ? attributes.transactions
            : [...attributes.transactions, ...senders.map(sender => addressBytes(sender))],
      },
      options,
    )
    return readBlock(result['block'], attributes.transactions)
  }

  async import(block: ExecutedBlock, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock> {
    // Somebody else's block: whoever made it up may have made up its senders, so all are recovered from the signatures.
    const built = await this.#build(block.parentHash, attributes, undefined, options)
    const field = executedFields.find(name => built[name] !== block[name])
    if (field === undefined) return built
    throw new OpEngineError(`block ${block.number} executes to ${field} ${built[field]}, not ${block[field]}`, {
      code: 'ENGINE_BLOCK_MISMATCH',
      details: { number: block.number, field, expected: block[field], actual: built[field] },
    })
  }

  async setHead({ head, safe, finalized }: ForkchoiceHeads, options?: CallOptions): Promise<void> {
    await this.#call({ method: 'setHead', params: { head, safe, finalized } }, options)
    if (finalized === zeroHash || finalized === this.#finalized) return
    this.#finalized = finalized
    // Nobody waits for it, and what it cannot do now it does the next time; a store that fails is met by the next write.
    this.tidy().catch(() => {})
  }

  async block(id: Hash | bigint | 'latest', options?: CallOptions): Promise<ExecutedBlock | undefined> {
    const { result, bytes } = await this.#call({ method: 'block', params: { id: String(id) } }, options)
    return result['block'] === null || result['block'] === undefined ? undefined : readBlock(result['block'], bytes)
  }

  async receipts(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]> {
    const { result } = await this.#call({ method: 'receipts', params: { block } }, options)
    const receipts = result['receipts'] as { transactionHash: Hash; success: boolean; gasUsed: string }[]
    return receipts.map(({ transactionHash, success, gasUsed }) => ({
      transactionHash,
      success,
      gasUsed: BigInt(gasUsed),
    }))
  }

  async accounts(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]> {
    const bytes = new Uint8Array(20 * addresses.length)
    for (const [index, address] of addresses.entries()) bytes.set(addressBytes(address), 20 * index)
    const { result } = await this.#call({ method: 'accounts', params: {}, bytes: [bytes] }, options)
    const accounts = result['accounts'] as { nonce: string | number; balance: string; delegated: boolean }[]
    return accounts.map(({ nonce, balance, delegated }) => ({
      nonce: BigInt(nonce),
      balanceWei: BigInt(balance),
      delegated,
    }))
  }

  async traceAccess(call: AccessCall, options?: CallOptions): Promise<TracedAccess> {
    this.#tracer ??= this.reader()
    const request = {
      from: call.from,
      ...(call.to === undefined ? {} : { to: call.to }),
      data: bytesToHex(call.data),
      value: quantity(call.value),
      gas: quantity(call.gasLimit),
    }
    const answer = await readResult<RpcAccessList>(
      this.#tracer,
      { method: 'eth_createAccessList', params: [request, 'latest'] },
      { signal: options?.signal, gasCap: Number(call.gasLimit) },
    )
    return { accessList: answer.accessList, gasUsed: BigInt(answer.gasUsed), success: answer.error === undefined }
  }

  reader(options?: ReaderOptions): OpReader {
    // It would start a worker over a store that is no longer ours, and nobody would end it.
    if (this.#closing !== undefined) throw closed()
    return this.#parts.reader(options)
  }

  async tidy(budgetMs: number = this.#parts.tidyMs): Promise<boolean> {
    const until = performance.now() + budgetMs
    // The protocol has whole milliseconds.
    const { result } = await this.#call({ method: 'prune', params: { budgetMs: Math.ceil(budgetMs) } }, undefined)
    const rest = until - performance.now()
    const isTidy = await this.#parts.supervisor.maintain(Math.max(1, rest))
    return result['done'] === true && isTidy
  }

  close(): Promise<void> {
    this.#closing ??= this.#parts.close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #call(request: Pick<Request, 'method' | 'params' | 'bytes'>, options: CallOptions | undefined) {
    return this.#parts.supervisor.call({ ...request, lane: 'build', signal: options?.signal })
  }
}

const quantity = (value: bigint): Hex => `0x${value.toString(16)}`

function addressBytes(address: Address | undefined): Uint8Array {
  if (address === undefined) return zeroAddress
  const bytes = hexToBytes(address)
  if (bytes?.length === 20) return bytes
  throw new OpEngineError(`${address.slice(0, 64)} is no address`, { code: 'ENGINE_ATTRIBUTES', details: { address } })
}

type WireBlock = Record<
  | 'number'
  | 'hash'
  | 'parentHash'
  | 'stateRoot'
  | 'transactionsRoot'
  | 'receiptsRoot'
  | 'timestamp'
  | 'gasLimit'
  | 'gasUsed'
  | 'baseFeePerGas',
  string
> & {
  withdrawalsRoot?: Hash | null
  mixHash: Hash
  miner: Address
  parentBeaconBlockRoot?: Hash | null
  extraData: Hex
}

/** @throws OpEngineError `ENGINE_RPC` */
function readBlock(wire: unknown, transactions: readonly Uint8Array[]): ExecutedBlock {
  const block = wire as WireBlock
  try {
    return {
      number: BigInt(block.number),
      hash: block.hash as Hash,
      parentHash: block.parentHash as Hash,
      stateRoot: block.stateRoot as Hash,
      transactionsRoot: block.transactionsRoot as Hash,
      receiptsRoot: block.receiptsRoot as Hash,
      timestamp: BigInt(block.timestamp),
      gasLimit: BigInt(block.gasLimit),
      gasUsed: BigInt(block.gasUsed),
      baseFeePerGas: BigInt(block.baseFeePerGas ?? 0),
      withdrawalsRoot: block.withdrawalsRoot ?? undefined,
      transactions,
      header: {
        prevRandao: block.mixHash,
        feeRecipient: block.miner,
        parentBeaconBlockRoot: block.parentBeaconBlockRoot ?? undefined,
        extraData: hexToBytes(block.extraData) ?? new Uint8Array(),
      },
    }
  } catch (cause) {
    throw new OpEngineError('the engine answered a block that cannot be read', { code: 'ENGINE_RPC', cause })
  }
}

function readInfo(opened: Readonly<Record<string, unknown>>): OpEngineInfo {
  const reference = (value: unknown): BlockReference | undefined => {
    const { number, hash } = (value ?? {}) as { number?: string | number; hash?: Hash }
    return number === undefined || hash === undefined || hash === zeroHash
      ? undefined
      : { number: BigInt(number), hash }
  }
  const head = reference(opened['head'])
  if (head === undefined) throw new OpEngineError('the engine did not say where it stands', { code: 'ENGINE_RPC' })
  return {
    name: String(opened['name']),
    version: String(opened['version']),
    genesis: opened['genesis'] as Hash,
    head,
    safe: reference(opened['safe']),
    finalized: reference(opened['finalized']),
  }
}
