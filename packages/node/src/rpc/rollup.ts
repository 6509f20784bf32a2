import { isL2Error } from '@l2/common'
import type { BlockId, L1BlockRef, L2BlockRef, RollupConfig } from '@l2/sequencer-core/derivation'
import { l2BlockRef, toRollupJson } from '@l2/sequencer-core/derivation'
import type { OutputSource } from '@l2/sequencer-core/output'
import type { Hash } from 'viem'
import type { StateEngine } from '../engine/engine.js'
import type { L1Heads } from '../l1/l1-heads.js'
import type { Verifier } from '../verifier/verifier.js'
import type { Caller, RpcMethod } from './answer.js'
import type { Heads } from './block-reference.js'
import { RpcAnswerError } from './client.js'
import { createFairQueue } from './fair-queue.js'

/** What the `optimism_*` methods need of the node. */
export type RollupView = {
  rollup: RollupConfig
  /** Of the node; op-node tells its own. */
  version: string
  heads(): Heads
  verifier: Pick<Verifier, 'status' | 'safeAt'>
  engine: Pick<StateEngine, 'block'>
  outputs: OutputSource
  l1: L1Heads
}

/** Outputs are proven by the engine: few at once, and callers take turns. */
const provenAtOnce = { maxUnderWay: 2, maxWaiting: 128, maxWaitMs: 10_000 }
/** References of blocks that are asked for again and again. */
const keptRefs = 256

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const nothing = { hash: zeroHash, number: 0n, parentHash: zeroHash, timestamp: 0n }

const refused = (message: string): RpcAnswerError => new RpcAnswerError({ code: -32000, message })

/** Numbers as op-node writes them, which are far below 2^53. */
const idJson = ({ hash, number }: BlockId) => ({ hash, number: Number(number) })
const l1Json = ({ hash, number, parentHash, timestamp }: L1BlockRef) => ({
  ...{ hash, number: Number(number), parentHash, timestamp: Number(timestamp) },
})
const l2Json = ({ l1Origin, sequenceNumber, ...block }: L2BlockRef) => ({
  ...l1Json(block),
  l1origin: idJson(l1Origin),
  sequenceNumber: Number(sequenceNumber),
})

/** A height as op-node takes it. */
function heightOf(value: unknown): bigint {
  if (typeof value === 'string' && /^0x(0|[1-9a-f][0-9a-f]{0,15})$/i.test(value)) return BigInt(value)
  throw new RpcAnswerError({ code: -32602, message: 'invalid argument 0: hex number expected' })
}

/**
 * The rollup RPC as op-node has it: op-proposer, op-batcher, op-challenger and explorers ask it. Source: OP specs, "Rollup node", "RPC"; op-node 1.19.
 */
export function rollupMethods(view: RollupView): Map<string, RpcMethod> {
  const { rollup, version, heads, verifier, engine, outputs, l1 } = view
  const door = createFairQueue(provenAtOnce)
  const refs = new Map<Hash, L2BlockRef>()

  const refAt = async (number: bigint): Promise<L2BlockRef> => {
    if (number > heads().unsafe) throw notFound(number)
    const block = await engine.block(number)
    if (block === undefined) throw notFound(number)
    const known = refs.get(block.hash)
    if (known !== undefined) return known
    const ref = l2BlockRef(block, rollup)
    refs.set(ref.hash, ref)
    if (refs.size > keptRefs) refs.delete(refs.keys().next().value!)
    return ref
  }

  const syncStatus = async () => {
    const { status } = verifier
    const finalizedNumber = heads().finalized
    const [unsafe, finalized, current] = await Promise.all([
      refAt(heads().unsafe),
      refAt(finalizedNumber),
      // L1 may have it no more, or not answer: then derivation is about to find that out.
      l1.block(status.checkpoint.l1.hash).catch(() => undefined),
    ])
    const final = l1Json(l1.finalized ?? nothing)
    const safe = l2Json(status.safe)
    return {
      current_l1: l1Json(current ?? { ...nothing, ...status.checkpoint.l1 }),
      current_l1_finalized: final,
      head_l1: l1Json(l1.head ?? nothing),
      safe_l1: l1Json(l1.safe ?? nothing),
      finalized_l1: final,
      unsafe_l2: l2Json(unsafe),
      safe_l2: safe,
      finalized_l2: l2Json(finalized),
      pending_safe_l2: l2Json(status.head),
      local_safe_l2: safe,
    }
  }

  const outputAtBlock = async (number: bigint) => {
    const [ref, status] = await Promise.all([refAt(number), syncStatus()])
    const output = await outputs.at(number).catch(error => {
      if (isL2Error(error, 'PROOFS_UNAVAILABLE'))
        throw refused(`failed to get L2 output at block: ${error.shortMessage}`)
      throw error
    })
    // A reorg between the two answers.
    if (output === undefined || output.hash !== ref.hash) throw notFound(number)
    const { version: outputVersion, stateRoot, messagePasserStorageRoot } = output.proof
    return {
      version: outputVersion,
      outputRoot: output.root,
      blockRef: l2Json(ref),
      withdrawalStorageRoot: messagePasserStorageRoot,
      stateRoot,
      syncStatus: status,
    }
  }

  const queued = <T>(task: () => Promise<T>, { client, signal }: Caller): Promise<T> => door.run(task, client, signal)
  return new Map<string, RpcMethod>([
    ['optimism_syncStatus', (_, caller) => queued(syncStatus, caller)],
    [
      'optimism_outputAtBlock',
      (params, caller) => {
        const number = heightOf(params[0])
        return queued(() => outputAtBlock(number), caller)
      },
    ],
    [
      'optimism_rollupConfig',
      () => {
        // Of a chain whose batches a committee must attest, no stock node could derive the same.
        if (rollup.committee !== undefined) throw refused('strict: no rollup.json says it, and no stock node follows')
        return toRollupJson(rollup)
      },
    ],
    ['optimism_version', () => version],
    [
      'optimism_safeHeadAtL1Block',
      ([number]) => {
        const found = verifier.safeAt(heightOf(number))
        if (found === undefined) throw refused('not found')
        return { l1Block: idJson(found.l1), safeHead: idJson(found.head) }
      },
    ],
  ])
}

function notFound(number: bigint): RpcAnswerError {
  return refused(`failed to get L2 block ref with sync status: failed to find L2 block ${number}: not found`)
}
