import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ControlState, type ControlStore, createControlState, decodeControlState } from '@l2/control-chain'
import {
  chooseEngine,
  createL1Heads,
  createSupervision,
  defaultHistoryText,
  type EngineKind,
  familyOf,
  l1Wallet,
  openBookkeeper,
  openDataDirectory,
  openGasToken,
  openL1,
  openL1Watch,
  type Parts,
  parseHistory,
  startEngine,
  startEngines,
  writeFileDurably,
} from '@l2/node'
import { createRpcL1Source } from '@l2/sequencer-core/derivation'
import { defaultSplit } from '@l2/sequencer-core/economics'
import type { ConvictionFile } from '../core/convictions.js'
import { refuse } from '../errors.js'
import { rulesOf } from '../home/genesis.js'
import { homeFiles, type OperatorHome, type OperatorKeys } from '../home/home.js'

/** What a run of an operator is given beside its home. */
export type RunOptions = {
  /** Told what happens, a line at a time. */
  say(message: string): void
  /** What executes; by default op-engine where it is there, else anvil. */
  engine?: EngineKind | undefined
  /** CometBFT; by default `$L2_COMETBFT`, or what `scripts/go.mjs` has built. */
  cometbft?: string | undefined
}

/** How long an engine may not answer until that is a hang. */
const silenceMs = 30_000
/** METIS for one ETH, until a price is read: what users pay in and what posting is paid in are compared by it. */
const gasTokenPrice = '80'
export const verifierStates = 256

/** What every part of an operator stands on: its directories, L1, the chain with its engines, and the books. */
export type Ground = Awaited<ReturnType<typeof openGround>>

export async function openGround(home: OperatorHome, keys: OperatorKeys, options: RunOptions, parts: Parts) {
  const { config, genesis } = home
  const { identity } = genesis
  const { say } = options
  const rules = rulesOf(genesis)
  const directory = parts.own(openDataDirectory(join(home.path, homeFiles.data)))
  for (const message of directory.missing()) say(message)
  checkIdentity(directory, identity)
  const l1 = parts.own(await openL1({ l1: config.l1, beacon: config.beacon }, directory.path))
  if (l1.chainId !== identity.l1ChainId) {
    refuse('HOME_INVALID', `L1 at ${config.l1} has chain id ${l1.chainId}, the genesis has ${identity.l1ChainId}`)
  }
  const { kind, say: chosen } = await chooseEngine({ engine: options.engine, family: identity.engine })
  say(chosen)
  const family = familyOf[kind]
  const genesisPath = join(directory.path, 'l2-genesis.json')
  if (!existsSync(genesisPath)) writeFileDurably(genesisPath, JSON.stringify(genesis.l2Genesis))
  const { rollup } = rules
  const history = parseHistory(defaultHistoryText, rollup.blockTimeSeconds)
  if (typeof history === 'string') refuse('HOME_INVALID', history)
  const gasLimit = rollup.genesis.systemConfig.gasLimit
  const shared = {
    ...{ kind, directory: directory.path, chainId: identity.chainId, genesisPath, gasLimit, history, silenceMs, say },
  }
  const executing = parts.own(await startEngine({ ...shared, name: 'sequencer-engine' }))
  const verifying = parts.own(
    await startEngines({ ...shared, name: 'verifier-engine', maxStates: verifierStates }, undefined),
  )
  const first = await executing.engine.block(0n)
  if (first?.hash !== rollup.genesis.l2.hash) {
    refuse(
      'HOME_INVALID',
      `the engine makes genesis ${first?.hash} of l2Genesis, the rollup has ${rollup.genesis.l2.hash}`,
    )
  }
  // What L1 says is proved, but for anvil's, which puts sidecars under the root of its transactions.
  const client = l1Wallet(l1, keys.poster)
  const gasToken = await openGasToken(gasTokenPrice, say)
  const keeper = parts.own(
    openBookkeeper({
      directory: directory.path,
      split: defaultSplit,
      remainderTo: 'treasury',
      price: () => gasToken.view.price!,
    }),
  )
  return {
    ...{
      home,
      config,
      genesis,
      identity,
      keys,
      rules,
      rollup,
      family,
      history,
      executing,
      verifying,
      keeper,
      gasToken,
    },
    ...{ say, parts, directory: directory.path, l1, cometbft: options.cometbft },
    l1Source: createRpcL1Source({ client: client as never, config: rollup, trustNode: l1.isAnvil }),
    l1Watch: await openL1Watch(l1.url),
    l1Heads: createL1Heads(l1.url),
    supervision: createSupervision(say),
  }
}

function checkIdentity(
  directory: { path: string; identity(): unknown; setIdentity(identity: never): void },
  identity: object,
): void {
  const known = directory.identity()
  if (known === undefined) directory.setIdentity(identity as never)
  else if (JSON.stringify(known) !== JSON.stringify(identity)) {
    refuse('HOME_INVALID', `${directory.path} holds another chain than the genesis of this home`)
  }
}

/** Who was convicted, on the disk. */
export function convictionFile({ path: home }: Pick<OperatorHome, 'path'>): ConvictionFile {
  const path = join(home, homeFiles.convictions)
  return {
    load: () => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
    save: text => writeFileDurably(path, text),
  }
}

/** The state of the control chain on the disk, and what it is before a control chain runs over it. */
export function openControlStore({ home, rules }: Pick<Ground, 'home' | 'rules'>): {
  store: ControlStore
  first(): ControlState
} {
  const path = join(home.path, homeFiles.controlState)
  const store: ControlStore = {
    load: () => (existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined),
    save: bytes => writeFileDurably(path, bytes),
  }
  return {
    store,
    first() {
      const stored = store.load()
      if (stored !== undefined) return decodeControlState(stored)
      const { domain, genesis, stake, parameters, posting } = rules
      const { chainId } = domain
      return createControlState({ chainId, genesis, members: stake, parameters, posting: posting?.genesis })
    },
  }
}
