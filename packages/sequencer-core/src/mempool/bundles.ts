import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { checkTransaction } from '../transaction/gas.js'
import type { Transaction } from '../transaction/types.js'
import { alreadyKnown, checkFootprint, exceedsBlock } from './admission.js'
import type { MempoolOptions } from './options.js'
import type { Bundle, BundleRange, DropReason, PoolEvent, PooledTransaction, PoolHead } from './types.js'

/** The pool around the bundles. */
export type BundlePool = {
  readonly options: MempoolOptions
  readonly head: PoolHead
  /** The counter that the bundle gets. */
  readonly arrival: number
  isPooled(hash: Hash): boolean
}

const invalid = (message: string): SequencerError => new SequencerError(message, { code: 'BUNDLE_INVALID' })

/** Bundles that wait for their heights. They touch no account: what they hold is in no sender's queue. */
export class Bundles {
  readonly #bundles = new Map<Hash, Bundle>()

  /** @throws SequencerError `BUNDLE_INVALID`, `TX_POOL_FULL`, or what the static rules say of one of its transactions */
  add(transactions: readonly Transaction[], range: BundleRange, pool: BundlePool): Bundle {
    const { options, head, arrival } = pool
    const { maxBundleTransactions } = options
    if (transactions.length === 0 || transactions.length > maxBundleTransactions)
      throw invalid(`bundle of ${transactions.length} transactions, 1 to ${maxBundleTransactions} expected`)
    const { blockNumberMin, blockNumberMax } = heightsOf(range, head, options)
    const { timestampMin, timestampMax } = range
    const hash = hashOf(transactions, range, pool)
    if (this.#bundles.has(hash))
      throw new SequencerError('already known', { code: 'TX_ALREADY_KNOWN', details: { hash } })
    if (this.#bundles.size >= options.maxBundles)
      throw new SequencerError('txpool is full', { code: 'TX_POOL_FULL', details: { bundles: options.maxBundles } })

    const mayRevert = new Set(range.mayRevert)
    const entries = transactions.map(
      (transaction): PooledTransaction => ({
        transaction,
        arrival,
        arrivedAtMs: range.nowMs,
        readyAtMs: range.nowMs,
        isPrivate: true,
        mayRevert: mayRevert.has(transaction.hash),
        condition: undefined,
      }),
    )
    const bundle: Bundle = { hash, entries, arrival, blockNumberMin, blockNumberMax, timestampMin, timestampMax }
    this.#bundles.set(hash, bundle)
    return bundle
  }

  /** Those that may be included in a block, by arrival. */
  at(height: bigint, timestamp: bigint): readonly Bundle[] {
    return [...this.#bundles.values()]
      .filter(
        bundle =>
          height >= bundle.blockNumberMin &&
          height <= bundle.blockNumberMax &&
          (bundle.timestampMin === undefined || timestamp >= bundle.timestampMin) &&
          (bundle.timestampMax === undefined || timestamp <= bundle.timestampMax),
      )
      .sort((a, b) => a.arrival - b.arrival)
  }

  remove(hash: Hash, reason: DropReason, events: PoolEvent[]): void {
    const bundle = this.#bundles.get(hash)
    if (bundle === undefined) return
    this.#bundles.delete(hash)
    events.push({ type: 'bundle-dropped', bundle, reason })
  }

  /** Drops those whose time is over, and those of which the chain has a transaction. */
  dropOver({ number, timestamp }: PoolHead, included: ReadonlySet<Hash>, events: PoolEvent[]): void {
    for (const bundle of this.#bundles.values()) {
      const isOver =
        bundle.blockNumberMax <= number ||
        (bundle.timestampMax !== undefined && bundle.timestampMax <= timestamp) ||
        bundle.entries.some(entry => included.has(entry.transaction.hash))
      if (isOver) this.remove(bundle.hash, 'condition', events)
    }
  }
}

function heightsOf(
  range: BundleRange,
  head: PoolHead,
  { maxBundleBlocks }: MempoolOptions,
): Pick<Bundle, 'blockNumberMin' | 'blockNumberMax'> {
  const next = head.number + 1n
  const blockNumberMin = range.blockNumberMin ?? next
  const blockNumberMax = range.blockNumberMax ?? blockNumberMin
  if (blockNumberMax < blockNumberMin || blockNumberMax < next)
    throw invalid(`bundle range ${blockNumberMin} to ${blockNumberMax} is empty at height ${next}`)
  if (blockNumberMax - head.number > BigInt(maxBundleBlocks))
    throw invalid(`bundle range ends at ${blockNumberMax}, ${maxBundleBlocks} heights ahead are allowed`)
  const { timestampMin, timestampMax } = range
  if (timestampMin !== undefined && timestampMax !== undefined && timestampMax < timestampMin)
    throw invalid(`bundle time range ${timestampMin} to ${timestampMax} is empty`)
  return { blockNumberMin, blockNumberMax }
}

/** What names a bundle: its transactions, each of which is looked at. */
function hashOf(
  transactions: readonly Transaction[],
  range: BundleRange,
  { options, head, isPooled }: BundlePool,
): Hash {
  const nonces = new Map<Address, bigint>()
  const hashes = new Set<Hash>()
  let gas = 0n
  for (const transaction of transactions) {
    checkTransaction(transaction, options.schedule)
    if (isPooled(transaction.hash) || hashes.has(transaction.hash)) throw alreadyKnown(transaction)
    const expected = nonces.get(transaction.sender)
    if (expected !== undefined && expected !== transaction.nonce)
      throw invalid(`nonce ${transaction.nonce} of ${transaction.sender} in a bundle, ${expected} expected`)
    nonces.set(transaction.sender, transaction.nonce + 1n)
    hashes.add(transaction.hash)
    gas += transaction.gasLimit
  }
  if (gas > head.gasLimit - options.reservedGas) throw exceedsBlock(gas, head.gasLimit)
  checkFootprint(transactions, head)
  for (const hash of range.mayRevert ?? [])
    if (!hashes.has(hash)) throw invalid(`${hash} may revert, and is not in the bundle`)
  return bytesToHex(keccak256(concatBytes(...[...hashes].map(each => hexToBytes(each)!))))
}
