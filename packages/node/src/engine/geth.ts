import { existsSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createEngineApi } from '@l2/sequencer-core'
import type { EngineApi, PayloadAttributes } from '@l2/sequencer-core/engine'
import { type GethProcess, gethBinary, spawnGeth, spawnOpGeth } from '@l2/sequencer-core/node'
import { NodeError } from '../errors.js'
import { rpcCall } from '../rpc/client.js'
import type { Running, StartEngine, StateEngine } from './engine.js'
import { createReads, undisturbed } from './reads.js'

/** Options of {@link gethEngine} and {@link opGethEngine}. */
export type GethOptions = {
  /** Names the instance inside the data directory. */
  name: string
  directory: string
  chainId: number
  genesisPath: string
}

/** geth's own bounds on the gas of a call hold. */
const readLimits = { maxUnderWay: 16, maxWaiting: 512, gasCap: undefined, timeoutMs: 5000, canCancel: true }

function running(geth: GethProcess, api: EngineApi, engine: StateEngine, restored: Running['restored']): Running {
  const { read, building } = createReads(geth.rpcUrl, readLimits)
  return {
    engine: undisturbed(engine, building),
    read,
    restored,
    program: {
      ended: geth.exited,
      ping: signal => rpcCall(geth.rpcUrl, 'eth_chainId', [], signal),
      kill: () => geth.kill(),
    },
    close: async () => {
      await api.close()
      await geth.close()
    },
  }
}

/** A plain geth: deposits are carried beside its blocks, and base fees follow Ethereum's own parameters. */
export function gethEngine(options: GethOptions & { gasLimit: bigint }): StartEngine {
  return async () => {
    const binary = gethBinary()
    if (binary === undefined) throw new NodeError('--engine geth: there is no geth on PATH', { code: 'GETH_MISSING' })
    const dataDir = join(options.directory, options.name)
    // Which deposits were carried beside which block only the log knows, and it makes the chain again.
    rmSync(dataDir, { recursive: true, force: true })
    const geth = await spawnGeth({ ...options, binary, dataDir, chainId: BigInt(options.chainId) })
    const { engineUrl, rpcUrl, jwtSecret } = geth
    const api = await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'testing', deposits: 'carry' })
    const plain = (attributes: PayloadAttributes): PayloadAttributes => ({
      ...attributes,
      eip1559Params: undefined,
      minBaseFee: undefined,
    })
    const engine: StateEngine = {
      name: 'geth',
      build: (parent, attributes, callOptions) => api.build(parent, plain(attributes), callOptions),
      import: (block, attributes, callOptions) => api.import(block, plain(attributes), callOptions),
      setHead: (heads, callOptions) => api.setHead(heads, callOptions),
      block: (id, callOptions) => api.block(id, callOptions),
      receipts: (block, callOptions) => api.receipts(block, callOptions),
      accounts: (addresses, callOptions) => api.accounts(addresses, callOptions),
      close: () => api.close(),
    }
    return running(geth, api, engine, undefined)
  }
}

/** Where op-geth is: `$L2_OP_GETH`, else the first `op-geth` on PATH. */
export function opGethBinary(): string | undefined {
  const given = process.env['L2_OP_GETH']
  if (given) return given
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, process.platform === 'win32' ? 'op-geth.exe' : 'op-geth'))
    .find(path => existsSync(path))
}

/** Stock op-geth over the Engine API. Its state stays on disk: a start goes on from its head, after a crash from the newest state that had got there. */
export function opGethEngine(options: GethOptions & { states: number }): StartEngine {
  return async fresh => {
    const binary = opGethBinary()
    if (binary === undefined || !existsSync(binary)) {
      const message = 'there is no op-geth: name its file in L2_OP_GETH, or put it on PATH'
      throw new NodeError(message, { code: 'GETH_MISSING' })
    }
    // Not what op-geth kept without a history of states: it finds a gap in that.
    const dataDir = join(options.directory, `${options.name}-history`)
    if (fresh) rmSync(dataDir, { recursive: true, force: true })
    const geth = await spawnOpGeth({ ...options, binary, dataDir, chainId: BigInt(options.chainId) })
    const { engineUrl, rpcUrl, jwtSecret } = geth
    const api = await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' })
    const head = (await api.block('latest'))!
    const restored = head.number === 0n ? undefined : { number: head.number, hash: head.hash }
    return running(geth, api, Object.assign(api, { name: 'op-geth' }), restored)
  }
}
