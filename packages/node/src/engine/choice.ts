import { NodeError } from '../errors.js'
import { anvilEngine } from './anvil.js'
import { checkedEngine } from './checked.js'
import {
  type EngineFamily,
  type EngineGroup,
  type EngineKind,
  type NodeEngine,
  openEngine,
  type StartEngine,
} from './engine.js'
import { gethEngine, opGethEngine } from './geth.js'
import type { History } from './history.js'
import { findOpEngine, opEngine } from './op-engine.js'

/** What a node asks of the choice of its engine. */
export type EngineWish = {
  /** `--engine` */
  engine: EngineKind | undefined
  /** Of the data directory, where it holds a chain already. */
  family: EngineFamily | undefined
}

/** What an engine is, in a few words for the screen. */
const described: Readonly<Record<EngineKind, string>> = {
  'op-engine': "op-geth's state transition in WebAssembly",
  native: "op-geth's state transition as a native program",
  anvil: 'anvil, which keeps four minutes of states and makes no OP blocks',
  geth: 'geth, which knows no deposits and makes no OP blocks',
  'op-geth': 'op-geth over the Engine API',
}

/** The engine that a node runs, and a line that says so: what was asked for, else what fits the data directory, else op-engine where it is there, else anvil. */
export async function chooseEngine({ engine, family }: EngineWish): Promise<{ kind: EngineKind; say: string }> {
  if (engine === 'native' || engine === 'op-engine') {
    const { isThere, howToGet } = await findOpEngine(engine === 'native' ? 'native' : 'wasm')
    if (!isThere) throw new NodeError(`--engine ${engine} is not there; ${howToGet}`, { code: 'ENGINE_MISSING' })
  }
  if (engine !== undefined) return { kind: engine, say: `engine: ${described[engine]}` }
  if (family === 'anvil' || family === 'geth') {
    return { kind: family, say: `engine: ${described[family]}; the chain of this data directory was begun on it` }
  }
  const { isThere, howToGet } = await findOpEngine('wasm')
  if (isThere) return { kind: 'op-engine', say: `engine: ${described['op-engine']}` }
  if (family === 'op') {
    throw new NodeError(`the chain of this data directory needs op-engine; ${howToGet}`, { code: 'ENGINE_MISSING' })
  }
  return { kind: 'anvil', say: `engine: ${described.anvil}; for op-engine, ${howToGet}` }
}

/** Options of {@link startEngine}. */
export type EngineOptions = {
  kind: EngineKind
  /** Names the instance inside the data directory. */
  name: string
  directory: string
  chainId: number
  genesisPath: string
  gasLimit: bigint
  history: History
  /** See {@link anvilArguments}. */
  maxStates?: number | undefined
  /** Milliseconds that it may not answer until that is a hang: it is ended then, and started again. */
  silenceMs: number
  /** Told when an engine that is started again by itself was. */
  say(message: string): void
}

/** Starts an engine that executes what it is told and nothing by itself. */
export async function startEngine(options: EngineOptions): Promise<NodeEngine> {
  return await openEngine(starter(options), options.silenceMs)
}

/** The same, where `check` is given under the eyes of another: see {@link checkedEngine}. */
export async function startEngines(options: EngineOptions, check: EngineKind | undefined): Promise<EngineGroup> {
  const first = await startEngine(options)
  if (check === undefined) return { engine: first.engine, parts: [first], close: () => first.close() }
  try {
    const second = await startEngine({ ...options, kind: check, name: `${options.name}-check` })
    return checkedEngine(first, second)
  } catch (error) {
    await first.close()
    throw error
  }
}

function starter(options: EngineOptions): StartEngine {
  // A directory for each kind: two kinds of one family make the same blocks, and keep them in different ways.
  const own = { ...options, name: options.kind === 'anvil' ? options.name : `${options.name}-${options.kind}` }
  switch (options.kind) {
    case 'op-engine':
      return opEngine({ ...own, kind: 'wasm' })
    case 'native':
      return opEngine({ ...own, kind: 'native' })
    case 'op-geth':
      return opGethEngine({ ...own, states: options.history.states })
    case 'geth':
      return gethEngine(own)
    case 'anvil':
      return anvilEngine(own)
  }
}
