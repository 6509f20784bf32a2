import { hexToBytes } from '@l2/common'
import type { Hash, Hex } from 'viem'
import type { BlockDetails } from './payload.js'

const isHexOf = (value: unknown, length: number): value is Hex =>
  typeof value === 'string' && hexToBytes(value)?.length === length

/**
 * Reads a block's details from the JSON-RPC of an engine that has executed it, which is one's own: whatever it says goes to one's own op-node.
 *
 * @returns `undefined` where the engine does not have the block, does not answer within `timeoutMs` or not as an OP engine does
 */
export function createDetailsReader(url: string, timeoutMs = 5_000): (hash: Hash) => Promise<BlockDetails | undefined> {
  return async hash => {
    const request = { jsonrpc: '2.0', id: 1, method: 'eth_getBlockByHash', params: [hash, false] }
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(timeoutMs),
      })
      const { result } = (await response.json()) as { result?: Record<string, unknown> | null }
      if (result === undefined || result === null) return undefined
      const { logsBloom, extraData, withdrawalsRoot, blobGasUsed } = result
      if (!isHexOf(logsBloom, 256) || typeof extraData !== 'string' || hexToBytes(extraData) === undefined)
        return undefined
      return {
        logsBloom,
        extraData: extraData as Hex,
        withdrawalsRoot: isHexOf(withdrawalsRoot, 32) ? withdrawalsRoot : undefined,
        blobGasUsed: typeof blobGasUsed === 'string' ? BigInt(blobGasUsed) : 0n,
      }
    } catch {
      return undefined
    }
  }
}
