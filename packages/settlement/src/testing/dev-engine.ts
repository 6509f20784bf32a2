import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAnvilEngine, type ExecutionEngine, type OpGenesis } from '@l2/sequencer-core/engine'
import { anvilBinary, spawnAnvil } from '@l2/sequencer-core/node'
import { createClient, http } from 'viem'
import { SettlementError } from '../errors.js'

/** One JSON-RPC call. */
export type JsonRpcCall = { method: string; params?: readonly unknown[] | undefined }

/** An engine in memory that starts from a genesis. */
export type DevEngine = {
  engine: ExecutionEngine
  /** Answers users' reads. */
  request(call: JsonRpcCall): Promise<unknown>
  /** Whether headers tell the storage root of the message passer. */
  headerTells: boolean
  close(): Promise<void>
}

/**
 * The embedded op-engine where it is there, else anvil: both need nothing but npm packages.
 *
 * @throws SettlementError `ENGINE_MISSING`
 */
export async function openDevEngine(genesis: OpGenesis): Promise<DevEngine> {
  return (await openOpEngine(genesis)) ?? (await openAnvil(genesis))
}

async function openOpEngine(genesis: OpGenesis): Promise<DevEngine | undefined> {
  // Under a licence of its own, and loaded only where it is there.
  const loaded = await import('@l2/op-engine/node').catch(() => undefined)
  if (loaded === undefined || (await loaded.findEngineFile('wasm')) === undefined) return undefined
  const engine = await loaded.createOpEngine({ genesis: JSON.stringify(genesis), store: 'memory' })
  const reader = engine.reader()
  return {
    engine,
    request: async ({ method, params }) => {
      const { result, error } = await reader.request({ method, params })
      if (error !== undefined) throw Object.assign(new Error(error.message), error)
      return result
    },
    headerTells: true,
    close: async () => {
      await reader.close()
      await engine.close()
    },
  }
}

async function openAnvil(genesis: OpGenesis): Promise<DevEngine> {
  const binary = anvilBinary(import.meta.url)
  if (binary === undefined) {
    throw new SettlementError('no engine: neither @l2/op-engine nor anvil is there', {
      code: 'ENGINE_MISSING',
      meta: ['try: npm install @foundry-rs/anvil'],
    })
  }
  const folder = mkdtempSync(join(tmpdir(), 'l2-dev-engine-'))
  const genesisPath = join(folder, 'genesis.json')
  writeFileSync(genesisPath, JSON.stringify(genesis))
  try {
    const anvil = await spawnAnvil({ binary, chainId: BigInt(genesis.config['chainId'] as number), genesisPath })
    const engine = await createAnvilEngine({ url: anvil.url })
    const client = createClient({ transport: http(anvil.url, { retryCount: 0 }) })
    return {
      engine,
      request: call => client.request(call as never),
      headerTells: false,
      close: async () => {
        await engine.close()
        await anvil.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}
