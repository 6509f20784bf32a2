import { rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AnvilEngine,
  anvilArguments,
  createAnvilEngine,
  createEngineApi,
  type EngineApi,
  type PayloadAttributes,
} from '@l2/sequencer-core'
import { gethBinary, spawnGeth } from '@l2/sequencer-core/node'
import { NodeError } from '../errors.js'
import { startAnvil } from '../process/anvil.js'
import { gasLimit } from './genesis.js'

/** An engine with the reads that a sequencer asks of a state. */
export type StateEngine = Pick<
  AnvilEngine | EngineApi,
  'name' | 'build' | 'import' | 'setHead' | 'block' | 'receipts' | 'accounts' | 'close'
>

/** An execution engine of this node, and where its own JSON-RPC answers reads. */
export type NodeEngine = { engine: StateEngine; url: string; close(): Promise<void> }

/** Starts an engine that executes what it is told and nothing by itself. Its state lives as long as this process. */
export async function startEngine(
  kind: 'anvil' | 'geth',
  name: string,
  directory: string,
  chainId: number,
  genesisPath: string,
): Promise<NodeEngine> {
  return kind === 'geth'
    ? await startGethEngine(name, directory, chainId, genesisPath)
    : await startAnvilEngine(name, directory, chainId, genesisPath)
}

async function startAnvilEngine(
  name: string,
  directory: string,
  chainId: number,
  genesisPath: string,
): Promise<NodeEngine> {
  const anvil = await startAnvil({
    name,
    directory,
    lingerMs: 0,
    args: port => [
      ...anvilArguments({ chainId: BigInt(chainId), port, genesisPath, cachePath: join(directory, `${name}-cache`) }),
      '--silent',
    ],
  })
  return { engine: await createAnvilEngine({ url: anvil.url }), url: anvil.url, close: () => anvil.stop() }
}

/** A plain geth: deposits are carried beside its blocks, and base fees follow Ethereum's own parameters. */
async function startGethEngine(
  name: string,
  directory: string,
  chainId: number,
  genesisPath: string,
): Promise<NodeEngine> {
  const binary = gethBinary()
  if (binary === undefined) throw new NodeError('--engine geth: there is no geth on PATH', { code: 'GETH_MISSING' })
  const dataDir = join(directory, name)
  // The log makes the chain again; what an earlier process left could only be in the way.
  rmSync(dataDir, { recursive: true, force: true })
  const geth = await spawnGeth({ binary, dataDir, genesisPath, chainId: BigInt(chainId), gasLimit })
  const { engineUrl, rpcUrl, jwtSecret } = geth
  const api = await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'testing', deposits: 'carry' })
  const plain = (attributes: PayloadAttributes): PayloadAttributes => ({
    ...attributes,
    eip1559Params: undefined,
    minBaseFee: undefined,
  })
  const engine: StateEngine = {
    name: 'geth',
    build: (parent, attributes, options) => api.build(parent, plain(attributes), options),
    import: (block, attributes, options) => api.import(block, plain(attributes), options),
    setHead: (heads, options) => api.setHead(heads, options),
    block: (id, options) => api.block(id, options),
    receipts: (block, options) => api.receipts(block, options),
    accounts: (addresses, options) => api.accounts(addresses, options),
    close: () => api.close(),
  }
  return {
    engine,
    url: rpcUrl,
    close: async () => {
      await api.close()
      await geth.close()
    },
  }
}
