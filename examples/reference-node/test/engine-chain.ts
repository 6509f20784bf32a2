import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ChainIdentity,
  type EngineKind,
  type EngineOptions,
  familyOf,
  type History,
  type NodeEngine,
  startEngine,
} from '@l2/node'
import { encodeL1InfoDeposit } from '@l2/sequencer-core/derivation'
import type { ExecutedBlock, PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { rollupConfig, writeL2Genesis } from '../src/chain/genesis.js'
import { gasLimit } from '../src/chain/parameters.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`
export const chainId = 59_900

/** Of an L1 that is not there. */
const contracts = Object.fromEntries(
  [
    ...['metis', 'nativeTokenBridge', 'optimismPortal', 'systemConfig'],
    ...['l1CrossDomainMessenger', 'l1StandardBridge', 'l1Erc721Bridge'],
  ].map((name, index) => [name, `0x${(0xd1 + index).toString(16).repeat(20)}`]),
)

/** One engine of the node, without the node around it. */
export type EngineChain = {
  readonly directory: string
  readonly identity: ChainIdentity
  readonly options: EngineOptions
  engine: NodeEngine
  /** Builds so many blocks on the newest and adopts each; `finalizedBehind` blocks below it is the finalized one. */
  grow(blocks: number, finalizedBehind?: bigint): Promise<ExecutedBlock[]>
  /** Every block so far, the genesis first. */
  readonly blocks: ExecutedBlock[]
  /** Attributes of a block on top of one. */
  after(parent: ExecutedBlock, transactions?: readonly Uint8Array[]): PayloadAttributes
  /** Executes what was built above a height on an engine that lacks it, and says which heights these were. */
  execute(node: NodeEngine, above: bigint, executed: bigint[]): Promise<void>
  /** Closes the engine and starts it again on what it left. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** @param ageSeconds how far in the past it begins; without it in 2023 */
type ChainOptions = { history?: History; ageSeconds?: number }

export async function startChain(
  kind: EngineKind,
  { history = { states: 86_400, bodies: 30 * 86_400 }, ageSeconds }: ChainOptions = {},
): Promise<EngineChain> {
  const directory = mkdtempSync(join(tmpdir(), 'l2-engine-'))
  const family = familyOf[kind]
  const timestamp = ageSeconds === undefined ? 1_700_000_000 : Math.floor(Date.now() / 1000) - ageSeconds
  const identity: ChainIdentity = {
    chainId,
    l1ChainId: 900,
    l1Genesis: { number: '1', hash: `0x${'a1'.repeat(32)}`, timestamp: String(timestamp) },
    inbox: `0x00${'e1'.repeat(19)}`,
    contracts,
    dataAvailability: 'ethereum-blobs',
    sequencers: 1,
    engine: family,
  }
  const genesisPath = writeL2Genesis(directory, identity)
  const options: EngineOptions = {
    ...{ kind, name: 'test', directory, chainId, genesisPath, gasLimit, history },
    ...{ silenceMs: 60_000, say() {} },
  }
  const engine = await startEngine(options)
  const blocks = [(await engine.engine.block(0n))!]
  const rollup = rollupConfig(identity, blocks[0]!.hash)
  const origin = { number: 1n, hash: rollup.genesis.l1.hash, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash }
  const l1 = { ...origin, baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash }
  const chain: EngineChain = {
    directory,
    identity,
    options,
    engine,
    blocks,
    after: (parent, transactions = []) => ({
      timestamp: parent.timestamp + 1n,
      prevRandao: `0x${'5a'.repeat(32)}`,
      suggestedFeeRecipient: '0x4200000000000000000000000000000000000011',
      withdrawals: [],
      parentBeaconBlockRoot: `0x${'6b'.repeat(32)}`,
      transactions: [
        encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, l1, parent.number, parent.timestamp + 1n),
        ...transactions,
      ],
      noTxPool: true,
      gasLimit,
      eip1559Params: '0x0000000000000000',
      minBaseFee: 0n,
    }),
    async grow(count, finalizedBehind) {
      for (; count > 0; count--) {
        const parent = blocks.at(-1)!
        const block = await chain.engine.engine.build(parent.hash, chain.after(parent))
        blocks.push(block)
        const at = finalizedBehind === undefined ? undefined : block.number - finalizedBehind
        const finalized = at === undefined || at < 0n ? zeroHash : blocks[Number(at)]!.hash
        await chain.engine.engine.setHead({ head: block.hash, safe: finalized, finalized })
      }
      return blocks
    },
    async execute({ engine }, above, executed) {
      for (const block of blocks.slice(Number(above) + 1)) {
        await engine.import(block, chain.after(blocks[Number(block.number) - 1]!))
        await engine.setHead({ head: block.hash, safe: block.hash, finalized: block.hash })
        executed.push(block.number)
      }
    },
    async restart() {
      await chain.engine.close()
      chain.engine = await startEngine(options)
    },
    async close() {
      await chain.engine.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  return chain
}
