import { isL2Error } from '@l2/common'
import type { BlockId } from '@l2/sequencer-core/derivation'
import type { ExecutionEngine } from '@l2/sequencer-core/engine'
import type { Hash } from 'viem'
import { NodeError } from '../errors.js'
import { RpcAnswerError } from '../rpc/client.js'
import { watchPulse } from './pulse.js'

/** What can execute the chain. */
export const engineKinds = ['op-engine', 'native', 'anvil', 'geth', 'op-geth'] as const
export type EngineKind = (typeof engineKinds)[number]

/** Engines of one family make the same blocks, so a data directory can go from one to another; those of two families never do. */
export type EngineFamily = 'op' | 'anvil' | 'geth'

export const familyOf: Readonly<Record<EngineKind, EngineFamily>> = {
  'op-engine': 'op',
  native: 'op',
  'op-geth': 'op',
  anvil: 'anvil',
  geth: 'geth',
}

/** An engine with the reads that a sequencer asks of a state. */
export type StateEngine = Required<
  Pick<ExecutionEngine, 'name' | 'build' | 'import' | 'setHead' | 'block' | 'receipts' | 'accounts' | 'close'>
>

/** For whom something is read: on which connection, and until when it is waited for. */
export type Reader = { readonly client: object; readonly signal: AbortSignal }

/** One JSON-RPC read; what the engine refuses is thrown as an `RpcAnswerError`. Without a reader it is the node itself that reads. */
export type Read = <T = unknown>(method: string, params: readonly unknown[], reader?: Reader) => Promise<T>

export type { BlockId }

/** A program of its own that executes. */
export type Program = {
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Rejects where it does not answer. It does not wait behind what the program is doing. */
  ping(signal: AbortSignal): Promise<unknown>
  /** Ends it at once, whatever it is doing and also where it hangs. */
  kill(): Promise<void>
}

/** A running engine. */
export type Running = {
  readonly engine: StateEngine
  /** Answers users, and never stands in front of the builder. */
  readonly read: Read
  /** The newest block whose state an earlier run left; `undefined`: nothing but the genesis. */
  readonly restored: BlockId | undefined
  /** `undefined` for what is started again by itself when it ends or hangs. */
  readonly program: Program | undefined
  close(): Promise<void>
}

/** An engine of this node. */
export type NodeEngine = {
  readonly engine: StateEngine
  /** Rejects with `ENGINE_ENDED` when its program ends or hangs again and again, and nobody here ends it. Never resolves. */
  readonly failed: Promise<never>
  /** Why it answers nobody: its program has ended, and another is being brought to where that was. Calls are refused, and may be repeated. */
  readonly down: string | undefined
  /** Called whenever {@link down} changes, however short it lasts. */
  onDown(changed: () => void): void
  /** What brings a new program to where the record ends. It is given the engine as it will be for all others afterwards. */
  onRestart(restore: (node: NodeEngine) => Promise<void>): void
  readonly read: Read
  restored(): BlockId | undefined
  /** Throws away what an earlier run left: the engine stands at the genesis again. */
  forget(): Promise<void>
  close(): Promise<void>
}

/** Engines that execute a chain as one: a single one, or one that another checks. */
export type EngineGroup = {
  readonly engine: StateEngine
  /** Each by itself: a start brings every one to where the record ends, wherever an earlier run left it. */
  readonly parts: readonly NodeEngine[]
  close(): Promise<void>
}

/** Starts an engine, or with `fresh` one that knows nothing but the genesis. */
export type StartEngine = (fresh: boolean) => Promise<Running>

/** Ends of a program, within {@link endsSpanMs}, after which it is not started again. */
const maxEnds = 5
const endsSpanMs = 10 * 60_000
/** Within which the end of a program follows the failure of its last call. */
const endedAgainMs = 1000

/**
 * An engine that can be begun anew under whoever holds it, and is started again when its program ends or hangs.
 *
 * @param silenceMs how long its program may not answer until that is a hang: it is ended then
 */
export async function openEngine(start: StartEngine, silenceMs: number): Promise<NodeEngine> {
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const ends: number[] = []
  let restore = async (_: NodeEngine): Promise<void> => {}
  let down: string | undefined
  let downChanged: () => void = () => {}
  const setDown = (reason: string | undefined): void => {
    down = reason
    downChanged()
  }
  let restarts = 0
  let isClosing = false
  const watch = (started: Running): void => {
    const { program } = started
    if (program === undefined) return
    let why = 'has ended'
    const pulse = watchPulse(program.ping, silenceMs, () => {
      if (running !== started || isClosing) return
      why = `has not answered for ${silenceMs / 1000} s and was ended`
      program.kill().catch(() => {})
    })
    void program.ended.then(() => {
      pulse.stop()
      if (running === started && !isClosing) void restart(started, why)
    })
  }
  const restart = async (ended: Running, why: string): Promise<void> => {
    const { name } = ended.engine
    setDown(`${name} ${why}, and is started again`)
    ends.push(Date.now())
    while (ends[0]! < Date.now() - endsSpanMs) ends.shift()
    if (ends.length > maxEnds) {
      const message = `${name} has ended or hung ${ends.length} times in ten minutes, the last time it ${why}: start the node again, it goes on from its log`
      return fail(new NodeError(message, { code: 'ENGINE_ENDED' }))
    }
    await ended.close().catch(() => {})
    const attempt = ++restarts
    const isStill = (): boolean => !isClosing && restarts === attempt
    try {
      const next = await start(false)
      if (isClosing) return await next.close()
      running = next
      watch(next)
      await restore(node(() => running))
      if (isStill()) setDown(undefined)
    } catch (error) {
      // Its program may have ended once more, which is seen to then.
      await new Promise(resolve => setTimeout(resolve, endedAgainMs))
      if (isStill()) fail(error)
    }
  }
  const close = async (): Promise<void> => {
    isClosing = true
    await running.close()
  }
  const node = (current: () => Running): NodeEngine => ({
    failed,
    get down() {
      return down
    },
    onDown: changed => {
      downChanged = changed
    },
    onRestart: next => {
      restore = next
    },
    engine: {
      get name() {
        return running.engine.name
      },
      build: async (...call) => await current().engine.build(...call),
      import: async (...call) => await current().engine.import(...call),
      setHead: async (...call) => await current().engine.setHead(...call),
      block: async (...call) => await current().engine.block(...call),
      receipts: async (...call) => await current().engine.receipts(...call),
      accounts: async (...call) => await current().engine.accounts(...call),
      close: () => running.engine.close(),
    },
    read: async (...call) => await current().read(...call),
    restored: () => running.restored,
    forget: async () => {
      await close()
      running = await start(true)
      isClosing = false
      watch(running)
    },
    close,
  })
  let running = await start(false)
  watch(running)
  return node(() => {
    if (down === undefined) return running
    throw new NodeError(down, { code: 'ENGINE_ENDED', recovery: 'retry' })
  })
}

/** What a node has on record of its own blocks: heights from 1 to `last`. */
export type BlockRecord = { readonly last: bigint; hashAt(number: bigint): Promise<Hash | undefined> }

/**
 * Brings an engine to where the record ends. What an earlier run left is believed as far as the record goes on from it to the same blocks; a state that
 * does not serve for that is thrown away, and everything is executed again.
 *
 * @param execute executes what is on record above a height
 */
export async function catchUp(
  node: NodeEngine,
  family: EngineFamily,
  record: BlockRecord,
  execute: (above: bigint) => Promise<void>,
): Promise<void> {
  const above = await agreedHeight(node, family, record)
  try {
    await execute(above)
  } catch (error) {
    // An engine that does not answer says nothing about its state.
    if (above === 0n || (isL2Error(error) && error.recovery === 'retry')) throw error
    await node.forget()
    await execute(0n)
  }
}

/**
 * The height up to which an engine has executed what is on record. An engine that was left on another chain, or ahead of the record and unable to go back,
 * is begun anew.
 */
export async function agreedHeight(node: NodeEngine, family: EngineFamily, record: BlockRecord): Promise<bigint> {
  const restored = node.restored()
  if (restored === undefined) return 0n
  const isAhead = restored.number > record.last
  if (!isAhead && (await record.hashAt(restored.number)) === restored.hash) return restored.number
  if (family === 'op') {
    // An end in the middle of a long derivation, or a crash of the disk under the record, leaves the engine ahead of it, and one soon after a rollback on
    // the branch that was taken back: what holds branches goes on from where the two part, if it still has the state there.
    const height = await sharedHeight(node, record, isAhead ? record.last : restored.number)
    if (height !== undefined && (await hasState(node, height))) return height
  }
  await node.forget()
  return 0n
}

/** The highest block up to one that engine and record share, found by halves: each stands on the one below it. `undefined`: none but the genesis, if there are more. */
async function sharedHeight({ engine }: NodeEngine, record: BlockRecord, upTo: bigint): Promise<bigint | undefined> {
  const isShared = async (number: bigint): Promise<boolean> =>
    (await engine.block(number))?.hash === (await record.hashAt(number))
  let [low, high] = [0n, upTo]
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    if (await isShared(middle)) low = middle
    else high = middle - 1n
  }
  return low === 0n && upTo > 0n ? undefined : low
}

async function hasState({ read }: NodeEngine, number: bigint): Promise<boolean> {
  return await read('eth_getBalance', [`0x${'00'.repeat(20)}`, `0x${number.toString(16)}`]).then(
    () => true,
    error => {
      if (error instanceof RpcAnswerError) return false
      throw error
    },
  )
}
