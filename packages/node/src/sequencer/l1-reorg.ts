import type { Hash } from 'viem'
import { NodeError } from '../errors.js'
import type { L1Watch } from '../l1/l1-watch.js'
import type { Chain } from './chain.js'

/**
 * The height up to which a chain stands on L1 as it is now; `undefined` where that is its head. An L1 that has fewer blocks than it had is judged by
 * the highest that it has, so that a node that lags is not taken for another chain.
 *
 * @throws NodeError `L1_REORG_TOO_DEEP` when nothing that is kept stands on it; `RPC_FAILED` (retry)
 */
export async function heightOnL1(
  chain: Pick<Chain, 'origins'>,
  l1: Pick<L1Watch, 'number' | 'hashAt'>,
): Promise<bigint | undefined> {
  const isThere = async ({ number, hash }: { number: bigint; hash: Hash }): Promise<boolean | undefined> => {
    const now = await l1.hashAt(number)
    return now === undefined ? undefined : now === hash
  }
  const origins = chain.origins().filter(({ number }) => number <= l1.number)
  const isNewestThere = origins[0] === undefined ? undefined : await isThere(origins[0])
  if (isNewestThere !== false) return undefined
  // Each stands on the one behind it: the first that is there is found by halves.
  let [low, high] = [1, origins.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((await isThere(origins[middle]!)) === true) high = middle
    else low = middle + 1
  }
  const common = origins[low]
  if (common !== undefined) return common.head
  const oldest = origins.at(-1)!
  const message = `L1 no longer has block ${oldest.number}, ${oldest.hash}, which it had called final: whoever runs it has to say which chain counts`
  throw new NodeError(message, { code: 'L1_REORG_TOO_DEEP', details: { ...oldest } })
}
