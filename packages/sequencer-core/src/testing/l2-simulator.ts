import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { deflate } from 'pako'
import type { Hash, Hex } from 'viem'
import { encodeBatch } from '../batch/batch.js'
import type { Batch, BatchBlock } from '../batch/types.js'
import type { Frame } from '../channel/frame.js'
import { buildAttributes } from '../derivation/attributes.js'
import { configCarriedByBlock } from '../derivation/config-changes.js'
import { countLeadingDeposits } from '../derivation/deposit.js'
import type { L1Block } from '../derivation/l1.js'
import { nextOrigin } from '../derivation/l1-origin.js'
import { genesisBlockRef, type L2BlockRef, l2BlockRef } from '../derivation/l2.js'
import { createDerivationPipeline } from '../derivation/pipeline.js'
import type {
  DerivationEvent,
  DerivationInput,
  DerivationOptions,
  DerivationOutput,
  DerivationPipeline,
} from '../derivation/pipeline-types.js'
import { newRollup } from '../derivation/presets.js'
import type { RollupConfig } from '../derivation/rollup-config.js'
import type { SystemConfig } from '../derivation/system-config.js'
import type { UpgradeTransactions } from '../derivation/upgrade-transactions.js'
import type { ExecutedBlock, ExecutionEngine, PayloadAttributes } from '../engine/engine.js'
import { checkImported } from '../engine/imported.js'
import { SequencerError } from '../errors.js'
import { encodeRlp } from '../rlp/rlp.js'
import { type L1Simulator, simulatedAccount } from './l1-simulator.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`

/** A small rollup for the simulators: L1 block 100 at second 1000, blocks of 2 s, every fork at genesis unless told otherwise. */
export function simulatedRollup(overrides: Partial<RollupConfig> = {}): RollupConfig {
  const config = newRollup({
    l1ChainId: 900n,
    l2ChainId: 901n,
    genesis: {
      l1: { number: 100n, hash: `0x${'a1'.repeat(32)}` },
      l2: { number: 0n, hash: `0x${'b2'.repeat(32)}` },
      l2TimeSeconds: 1000n,
    },
    batcher: simulatedAccount(0).address,
    batchInbox: '0xff00000000000000000000000000000000000901',
    depositContract: '0x00000000000000000000000000000000000000d1',
    systemConfigContract: '0x00000000000000000000000000000000000000c1',
    sequencingWindowBlocks: 20n,
    channelTimeoutBlocks: 10n,
  })
  return { ...config, ...overrides }
}

/** An engine that executes nothing: a block's hash commits to its parent and attributes. */
export interface HashEngine extends ExecutionEngine {
  buildNow(parent: Hash, attributes: PayloadAttributes): ExecutedBlock
  blockNow(id: Hash | bigint | 'latest'): ExecutedBlock | undefined
  setHeadNow(head: Hash): void
  /** Takes over a block that another engine built, and makes it the head. */
  adopt(block: ExecutedBlock): void
}

/** Options of {@link createHashEngine}. */
export type HashEngineOptions = {
  readonly config: RollupConfig
  /** Transactions that cannot be in a block. Default: those that begin with `0xff`. */
  readonly refuses?: ((transaction: Uint8Array) => boolean) | undefined
}

/** Makes a {@link HashEngine} at the chain's genesis. For tests of what lies around an engine. */
export function createHashEngine(options: HashEngineOptions): HashEngine {
  const { config, refuses = transaction => transaction[0] === 0xff } = options
  const genesis: ExecutedBlock = {
    number: config.genesis.l2.number,
    hash: config.genesis.l2.hash,
    parentHash: zeroHash,
    stateRoot: zeroHash,
    transactionsRoot: zeroHash,
    receiptsRoot: zeroHash,
    timestamp: config.genesis.l2TimeSeconds,
    gasLimit: config.genesis.systemConfig.gasLimit,
    gasUsed: 0n,
    baseFeePerGas: 1n,
    transactions: [],
  }
  const byHash = new Map<Hash, ExecutedBlock>([[genesis.hash, genesis]])
  const canonical: ExecutedBlock[] = [genesis]
  const bytes = (hex: Hex | undefined): Uint8Array => (hex === undefined ? new Uint8Array() : hexToBytes(hex)!)
  const known = (hash: Hash): ExecutedBlock => {
    const block = byHash.get(hash)
    if (block !== undefined) return block
    throw new SequencerError(`no block ${hash}`, { code: 'ENGINE_UNKNOWN_BLOCK', details: { hash } })
  }
  const engine: HashEngine = {
    name: 'hash',
    buildNow(parentHash, attributes) {
      const parent = known(parentHash)
      const indices = [...attributes.transactions.keys()].filter(i => refuses(attributes.transactions[i]!))
      if (indices.length > 0) {
        throw new SequencerError(`transaction ${indices[0]} cannot be in the block`, {
          code: 'ENGINE_TRANSACTION_INVALID',
          recovery: 'reset',
          details: { index: indices[0], indices },
        })
      }
      const hash = bytesToHex(
        keccak256(
          encodeRlp([
            bytes(parentHash),
            attributes.timestamp,
            bytes(attributes.prevRandao),
            bytes(attributes.suggestedFeeRecipient),
            attributes.withdrawals === undefined ? 0n : 1n,
            bytes(attributes.parentBeaconBlockRoot),
            attributes.gasLimit,
            bytes(attributes.eip1559Params),
            attributes.minBaseFee ?? new Uint8Array(),
            attributes.transactions,
          ]),
        ),
      )
      const block = {
        ...genesis,
        number: parent.number + 1n,
        hash,
        parentHash,
        timestamp: attributes.timestamp,
        gasLimit: attributes.gasLimit,
        transactions: attributes.transactions,
      }
      byHash.set(hash, block)
      return block
    },
    blockNow(id) {
      if (id === 'latest') return canonical.at(-1)
      return typeof id === 'bigint' ? canonical[Number(id - genesis.number)] : byHash.get(id)
    },
    setHeadNow(head) {
      const path: ExecutedBlock[] = []
      for (let block = known(head); ; block = known(block.parentHash)) {
        const at = Number(block.number - genesis.number)
        if (canonical[at]?.hash === block.hash) {
          for (const gone of canonical.splice(at + 1)) if (!path.includes(gone)) byHash.delete(gone.hash)
          break
        }
        path.push(block)
      }
      for (const block of path.reverse()) {
        byHash.set(block.hash, block)
        canonical.push(block)
      }
    },
    adopt(block) {
      byHash.set(block.hash, block)
      engine.setHeadNow(block.hash)
    },
    build: async (parent, attributes) => engine.buildNow(parent, attributes),
    async import(block, attributes) {
      return checkImported(block, engine.buildNow(block.parentHash, attributes))
    },
    setHead: async ({ head }) => engine.setHeadNow(head),
    block: async id => engine.blockNow(id),
    close: async () => {},
  }
  return engine
}

/** A sequencer on the simulators: builds blocks of given transactions on the origins that {@link nextOrigin} chooses. */
export interface SequencerSimulator {
  /** Builds the next block; `undefined` when it would have to wait for L1. Origins follow the L1 head unless `stay` holds them. */
  build(transactions?: readonly Uint8Array[], options?: { stay?: boolean }): SequencedBlock | undefined
  /** Takes back every block whose origin is above this L1 block, as a sequencer does after a reorg of L1. */
  rewind(l1Number: bigint): void
  /** Every block since genesis. */
  readonly blocks: readonly SequencedBlock[]
  readonly head: L2BlockRef
}

/** What a batcher, and a test, want to know of a sequenced block. */
export type SequencedBlock = { readonly ref: L2BlockRef; readonly batch: BatchBlock; readonly executed: ExecutedBlock }

/** Makes a {@link SequencerSimulator} at the chain's genesis. Without an engine it brings a {@link HashEngine} of its own. */
export function createSequencerSimulator(options: {
  config: RollupConfig
  l1: Pick<L1Simulator, 'block'>
  engine?: HashEngine
  upgradeTransactions?: UpgradeTransactions
}): SequencerSimulator {
  const { config, l1 } = options
  const engine = options.engine ?? createHashEngine({ config })
  const blocks: SequencedBlock[] = []
  const configs: SystemConfig[] = [config.genesis.systemConfig]
  let head = genesisBlockRef(config)
  return {
    blocks,
    get head() {
      return head
    },
    rewind(l1Number) {
      while (blocks.length > 0 && blocks.at(-1)!.ref.l1Origin.number > l1Number) {
        blocks.pop()
        configs.pop()
      }
      head = blocks.at(-1)?.ref ?? genesisBlockRef(config)
    },
    build(transactions = [], { stay = false } = {}) {
      const current = l1.block(head.l1Origin.number) as L1Block
      const choice = nextOrigin(config, head, current, stay ? undefined : l1.block(current.number + 1n))
      if (choice.type === 'wait-for-l1') return undefined
      const { origin, noTxPool } = choice
      const built = buildAttributes({
        rollup: config,
        parent: head,
        systemConfig: configs.at(-1)!,
        origin,
        logs: origin.logs,
        transactions: noTxPool ? [] : transactions,
        upgradeTransactions: options.upgradeTransactions,
      })
      const executed = engine.buildNow(head.hash, built.attributes)
      const ref = l2BlockRef(executed, config)
      head = ref
      configs.push(configCarriedByBlock(built.systemConfig, executed.timestamp, config))
      const batch: BatchBlock = {
        parentHash: executed.parentHash,
        timestamp: executed.timestamp,
        epochNumber: origin.number,
        epochHash: origin.hash,
        sequenceNumber: built.sequenceNumber,
        transactions: executed.transactions.slice(countLeadingDeposits(executed.transactions)),
      }
      const block = { ref, batch, executed }
      blocks.push(block)
      return block
    },
  }
}

/**
 * A transaction of the rollup, well-formed to every codec, with a signature that only looks like one. `nonce` also makes its calldata.
 */
export function simulatedTransaction(config: RollupConfig, nonce: bigint, dataBytes = 20): Uint8Array {
  const to = new Uint8Array(20).fill(0x77)
  const data = keccak256(encodeRlp(nonce)).subarray(0, Math.min(dataBytes, 32))
  const signature = [BigInt(bytesToHex(keccak256(data))) >> 1n, 0x1234n] as const
  const fields = [config.l2ChainId, nonce, 1n, 1000n, 21_000n, to, 1n, data, [], nonce & 1n, ...signature] as const
  return concatBytes(Uint8Array.of(2), encodeRlp(fields))
}

/** The frames of a zlib channel of these batches, cut at `frameBytes` (default: one frame). */
export function framesOfBatches(
  batches: readonly Batch[],
  options: { config: RollupConfig; channelId: Hex; frameBytes?: number },
): Frame[] {
  const rollup = { chainId: options.config.l2ChainId }
  const stream = concatBytes(...batches.map(batch => encodeRlp(encodeBatch(batch, rollup))))
  return framesOfStream(stream, options)
}

/** {@link framesOfBatches} for a stream of any bytes. */
export function framesOfStream(stream: Uint8Array, options: { channelId: Hex; frameBytes?: number }): Frame[] {
  const data = deflate(stream)
  const { channelId, frameBytes = data.length } = options
  const frames: Frame[] = []
  for (let at = 0; at < data.length; at += frameBytes) {
    const isLast = at + frameBytes >= data.length
    frames.push({ channelId, frameNumber: frames.length, data: data.subarray(at, at + frameBytes), isLast })
  }
  return frames
}

/** What {@link deriveSimulated} found. */
export type DerivedChain = {
  readonly pipeline: DerivationPipeline
  readonly engine: HashEngine
  readonly blocks: readonly ExecutedBlock[]
  readonly events: readonly DerivationEvent[]
}

/** Derives everything that the simulated L1 has, synchronously: the smallest feeder of a pipeline. */
export function deriveSimulated(
  l1: L1Simulator,
  options: DerivationOptions & {
    engine?: HashEngine
    pipeline?: DerivationPipeline
    onEvent?: (event: DerivationEvent, pipeline: DerivationPipeline) => void
    committed?: (commitment: Hex) => Uint8Array | undefined
    /** How many of the last blocks to return. Default all. */
    lastBlocks?: number
  },
): DerivedChain {
  const engine = options.engine ?? createHashEngine({ config: options.config })
  const pipeline = options.pipeline ?? createDerivationPipeline(options)
  const events: DerivationEvent[] = []
  const answer = (output: Exclude<DerivationOutput, { type: 'event' }>): DerivationInput | undefined => {
    if (output.type === 'attributes') {
      try {
        const block = engine.buildNow(output.parent.hash, output.attributes)
        engine.setHeadNow(block.hash)
        return { type: 'executed', block }
      } catch {
        engine.setHeadNow(pipeline.safe.hash)
        return { type: 'refused' }
      }
    }
    const { need } = output
    switch (need.type) {
      case 'l1-block': {
        const block = l1.block(need.number)
        return block === undefined ? undefined : { type: 'l1-block', block }
      }
      case 'blobs':
        return { type: 'blobs', blobs: l1.blobsByHash(need.versionedHashes) }
      case 'commitment':
        return { type: 'commitment', data: options.committed?.(need.commitment) }
      case 'l2-block': {
        const block = engine.blockNow(need.number)
        const found =
          block === undefined ? undefined : { ref: l2BlockRef(block, options.config), transactions: block.transactions }
        return { type: 'l2-block', block: found }
      }
    }
  }
  let input: DerivationInput | undefined
  for (;;) {
    const output = pipeline.step(input)
    input = undefined
    if (output.type === 'event') {
      events.push(output.event)
      options.onEvent?.(output.event, pipeline)
      continue
    }
    input = answer(output)
    if (input === undefined) break
  }
  const blocks: ExecutedBlock[] = []
  const all = options.config.genesis.l2.number + 1n
  const first = options.lastBlocks === undefined ? all : pipeline.head.number + 1n - BigInt(options.lastBlocks)
  for (let n = first < all ? all : first; n <= pipeline.head.number; n++) blocks.push(engine.blockNow(n)!)
  return { pipeline, engine, blocks, events }
}
