import { openChannel } from '../src/index.ts'
import { nodeDecompressors } from '../src/node.ts'

/** Reads a channel to its end; how many transactions it has. */
export function readChannel(channel: Uint8Array, rollup: Parameters<typeof openChannel>[1]): number {
  const reader = openChannel(channel, { ...rollup, decompressors: nodeDecompressors })
  let transactions = 0
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    if (batch.type === 'singular') transactions += batch.transactions.length
    else for (const block of batch.blocks) transactions += block.transactions.length
  }
  return transactions
}
