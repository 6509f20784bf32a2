import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DerivationCheckpoint } from '@l2/sequencer-core/derivation'
import type { PayloadAttributes } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { openRecordFile, type RecordFile } from '../storage/record-file.js'
import { userTransactions } from './user-transactions.js'

/** A block that was derived from L1: enough to execute it again in a new engine. */
export type DerivedBlock = {
  readonly number: bigint
  readonly hash: Hash
  readonly parent: Hash
  readonly attributes: PayloadAttributes
}

/** What the verifier keeps on disk: the blocks it derived, and the places in L1 from which it can go on. */
export type VerifierJournal = {
  /** Where derivation goes on; `undefined`: at the rollup's beginning. */
  readonly checkpoint: DerivationCheckpoint | undefined
  /** Places before it, the oldest first, for an L1 that has taken the newest ones back meanwhile. */
  readonly earlier: readonly DerivationCheckpoint[]
  /** The newest block; 0 before the first. */
  readonly last: bigint
  /** Of users, in all blocks. */
  readonly transactions: number
  /**
   * Bytes that were cut off when it was opened, and are derived from L1 again: what followed the last checkpoint, or a damaged line.
   */
  readonly discardedBytes: number
  hashAt(number: bigint): Hash | undefined
  /** The newest checkpoint, of those whose head differs from the one before, up to an L1 height: what was derived when L1 stood there. */
  safeAt(l1Number: bigint): DerivationCheckpoint | undefined
  /** Blocks above a height, in order; read from the file as they are asked for. */
  blocks(above: bigint): Generator<DerivedBlock>
  append(block: DerivedBlock): void
  /** Durable together with every block appended before. */
  save(checkpoint: DerivationCheckpoint): void
  /** Forgets blocks above a number, which an L1 reorg took back. */
  rewind(number: bigint): void
  close(): void
}

/** What the first line of a file carries of those before it. */
type Carried = {
  readonly last: bigint
  readonly lastHash?: Hash | undefined
  readonly transactions: number
  readonly checkpoints: readonly DerivationCheckpoint[]
  readonly index: readonly number[]
  readonly places: PlacesState
}

type Line = { readonly block: DerivedBlock } | { readonly checkpoint: DerivationCheckpoint }

/** Blocks between two whose place in the file is remembered. */
const indexStride = 256n
/** Places of checkpoints that are remembered: a month of batches every half a minute. */
const keptPlaces = 2 ** 17
/** Checkpoints that are given back: one for each L1 block, as a rule. */
const keptCheckpoints = 512
const defaultFileBytes = 16 * 2 ** 20
/** A block of the largest gas limits, in hex. */
const maxLineBytes = 256 * 2 ** 20

/** @param state what the file comes to, behind a checkpoint: whatever is cut off within a file, none before it is */
function openFile(directory: string, fileBytes: number, state: () => Carried | undefined): RecordFile<Line, Carried> {
  // Left by earlier versions.
  for (const name of ['derived-blocks.jsonl', 'derivation.json']) rmSync(join(directory, name), { force: true })
  return openRecordFile<Line, Carried>({
    path: join(directory, 'derivation.journal'),
    maxLineBytes,
    isDurable: () => false,
    remedy: 'remove it, and it is made again from L1',
    carry: { fileBytes, state },
  })
}

/**
 * Opens the journal of a data directory. Everything in it comes from L1: it goes as far as it is whole and ends at a checkpoint, and what a crash, a
 * damaged line or a missing file takes away is derived again.
 *
 * @throws NodeError `DISK_FULL`, `DATA_FAILED`
 */
export function openVerifierJournal(
  directory: string,
  { fileBytes = defaultFileBytes }: { fileBytes?: number | undefined } = {},
): VerifierJournal {
  const file = openFile(directory, fileBytes, (): Carried | undefined =>
    isAtCheckpoint ? { last, lastHash, transactions, checkpoints, index, places: places.all() } : undefined,
  )
  const found = file.size + file.discardedBytes
  const { offset: start, carried } = file.start
  /** Where the line of every so many blocks begins, for heights from 1 on. */
  let index: number[] = [...(carried?.index ?? [])]
  let last = carried?.last ?? 0n
  let lastHash: Hash | undefined = carried?.lastHash
  let transactions = carried?.transactions ?? 0
  let isAtCheckpoint = true
  const checkpoints: DerivationCheckpoint[] = [...(carried?.checkpoints ?? [])]
  const places = createPlaces(carried?.places)
  const remember = (number: bigint, offset: number): void => {
    if ((number - 1n) % indexStride === 0n) index[Number((number - 1n) / indexStride)] = offset
  }
  const keep = (checkpoint: DerivationCheckpoint, offset: number): void => {
    checkpoints.push(checkpoint)
    places.add(checkpoint, offset)
    if (checkpoints.length > keptCheckpoints) checkpoints.shift()
    isAtCheckpoint = true
  }
  const add = ({ number, hash, attributes }: DerivedBlock, offset: number): void => {
    remember(number, offset)
    last = number
    lastHash = hash
    transactions += userTransactions(attributes.transactions)
    isAtCheckpoint = false
  }
  let begin = start
  let whole = { size: start, last, lastHash, transactions }
  for (const { record, end } of file.read(start)) {
    if ('checkpoint' in record) {
      if (record.checkpoint.head.number !== last) break
      keep(record.checkpoint, begin)
      whole = { size: end, last, lastHash, transactions }
    } else {
      const { number, parent } = record.block
      if (number !== last + 1n || (lastHash !== undefined && parent !== lastHash)) break
      add(record.block, begin)
    }
    begin = end
  }
  file.truncate(whole.size)
  ;({ last, lastHash, transactions } = whole)
  isAtCheckpoint = true
  const opened = { checkpoint: checkpoints.at(-1), earlier: checkpoints.slice(0, -1) }

  /** Blocks from a height on. */
  function* lines(from: bigint): Generator<DerivedBlock> {
    if (from > last) return
    for (const { record } of file.read(index[Number((from - 1n) / indexStride)]!)) {
      if ('block' in record && record.block.number >= from) yield record.block
    }
  }
  /** Where the line of a block begins. */
  const beginOf = (number: bigint): number => {
    let begin = index[Number((number - 1n) / indexStride)]!
    for (const { record, end } of file.read(begin)) {
      if ('block' in record && record.block.number === number) break
      begin = end
    }
    return begin
  }
  const hashOf = (number: bigint): Hash | undefined => {
    if (number < 1n) return undefined
    for (const block of lines(number)) return block.hash
    return undefined
  }
  return {
    ...opened,
    get last() {
      return last
    },
    get transactions() {
      return transactions
    },
    discardedBytes: found - whole.size,
    hashAt: hashOf,
    safeAt(l1Number) {
      const offset = places.at(l1Number)
      if (offset === undefined) return undefined
      for (const { record } of file.read(offset)) return 'checkpoint' in record ? record.checkpoint : undefined
      return undefined
    },
    *blocks(above) {
      yield* lines(above + 1n)
    },
    append(block) {
      file.append({ block }, false)
      add(block, file.size - file.lastBytes)
    },
    save(next) {
      file.append({ checkpoint: next }, true)
      keep(next, file.size - file.lastBytes)
    },
    rewind(number) {
      if (number >= last) return
      for (const { attributes } of lines(number + 1n)) transactions -= userTransactions(attributes.transactions)
      const hash = hashOf(number)
      // What was derived of L1 blocks without any of ours stays: it tells when the newest that is left became safe.
      const size = beginOf(number + 1n)
      file.truncate(size)
      places.cut(size)
      while (checkpoints.length > 0 && checkpoints.at(-1)!.head.number > number) checkpoints.pop()
      index = index.slice(0, Number((number + indexStride - 1n) / indexStride))
      last = number
      lastHash = hash
      isAtCheckpoint = false
    },
    close: () => file.close(),
  }
}

type PlacesState = {
  readonly l1Numbers: readonly number[]
  readonly offsets: readonly number[]
  readonly head?: Hash | undefined
}

/** Where in the file the checkpoints are, by L1 height: of each run with one head the first. */
function createPlaces(from: PlacesState | undefined) {
  let l1Numbers: number[] = [...(from?.l1Numbers ?? [])]
  let offsets: number[] = [...(from?.offsets ?? [])]
  let head: Hash | undefined = from?.head
  return {
    all: (): PlacesState => ({ l1Numbers, offsets, head }),
    add({ l1, head: { hash } }: DerivationCheckpoint, offset: number): void {
      const number = Number(l1.number)
      // L1 has taken those back.
      while (l1Numbers.length > 0 && l1Numbers.at(-1)! >= number) {
        l1Numbers.pop()
        offsets.pop()
        head = undefined
      }
      if (hash === head) return
      head = hash
      l1Numbers.push(number)
      offsets.push(offset)
      if (l1Numbers.length <= keptPlaces) return
      l1Numbers = l1Numbers.slice(keptPlaces / 2)
      offsets = offsets.slice(keptPlaces / 2)
    },
    cut(size: number): void {
      while (offsets.length > 0 && offsets.at(-1)! >= size) {
        l1Numbers.pop()
        offsets.pop()
        head = undefined
      }
    },
    at(l1Number: bigint): number | undefined {
      let [low, high] = [0, l1Numbers.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (BigInt(l1Numbers[middle]!) <= l1Number) low = middle + 1
        else high = middle
      }
      return low === 0 ? undefined : offsets[low - 1]
    },
  }
}
