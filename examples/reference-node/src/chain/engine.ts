import { join } from 'node:path'
import { type AnvilEngine, anvilArguments, createAnvilEngine } from '@l2/sequencer-core'
import { startAnvil } from '../process/anvil.js'

/** An execution engine of this node, and where its own JSON-RPC answers reads. */
export type NodeEngine = { engine: AnvilEngine; url: string; close(): Promise<void> }

/** Starts an anvil that executes what it is told and mines nothing by itself. Its state lives as long as this process. */
export async function startEngine(
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
  return {
    engine: await createAnvilEngine({ url: anvil.url }),
    url: anvil.url,
    close: () => anvil.stop(),
  }
}
