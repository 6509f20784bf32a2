import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { createAnvilEngine } from '@l2/sequencer-core'
import { type AnvilEngine, anvilArguments, type PayloadAttributes } from '@l2/sequencer-core/engine'
import { startAnvil } from '../process/anvil.js'
import { rpcCall } from '../rpc/client.js'
import { readDocument, writeDocument } from '../storage/durable.js'
import { checkSealedJson, writeSealedJson } from '../storage/sealed-json.js'
import { inGethsWords } from './anvil-dialect.js'
import type { BlockId, Running, StartEngine, StateEngine } from './engine.js'
import { createReads, undisturbed } from './reads.js'

/** Options of {@link anvilEngine}. */
export type AnvilOptions = {
  /** Names the instance inside the data directory. */
  name: string
  directory: string
  chainId: number
  genesisPath: string
  gasLimit: bigint
  /** See {@link anvilArguments}. */
  maxStates?: number | undefined
}

/** A state that anvil was asked for, beside what the next block needs to know of the one it belongs to. */
type Dump = BlockId & { readonly attributes: PayloadAttributes | undefined }

/** Blocks between two dumps at least. */
const dumpEveryBlocks = 64n
/** A dump holds all blocks: of the time between two, this share at most goes into making them. */
const dumpShare = 0.02

/**
 * An anvil of this node. It keeps everything in memory; so that a start does not execute the whole chain again, its state is written down now and then and
 * taken up again once the block it belongs to is final, which is never taken back.
 */
export function anvilEngine(options: AnvilOptions): StartEngine {
  const { name, directory, chainId, genesisPath, gasLimit, maxStates } = options
  const statePath = join(directory, `${name}.state.json`)
  const dumpPath = join(directory, `${name}.dump.json`)
  const discard = (): void => {
    for (const path of [statePath, dumpPath, `${statePath}.next`]) rmSync(path, { force: true })
  }
  const launch = async (dump: Dump | undefined): Promise<Running> => {
    const anvil = await startAnvil({
      name,
      directory,
      lingerMs: 0,
      args: port => [
        ...anvilArguments({
          ...{ chainId: BigInt(chainId), port, gasLimit, maxStates, cachePath: join(directory, `${name}-cache`) },
          ...(dump === undefined ? { genesisPath } : { statePath }),
        }),
        '--silent',
      ],
    })
    const engine = await createAnvilEngine({ url: anvil.url, headAttributes: dump?.attributes })
    if (dump !== undefined && (await engine.block('latest'))?.hash !== dump.hash) {
      await anvil.stop()
      throw new Error('the dumped state is of another block')
    }
    const { read, building } = createReads(anvil.url, {
      maxUnderWay: 2,
      maxWaiting: 256,
      gasCap: gasLimit,
      timeoutMs: 5000,
      canCancel: false,
    })
    const kept = keepsState(engine, { statePath, dumpPath })
    return {
      engine: undisturbed(kept, building),
      read: inGethsWords(read),
      restored: dump,
      program: {
        ended: anvil.ended,
        ping: signal => rpcCall(anvil.url, 'eth_chainId', [], signal),
        kill: () => anvil.kill(),
      },
      close: async () => {
        await engine.close()
        await anvil.stop()
      },
    }
  }
  return async fresh => {
    if (fresh) discard()
    const dump = readDump(dumpPath, statePath)
    if (dump === undefined) {
      discard()
      return await launch(undefined)
    }
    try {
      return await launch(dump)
    } catch {
      // A dump is a convenience: whatever is wrong with it, the log has the chain.
      discard()
      return await launch(undefined)
    }
  }
}

function readDump(dumpPath: string, statePath: string): Dump | undefined {
  try {
    const dump = readDocument<Dump>(dumpPath, 'remove it')
    return checkSealedJson(statePath) === 'sound' ? dump : undefined
  } catch {
    // Whatever is wrong with it, the log has the chain.
    return undefined
  }
}

/** Writes the state down as heads move: to a file beside it first, which becomes the one to start from when its block is final. */
function keepsState(engine: AnvilEngine, paths: { statePath: string; dumpPath: string }): StateEngine {
  /** Written down, and waiting for finality. */
  let waiting: Dump | undefined
  let next = { number: dumpEveryBlocks, atMs: 0 }
  let isDumping = false
  const dump = async (): Promise<void> => {
    const startedMs = performance.now()
    const { state, ...block } = (await engine.dump()) ?? { state: undefined, hash: undefined, number: 0n }
    // A block that is built already and not adopted stands in the way: the next head will do.
    if (state === undefined) return
    await writeSealedJson(`${paths.statePath}.next`, [await promisify(gunzip)(state)])
    waiting = block as Dump
    const tookMs = performance.now() - startedMs
    next = { number: waiting.number + dumpEveryBlocks, atMs: performance.now() + tookMs / dumpShare }
  }
  const promote = (dumped: Dump): void => {
    // A crash in between leaves a state and the description of another one, which is found out at the start.
    renameSync(`${paths.statePath}.next`, paths.statePath)
    writeDocument(paths.dumpPath, dumped)
    waiting = undefined
  }
  const afterSetHead = async (finalized: string): Promise<void> => {
    if (isDumping) return
    isDumping = true
    try {
      const head = await engine.block('latest')
      const final = /^0x0*$/.test(finalized) ? undefined : await engine.block(finalized as `0x${string}`)
      if (waiting !== undefined && final !== undefined && final.number >= waiting.number) promote(waiting)
      if (waiting === undefined && head !== undefined && head.number >= next.number && performance.now() >= next.atMs) {
        await dump()
      }
    } catch {
      // Too large a state for one answer, or a disk that is full: the chain goes on, and the next start takes longer.
      next = { number: next.number * 2n, atMs: performance.now() + 60_000 }
    } finally {
      isDumping = false
    }
  }
  return {
    name: engine.name,
    build: (...call) => engine.build(...call),
    import: (...call) => engine.import(...call),
    setHead: async (heads, callOptions) => {
      await engine.setHead(heads, callOptions)
      void afterSetHead(heads.finalized)
    },
    block: (...call) => engine.block(...call),
    receipts: (...call) => engine.receipts(...call),
    accounts: (...call) => engine.accounts(...call),
    close: () => engine.close(),
  }
}
