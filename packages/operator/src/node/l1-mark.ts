import type { OperatorList } from '@l2/control-chain'
import type { L1Source } from '@l2/sequencer-core/derivation'
import type { Hash } from 'viem'

/** Numbers of marks: operators whose L1 nodes are a little apart name the same block. */
const markBlocks = 8n

const known = new WeakMap<object, NonNullable<OperatorList['l1']>>()

/** The last block that L1 has finalized and that operators name alike. It never changes, so it is read once. */
export async function readL1Mark(
  finalized: bigint | undefined,
  source: Pick<L1Source, 'block'>,
  poolRoot: Hash,
): Promise<OperatorList['l1']> {
  if (finalized === undefined) return undefined
  const number = finalized - (finalized % markBlocks)
  const last = known.get(source)
  if (last?.number === number) return last
  const block = await source.block(number)
  if (block === undefined) return last
  const mark = { number, hash: block.hash, timestamp: block.timestamp, prevRandao: block.mixHash, poolRoot }
  known.set(source, mark)
  return mark
}
