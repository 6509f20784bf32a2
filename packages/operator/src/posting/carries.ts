import { equalBytes, isL2Error } from '@l2/common'
import {
  type BatchBlock,
  decodeBatcherTransaction,
  encodeBatch,
  openChannel,
  toSingularBatch,
  toSpanBatch,
} from '@l2/sequencer-core/batch'
import { nodeDecompressors } from '@l2/sequencer-core/node'

/** What the data are held against. */
export type CarriedBlocks = {
  chainId: bigint
  genesisTimeSeconds: bigint
  /** L2 blocks, both in it. */
  first: bigint
  last: bigint
  /** A block of the own chain; `undefined` where it is not at hand. */
  blockAt(height: bigint): BatchBlock | undefined
}

/** Bytes of one transaction's calldata that derivation reads. */
export const maxDataBytes = 130_672

/**
 * Whether data for L1 hold the own blocks `first` … `last` and nothing else: whole channels, one after another, whose batches are of these blocks in their
 * order. What derivation could read in another way is refused: the data come from a poster that may lie.
 */
export function carriesBlocks(data: readonly Uint8Array[], blocks: CarriedBlocks): boolean {
  const channels = channelsOf(data)
  if (channels === undefined) return false
  let next = blocks.first
  for (const channel of channels) {
    const reader = openChannel(channel, { chainId: blocks.chainId, decompressors: nodeDecompressors, rules: 'kona' })
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      const count = batch.type === 'span' ? batch.blocks.length : 1
      if (count === 0 || next + BigInt(count) - 1n > blocks.last) return false
      const own: BatchBlock[] = []
      for (let index = 0; index < count; index++) {
        const block = blocks.blockAt(next + BigInt(index))
        if (block === undefined) return false
        own.push(block)
      }
      const expected = batch.type === 'span' ? toSpanBatch(own, blocks) : toSingularBatch(own[0]!)
      if (!equalBytes(encodeBatch(expected, blocks), reader.batchBytes)) return false
      next += BigInt(count)
    }
    const isWhole = reader.compression === 'complete' || reader.compression === 'unterminated'
    if (reader.end?.type !== 'end' || !isWhole) return false
  }
  return next === blocks.last + 1n
}

/** The channels that data hold, none of them in parts; `undefined` for anything else. */
function channelsOf(data: readonly Uint8Array[]): Uint8Array[] | undefined {
  const channels: Uint8Array[] = []
  let open: { id: string; parts: Uint8Array[] } | undefined
  for (const bytes of data) {
    if (bytes.length > maxDataBytes) return undefined
    const frames = framesOf(bytes)
    if (frames === undefined) return undefined
    for (const { channelId, frameNumber, data: part, isLast } of frames) {
      open ??= { id: channelId, parts: [] }
      if (open.id !== channelId || open.parts.length !== frameNumber) return undefined
      open.parts.push(part)
      if (!isLast) continue
      channels.push(Buffer.concat(open.parts))
      open = undefined
    }
  }
  return open === undefined && channels.length > 0 ? channels : undefined
}

function framesOf(bytes: Uint8Array) {
  try {
    const decoded = decodeBatcherTransaction(bytes)
    return decoded.version === 0 ? decoded.frames : undefined
  } catch (error) {
    if (!isL2Error(error)) throw error
    return undefined
  }
}
