import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isL2Error, type Logger, silentLogger } from '@l2/common'
import { NodeError } from '../errors.js'
import { RpcAnswerError } from '../rpc/client.js'
import { takesLong } from '../rpc/fair-reads.js'
import type { Read, Reader, StartEngine, StateEngine } from './engine.js'
import type { History } from './history.js'

/** Options of {@link opEngine}. */
export type OpEngineOptions = {
  /** Names the instance inside the data directory. */
  name: string
  directory: string
  genesisPath: string
  history: History
  kind: 'wasm' | 'native'
  /** How long it may take over one block until that is a hang. */
  silenceMs: number
  /** Told when it, or a reader beside it, was ended or has ended, and is started again. */
  say(message: string): void
}

type Package = typeof import('@l2/op-engine/node')

/** The engine's package, which has a licence of its own and is loaded only where it is there. */
async function load(): Promise<Package | undefined> {
  try {
    return await import('@l2/op-engine/node')
  } catch {
    return undefined
  }
}

/** Whether the engine was built or installed, and if not, how to get it, in a line. */
export async function findOpEngine(kind: 'wasm' | 'native'): Promise<{ isThere: boolean; howToGet: string }> {
  const loaded = await load()
  if (loaded === undefined) return { isThere: false, howToGet: 'npm install @l2/op-engine' }
  const isThere = (await loaded.findEngineFile(kind)) !== undefined
  return { isThere, howToGet: loaded.howToGet(kind) }
}

/** op-geth's state transition, in a worker of this process or in a program of its own. Its state stays on disk; users are answered by a reader beside it. */
export function opEngine(options: OpEngineOptions): StartEngine {
  const { name, directory, genesisPath, history, kind, silenceMs, say } = options
  const path = join(directory, name)
  const tell = (...[fields, message]: Parameters<Logger['error']>): void => {
    const { message: why, method } = fields as { message?: string; method?: string }
    say(`${name}: ${message}: ${why ?? method}`)
  }
  const logger: Logger = { ...silentLogger, warn: tell, error: tell }
  return async fresh => {
    const loaded = await load()
    if (loaded === undefined) {
      throw new NodeError('@l2/op-engine is not installed: npm install @l2/op-engine', { code: 'ENGINE_MISSING' })
    }
    const open = () =>
      loaded.createOpEngine({
        genesis: readFileSync(genesisPath, 'utf8'),
        store: { path },
        history,
        engine: kind,
        buildTimeoutMs: silenceMs,
        logger,
      })
    if (fresh) rmSync(path, { recursive: true, force: true })
    const opened = await open().catch(async error => {
      // A store can be made again from the log, unless somebody else has it open or cannot be asked.
      const isLost = ['ENGINE_STORE_CORRUPT', 'ENGINE_STORE_FOREIGN'].some(code => isL2Error(error, code))
      if (!isLost) throw error
      rmSync(path, { recursive: true, force: true })
      return await open()
    })
    // What may take long has workers of its own, the second for who asks while the first is at work. Each starts with the first that it is asked.
    const quick = opened.reader()
    const slow = [opened.reader(), opened.reader()] as const
    const readerOf = (method: string) => {
      if (!takesLong(method)) return quick
      return slow[0].pending <= slow[1].pending ? slow[0] : slow[1]
    }
    const read: Read = async <T>(method: string, params: readonly unknown[], by?: Reader): Promise<T> => {
      const asked = readerOf(method).request({ method, params }, { signal: by?.signal })
      const { result, error } = await asked.catch(failure => {
        if (isL2Error(failure, 'ENGINE_BUSY')) throw new RpcAnswerError({ code: -32005, message: failure.shortMessage })
        if (isL2Error(failure, 'ENGINE_TIMEOUT'))
          throw new RpcAnswerError({ code: -32000, message: failure.shortMessage })
        throw failure
      })
      if (error !== undefined) throw new RpcAnswerError(error)
      return result as T
    }
    const { head } = opened.info
    return {
      engine: opened satisfies StateEngine,
      read,
      restored: head.number === 0n ? undefined : head,
      program: undefined,
      close: async () => {
        await Promise.all([quick, ...slow].map(reader => reader.close()))
        await opened.close()
      },
    }
  }
}
