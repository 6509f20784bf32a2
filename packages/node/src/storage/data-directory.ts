import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { EngineFamily } from '../engine/engine.js'
import { NodeError } from '../errors.js'

/** What makes a chain this chain: written once, compared at every start. */
export type ChainIdentity = {
  chainId: number
  l1ChainId: number
  /** The L1 block the rollup starts from. */
  l1Genesis: { number: string; hash: string; timestamp: string }
  portal: string
  inbox: string
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
  close(): void
}

/** Replaces a file so that a crash leaves the old one or the new one, never a part. */
export function writeFileDurably(path: string, content: string | Uint8Array): void {
  const file = openSync(`${path}.new`, 'w')
  writeFileSync(file, content)
  fsyncSync(file)
  closeSync(file)
  renameSync(`${path}.new`, path)
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

/** Opens (or makes) the directory of a chain and locks it against a second node. */
export function openDataDirectory(directory: string | undefined): DataDirectory {
  const path = directory === undefined ? mkdtempSync(join(tmpdir(), 'l2-node-')) : resolve(directory)
  mkdirSync(path, { recursive: true })
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
    identity: () => (existsSync(chain) ? (JSON.parse(readFileSync(chain, 'utf8')) as ChainIdentity) : undefined),
    setIdentity: identity => writeFileDurably(chain, `${JSON.stringify(identity, null, 2)}\n`),
    close: () => {
      rmSync(lock, { force: true })
      if (directory === undefined) rmSync(path, { recursive: true, force: true })
    },
  }
}
