import type { L1BlockRef } from '@l2/sequencer-core/derivation'
import type { Hash, Hex } from 'viem'
import { rpcCall } from '../rpc/client.js'

/** L1's heads as they were last read. */
export type L1Heads = {
  readonly head: L1BlockRef | undefined
  readonly safe: L1BlockRef | undefined
  readonly finalized: L1BlockRef | undefined
  /** Reads them. @throws NodeError `RPC_FAILED` where L1 does not answer: what was read last stays */
  read(): Promise<void>
  /** A block that is known by its hash; `undefined` where L1 has it no more. @throws NodeError as {@link read} */
  block(hash: Hash): Promise<L1BlockRef | undefined>
}

type RpcBlock = { number: Hex; hash: Hash; parentHash: Hash; timestamp: Hex }

const refOf = ({ number, hash, parentHash, timestamp }: RpcBlock): L1BlockRef => ({
  ...{ number: BigInt(number), hash, parentHash, timestamp: BigInt(timestamp) },
})

/** From a question to its answer. */
const timeoutMs = 5000
const keptBlocks = 64

export function createL1Heads(url: string): L1Heads {
  const known = new Map<Hash, L1BlockRef>()
  let heads: Partial<Record<'head' | 'safe' | 'finalized', L1BlockRef>> = {}
  const ask = async (method: string, params: readonly unknown[]): Promise<L1BlockRef | undefined> => {
    const block = await rpcCall<RpcBlock | null>(url, method, params, AbortSignal.timeout(timeoutMs))
    return block === null ? undefined : refOf(block)
  }
  return {
    get head() {
      return heads.head
    },
    get safe() {
      return heads.safe
    },
    get finalized() {
      return heads.finalized
    },
    async read() {
      const tags = ['latest', 'safe', 'finalized'] as const
      const [head, safe, finalized] = await Promise.all(tags.map(tag => ask('eth_getBlockByNumber', [tag, false])))
      heads = { ...(head && { head }), ...(safe && { safe }), ...(finalized && { finalized }) }
    },
    async block(hash) {
      const kept = known.get(hash)
      if (kept !== undefined) return kept
      const block = await ask('eth_getBlockByHash', [hash, false])
      if (block !== undefined) known.set(hash, block)
      if (known.size > keptBlocks) known.delete(known.keys().next().value!)
      return block
    },
  }
}
