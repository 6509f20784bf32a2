import { redactUrls } from '@l2/common'
import { type BridgeBooks, readBridgeBooks } from '@l2/settlement'
import { type Address, createPublicClient, custom, http } from 'viem'
import type { Read } from '../engine/engine.js'
import type { L1 } from '../l1/l1.js'
import type { Check } from '../status/health.js'

/** Watches both sides of a native token's bridge. */
export type Books = {
  /** As they were read last. */
  readonly last: BridgeBooks | undefined
  /** Reads both sides now. */
  read(): Promise<BridgeBooks>
  /** Reads, and answers what has to be waited for: a side that cannot be read stops nothing. */
  step(): Promise<string | undefined>
  /** Whether they were exact when they were read last. */
  check(): Check
}

/** @param read of the engine that users are answered from */
export function openBooks({ bridge }: { bridge: Address }, { l1, read }: { l1: Pick<L1, 'url'>; read: Read }): Books {
  const clients = {
    l1: createPublicClient({ transport: http(l1.url, { retryCount: 0 }) }),
    l2: createPublicClient({ transport: engineTransport(read) }),
  }
  let last: BridgeBooks | undefined
  const readNow = async (): Promise<BridgeBooks> => {
    last = await readBridgeBooks({ bridge }, clients)
    return last
  }
  return {
    get last() {
      return last
    },
    read: readNow,
    step: () =>
      readNow().then(
        () => undefined,
        error => redactUrls((error as Error).message.split('\n', 1)[0]!),
      ),
    check() {
      if (last === undefined || last.isExact) return { ok: true }
      const { lockedWei, heldWei, releasedWei, outOfVaultWei } = last
      const reason = `the bridge holds ${heldWei} and says ${lockedWei} wei are locked; L2 says ${releasedWei} are released, and ${outOfVaultWei} are out of the vault`
      return { ok: false, reason }
    },
  }
}

/**
 * The reads of an engine of this node as a transport of viem.
 *
 * @param retryCount how often an engine that is busy is asked again, after longer and longer pauses; by default the caller does that
 */
export const engineTransport = (read: Read, retryCount = 0) =>
  custom({ request: ({ method, params }) => read(method, params ?? []) }, { retryCount })
