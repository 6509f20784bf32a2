import { hexToBytes, redactUrls } from '@l2/common'
import type { Address, Hash, Hex, RpcTransaction } from 'viem'
import type { CallOptions } from '../engine/engine.js'
import { encodeRpcTransaction } from '../engine/rpc-block.js'
import { SequencerError } from '../errors.js'
import type { L1Block, L1Log, L1Transaction } from './l1.js'
import type { L1Source } from './l1-source.js'
import type { RollupConfig } from './rollup-config.js'
import { sameHex } from './words.js'

/** What is used of a viem client: any public client of L1 will do. */
export type L1Client = { request(args: { method: string; params?: unknown }): Promise<unknown> }

/** Options of {@link createRpcL1Source}. */
export type RpcL1SourceOptions = {
  readonly client: L1Client
  readonly config: RollupConfig
  /** How many blocks to stay behind L1's head; each makes shallow reorgs invisible and derivation slower. Default 0. */
  readonly confirmations?: number | undefined
  /**
   * Base fee of blobs in a block, wei, from its header. Default: asked of the node (`eth_feeHistory`). `@l2/blob` computes it from the L1's
   * blob schedule.
   */
  readonly blobBaseFee?: ((header: { timestamp: bigint; excessBlobGas: bigint }) => bigint) | undefined
}

type RpcBlock = {
  number: Hex
  hash: Hash
  parentHash: Hash
  timestamp: Hex
  mixHash: Hash
  baseFeePerGas: Hex
  excessBlobGas?: Hex
  parentBeaconBlockRoot?: Hash
  transactions: RpcTransaction[]
}
type RpcLog = { address: Address; topics: Hash[]; data: Hex; logIndex: Hex; removed?: boolean }

/**
 * L1 over JSON-RPC, three requests a block: the block, the logs of the two contracts by its hash, and the blob base fee. Only transactions to the
 * batch inbox are kept; they are encoded again from their fields, so that their senders can be recovered instead of believed.
 *
 * @throws SequencerError (rejects) `L1_RPC_INVALID`, and whatever the client rejects with
 */
export function createRpcL1Source(options: RpcL1SourceOptions): L1Source {
  const { client, config } = options
  const confirmations = BigInt(options.confirmations ?? 0)
  const request = async (method: string, params: readonly unknown[], callOptions: CallOptions): Promise<unknown> => {
    callOptions.signal?.throwIfAborted()
    return client.request({ method, params })
  }

  const blobBaseFee = async (block: RpcBlock, callOptions: CallOptions): Promise<bigint | undefined> => {
    if (block.excessBlobGas === undefined) return undefined
    if (options.blobBaseFee !== undefined) {
      return options.blobBaseFee({ timestamp: BigInt(block.timestamp), excessBlobGas: BigInt(block.excessBlobGas) })
    }
    const history = (await request('eth_feeHistory', ['0x1', block.number, []], callOptions)) as {
      baseFeePerBlobGas?: Hex[]
    }
    const fee = history.baseFeePerBlobGas?.[0]
    if (fee === undefined) throw invalid('eth_feeHistory answers no blob base fee', { number: block.number })
    return BigInt(fee)
  }

  return {
    async block(number, callOptions = {}) {
      if (confirmations > 0n) {
        const head = BigInt((await request('eth_blockNumber', [], callOptions)) as Hex)
        if (number + confirmations > head) return undefined
      }
      const tag: Hex = `0x${number.toString(16)}`
      const block = (await request('eth_getBlockByNumber', [tag, true], callOptions)) as RpcBlock | null
      if (block === null) return undefined
      if (BigInt(block.number) !== number) throw invalid('another block than asked for', { number, got: block.number })
      const addresses = [config.depositContract, config.systemConfigContract]
      const [logs, blobFee] = await Promise.all([
        request('eth_getLogs', [{ blockHash: block.hash, address: addresses }], callOptions) as Promise<RpcLog[]>,
        blobBaseFee(block, callOptions),
      ])
      return toL1Block(block, logs, blobFee, config)
    },
    async finalizedNumber(callOptions = {}) {
      const block = (await request('eth_getBlockByNumber', ['finalized', false], callOptions)) as RpcBlock | null
      return block === null ? undefined : BigInt(block.number)
    },
  }
}

/** The types that may carry batcher data. Others must not even be encoded: a new type sent to the inbox would stop derivation. */
const readTypes = ['0x0', '0x1', '0x2', '0x3', '0x7e']

function toL1Block(
  block: RpcBlock,
  logs: readonly RpcLog[],
  blobBaseFee: bigint | undefined,
  config: RollupConfig,
): L1Block {
  try {
    return {
      number: BigInt(block.number),
      hash: block.hash,
      parentHash: block.parentHash,
      timestamp: BigInt(block.timestamp),
      mixHash: block.mixHash,
      baseFeePerGas: BigInt(block.baseFeePerGas),
      blobBaseFee,
      parentBeaconBlockRoot: block.parentBeaconBlockRoot,
      transactions: block.transactions
        .filter(
          ({ to, type }) =>
            typeof to === 'string' && sameHex(to, config.batchInbox) && readTypes.includes(type as string),
        )
        .map((transaction): L1Transaction => ({ raw: encodeRpcTransaction(transaction), from: transaction.from })),
      logs: logs
        .filter(log => log.removed !== true)
        .map(
          (log): L1Log => ({
            address: log.address,
            topics: log.topics,
            data: hexToBytes(log.data)!,
            logIndex: Number(log.logIndex),
          }),
        )
        .sort((a, b) => a.logIndex - b.logIndex),
    }
  } catch (cause) {
    throw invalid(cause instanceof Error ? redactUrls(cause.message).slice(0, 200) : 'unreadable', {
      number: block.number,
    })
  }
}

function invalid(reason: string, details: Record<string, unknown>): SequencerError {
  return new SequencerError(`L1 node: ${reason}`, { code: 'L1_RPC_INVALID', recovery: 'retry', details })
}
