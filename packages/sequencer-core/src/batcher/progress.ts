import { type BatcherHoldings, computeSyncActions, type SyncActions, type SyncStatus } from './sync-actions.js'

/** What the statuses of the node have told so far, which the next one is judged by. */
export function createProgress() {
  /** As far as any status said that L1 was read. */
  let previousL1: bigint | undefined
  let previousSafe: bigint | undefined
  let behindSinceBlock: bigint | undefined
  /** The highest head of L1 that any status had. */
  let highestL1 = 0n
  /** Head of L1 when the batcher began: until the node has read as far, its safe head does not tell what was posted before. */
  let startedAt: bigint | undefined
  let caughtUp = false

  const noteHead = ({ headL1 }: SyncStatus): void => {
    if (headL1 > highestL1) highestL1 = headL1
  }

  return {
    get highestL1(): bigint {
      return highestL1
    },
    noteHead,
    /** What to do at this status with what is held, and whether a head is before where it was. */
    read(
      status: SyncStatus,
      holdings: Pick<BatcherHoldings, 'blocks' | 'channels'>,
    ): { readonly actions: SyncActions; readonly wentBack: boolean } {
      const actions = computeSyncActions(status, { ...holdings, previousL1, previousSafe, behindSinceBlock })
      const wentBack = actions.wait === 'unsafe-behind' || actions.wait === 'safe-behind'
      behindSinceBlock = wentBack ? (behindSinceBlock ?? status.headL1) : undefined
      noteHead(status)
      if (actions.wait === undefined) {
        previousL1 = status.currentL1
        previousSafe = status.safe.number
        startedAt ??= status.headL1
        caughtUp ||= status.currentL1 >= startedAt || status.currentL1 >= status.headL1
      }
      return { actions, wentBack }
    },
    get isCaughtUp(): boolean {
      return caughtUp
    },
    /** Behind the safe head there may be what another posted and the node has not read: it reads up to L1's head of then first. */
    beginAnew(): void {
      startedAt = undefined
      caughtUp = false
    },
  }
}
