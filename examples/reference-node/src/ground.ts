import {
  chooseEngine,
  createL1Heads,
  createSupervision,
  type DataDirectory,
  type EngineFamily,
  familyOf,
  type L1,
  l1Wallet,
  NodeError,
  openBookkeeper,
  openDataDirectory,
  openGasToken,
  openL1,
  openL1Watch,
  type Parts,
  startEngine,
  startEngines,
} from '@l2/node'
import { createRpcL1Source } from '@l2/sequencer-core/derivation'
import { genesisControlPlane, openChain, rollupConfig, writeL2Genesis, writeRollupJson } from './chain/genesis.js'
import { gasLimit, verifierStates } from './chain/parameters.js'
import type { NodeConfig } from './config.js'
import { batcherAccount, sequencerAccounts } from './dev-accounts.js'

/** Told what happens, a line at a time. */
export type Say = (message: string) => void

/** What every part of the node stands on: its directory, L1, the chain with its engines, and the books. */
export type Ground = Awaited<ReturnType<typeof openGround>>

export async function openGround(config: NodeConfig, say: Say, parts: Parts) {
  const directory = parts.own(openDataDirectory(config.data))
  for (const message of directory.missing()) say(message)
  const l1 = parts.own(await openL1(config, directory.path))
  say(`L1 ${config.l1 === undefined ? 'anvil, Osaka rules' : 'given by --l1'}, chain ${l1.chainId}`)
  const execution = await openExecution(config, { directory, l1, say, parts })
  const { identity, rollup } = execution
  // What L1 says is proved, but for anvil's, which puts sidecars under the root of its transactions.
  const client = l1Wallet(l1, batcherAccount())
  const l1Source = createRpcL1Source({ client: client as never, config: rollup, trustNode: l1.isAnvil })
  const accounts = sequencerAccounts(identity.sequencers)
  const l1Genesis = (await l1Source.block(BigInt(identity.l1Genesis.number)))!
  return {
    ...{ config, say, parts, directory: directory.path, l1, l1Source, ...execution, accounts },
    l1Watch: await openL1Watch(l1.url),
    l1Heads: createL1Heads(l1.url),
    control: genesisControlPlane(rollup, accounts, l1Genesis.mixHash),
    supervision: createSupervision(say),
    ...(await openBooks(config, directory.path, say, parts)),
  }
}

/** What the chain earns and costs, and by which price. */
async function openBooks(config: NodeConfig, directory: string, say: Say, parts: Parts) {
  const gasToken = await openGasToken(config.gasTokenPrice, say)
  const keeper = parts.own(
    openBookkeeper({
      directory,
      split: config.split,
      remainderTo: 'treasury',
      // A cost is booked when it is paid: by the last price known, however old. An old one was said to be so.
      price: () => gasToken.view.price!,
    }),
  )
  if (keeper.discardedBytes > 0) say(`economics.journal: its last ${keeper.discardedBytes} bytes are cut off`)
  return { gasToken, keeper }
}

/** The chain of the data directory, and the engines that execute it: one for the sequencer, another for the verifier. */
async function openExecution(
  config: NodeConfig,
  { directory, l1, say, parts }: { directory: DataDirectory; l1: L1; say: Say; parts: Parts },
) {
  const { chainId, da, sequencers, check } = config
  const choice = await chooseEngine({ engine: config.engine, family: directory.identity()?.engine })
  const { kind } = choice
  const family: EngineFamily = familyOf[kind]
  if (check !== undefined && family !== 'op') {
    throw new NodeError(`--check ${check}: ${kind} makes other blocks; pass --engine op-engine`, {
      code: 'CONFIG_INVALID',
    })
  }
  say(choice.say)
  const identity = await openChain({ directory, l1, chainId, da, sequencers, engine: family })
  const genesisPath = writeL2Genesis(directory.path, identity)
  const { history, engineTimeoutMs: silenceMs } = config
  const shared = { kind, directory: directory.path, chainId, genesisPath, gasLimit, history, silenceMs, say }
  const executing = parts.own(await startEngine({ ...shared, name: 'sequencer-engine' }))
  const verifying = parts.own(
    await startEngines({ ...shared, name: 'verifier-engine', maxStates: verifierStates }, check),
  )
  if (check !== undefined) say(`the verifier executes every block twice: ${verifying.engine.name}`)
  const genesis = (await executing.engine.block(0n))!
  const rollup = rollupConfig(identity, genesis.hash)
  const { contracts } = identity
  say(`deposits and withdrawals: bridge ${contracts['nativeTokenBridge']}, portal ${contracts['optimismPortal']} on L1`)
  writeRollupJson(directory.path, rollup)
  return { identity, rollup, family, executing, verifying }
}
