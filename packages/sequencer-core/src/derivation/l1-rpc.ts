import { isL2Error, redactUrls } from '@l2/common'
import type { Hash, Hex, RpcTransaction } from 'viem'
import type { CallOptions } from '../engine/engine.js'
import { encodeRpcTransaction } from '../engine/rpc-block.js'
import { SequencerError } from '../errors.js'
import { orderedTrieRoot } from '../rlp/ordered-trie.js'
import { attestedTopic } from './attested-data.js'
import { transactionDepositedTopic } from './deposit.js'
import type { L1Block, L1Log, L1Transaction } from './l1.js'
import { type BlobFeeStep, l1BlobFeeSchedules, scheduledBlobFee } from './l1-blob-fee.js'
import { headerHash, mayBeInBloom, type RpcHeader, type RpcLog, type RpcReceipt, receiptsRoot } from './l1-proof.js'
import type { L1Source } from './l1-source.js'
import type { RollupConfig } from './rollup-config.js'
import { configUpdateTopic } from './system-config.js'
import { sameHex, unhex } from './words.js'

/** What is used of a viem client: any public client of L1 will do. */
export type L1Client = { request(args: { method: string; params?: unknown }): Promise<unknown> }

/** Options of {@link createRpcL1Source}. */
export type RpcL1SourceOptions = {
  readonly client: L1Client
  readonly config: RollupConfig
  /** How many blocks to stay behind L1's head; each makes shallow reorgs invisible and derivation slower. Default 0. */
  readonly confirmations?: number | undefined
  /**
   * Believe what the node says instead of proving it against the block's hash: for a node of one's own that answers with fields that this
   * version does not know. Default false.
   */
  readonly trustNode?: boolean | undefined
  /**
   * How L1's blob base fee follows from a header. Default: the schedule of the public L1 with that chain id (mainnet, Sepolia, Holesky, Hoodi);
   * for another L1 the node is asked (`eth_feeHistory`).
   */
  readonly blobFeeSchedule?: readonly BlobFeeStep[] | undefined
}

type RpcBlock = RpcHeader & { baseFeePerGas: Hex; transactions: RpcTransaction[] }

/**
 * L1 over JSON-RPC. The node is not believed: a block's fields must make its hash, its transactions and receipts their roots in it. Receipts
 * are read only where the header's bloom says that a deposit or a config update may be among them. Only transactions to the batch inbox are
 * kept; they are encoded again from their fields, so that their senders can be recovered.
 *
 * Of a transaction with a type that this version does not know, the bytes are asked for (`eth_getRawTransactionByHash`). What cannot be proved:
 * that a block is canonical (ask several nodes).
 *
 * @throws SequencerError (rejects) `L1_RPC_INVALID`, and whatever the client rejects with
 */
export function createRpcL1Source(options: RpcL1SourceOptions): L1Source {
  const { client, config, trustNode = false } = options
  const confirmations = BigInt(options.confirmations ?? 0)
  const schedule = options.blobFeeSchedule ?? l1BlobFeeSchedules.get(config.l1ChainId)
  const request = async (method: string, params: readonly unknown[], callOptions: CallOptions): Promise<unknown> => {
    callOptions.signal?.throwIfAborted()
    return unlessAborted(client.request({ method, params }), callOptions.signal)
  }
  const blockAt = async (tag: Hex | 'finalized', full: boolean, callOptions: CallOptions): Promise<RpcBlock | null> => {
    const block = await request('eth_getBlockByNumber', [tag, full], callOptions)
    if (block === null) return null
    if (typeof block !== 'object') throw invalid('an answer that is no block', { tag })
    return block as RpcBlock
  }

  const blobBaseFee = async (block: RpcBlock, callOptions: CallOptions): Promise<bigint | undefined> => {
    if (block.excessBlobGas === undefined || block.excessBlobGas === null) return undefined
    if (schedule !== undefined) {
      const header = { timestamp: BigInt(block.timestamp), excessBlobGas: BigInt(block.excessBlobGas) }
      return scheduledBlobFee(schedule, header)
    }
    const history = (await request('eth_feeHistory', ['0x1', block.number, []], callOptions)) as {
      baseFeePerBlobGas?: Hex[]
    }
    const fee = history.baseFeePerBlobGas?.[0]
    if (fee === undefined) throw invalid('eth_feeHistory answers no blob base fee', { number: block.number })
    // It was asked by number: between the two answers another block may have taken that number.
    const again = await blockAt(block.number, false, callOptions)
    if (again?.hash !== block.hash) throw invalid('the block changed while it was read', { number: block.number })
    return BigInt(fee)
  }

  /** The bytes of a transaction whose type is not known here. That type must be in them, or it could be one to the inbox. */
  const rawOf = async (transaction: RpcTransaction, callOptions: CallOptions): Promise<Uint8Array> => {
    const type = typeOf(transaction)
    const raw = unhex((await request('eth_getRawTransactionByHash', [transaction.hash], callOptions)) as Hex)
    if (raw[0] !== type || type > 0x7f) throw invalid('bytes of another transaction', { hash: transaction.hash, type })
    return raw
  }

  const logsOf = async (block: RpcBlock, callOptions: CallOptions): Promise<readonly RpcLog[]> => {
    const wanted = [
      [config.depositContract, transactionDepositedTopic],
      [config.systemConfigContract, configUpdateTopic],
      ...(config.committee === undefined ? [] : [[config.committee.contract, attestedTopic] as const]),
    ] as const
    if (trustNode) {
      const filter = { blockHash: block.hash, address: wanted.map(([address]) => address) }
      return (await request('eth_getLogs', [filter], callOptions)) as RpcLog[]
    }
    const bloom = unhex(block.logsBloom, 256)
    const present = wanted.some(([address, topic]) => mayBeInBloom(bloom, address) && mayBeInBloom(bloom, topic))
    if (!present) return []
    const receipts = (await request('eth_getBlockReceipts', [block.hash], callOptions)) as RpcReceipt[] | null
    if (!Array.isArray(receipts) || receiptsRoot(receipts) !== block.receiptsRoot) {
      throw invalid('receipts do not belong to their block', { number: block.number, hash: block.hash })
    }
    // The root commits to the logs and their order; what else is said of them is not proved.
    return receipts
      .flatMap(receipt => receipt.logs)
      .map(({ address, topics, data }, index) => ({ address, topics, data, logIndex: `0x${index.toString(16)}` }))
  }

  return {
    async block(number, callOptions = {}) {
      if (confirmations > 0n) {
        const head = readNumber(await request('eth_blockNumber', [], callOptions))
        if (number + confirmations > head) return undefined
      }
      const block = await blockAt(`0x${number.toString(16)}`, true, callOptions)
      if (block === null) return undefined
      if (readNumber(block.number) !== number)
        throw invalid('another block than asked for', { number, got: block.number })
      try {
        const transactions = await readTransactions(block, config, trustNode, transaction =>
          rawOf(transaction, callOptions),
        )
        const [logs, fee] = await Promise.all([logsOf(block, callOptions), blobBaseFee(block, callOptions)])
        return toL1Block(block, transactions, logs, fee, config)
      } catch (cause) {
        // What a node says is data: whatever is wrong with it is the node's fault, and another answer may be right.
        if (cause instanceof SyntaxError || cause instanceof TypeError || cause instanceof RangeError || isOwn(cause))
          throw asInvalid(cause, block)
        throw cause
      }
    },
    async finalizedNumber(callOptions = {}) {
      const block = await blockAt('finalized', false, callOptions)
      return block === null ? undefined : readNumber(block.number)
    },
  }
}

function readNumber(value: unknown): bigint {
  if (typeof value === 'string' && /^0x[0-9a-fA-F]{1,16}$/.test(value)) return BigInt(value)
  throw invalid('an answer without a number', { got: typeof value })
}

/** The types that may carry batcher data. Others must not even be encoded: a new type sent to the inbox would stop derivation. */
const readTypes = [0, 1, 2, 3, 0x7e]
/** The types that can be encoded from their JSON. */
const knownTypes = [...readTypes, 4]

/** Nodes leave the type of a legacy transaction out, or write its zero in several ways. */
const typeOf = ({ type }: RpcTransaction): number => (type === undefined || type === null ? 0 : Number(type))

async function readTransactions(
  block: RpcBlock,
  config: RollupConfig,
  trustNode: boolean,
  rawOf: (transaction: RpcTransaction) => Promise<Uint8Array>,
): Promise<L1Transaction[]> {
  if (!trustNode && headerHash(block) !== block.hash) {
    throw invalid('a header that does not make its hash', { number: block.number, hash: block.hash })
  }
  const encode = (transaction: RpcTransaction): Uint8Array => {
    try {
      return encodeRpcTransaction({ ...transaction, type: `0x${typeOf(transaction).toString(16)}` } as RpcTransaction)
    } catch (cause) {
      // The encoder has errors of its own for fields that are none.
      throw asInvalid(cause as Error, block)
    }
  }
  const toInbox = (transaction: RpcTransaction): boolean =>
    typeof transaction.to === 'string' &&
    sameHex(transaction.to, config.batchInbox) &&
    readTypes.includes(typeOf(transaction))
  const all = block.transactions
  if (trustNode) return all.filter(toInbox).map(transaction => ({ raw: encode(transaction), from: transaction.from }))
  const raws: Uint8Array[] = []
  for (const transaction of all) {
    raws.push(knownTypes.includes(typeOf(transaction)) ? encode(transaction) : await rawOf(transaction))
  }
  if (orderedTrieRoot(raws) !== block.transactionsRoot) {
    throw invalid('transactions do not belong to their block', { number: block.number, hash: block.hash }, [
      'anvil 1.7 puts sidecars under the root of a block with blobs; for an L1 of your own: trustNode: true',
    ])
  }
  return all.flatMap((transaction, i) => (toInbox(transaction) ? [{ raw: raws[i]!, from: transaction.from }] : []))
}

function toL1Block(
  block: RpcBlock,
  transactions: L1Transaction[],
  logs: readonly RpcLog[],
  blobBaseFee: bigint | undefined,
  config: RollupConfig,
): L1Block {
  const contracts = [config.depositContract, config.systemConfigContract]
  if (config.committee !== undefined) contracts.push(config.committee.contract)
  return {
    number: BigInt(block.number),
    hash: block.hash,
    parentHash: block.parentHash,
    timestamp: BigInt(block.timestamp),
    mixHash: block.mixHash,
    baseFeePerGas: BigInt(block.baseFeePerGas),
    blobBaseFee,
    excessBlobGas: (block.excessBlobGas ?? undefined) === undefined ? undefined : BigInt(block.excessBlobGas!),
    parentBeaconBlockRoot: block.parentBeaconBlockRoot ?? undefined,
    transactions,
    logs: logs
      .filter(log => log.removed !== true && contracts.some(contract => sameHex(contract, log.address)))
      .map(
        (log): L1Log => ({
          address: log.address,
          topics: log.topics,
          data: unhex(log.data),
          logIndex: Number(log.logIndex),
        }),
      )
      .sort((a, b) => a.logIndex - b.logIndex),
  }
}

const isOwn = (cause: unknown): cause is SequencerError => isL2Error(cause) && cause.code !== 'L1_RPC_INVALID'

function asInvalid(cause: Error, block: { number: Hex; hash: Hash }): SequencerError {
  return invalid(redactUrls(cause.message).slice(0, 200), { number: block.number, hash: block.hash })
}

function invalid(reason: string, details: Record<string, unknown>, meta: string[] = []): SequencerError {
  return new SequencerError(`L1 node: ${reason}`, { code: 'L1_RPC_INVALID', recovery: 'retry', meta, details })
}

/** An answer, unless its caller goes first: a client that knows no signals, and an L1 that hangs, hold nobody up. */
async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer
  let onAbort = (): void => {}
  const gone = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([answer, gone])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
