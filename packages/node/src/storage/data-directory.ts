import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { EngineFamily } from '../engine/engine.js'
import { NodeError } from '../errors.js'
import { damaged, fileError, readDocument, writeDocument, writeFileDurably } from './durable.js'

/** What makes a chain this chain: written once, compared at every start. */
export type ChainIdentity = {
  chainId: number
  l1ChainId: number
  /** The L1 block the rollup starts from. */
  l1Genesis: { number: string; hash: string; timestamp: string }
  /** Where batches are sent. */
  inbox: string
  /** The chain's contracts on L1 by their names, `optimismPortal` and `systemConfig` among them. */
  contracts: Readonly<Record<string, string>>
  dataAvailability: string
  sequencers: number
  /** Chains of one family can be executed by each of its engines. */
  engine: EngineFamily
}

export type DataDirectory = {
  path: string
  /** True when it goes away with the process. */
  temporary: boolean
  identity(): ChainIdentity | undefined
  setIdentity(identity: ChainIdentity): void
  /** What is missing beside the blocks of the chain, and what comes of it: a line each. Asked before anything is opened. */
  missing(): string[]
  close(): void
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

/** Files that every chain has after its first start, and what is lost or made again with each. */
const chainFiles: Readonly<Record<string, string>> = {
  'sequencer.log': 'the blocks',
  'economics.journal': 'the books begin anew, without what posting cost until now',
  'mempool.journal': 'what waited to be included is forgotten',
  'derivation.journal': 'the chain is derived from L1 again',
}
const remedy = 'put back a copy; without one, begin a new chain in another directory'

/**
 * Opens (or makes) the directory of a chain and locks it against a second node.
 *
 * @throws NodeError `DATA_IN_USE`, `DATA_CORRUPT`, `DISK_FULL`, `DATA_FAILED`
 */
export function openDataDirectory(directory: string | undefined): DataDirectory {
  const path = directory === undefined ? mkdtempSync(join(tmpdir(), 'l2-node-')) : resolve(directory)
  try {
    mkdirSync(path, { recursive: true })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw fileError(path, cause)
  }
  const lock = join(path, 'node.pid')
  const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
  if (owner > 0 && owner !== process.pid && alive(owner)) {
    throw new NodeError(`${path} is in use by the node with process id ${owner}`, { code: 'DATA_IN_USE' })
  }
  writeFileDurably(lock, String(process.pid))
  const chain = join(path, 'chain.json')
  return {
    path,
    temporary: directory === undefined,
    identity() {
      const identity = readDocument<ChainIdentity>(chain, remedy)
      const left =
        identity === undefined ? Object.keys(chainFiles).find(file => existsSync(join(path, file))) : undefined
      if (left !== undefined) throw damaged(chain, ` or lost: ${left} beside it is of a chain`, remedy)
      return identity
    },
    setIdentity: identity => writeDocument(chain, identity),
    missing: () =>
      existsSync(join(path, 'sequencer.log'))
        ? Object.entries(chainFiles).flatMap(([file, what]) =>
            existsSync(join(path, file)) ? [] : [`${join(path, file)} is missing: ${what}`],
          )
        : [],
    close: () => {
      rmSync(lock, { force: true })
      if (directory === undefined) rmSync(path, { recursive: true, force: true })
    },
  }
}
