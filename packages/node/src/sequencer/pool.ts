import { join } from 'node:path'
import { bytesToHex } from '@l2/common'
import { createMempool } from '@l2/sequencer-core'
import { keccak256 } from '@l2/sequencer-core/crypto'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import type { ExecutedBlock } from '@l2/sequencer-core/engine'
import {
  createDurableMempool,
  type DurableMempool,
  type Mempool,
  type PoolEvent,
  type PoolHead,
  poolHeadAfter,
  restoreMempool,
} from '@l2/sequencer-core/mempool'
import { openFileJournal } from '@l2/sequencer-core/node'
import type { Transaction } from '@l2/sequencer-core/transaction'
import type { Address } from 'viem'
import type { EngineFamily, StateEngine } from '../engine/engine.js'
import { createAccountReader } from './account-reader.js'
import type { Chain } from './chain.js'

const limits = {
  maxPerSender: 1024,
  maxTransactions: 20_000,
  /** Heights for which it is remembered when an included transaction came: more than an L1 reorg of an hour takes back. */
  reorgBlocks: 1024,
}

/** The pool of a sequencer: what was acknowledged and is in no block. */
export type SequencerPool = {
  readonly mempool: Mempool
  readonly durable: DurableMempool
  readonly accountOf: ReturnType<typeof createAccountReader>
  /**
   * The chain ends with another block now: one that includes transactions, or one that it goes back to. The answer is for the journal.
   */
  moveTo(
    head: ExecutedBlock,
    change: { included?: readonly Transaction[]; abandoned?: readonly Transaction[] },
  ): Promise<readonly PoolEvent[]>
  close(): Promise<void>
}

type PoolOptions = {
  directory: string
  rollup: RollupConfig
  family: EngineFamily
  engine: Pick<StateEngine, 'accounts' | 'block'>
  chain: Pick<Chain, 'head' | 'tip' | 'systemConfig'>
  /** The head that the engine reads at. */
  readable(): { readonly hash: `0x${string}` }
  decode(raw: Uint8Array): Transaction
  /** Told what a start found that a user should know. */
  say(message: string): void
}

/** Opens the journal and brings back what it has: what a block took meanwhile is refused for its nonce. */
export async function openPool(options: PoolOptions): Promise<SequencerPool> {
  const { directory, rollup, family, engine, chain, decode } = options
  const file = await openFileJournal({
    path: join(directory, 'mempool.journal'),
    hashOf: raw => bytesToHex(keccak256(raw)),
  })
  if (file.discardedBytes > 0) {
    options.say(`mempool.journal: its last ${file.discardedBytes} bytes were no whole record, and are cut off`)
  }
  const mempool = createMempool(limits, { firstArrival: file.nextArrival })
  /** What the next block is built on, as the pool sees it. */
  const headUpon = (parent: ExecutedBlock): PoolHead =>
    poolHeadAfter(parent, { rollup, systemConfig: chain.systemConfig, metersData: family === 'op' })
  const parent = chain.tip?.executed ?? (await engine.block(chain.head.hash))!
  mempool.setHead({ ...headUpon(parent), nowMs: Date.now(), included: [], accounts: [] })
  const accountOf = createAccountReader(
    (addresses: readonly Address[]) => engine.accounts(addresses),
    () => options.readable().hash,
  )
  await restoreMempool(mempool, file.recovered, { nowMs: Date.now(), decode, accountOf })
  return {
    mempool,
    durable: createDurableMempool(mempool, file.journal),
    accountOf,
    async moveTo(head, { included = [], abandoned = [] }) {
      const addresses = accountsOf([...included, ...abandoned])
      const states = await engine.accounts(addresses)
      return mempool.setHead({
        ...headUpon(head),
        nowMs: Date.now(),
        included: included.map(({ hash }) => hash),
        abandoned,
        accounts: addresses.map((address, index) => [address, states[index]!] as const),
      })
    },
    close: () => file.journal.close(),
  }
}

/** Whom transactions can have changed. */
function accountsOf(transactions: readonly Transaction[]): Address[] {
  const touched = transactions.flatMap(({ sender, to }) => (to === undefined ? [sender] : [sender, to]))
  return [...new Set(touched)]
}
