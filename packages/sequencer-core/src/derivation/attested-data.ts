import { bytesToHex } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hash } from 'viem'
import type { L1Block, L1Log } from './l1.js'
import type { RollupConfig } from './rollup-config.js'
import { readUintBe, sameHex } from './words.js'

/** `Attested(uint64 indexed sequence, uint64 first, uint64 last, bytes32 outputRoot, bytes32[] dataHashes)` of `Committee`. */
export const attestedTopic: Hash = /* @__PURE__ */ bytesToHex(
  /* @__PURE__ */ keccak256(
    /* @__PURE__ */ new TextEncoder().encode('Attested(uint64,uint64,uint64,bytes32,bytes32[])'),
  ),
)

/** Data hashes that a committee attested and that L1 has not carried yet, with the L1 block of the attestation. */
export type AttestedData = ReadonlyMap<Hash, bigint>

const wordLength = 32
/** The three fields before the array, where it begins, and its length. */
const head = 5 * wordLength
const maxDataHashes = 64

/** The data hashes of a log; none for one of another contract, or that it did not make. */
function dataHashesOf({ address, topics, data }: L1Log, contract: string): Hash[] {
  if (!sameHex(address, contract as Hash) || topics[0] !== attestedTopic || data.length < head) return []
  const wordAt = (index: number): Uint8Array => data.subarray(index * wordLength, (index + 1) * wordLength)
  const count = readUintBe(wordAt(4))
  if (readUintBe(wordAt(3)) !== 128n || count > BigInt(maxDataHashes)) return []
  if (data.length !== head + Number(count) * wordLength) return []
  return Array.from({ length: Number(count) }, (_, index) => bytesToHex(wordAt(5 + index)))
}

/** What is attested in a block and before it, and not too old: a statement counts in the whole of its L1 block. */
export function attestedIn(before: AttestedData, block: L1Block, config: RollupConfig): Map<Hash, bigint> {
  const attested = new Map<Hash, bigint>()
  const { committee } = config
  if (committee === undefined) return attested
  for (const [hash, number] of before) if (number + committee.windowBlocks >= block.number) attested.set(hash, number)
  for (const log of block.logs) {
    for (const hash of dataHashesOf(log, committee.contract)) attested.set(hash, block.number)
  }
  return attested
}

/**
 * Takes what a batcher's transaction carries, once. All of it must be attested: what is not is left as it was.
 *
 * @returns whether it counts
 */
export function takeAttested(
  attested: Map<Hash, bigint>,
  transaction: { readonly data: Uint8Array; readonly blobVersionedHashes?: readonly Hash[] | undefined },
): boolean {
  const hashes = transaction.blobVersionedHashes ?? [bytesToHex(keccak256(transaction.data))]
  if (!hashes.every(hash => attested.has(hash.toLowerCase() as Hash))) return false
  for (const hash of hashes) attested.delete(hash.toLowerCase() as Hash)
  return true
}
