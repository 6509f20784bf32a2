import { bytesToHex } from '@l2/common'
import { isForkActive, type RollupConfig } from '@l2/sequencer-core/derivation'
import {
  createOutputSource,
  createStateProofs,
  encodeHeader,
  type OutputSource,
  type RpcHeader,
  type StateProofs,
} from '@l2/sequencer-core/output'
import type { Hex } from 'viem'
import type { EngineFamily, NodeEngine } from '../engine/engine.js'
import type { History } from '../engine/history.js'
import { NodeError } from '../errors.js'
import { RpcAnswerError } from '../rpc/client.js'

/** What L1 is told of an engine's blocks, and what that stands on. */
export type EngineOutputs = {
  readonly proofs: StateProofs
  readonly outputs: OutputSource
  /** The RLP of a block's header. @throws NodeError `RPC_FAILED` where the engine has none */
  header(number: bigint): Promise<Hex>
}

/** What of an engine decides how far back it proves. */
export type EngineOutputsOptions = {
  family: EngineFamily
  history: History
  rollup: RollupConfig
  /** Of an anvil. Default: 512, two of which a block takes. */
  maxStates?: number | undefined
}

/** Blocks less than its states allow that an anvil is asked for: those that are being built and taken back. */
const anvilMargin = 6
/** A plain geth keeps the newest 128 states. */
const gethBlocks = 96n

function depthOf({ family, history, maxStates = 512 }: EngineOutputsOptions): bigint | undefined {
  if (family === 'anvil') return BigInt(maxStates / 2 - anvilMargin)
  if (family === 'geth') return gethBlocks
  return history.states === 0 ? undefined : BigInt(history.states)
}

/** Outputs and proofs of an engine of this node. */
export function engineOutputs(node: NodeEngine, options: EngineOutputsOptions): EngineOutputs {
  const { family, rollup } = options
  const read = async <T>(method: string, params: readonly unknown[]): Promise<T> => {
    try {
      return await node.read<T>(method, params)
    } catch (cause) {
      // No room just now, which says nothing of what the engine has.
      if (!(cause instanceof RpcAnswerError) || cause.code !== -32005) throw cause
      throw new NodeError(`${node.engine.name} is busy`, { code: 'RPC_FAILED', recovery: 'retry', cause })
    }
  }
  const proofs = createStateProofs(
    { name: node.engine.name, depthBlocks: depthOf(options), genesisNumber: rollup.genesis.l2.number },
    { request: ({ method, params }) => read(method, params) },
  )
  return {
    proofs,
    outputs: createOutputSource(
      { headerTells: block => family === 'op' && isForkActive(rollup.forks, 'isthmus', block.timestamp) },
      { engine: node.engine, proofs },
    ),
    async header(number) {
      const block = await read<RpcHeader | null>('eth_getBlockByNumber', [`0x${number.toString(16)}`, false])
      if (block !== null) return bytesToHex(encodeHeader(block))
      throw new NodeError(`the engine has no block ${number}`, { code: 'RPC_FAILED', recovery: 'retry' })
    },
  }
}
