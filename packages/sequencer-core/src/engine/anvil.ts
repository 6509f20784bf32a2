import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash, Hex } from 'viem'
import * as z from 'zod/mini'
import { SequencerError } from '../errors.js'
import { nextBaseFee } from '../fees/base-fee.js'
import { createMutex } from '../internal/mutex.js'
import { checkOptions } from '../internal/options.js'
import type { AccountState } from '../mempool/types.js'
import { defaultEip1559Parameters, type Eip1559Parameters, readEip1559Parameters } from './eip1559.js'
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
import { invalidTransactions, refuseAttributes, unknownBlock } from './engine-error.js'
import { checkImported } from './imported.js'
import { createJsonRpc, type JsonRpc, type RpcCall, resultOf, rpcError } from './json-rpc.js'
import { encodeRpcTransaction, executedBlock, type RpcBlock } from './rpc-block.js'
import { quantity, readAccess, readAccounts, readReceipts } from './rpc-state.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`

/** Options of {@link createAnvilEngine}. */
export type AnvilEngineOptions = {
  /** HTTP endpoint of an anvil that was started with `anvilArguments` and that nobody else drives. */
  url: string
  /** The chain's EIP-1559 parameters, in force where the attributes bring none. Defaults to OP Mainnet's (250, 6). */
  eip1559?: Eip1559Parameters | undefined
  /** What the block that anvil stands on was built from, where it was started from a state: its EIP-1559 parameters hold for the next block. */
  headAttributes?: PayloadAttributes | undefined
  /** Per request, milliseconds. Defaults to 30 000. */
  timeoutMs?: number | undefined
  /** Defaults to the global one. */
  fetch?: typeof fetch | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    eip1559: z.optional(
      z.strictObject({ denominator: z.bigint().check(z.positive()), elasticity: z.bigint().check(z.positive()) }),
    ),
    headAttributes: z.optional(z.custom<PayloadAttributes>(value => typeof value === 'object' && value !== null)),
    timeoutMs: z.optional(z.int().check(z.positive(), z.maximum(600_000))),
    fetch: z.optional(z.custom<typeof fetch>(value => typeof value === 'function')),
  }))()

/** An {@link ExecutionEngine} on anvil, with the reads that a sequencer asks of a state. */
export interface AnvilEngine extends ExecutionEngine {
  receipts(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]>
  accounts(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]>
  traceAccess(call: AccessCall, options?: CallOptions): Promise<TracedAccess>
  /**
   * The head with its state and all blocks before it, for `AnvilArguments.statePath` of another anvil; `undefined` while a block stands built and not
   * adopted. It grows with accounts and history, and takes a time that does so, too.
   */
  dump(options?: CallOptions): Promise<AnvilDump | undefined>
}

/** What {@link AnvilEngine.dump} returns. */
export type AnvilDump = {
  readonly number: bigint
  readonly hash: Hash
  /** For {@link AnvilEngineOptions.headAttributes}; `undefined` for a block that was not built here. */
  readonly attributes: PayloadAttributes | undefined
  /** JSON, in gzip. */
  readonly state: Uint8Array
}

type Known = { block: ExecutedBlock; attributes: PayloadAttributes; parent: Hash }

/**
 * Drives one anvil as an execution engine. Anvil executes OP Stack deposits (type 0x7e) natively, and `anvil_reorg` takes an exact list of
 * transactions, past the pool: with time, fee recipient and base fee fixed beforehand, a block depends on its parent and attributes alone.
 *
 * What anvil does not do, and what follows:
 * - It has no block that is not its head. {@link ExecutionEngine.build} therefore mines on its head, and raw `eth_*` reads of `latest` see
 *   the built block at once; {@link ExecutionEngine.block} does not. `setHead` rolls back, and executes a branch again where it must.
 * - `prevRandao`, `withdrawals` and `parentBeaconBlockRoot` cannot be given: `mixHash` is keccak-256 of the height, the beacon root zero.
 *   A block's hash commits to its L1 origin only through its L1-info deposit.
 * - Gas limits change on another path, through anvil's pool, which takes one deposit per sender and block: a second one is
 *   `ENGINE_ATTRIBUTES` in a block that changes the gas limit.
 * - State lives in the process: after a restart every block is built again, or those since the last {@link AnvilEngine.dump}.
 *
 * @throws SequencerError `ENGINE_OPTIONS`, `ENGINE_UNAVAILABLE`, `ENGINE_RPC`
 *
 * @example
 * ```ts no-run
 * import { createAnvilEngine } from '@l2/sequencer-core'
 *
 * const engine = await createAnvilEngine({ url: 'http://127.0.0.1:8545' })
 * const parent = (await engine.block('latest'))!
 * const block = await engine.build(parent.hash, {
 *   timestamp: parent.timestamp + 2n,
 *   prevRandao: `0x${'00'.repeat(32)}`,
 *   suggestedFeeRecipient: '0x4200000000000000000000000000000000000011',
 *   withdrawals: [],
 *   parentBeaconBlockRoot: `0x${'00'.repeat(32)}`,
 *   transactions: [],
 *   noTxPool: true,
 *   gasLimit: parent.gasLimit,
 *   eip1559Params: undefined,
 *   minBaseFee: undefined,
 * })
 * await engine.setHead({ head: block.hash, safe: parent.hash, finalized: parent.hash })
 * ```
 */
export async function createAnvilEngine(options: AnvilEngineOptions): Promise<AnvilEngine> {
  checkOptions(optionsSchema, options, 'the anvil engine', 'ENGINE_OPTIONS')
  const rpc = createJsonRpc({
    url: options.url,
    timeoutMs: options.timeoutMs ?? 30_000,
    fetch: options.fetch,
  })
  const tip = await rpc.call<RpcBlock>('eth_getBlockByNumber', ['latest', false])
  return new Anvil(rpc, tip, options.eip1559 ?? defaultEip1559Parameters, options.headAttributes)
}

class Anvil implements AnvilEngine {
  readonly name = 'anvil'
  readonly #rpc: JsonRpc
  readonly #chainParameters: Eip1559Parameters
  readonly #exclusive = createMutex()
  /** Blocks that this engine built, down to the finalized one. */
  readonly #known = new Map<Hash, Known>()
  /** Hashes of the chain that anvil is on, by height, down to the finalized one. */
  readonly #chain = new Map<bigint, Hash>()
  /** What anvil itself calls `latest`. */
  #tip: { number: bigint; hash: Hash }
  #heads: ForkchoiceHeads
  #finalizedNumber = 0n
  /** What anvil's environment holds now, so that only changes are sent. */
  #miner: string | undefined

  /** Where anvil stood when we came. */
  readonly #start: { readonly hash: Hash; readonly attributes: PayloadAttributes | undefined }

  constructor(
    rpc: JsonRpc,
    tip: RpcBlock,
    chainParameters: Eip1559Parameters,
    headAttributes: PayloadAttributes | undefined,
  ) {
    this.#start = { hash: tip.hash, attributes: headAttributes }
    this.#rpc = rpc
    this.#chainParameters = chainParameters
    this.#tip = { number: BigInt(tip.number), hash: tip.hash }
    this.#chain.set(this.#tip.number, tip.hash)
    this.#heads = { head: tip.hash, safe: zeroHash, finalized: zeroHash }
  }

  build(parent: Hash, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock> {
    return this.#exclusive(async () => {
      const child = this.#known.get(this.#tip.hash)
      if (child?.parent === parent && sameAttributes(child.attributes, attributes)) return child.block
      await this.#moveTo(parent, options)
      return this.#execute(parent, attributes, options)
    })
  }

  async import(block: ExecutedBlock, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock> {
    return checkImported(block, await this.build(block.parentHash, attributes, options))
  }

  setHead(heads: ForkchoiceHeads, options?: CallOptions): Promise<void> {
    return this.#exclusive(async () => {
      await this.#moveTo(heads.head, options)
      let above = this.#tip.number
      for (const label of ['safe', 'finalized'] as const) {
        if (heads[label] === zeroHash) continue
        const number = await this.#numberOnChain(heads[label], options)
        if (number === undefined || number > above) {
          throw new SequencerError(`${label} head ${heads[label]} is no ancestor of the head above it`, {
            code: 'ENGINE_FORKCHOICE',
            recovery: 'reset',
            details: { ...heads },
          })
        }
        above = number
      }
      this.#heads = { ...heads }
      if (heads.finalized !== zeroHash) this.#forget(above)
    })
  }

  block(id: Hash | bigint | 'latest', options?: CallOptions): Promise<ExecutedBlock | undefined> {
    return this.#exclusive(async () => {
      if (typeof id === 'string' && id !== 'latest') {
        const known = this.#known.get(id)
        return known?.block ?? this.#fetch('eth_getBlockByHash', id, options)
      }
      const head =
        this.#known.get(this.#heads.head)?.block ?? (await this.#fetch('eth_getBlockByHash', this.#heads.head, options))
      if (id === 'latest') return head
      if (head !== undefined && id > head.number) return undefined
      await this.#showHead(options)
      const hash = this.#chain.get(id)
      return (
        (hash === undefined ? undefined : this.#known.get(hash)?.block) ??
        this.#fetch('eth_getBlockByNumber', quantity(id), options)
      )
    })
  }

  receipts(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]> {
    return this.#exclusive(() => readReceipts(this.#rpc, block, options))
  }

  accounts(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]> {
    return this.#exclusive(async () => {
      const at = quantity(await this.#showHead(options))
      return readAccounts(this.#rpc, this.name, addresses, at, options)
    })
  }

  traceAccess(call: AccessCall, options?: CallOptions): Promise<TracedAccess> {
    return this.#exclusive(async () => {
      const at = quantity(await this.#showHead(options))
      return readAccess(this.#rpc, call, at, options)
    })
  }

  dump(options?: CallOptions): Promise<AnvilDump | undefined> {
    return this.#exclusive(async () => {
      const { number, hash } = this.#tip
      if (hash !== this.#heads.head) return undefined
      const state = hexToBytes(await this.#rpc.call<Hex>('anvil_dumpState', [false], options))!
      return { number, hash, attributes: this.#attributesOf(hash), state }
    })
  }

  async close(): Promise<void> {
    await this.#exclusive(async () => undefined)
  }

  #attributesOf(hash: Hash): PayloadAttributes | undefined {
    return this.#known.get(hash)?.attributes ?? (hash === this.#start.hash ? this.#start.attributes : undefined)
  }

  /** Puts anvil on `target`: rolls back to the nearest ancestor that is on its chain, then executes the branch again. */
  async #moveTo(target: Hash, options: CallOptions | undefined): Promise<void> {
    if (this.#tip.hash === target) return
    const branch: Known[] = []
    let cursor = target
    let number = await this.#numberOnChain(cursor, options)
    while (number === undefined) {
      const known = this.#known.get(cursor)
      if (known === undefined) throw unknownBlock(target)
      branch.unshift(known)
      cursor = known.parent
      number = await this.#numberOnChain(cursor, options)
    }
    await this.#rollBack(number, cursor, options)
    for (const { block, attributes, parent } of branch) {
      const again = await this.#execute(parent, attributes, options)
      if (again.hash !== block.hash) {
        throw new SequencerError(`block ${block.number} executed to ${block.hash} before and to ${again.hash} now`, {
          code: 'ENGINE_BLOCK_MISMATCH',
          details: { number: block.number, expected: block.hash, actual: again.hash },
        })
      }
    }
  }

  /** Makes reads by number mean the canonical chain; returns the head's height. A block built on the head does no harm. */
  async #showHead(options: CallOptions | undefined): Promise<bigint> {
    const number = await this.#numberOnChain(this.#heads.head, options)
    if (number !== undefined) return number
    await this.#moveTo(this.#heads.head, options)
    return this.#tip.number
  }

  async #rollBack(number: bigint, hash: Hash, options: CallOptions | undefined): Promise<void> {
    const depth = this.#tip.number - number
    if (depth > 0n) await this.#rpc.call('anvil_rollback', [Number(depth)], options)
    for (let height = this.#tip.number; height > number; height--) this.#chain.delete(height)
    this.#tip = { number, hash }
  }

  /** The height of a block on anvil's own chain, `undefined` when it is not on it. */
  async #numberOnChain(hash: Hash, options: CallOptions | undefined): Promise<bigint | undefined> {
    const known = this.#known.get(hash)?.block.number
    if (known !== undefined) return this.#chain.get(known) === hash ? known : undefined
    const block = await this.#rpc.call<RpcBlock | null>('eth_getBlockByHash', [hash, false], options)
    if (block === null) return undefined
    const canonical = await this.#rpc.call<RpcBlock | null>('eth_getBlockByNumber', [block.number, false], options)
    return canonical?.hash === hash ? BigInt(block.number) : undefined
  }

  /** Mines `attributes` on anvil's tip, which is `parent`. On an error the tip is `parent` again. */
  async #execute(
    parentHash: Hash,
    attributes: PayloadAttributes,
    options: CallOptions | undefined,
  ): Promise<ExecutedBlock> {
    const known = this.#known.get(parentHash)
    const parent = known?.block ?? (await this.#fetch('eth_getBlockByHash', parentHash, options))
    if (parent === undefined) throw unknownBlock(parentHash)
    this.#check(parent, attributes)
    const from = this.#attributesOf(parentHash)
    const baseFee = nextBaseFee({
      parentBaseFeeWei: parent.baseFeePerGas,
      parentGasLimit: parent.gasLimit,
      parentGasMetered: parent.gasUsed,
      ...readEip1559Parameters(from?.eip1559Params, this.#chainParameters),
      minBaseFeeWei: from?.minBaseFee,
    })
    readEip1559Parameters(attributes.eip1559Params, this.#chainParameters)
    const miner = attributes.suggestedFeeRecipient.toLowerCase()
    const setup: RpcCall[] = [
      ['anvil_setBlockTimestampInterval', Number(attributes.timestamp - parent.timestamp)],
      ['anvil_setNextBlockBaseFeePerGas', quantity(baseFee)],
    ]
    if (this.#miner !== miner) setup.push(['anvil_setCoinbase', miner])
    this.#miner = undefined
    const raw = attributes.transactions.map(bytesToHex)
    try {
      if (attributes.gasLimit === parent.gasLimit) await this.#replace(setup, raw, options)
      else await this.#pool([...setup, ['evm_setBlockGasLimit', quantity(attributes.gasLimit)]], raw, options)
      const block = await this.#rpc.call<RpcBlock>(
        'eth_getBlockByNumber',
        [quantity(parent.number + 1n), false],
        options,
      )
      const included = block.transactions as readonly Hash[]
      const hashes = attributes.transactions.map(bytes => bytesToHex(keccak256(bytes)))
      if (hashes.length !== included.length || hashes.some((hash, index) => hash !== included[index])) {
        throw leftOut(hashes, included)
      }
      const executed = executedBlock(block, attributes.transactions)
      if (
        executed.timestamp !== attributes.timestamp ||
        executed.baseFeePerGas !== baseFee ||
        block.miner.toLowerCase() !== miner
      ) {
        throw rpcError(this.name, 'anvil_reorg', {
          code: 0,
          message: 'the block does not have the attributes it was given',
        })
      }
      this.#tip = { number: executed.number, hash: executed.hash }
      this.#chain.set(executed.number, executed.hash)
      this.#known.set(executed.hash, { block: executed, attributes, parent: parentHash })
      this.#miner = miner
      return executed
    } catch (error) {
      await this.#restore(parent)
      throw error
    }
  }

  #check(parent: ExecutedBlock, attributes: PayloadAttributes): void {
    if (attributes.timestamp < parent.timestamp) {
      refuseAttributes('timestamp', `timestamp ${attributes.timestamp} is before the parent's ${parent.timestamp}`)
    }
    if (attributes.timestamp > BigInt(Number.MAX_SAFE_INTEGER))
      refuseAttributes('timestamp', 'timestamp beyond 2^53 - 1')
  }

  /** A placeholder is mined and replaced by the exact list: `anvil_reorg` is the call that passes by the pool. */
  async #replace(setup: readonly RpcCall[], raw: readonly Hex[], options: CallOptions | undefined): Promise<void> {
    await this.#rpc.call('evm_mine', [], options)
    const answers = await this.#rpc.batch(setup, options)
    answers.forEach((answer, index) => {
      resultOf(this.name, setup[index]![0], answer)
    })
    try {
      await this.#rpc.call('anvil_reorg', [1, raw.map(bytes => [bytes, 0])], options)
    } catch (error) {
      if (!isL2Error(error, 'ENGINE_RPC') || raw.length === 0) throw error
      throw invalidTransactions([await this.#firstRefused(raw, options)], error.details['rpcMessage'])
    }
  }

  /** Which transaction anvil cannot decode: it says only that there is one. Bisects, for the price of a build a step. */
  async #firstRefused(raw: readonly Hex[], options: CallOptions | undefined): Promise<number> {
    let accepted = 0
    let refused = raw.length
    while (refused - accepted > 1) {
      const middle = (accepted + refused) >> 1
      try {
        await this.#rpc.call('anvil_reorg', [1, raw.slice(0, middle).map(bytes => [bytes, 0])], options)
        accepted = middle
      } catch (error) {
        if (!isL2Error(error, 'ENGINE_RPC')) throw error
        refused = middle
      }
    }
    return accepted
  }

  /**
   * Through the pool, first in, first out: the path on which the gas limit can change, for `anvil_reorg` takes the parent's. One after another, since anvil
   * works on the calls of a batch at the same time, and the pool keeps the order in which they come out of that.
   */
  async #pool(setup: readonly RpcCall[], raw: readonly Hex[], options: CallOptions | undefined): Promise<void> {
    const answers = await this.#rpc.batch(setup, options)
    answers.forEach((answer, index) => {
      resultOf(this.name, setup[index]![0], answer)
    })
    const refused: number[] = []
    let reason: unknown
    for (const [index, bytes] of raw.entries()) {
      const [answer] = await this.#rpc.batch([['eth_sendRawTransaction', bytes]], options)
      if (answer === undefined || !('error' in answer)) continue
      const { message } = answer.error
      if (bytes.startsWith('0x7e') && /underpriced|nonce/.test(message)) {
        throw new SequencerError('a block that changes the gas limit cannot hold two deposits of one sender on anvil', {
          code: 'ENGINE_ATTRIBUTES',
          details: { field: 'transactions', index },
        })
      }
      reason ??= message
      refused.push(index)
    }
    if (refused.length > 0) throw invalidTransactions(refused, reason)
    await this.#rpc.call('evm_mine', [], options)
  }

  /** After a failed build: pool empty, tip back on `parent`. Not cancellable, or the next build would find a stranger's block. */
  async #restore(parent: ExecutedBlock): Promise<void> {
    await this.#rpc.call('anvil_dropAllTransactions')
    const height = BigInt(await this.#rpc.call<Hex>('eth_blockNumber'))
    if (height > parent.number) await this.#rpc.call('anvil_rollback', [Number(height - parent.number)])
    await this.#rpc.call('evm_setBlockGasLimit', [quantity(parent.gasLimit)])
  }

  async #fetch(
    method: 'eth_getBlockByHash' | 'eth_getBlockByNumber',
    id: string,
    options: CallOptions | undefined,
  ): Promise<ExecutedBlock | undefined> {
    const block = await this.#rpc.call<RpcBlock | null>(method, [id, true], options)
    if (block === null) return undefined
    return executedBlock(
      block,
      block.transactions.map(transaction => encodeRpcTransaction(transaction as Exclude<typeof transaction, string>)),
    )
  }

  /** Nothing below the finalized block is built on again: anvil itself can still be asked for it. */
  #forget(finalized: bigint): void {
    if (finalized <= this.#finalizedNumber) return
    this.#finalizedNumber = finalized
    for (const [hash, { block }] of this.#known) if (block.number < finalized) this.#known.delete(hash)
    for (const number of this.#chain.keys()) if (number < finalized) this.#chain.delete(number)
  }
}

function leftOut(hashes: readonly Hash[], included: readonly Hash[]): SequencerError {
  const there = new Set(included)
  const missing = hashes.flatMap((hash, index) => (there.has(hash) ? [] : [index]))
  // All there and still not the list that was asked for: the first that stands elsewhere could not run at its place.
  if (missing.length === 0) missing.push(hashes.findIndex((hash, index) => hash !== included[index]))
  return invalidTransactions(missing, undefined)
}

function sameAttributes(a: PayloadAttributes, b: PayloadAttributes): boolean {
  return (
    a.timestamp === b.timestamp &&
    a.gasLimit === b.gasLimit &&
    a.prevRandao === b.prevRandao &&
    a.suggestedFeeRecipient.toLowerCase() === b.suggestedFeeRecipient.toLowerCase() &&
    a.parentBeaconBlockRoot === b.parentBeaconBlockRoot &&
    a.eip1559Params === b.eip1559Params &&
    a.minBaseFee === b.minBaseFee &&
    a.transactions.length === b.transactions.length &&
    a.transactions.every((bytes, index) => {
      const other = b.transactions[index]!
      return bytes.length === other.length && bytes.every((byte, at) => byte === other[at])
    })
  )
}
