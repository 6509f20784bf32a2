import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import type { Address, Hash, Hex, RpcTransaction } from 'viem'
import * as z from 'zod/mini'
import { isDeposit } from '../derivation/deposit.js'
import { SequencerError } from '../errors.js'
import { createMutex } from '../internal/mutex.js'
import { checkOptions } from '../internal/options.js'
import type { AccountState } from '../mempool/types.js'
import type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from './engine.js'
import { invalidForkchoice, invalidTransactions, refuseAttributes, unknownBlock } from './engine-error.js'
import { createVersionedCall, engineMethods, forkchoiceVersions, type VersionedCall } from './engine-methods.js'
import { checkImported } from './imported.js'
import { createJsonRpc, type JsonRpc } from './json-rpc.js'
import { createEngineToken } from './jwt.js'
import { blameTransactions, firstBeyondFootprint, refusalOf } from './refused-transactions.js'
import { encodeRpcTransaction, executedBlock, executedHeader, type RpcBlock } from './rpc-block.js'
import { quantity, readAccess, readAccounts, readReceipts } from './rpc-state.js'
import { mintedBy, type Withdrawal, wireAttributes } from './wire-attributes.js'

/** Options of {@link createEngineApi}. */
export type EngineApiOptions = {
  /** The authenticated port, usually 8551. */
  engineUrl: string
  /** The public port, for `eth_*` and, on geth, `testing_*`. Defaults to the authenticated one, which has `eth_*` too. */
  rpcUrl?: string | undefined
  /** 32 bytes, see {@link createEngineToken}. Never logged. */
  jwtSecret: Hex | string | Uint8Array
  /**
   * How the engine takes an exact list of transactions. `op-stack`: op-geth, op-reth and kin take `transactions` and `noTxPool` in their
   * attributes. `testing`: a plain geth from 1.17 builds it by `testing_buildBlockV1`, which `--http.api eth,testing` must expose on `rpcUrl`.
   */
  mode: 'op-stack' | 'testing'
  /**
   * For a plain engine, which knows no deposits (type 0x7e). `refuse`, the default, is `ENGINE_ATTRIBUTES`. `carry` keeps them beside the block:
   * {@link ExecutedBlock.transactions} begins with them, none of their calls is made, and the ETH that they mint arrives as withdrawals
   * (EIP-4895), in whole gwei: at `to` when a deposit is a plain transfer of no more than it mints, else at `from`, as with a deposit that fails.
   */
  deposits?: 'refuse' | 'carry' | undefined
  /**
   * With `deposits: 'carry'`: the deposits of a block that this object did not build, for instance from the sequencer's log after a restart.
   */
  carriedBy?: ((block: Hash) => readonly Uint8Array[] | undefined) | undefined
  /** Per request, milliseconds. Defaults to 30 000. */
  timeoutMs?: number | undefined
  /** Defaults to the global one. */
  fetch?: typeof fetch | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    engineUrl: z.url({ protocol: /^https?$/ }),
    rpcUrl: z.optional(z.url({ protocol: /^https?$/ })),
    jwtSecret: z.union([z.string(), z.instanceof(Uint8Array)]),
    mode: z.enum(['op-stack', 'testing']),
    deposits: z.optional(z.enum(['refuse', 'carry'])),
    carriedBy: z.optional(z.custom<NonNullable<EngineApiOptions['carriedBy']>>(value => typeof value === 'function')),
    timeoutMs: z.optional(z.int().check(z.positive(), z.maximum(600_000))),
    fetch: z.optional(z.custom<typeof fetch>(value => typeof value === 'function')),
  }))()

/** An {@link ExecutionEngine} behind the Engine API, with the reads that a sequencer asks of a state. */
export interface EngineApi extends ExecutionEngine {
  /** Methods that the engine says it has, for example `engine_newPayloadV4`. */
  readonly capabilities: ReadonlySet<string>
  receipts(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]>
  accounts(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]>
  traceAccess(call: AccessCall, options?: CallOptions): Promise<TracedAccess>
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`

type Payload = Record<string, unknown> & { blockHash: Hash; stateRoot: Hash; transactions: Hex[] }
type Envelope = { executionPayload: Payload; executionRequests?: Hex[] | null }
type Status = { status: 'VALID' | 'INVALID' | 'SYNCING' | 'ACCEPTED'; validationError?: string | null }

/**
 * Drives an execution client by the Engine API, and finds out by itself which version of each method the chain's fork wants: it begins with
 * the newest that the engine has, steps down when the engine answers "unsupported fork", and remembers. Attributes say by their fields of which fork they
 * are, from Bedrock on: without `withdrawals` they are older than Canyon, without `parentBeaconBlockRoot` older than Ecotone.
 *
 * `build` makes the block known to the engine and leaves its head where it was. In mode `testing` the engine builds on its head only, so building elsewhere moves the
 * head there and back; a plain geth has no deposits, no EIP-1559 parameters in attributes, and a gas limit of its own (`--miner.gaslimit`):
 * attributes that ask for those are `ENGINE_ATTRIBUTES`.
 *
 * @throws SequencerError `ENGINE_OPTIONS`, `ENGINE_UNAVAILABLE`, `ENGINE_RPC`
 *
 * @example
 * ```ts no-run
 * import { readFileSync } from 'node:fs'
 * import { createEngineApi } from '@l2/sequencer-core'
 *
 * const engine = await createEngineApi({
 *   engineUrl: 'http://127.0.0.1:8551',
 *   jwtSecret: readFileSync('jwt.hex', 'utf8'),
 *   mode: 'op-stack',
 * })
 * console.log(engine.capabilities.has('engine_newPayloadV4'))
 * ```
 */
export async function createEngineApi(options: EngineApiOptions): Promise<EngineApi> {
  checkOptions(optionsSchema, options, 'the Engine API adapter', 'ENGINE_OPTIONS')
  const token = createEngineToken(options.jwtSecret)
  const shared = { timeoutMs: options.timeoutMs ?? 30_000, fetch: options.fetch }
  const engine = createJsonRpc({
    ...shared,
    url: options.engineUrl,
    headers: () => ({ authorization: `Bearer ${token(BigInt(Math.floor(Date.now() / 1000)))}` }),
  })
  const rpc = options.rpcUrl === undefined ? engine : createJsonRpc({ ...shared, url: options.rpcUrl })
  const known = await engine.call<string[]>('engine_exchangeCapabilities', [Object.values(engineMethods).flat()])
  const tip = await rpc.call<RpcBlock>('eth_getBlockByNumber', ['latest', false])
  return new Api(options, engine, rpc, new Set(known), tip)
}

class Api implements EngineApi {
  readonly name: string
  readonly capabilities: ReadonlySet<string>
  readonly #mode: EngineApiOptions['mode']
  readonly #carries: boolean
  readonly #carriedBy: (block: Hash) => readonly Uint8Array[] | undefined
  /** Deposits of blocks that were built here, down to the finalized one. */
  readonly #carried = new Map<Hash, { number: bigint; deposits: readonly Uint8Array[] }>()
  readonly #rpc: JsonRpc
  readonly #exclusive = createMutex()
  readonly #versioned: VersionedCall
  #heads: ForkchoiceHeads
  /** The height of the head, once it was asked for. */
  #known: { hash: Hash; number: bigint }

  constructor(
    { mode, deposits, carriedBy }: EngineApiOptions,
    engine: JsonRpc,
    rpc: JsonRpc,
    capabilities: ReadonlySet<string>,
    tip: RpcBlock,
  ) {
    this.name = mode === 'testing' ? 'engine-api (testing)' : 'engine-api'
    this.#mode = mode
    this.#carries = mode === 'testing' && deposits === 'carry'
    this.#carriedBy = carriedBy ?? (() => undefined)
    this.#versioned = createVersionedCall(engine, capabilities)
    this.#rpc = rpc
    this.capabilities = capabilities
    this.#heads = { head: tip.hash, safe: zeroHash, finalized: zeroHash }
    this.#known = { hash: tip.hash, number: BigInt(tip.number) }
  }

  async build(parent: Hash, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock> {
    if (!this.#carries) return this.#buildPlain(parent, attributes, options)
    const first = attributes.transactions.findIndex(raw => !isDeposit(raw))
    const count = first === -1 ? attributes.transactions.length : first
    const deposits = attributes.transactions.slice(0, count)
    const plain = { ...attributes, transactions: attributes.transactions.slice(count) }
    try {
      const block = await this.#buildPlain(parent, plain, options, mintedBy(deposits))
      this.#carried.set(block.hash, { number: block.number, deposits })
      return { ...block, transactions: [...deposits, ...block.transactions] }
    } catch (error) {
      if (!isL2Error(error, 'ENGINE_TRANSACTION_INVALID')) throw error
      const indices = (error.details['indices'] as readonly number[]).map(index => index + count)
      throw invalidTransactions(indices, error.details['reason'])
    }
  }

  #buildPlain(
    parent: Hash,
    attributes: PayloadAttributes,
    options: CallOptions | undefined,
    withdrawals: readonly Withdrawal[] = [],
  ): Promise<ExecutedBlock> {
    return this.#exclusive(async () => {
      const parentBlock = await this.#header(parent, options)
      if (parentBlock === undefined) throw unknownBlock(parent)
      this.#check(parentBlock, attributes)
      // Building may move the engine's head to the parent: whatever comes of it, the head goes back.
      let built: Envelope
      try {
        built = await this.#build(parent, attributes, options, withdrawals)
      } catch (error) {
        const refused = refusalOf(error)
        if (refused === undefined) throw error
        throw await blameTransactions(attributes, refused, list => this.#build(parent, list, options))
      } finally {
        if (parent !== this.#heads.head) await this.#forkchoice(this.#heads, undefined, undefined)
      }
      const block = await this.#insert(built, attributes, options)
      if (block.gasLimit !== attributes.gasLimit) {
        refuseAttributes('gasLimit', `the engine made a gas limit of ${block.gasLimit}, not ${attributes.gasLimit}`)
      }
      if (block.timestamp !== attributes.timestamp || block.transactions.length !== attributes.transactions.length) {
        refuseAttributes('transactions', 'the engine did not keep to time or list: it has another mode')
      }
      return block
    })
  }

  async import(block: ExecutedBlock, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock> {
    return checkImported(block, await this.build(block.parentHash, attributes, options))
  }

  setHead(heads: ForkchoiceHeads, options?: CallOptions): Promise<void> {
    return this.#exclusive(async () => {
      // An engine would go and look for an unknown head among its peers.
      if ((await this.#header(heads.head, options)) === undefined) throw unknownBlock(heads.head)
      try {
        await this.#forkchoice(heads, undefined, options)
      } catch (error) {
        const code = isL2Error(error) ? error.details['rpcCode'] : undefined
        if (code !== invalidForkchoice) throw error
        // The engine may have moved its head before it looked at the labels.
        await this.#forkchoice(this.#heads, undefined, undefined)
        throw new SequencerError('a safe or finalized head is no ancestor of the head above it', {
          code: 'ENGINE_FORKCHOICE',
          recovery: 'reset',
          details: { ...heads },
          cause: error,
        })
      }
      this.#heads = { ...heads }
      if (this.#carried.size > 0 && heads.finalized !== zeroHash) {
        const finalized = await this.#header(heads.finalized, options)
        const floor = finalized === undefined ? 0n : BigInt(finalized.number)
        for (const [hash, { number }] of this.#carried) if (number < floor) this.#carried.delete(hash)
      }
    })
  }

  block(id: Hash | bigint | 'latest', options?: CallOptions): Promise<ExecutedBlock | undefined> {
    return this.#exclusive(async () => {
      const byNumber = typeof id === 'bigint'
      // An OP engine that is told to go back to an ancestor stays where it is: only what is not above our head is canonical.
      if (byNumber && id > (await this.#headNumber(options))) return undefined
      const block = await this.#rpc.call<RpcBlock | null>(
        byNumber ? 'eth_getBlockByNumber' : 'eth_getBlockByHash',
        [byNumber ? quantity(id) : id === 'latest' ? this.#heads.head : id, true],
        options,
      )
      if (block === null) return undefined
      const deposits = this.#carries
        ? (this.#carried.get(block.hash)?.deposits ?? this.#carriedBy(block.hash) ?? [])
        : []
      return this.#executed(block, [
        ...deposits,
        ...block.transactions.map(transaction => encodeRpcTransaction(transaction as RpcTransaction)),
      ])
    })
  }

  receipts(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]> {
    return this.#exclusive(() => readReceipts(this.#rpc, block, options))
  }

  accounts(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]> {
    return this.#exclusive(() =>
      readAccounts(this.#rpc, this.name, addresses, { blockHash: this.#heads.head }, options),
    )
  }

  traceAccess(call: AccessCall, options?: CallOptions): Promise<TracedAccess> {
    return this.#exclusive(() => readAccess(this.#rpc, call, { blockHash: this.#heads.head }, options))
  }

  async close(): Promise<void> {
    await this.#exclusive(async () => undefined)
  }

  async #headNumber(options: CallOptions | undefined): Promise<bigint> {
    const { head } = this.#heads
    if (this.#known.hash !== head) {
      const header = await this.#header(head, options)
      if (header === undefined) throw unknownBlock(head)
      this.#known = { hash: head, number: BigInt(header.number) }
    }
    return this.#known.number
  }

  async #header(hash: Hash, options: CallOptions | undefined): Promise<RpcBlock | undefined> {
    const block = await this.#rpc.call<RpcBlock | null>('eth_getBlockByHash', [hash, false], options)
    return block ?? undefined
  }

  #check(parent: RpcBlock, attributes: PayloadAttributes): void {
    if (attributes.timestamp <= BigInt(parent.timestamp)) {
      refuseAttributes(
        'timestamp',
        `timestamp ${attributes.timestamp} is not after the parent's ${BigInt(parent.timestamp)}`,
      )
    }
    if (this.#mode === 'op-stack') {
      if ((attributes.minBaseFee ?? 0n) >> 64n !== 0n) refuseAttributes('minBaseFee', 'minBaseFee beyond 2^64 - 1')
      return
    }
    for (const field of ['eip1559Params', 'minBaseFee'] as const) {
      if (attributes[field] !== undefined) refuseAttributes(field, `a plain engine takes no ${field}`)
    }
    const deposit = attributes.transactions.findIndex(isDeposit)
    if (deposit !== -1) refuseAttributes('transactions', `a plain engine executes no deposits (transaction ${deposit})`)
  }

  /** One of the ways to have an exact list built on `parent`. The result is not in the engine's database yet. */
  async #build(
    parent: Hash,
    attributes: PayloadAttributes,
    options: CallOptions | undefined,
    withdrawals: readonly Withdrawal[] = [],
  ): Promise<Envelope> {
    if (this.#mode === 'testing') {
      if (parent !== this.#heads.head) {
        await this.#forkchoice({ head: parent, safe: zeroHash, finalized: zeroHash }, undefined, options)
      }
      return this.#rpc.call<Envelope>(
        'testing_buildBlockV1',
        [parent, wireAttributes(attributes, withdrawals), attributes.transactions.map(bytesToHex), '0x'],
        options,
      )
    }
    const wire = {
      ...wireAttributes(attributes),
      transactions: attributes.transactions.map(bytesToHex),
      noTxPool: attributes.noTxPool,
      gasLimit: quantity(attributes.gasLimit),
      ...(attributes.eip1559Params === undefined ? {} : { eip1559Params: attributes.eip1559Params }),
      // A number of JSON among hex quantities: op-geth, op-reth and op-node all have it so.
      ...(attributes.minBaseFee === undefined ? {} : { minBaseFee: attributes.minBaseFee }),
    }
    const payloadId = await this.#forkchoice({ head: parent, safe: zeroHash, finalized: zeroHash }, wire, options)
    if (payloadId === undefined) refuseAttributes('noTxPool', 'the engine gave no payload id')
    const envelope = await this.#versioned<Envelope | Payload>('getPayload', () => [payloadId], options)
    return 'executionPayload' in envelope ? (envelope as Envelope) : { executionPayload: envelope as Payload }
  }

  async #forkchoice(
    heads: ForkchoiceHeads,
    attributes: Record<string, unknown> | undefined,
    options: CallOptions | undefined,
  ): Promise<Hex | undefined> {
    const state = { headBlockHash: heads.head, safeBlockHash: heads.safe, finalizedBlockHash: heads.finalized }
    const answer = await this.#versioned<{ payloadStatus: Status; payloadId?: Hex | null }>(
      'forkchoiceUpdated',
      () => [state, attributes ?? null],
      options,
      attributes === undefined ? undefined : forkchoiceVersions(attributes),
    )
    const { status, validationError } = answer.payloadStatus
    if (status === 'VALID') return answer.payloadId ?? undefined
    if (status === 'SYNCING') throw unknownBlock(heads.head)
    throw new SequencerError(`the engine will not have ${heads.head} as its head: ${validationError ?? status}`, {
      code: 'ENGINE_FORKCHOICE',
      recovery: 'reset',
      details: { ...heads, status },
    })
  }

  /** Puts a payload into the engine's database; it executes it once more by its own rules. */
  async #insert(
    { executionPayload, executionRequests }: Envelope,
    attributes: PayloadAttributes,
    options: CallOptions | undefined,
  ): Promise<ExecutedBlock> {
    const answer = await this.#versioned<Status>(
      'newPayload',
      method => {
        if (method.endsWith('V4'))
          return [executionPayload, [], attributes.parentBeaconBlockRoot, executionRequests ?? []]
        if (method.endsWith('V3')) return [executionPayload, [], attributes.parentBeaconBlockRoot]
        return [executionPayload]
      },
      options,
    )
    if (answer.status !== 'VALID') {
      // The one rule of a block that op-geth's builder does not keep to where the list is given.
      const beyond = /DA footprint/.test(answer.validationError ?? '') ? firstBeyondFootprint(attributes) : undefined
      if (beyond !== undefined) throw invalidTransactions([beyond], answer.validationError)
      // Not every check runs when a block is put together: INVALID is the engine's last word on these transactions.
      throw new SequencerError(`the engine judges its own block ${answer.status}: ${answer.validationError ?? ''}`, {
        code: answer.status === 'INVALID' ? 'ENGINE_PAYLOAD_INVALID' : 'ENGINE_UNAVAILABLE',
        recovery: answer.status === 'INVALID' ? 'reset' : 'retry',
        details: { hash: executionPayload.blockHash, status: answer.status },
      })
    }
    const block = await this.#header(executionPayload.blockHash, options)
    if (block === undefined) throw unknownBlock(executionPayload.blockHash)
    return this.#executed(
      block,
      executionPayload.transactions.map(raw => hexToBytes(raw)!),
    )
  }

  /** A plain engine writes an `extraData` of its own. */
  #executed(block: RpcBlock, transactions: readonly Uint8Array[]): ExecutedBlock {
    const executed = executedBlock(block, transactions)
    const header = executedHeader(block)
    return { ...executed, header: this.#mode === 'op-stack' ? header : { ...header, extraData: undefined } }
  }
}
