import { createBatcher } from '@l2/sequencer-core'
import {
  type Batcher,
  type BatcherApproval,
  type BatcherBlock,
  type BatcherEvent,
  type BatcherNode,
  type BatcherPlanner,
  type BatcherTurn,
  type BlockDaLimits,
  backlogOf,
  createThrottleController,
  type ThrottleController,
  toBatcherBlock,
} from '@l2/sequencer-core/batcher'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import { createNodeBrotliCompressor } from '@l2/sequencer-core/node'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import { l1BlockMs } from '../l1/l1.js'
import type { L1Watch } from '../l1/l1-watch.js'
import type { SequencerLoop } from '../sequencer/sequencer.js'
import type { Verifier } from '../verifier/verifier.js'
import { createFundsAlarm } from './funds.js'
import { createPlanner } from './planning.js'
import type { Posting } from './posting.js'

/** One channel that was posted. */
export type BatchRecord = {
  channelId: string
  firstBlock: bigint
  lastBlock: bigint
  transactions: number
  frames: number
  bytes: number
  /** L1 block that includes its last frame; `undefined` while it is on its way. */
  l1Block: bigint | undefined
}

/** The batcher at work: it posts what the sequencer made, until the verifier has it from L1. */
export type Batching = {
  readonly batcher: Batcher
  readonly planner: BatcherPlanner | undefined
  /** The newest channels, the oldest first. */
  readonly batches: readonly BatchRecord[]
  /** Bytes that are made and not on L1 yet. */
  readonly backlogBytes: number
  /** What the backlog leaves to new blocks, by the profile of {@link Batching.throttle}. */
  daLimits(): BlockDaLimits
  readonly throttle: ThrottleController
  /** Whether a submission was included since this was last called: a batcher whose rounds only do not fail has not succeeded yet. */
  hasPosted(): boolean
  /** Why it posts nothing although nothing is wrong: it is another's turn. A text for whoever reads what the node waits for. */
  readonly waiting: string | undefined
  /** Posts what is unposted without waiting for a channel to fill; what is on its way is waited for first, and takes the rest along. */
  flush(): void
}

export type BatchingParts = {
  rollup: RollupConfig
  /** `dataAvailability` of the chain's identity. */
  da: string
  config: { l1?: string | undefined; latencyMs?: number | undefined }
  l1: L1Watch
  sequencer: Pick<SequencerLoop, 'head' | 'block'>
  verifier: Pick<Verifier, 'status'>
  posting: Posting
  /** Where a committee attests what is posted. */
  approval?: BatcherApproval | undefined
  /** Where posters take turns. */
  turn?: BatcherTurn | undefined
  keeper: Pick<Bookkeeper, 'channel'>
  say(message: string): void
}

const keptBatches = 1000
/** What a frame carries where data goes as calldata: op-batcher's 120,000 bytes of a transaction, less what encloses it. */
const calldataFrameBytes = 119_976

export function openBatching(parts: BatchingParts): Batching {
  const { rollup, config, posting, say } = parts
  const node = batcherNode(parts)
  const rollupTimes = {
    chainId: rollup.l2ChainId,
    genesisTimeSeconds: rollup.genesis.l2TimeSeconds,
    blockTimeSeconds: rollup.blockTimeSeconds,
  }
  const planner = createPlanner(config, { ...rollupTimes, sinks: posting.onL1, node, prices: posting.prices })
  const batches: BatchRecord[] = []
  let postedSince = false
  const onEvent = eventHandler(parts, batches, () => {
    postedSince = true
  })
  const sayFunds = createFundsAlarm(say, l1BlockMs(config))
  const batcher = createBatcher(
    {
      ...rollupTimes,
      profile: 'devnet',
      sequencingWindowBlocks: rollup.sequencingWindowBlocks,
      maxPendingSubmissions: posting.maxPendingSubmissions,
      compressor: createNodeBrotliCompressor(),
      ...(parts.da === 'ethereum-calldata' ? { frameDataBytes: calldataFrameBytes } : {}),
    },
    {
      sink: posting.sink,
      funds: posting.wallet,
      turn: parts.turn,
      approval: parts.approval,
      planner,
      node,
      onEvent: event => {
        onEvent(event)
        sayFunds(event)
      },
    },
  )
  const throttle = createThrottleController()
  return {
    batcher,
    planner,
    batches,
    get backlogBytes() {
      return backlogOf(batcher.view)
    },
    daLimits: () => throttle.update(backlogOf(batcher.view)),
    throttle,
    get waiting() {
      return batcher.view.waiting === 'not-the-batcher'
        ? 'not-the-batcher: it is another account that posts'
        : undefined
    },
    hasPosted() {
      const success = postedSince
      postedSince = false
      return success
    },
    flush() {
      if (batcher.view.pendingSubmissions === 0) batcher.flush()
    },
  }
}

/** The node as its batcher sees it. */
function batcherNode({ l1, sequencer, verifier }: BatchingParts): BatcherNode {
  return {
    status: async () => {
      // While L1 does not answer, a router posts elsewhere.
      const headL1 = await l1.readHead()
      const { head, l1Number } = verifier.status
      return {
        headL1,
        currentL1: l1Number,
        safe: { number: head.number, hash: head.hash },
        unsafe: { number: sequencer.head.number, hash: sequencer.head.hash },
      }
    },
    blocks: async (from, to) => {
      const found: BatcherBlock[] = []
      for (let number = from; number <= to; number++) {
        const block = sequencer.block(number)
        if (block === undefined) break
        found.push(toBatcherBlock(block.ref, block.executed.transactions))
      }
      return found
    },
  }
}

/** What the batcher does goes to the books, the list of batches and the screen. */
function eventHandler(
  { keeper, say }: BatchingParts,
  batches: BatchRecord[],
  onPosted: () => void,
): (event: BatcherEvent) => void {
  return event => {
    switch (event.type) {
      case 'channel-closed': {
        const { channelId, firstBlock, lastBlock, transactions, frames, bytes } = event
        keeper.channel(channelId, firstBlock, lastBlock)
        batches.push({ channelId, firstBlock, lastBlock, transactions, frames, bytes, l1Block: undefined })
        if (batches.length > keptBatches) batches.shift()
        return
      }
      case 'submitted': {
        onPosted()
        const batch = batches.find(({ channelId }) => channelId === event.channelId)
        if (batch !== undefined) batch.l1Block = event.l1Block
        const blocks = `${batch?.firstBlock}–${batch?.lastBlock} (${batch?.transactions} transactions, ${event.bytes} bytes)`
        return say(`posted blocks ${blocks} in L1 block ${event.l1Block}`)
      }
      case 'cleared':
        return say(`the batcher starts over from the safe head: ${event.reason}`)
      case 'too-late':
        return say(`too late to post block ${event.firstBlock}: its window ended with L1 block ${event.deadlineBlock}`)
    }
  }
}
