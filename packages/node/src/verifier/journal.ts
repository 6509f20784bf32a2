import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DerivationCheckpoint } from '@l2/sequencer-core/derivation'
import type { PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { decodeLine, encodeLine } from '../storage/codec.js'
import { writeFileDurably } from '../storage/data-directory.js'

/** A block that was derived from L1: enough to execute it again in a new engine. */
export type DerivedBlock = {
  readonly number: bigint
  readonly hash: Hash
  readonly parent: Hash
  readonly attributes: PayloadAttributes
}

/** What the verifier keeps on disk: the blocks it derived, and the place in L1 from which it goes on. */
export type VerifierJournal = {
  /** Blocks up to the checkpoint's head, in order. */
  readonly blocks: readonly DerivedBlock[]
  readonly checkpoint: DerivationCheckpoint | undefined
  append(block: DerivedBlock): void
  /** Durable together with every block appended before. */
  save(checkpoint: DerivationCheckpoint): void
  /** Forgets blocks above a number, which an L1 reorg took back. */
  rewind(number: bigint): void
  close(): void
}

/** Opens the journal of a data directory; what was written behind the last checkpoint is cut off and will be derived again. */
export function openVerifierJournal(directory: string): VerifierJournal {
  const blocksPath = join(directory, 'derived-blocks.jsonl')
  const checkpointPath = join(directory, 'derivation.json')
  const checkpoint = existsSync(checkpointPath)
    ? decodeLine<DerivationCheckpoint>(readFileSync(checkpointPath, 'utf8'))
    : undefined
  const head = checkpoint?.head.number ?? 0n

  const blocks: DerivedBlock[] = []
  /** Byte offset behind each block, so that a rewind is a truncation. */
  const ends: number[] = []
  let size = 0
  for (const line of existsSync(blocksPath) ? readFileSync(blocksPath, 'utf8').split('\n') : []) {
    if (line === '' || BigInt(blocks.length) >= head) break
    blocks.push(decodeLine<DerivedBlock>(line))
    size += Buffer.byteLength(line) + 1
    ends.push(size)
  }
  const file = openSync(blocksPath, 'a')
  truncateSync(blocksPath, size)

  return {
    blocks,
    checkpoint,
    append(block) {
      const line = `${encodeLine(block)}\n`
      writeSync(file, line)
      size += Buffer.byteLength(line)
      ends.push(size)
      blocks.push(block)
    },
    save(next) {
      fdatasyncSync(file)
      writeFileDurably(checkpointPath, encodeLine(next))
    },
    rewind(number) {
      ends.length = Math.min(ends.length, Number(number))
      blocks.length = ends.length
      size = ends.at(-1) ?? 0
      truncateSync(blocksPath, size)
    },
    close() {
      closeSync(file)
    },
  }
}
