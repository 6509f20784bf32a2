import { isL2Error } from '@l2/common'
import {
  allForksAtGenesis,
  buildAttributes,
  configCarriedByBlock,
  createRpcL1Source,
  type ForkSchedule,
  genesisBlockRef,
  isForkActive,
  type L2BlockRef,
  l2BlockRef,
  nextOrigin,
  type RollupConfig,
} from '@l2/sequencer-core/derivation'
import { createOutputSource, createStateProofs, type OutputSource, type StateProofs } from '@l2/sequencer-core/output'
import { type Hex, hexToBytes, keccak256, type PublicClient } from 'viem'
import type { Settlement } from '../deploy/deploy.js'
import { settlementRollup } from '../genesis/rollup.js'
import type { DevEngine, JsonRpcCall } from './dev-engine.js'

/** Options of {@link createDevRollup}. */
export type DevRollupOptions = {
  l1ChainId: bigint
  l2ChainId: bigint
  settlement: Settlement
  /** Defaults to 1. */
  blockTimeSeconds?: bigint | undefined
  /** Those of the genesis. Defaults to every upgrade through Jovian at genesis. */
  forks?: ForkSchedule | undefined
}

/**
 * A rollup for tests and examples: one sequencer that follows L1, puts users' transactions in the order in which they came, and posts nothing. Blocks are made when
 * they are asked for; the chain's time is that of its blocks.
 */
export type DevRollup = AsyncDisposable & {
  rollup: RollupConfig
  /** For viem's `custom` transport. */
  provider: { request(call: JsonRpcCall): Promise<unknown> }
  outputs: OutputSource
  proofs: StateProofs
  /** The newest block. */
  head(): L2BlockRef
  /** Makes the next block with what waits. */
  step(): Promise<L2BlockRef>
  /** Makes blocks until the newest L1 block is the origin of one and nothing waits. */
  catchUp(): Promise<L2BlockRef>
  /** Makes a block now and then, as the clock of this machine allows, until it is closed. Faults are thrown by `close`. */
  run(): void
  close(): Promise<void>
}

/** Starts the sequencer on an engine with the rollup's genesis. Closing it closes the engine. */
export async function createDevRollup(
  { l1ChainId, l2ChainId, settlement, blockTimeSeconds = 1n, forks = allForksAtGenesis }: DevRollupOptions,
  { l1, dev }: { l1: PublicClient; dev: DevEngine },
): Promise<DevRollup> {
  const { engine } = dev
  const genesis = (await engine.block(0n))!
  const rollup = settlementRollup({ l1ChainId, l2ChainId, settlement, blockTimeSeconds, l2Genesis: genesis, forks })
  const source = createRpcL1Source({ client: l1 as never, config: rollup, trustNode: true })
  let head = genesisBlockRef(rollup)
  let systemConfig = rollup.genesis.systemConfig
  const waiting: Hex[] = []
  let turn: Promise<unknown> = Promise.resolve()
  let running: Promise<void> | undefined
  let isClosed = false

  const step = async (): Promise<L2BlockRef> => {
    const [current, next] = await Promise.all([
      source.block(head.l1Origin.number),
      source.block(head.l1Origin.number + 1n),
    ])
    const choice = nextOrigin(rollup, head, current!, next)
    // Half an hour behind L1: the caller lets time pass there.
    if (choice.type !== 'build') throw new Error('the L2 is too far ahead of L1')
    const { origin } = choice
    let transactions = choice.noTxPool ? [] : waiting.splice(0)
    for (;;) {
      const input = { rollup, parent: head, systemConfig, origin, logs: origin.logs }
      const built = buildAttributes({ ...input, transactions: transactions.map(raw => hexToBytes(raw)) })
      try {
        const block = await engine.build(head.hash, built.attributes)
        await engine.setHead({ head: block.hash, safe: genesis.hash, finalized: genesis.hash })
        systemConfig = configCarriedByBlock(built.systemConfig, block.timestamp, rollup)
        head = l2BlockRef(block, rollup)
        return head
      } catch (error) {
        if (!isL2Error(error, 'ENGINE_TRANSACTION_INVALID')) throw error
        // Deposits cannot be left out: an index among them is a fault of the chain, and goes to the caller.
        const refused = (error.details['indices'] as number[]).map(index => index - built.depositCount)
        if (refused.some(index => index < 0)) throw error
        transactions = transactions.filter((_, index) => !refused.includes(index))
      }
    }
  }
  /** One block after the other, whoever asks. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }
  const catchUp = async (): Promise<L2BlockRef> => {
    const newest = await l1.getBlockNumber({ cacheTime: 0 })
    do await step()
    while (head.l1Origin.number < newest || waiting.length > 0)
    return head
  }
  const loop = async (): Promise<void> => {
    while (!isClosed) {
      const nowSeconds = BigInt(Math.floor(Date.now() / 1000))
      if (head.timestamp + blockTimeSeconds <= nowSeconds) await inTurn(step)
      else await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  const proofs = createStateProofs({ name: 'dev' }, { request: call => dev.request(call) })
  const close = async (): Promise<void> => {
    isClosed = true
    try {
      await running
    } finally {
      await turn
      await dev.close()
    }
  }
  return {
    rollup,
    provider: {
      request: async call => {
        if (call.method !== 'eth_sendRawTransaction') return await dev.request(call)
        const [raw] = call.params as [Hex]
        waiting.push(raw)
        return keccak256(raw)
      },
    },
    outputs: createOutputSource(
      { headerTells: ({ timestamp }) => dev.headerTells && isForkActive(rollup.forks, 'isthmus', timestamp) },
      { engine, proofs },
    ),
    proofs,
    head: () => head,
    step: () => inTurn(step),
    catchUp: () => inTurn(catchUp),
    run() {
      running ??= loop()
      running.catch(() => {})
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
