import { isL2Error } from '@l2/common'
import type { Hash, Hex, RpcTransaction } from 'viem'
import { l2BlockRef } from '../derivation/l2.js'
import type { RollupConfig } from '../derivation/rollup-config.js'
import { createJsonRpc, resultOf } from '../engine/json-rpc.js'
import { encodeRpcTransaction, executedBlock, type RpcBlock } from '../engine/rpc-block.js'
import { SequencerError } from '../errors.js'
import type { SequencerEndpoint } from './active-sequencer.js'
import { toBatcherBlock } from './batcher-block.js'
import type { BatcherBlock } from './ports.js'
import type { SyncStatus } from './sync-actions.js'

/** Options of {@link createOpNodeSequencer}. */
export type OpNodeSequencerOptions = {
  /** op-node's or kona-node's JSON-RPC, with `--rpc.enable-admin` where several sequencers take turns. */
  readonly nodeUrl: string
  /** Its engine's `eth_*`. */
  readonly engineUrl: string
  readonly config: RollupConfig
  /** Per request, milliseconds. Default 10 000. */
  readonly timeoutMs?: number | undefined
  /** Default: the node's address without path and credentials. */
  readonly name?: string | undefined
}

/** Blocks in one request. */
const maxBlocks = 32

/**
 * A sequencer of the OP Stack for our batcher: op-node's `optimism_syncStatus` and `admin_sequencerActive`, and blocks from its engine. Safe is what
 * is derived from L1, whatever other chains say (`local_safe_l2`).
 *
 * Its calls reject with `ENGINE_UNAVAILABLE`, `ENGINE_RPC`, and `L1_INFO_INVALID` for a block that is not of such a chain.
 *
 * @throws SequencerError `ENGINE_OPTIONS`
 */
export function createOpNodeSequencer(options: OpNodeSequencerOptions): SequencerEndpoint {
  const { nodeUrl, engineUrl, config, timeoutMs = 10_000, name } = options
  for (const [field, url] of Object.entries({ nodeUrl, engineUrl })) {
    if (!URL.canParse(url)) throw new SequencerError(`"${field}" is no address`, { code: 'ENGINE_OPTIONS' })
  }
  const node = createJsonRpc({ url: nodeUrl, timeoutMs })
  const engine = createJsonRpc({ url: engineUrl, timeoutMs, maxBatch: maxBlocks })
  const { origin } = new URL(engineUrl)

  const readBlock = (block: RpcBlock): BatcherBlock => {
    const raw = block.transactions.map(transaction => encodeRpcTransaction(transaction as RpcTransaction))
    return toBatcherBlock(l2BlockRef(executedBlock(block, raw), config), raw)
  }

  /** Whatever is wrong with a block is the engine's fault, and another answer may be right. */
  const read = (block: RpcBlock): BatcherBlock => {
    try {
      return readBlock(block)
    } catch (cause) {
      if (isL2Error(cause)) throw cause
      throw new SequencerError(`${origin} answered with something that is no block`, {
        code: 'ENGINE_RPC',
        recovery: 'retry',
        cause,
      })
    }
  }

  return {
    name: name ?? new URL(nodeUrl).origin,
    async isActive(callOptions) {
      return (await node.call<unknown>('admin_sequencerActive', [], callOptions)) === true
    },
    node: {
      async status(callOptions) {
        return readStatus(await node.call<unknown>('optimism_syncStatus', [], callOptions))
      },
      async blocks(from, to, callOptions) {
        const last = to - from < BigInt(maxBlocks) ? to : from + BigInt(maxBlocks) - 1n
        const numbers = Array.from({ length: Number(last - from) + 1 }, (_, i) => from + BigInt(i))
        const answers = await engine.batch(
          numbers.map(number => ['eth_getBlockByNumber', `0x${number.toString(16)}`, true]),
          callOptions,
        )
        const blocks: BatcherBlock[] = []
        for (const answer of answers) {
          const block = resultOf<RpcBlock | null>(origin, 'eth_getBlockByNumber', answer)
          // It has not so many: fewer than asked for is fine.
          if (block === null) break
          blocks.push(read(block))
        }
        return blocks
      },
    },
  }
}

type WireRef = { readonly number?: unknown; readonly hash?: unknown }

/** @throws SequencerError `ENGINE_RPC` */
function readStatus(answer: unknown): SyncStatus {
  const status = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, WireRef | undefined>
  const id = (field: string): { number: bigint; hash: Hash } => {
    const { number, hash } = status[field] ?? {}
    if (Number.isSafeInteger(number) && (number as number) >= 0 && /^0x[0-9a-f]{64}$/i.test(String(hash))) {
      return { number: BigInt(number as number), hash: hash as Hex }
    }
    throw new SequencerError(`the node's sync status has no "${field}"`, { code: 'ENGINE_RPC', details: { field } })
  }
  return {
    headL1: id('head_l1').number,
    currentL1: id('current_l1').number,
    safe: id(status['local_safe_l2'] === undefined ? 'safe_l2' : 'local_safe_l2'),
    unsafe: id('unsafe_l2'),
  }
}
