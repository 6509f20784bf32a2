import type { Mempool } from '@l2/sequencer-core/mempool'
import type { Hash } from 'viem'
import type { EngineFamily, Read } from '../engine/engine.js'
import type { History } from '../engine/history.js'
import type { Caller } from './answer.js'
import type { Heads } from './block-reference.js'
import type { Feed } from './feed.js'

/** What the `eth_*` methods need of the node. */
export type EthView = {
  chainId: number
  /** What answers {@link read}. */
  family: EngineFamily
  /** Reads of the execution engine. */
  read: Read
  heads(): Heads
  /** What an engine of the OP family keeps. */
  history: History
  mempool: Mempool
  feed: Feed
  /** Admits a signed transaction; its refusal is an {@link RpcAnswerError} as geth words it. Returns when it is durable. */
  submit(raw: Uint8Array, caller: Caller): Promise<Hash>
}
