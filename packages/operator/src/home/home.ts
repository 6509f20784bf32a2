import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hexToBytes } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import type { CometSigningKey } from '@l2/control-chain/cometbft'
import { writeFileDurably } from '@l2/node'
import type { PostgresOptions } from '@l2/sequencer-core/postgres'
import type { Hex, LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'
import type { SigningAccount } from '../keys/web3signer.js'
import { type OperatorGenesis, readGenesis } from './genesis.js'

/** What is one operator's own: `operator.json` of its home. Only this differs between machines. */
export type OperatorConfig = {
  readonly version: 1
  /** Its number in the genesis. */
  readonly id: number
  /** JSON-RPC of an L1, and the beacon REST where its blobs are read; by default the same address. */
  readonly l1: string
  readonly beacon?: string | undefined
  /** Where users ask it. */
  readonly rpc: { readonly host: string; readonly port: number }
  /** Where its consensus engine listens to the others': `host:port`. */
  readonly cometListen: string
  /** Where its gossip listens: multiaddrs. */
  readonly gossipListen: readonly string[]
  /** How long a transaction may wait until its batch is on L1, milliseconds. */
  readonly latencyMs?: number | undefined
  /**
   * The PostgreSQL in which this operator's machines share log and guards: one leads, the others stand by. Files are of the
   * home, or absolute. Absent: it has one machine, and both are files.
   */
  readonly database?: PostgresOptions | undefined
}

/** Whose keys an operator signs with. Accounts may be remote: any viem account serves. */
export type OperatorKeys = {
  readonly header: SigningAccount
  readonly poster: LocalAccount
  /** Ed25519 seed of its identity among peers, 32 bytes. */
  readonly network: Uint8Array
  /** Of its consensus engine, which asks the operator to sign. Absent: the engine has its key in a file of its own. */
  readonly comet?: CometSigningKey | undefined
}

/** A home that was read. */
export type OperatorHome = {
  readonly path: string
  readonly config: OperatorConfig
  readonly genesis: OperatorGenesis
}

const schema = /* @__PURE__ */ (() => {
  const port = z.int().check(z.minimum(0), z.maximum(65_535))
  const url = z.string().check(z.regex(/^https?:\/\/\S+$/))
  const name = z.string().check(z.minLength(1), z.maxLength(255))
  return z.strictObject({
    version: z.literal(1),
    id: z.int().check(z.minimum(1)),
    l1: url,
    beacon: z.optional(url),
    rpc: z.strictObject({ host: z.string().check(z.minLength(1)), port }),
    cometListen: z.string().check(z.regex(/^[^\s:]{1,255}:\d{1,5}$/)),
    gossipListen: z.array(z.string().check(z.minLength(1))),
    latencyMs: z.optional(z.int().check(z.minimum(1))),
    database: z.optional(
      z.strictObject({
        host: name,
        port: z.optional(port),
        database: name,
        user: name,
        passwordFile: z.optional(name),
        tls: z.optional(z.strictObject({ caFile: z.optional(name) })),
        schema: z.optional(name),
        timeoutMs: z.optional(z.int().check(z.minimum(1))),
      }),
    ),
  })
})()

/** Files of a home. Whoever makes homes writes them, and nobody else. */
export const homeFiles = {
  config: 'operator.json',
  genesis: 'genesis.json',
  /** Hex of 32 bytes, mode 0600. */
  headerKey: 'keys/header.key',
  posterKey: 'keys/poster.key',
  networkKey: 'keys/network.key',
  /** Of CometBFT, with its own keys. */
  comet: 'comet',
  /** What its key has signed last. */
  cometGuard: 'comet.guard',
  /** Numbers of the statements and of the turns that it has signed for its committee. */
  batchGuard: 'batch.guard',
  turnGuard: 'turn.guard',
  /** The rollup's: log, guard, mempool, engines. */
  data: 'data',
  controlState: 'control-state.json',
  convictions: 'convictions.json',
} as const

/**
 * Reads a home. Both files may have been written by hand or by another machine.
 *
 * @throws OperatorError `HOME_INVALID`, `NOT_AN_OPERATOR`
 */
export function openHome(directory: string): OperatorHome {
  const path = resolve(directory)
  const configPath = join(path, homeFiles.config)
  const read = readSchema(schema, readJson(configPath))
  if (!read.ok) refuse('HOME_INVALID', `${configPath} is no operator's configuration`, { meta: read.issues })
  const config = read.value as OperatorConfig
  const genesisPath = join(path, homeFiles.genesis)
  const genesis = readGenesis(readJson(genesisPath), genesisPath)
  if (genesis.operators[config.id - 1] === undefined) {
    refuse('NOT_AN_OPERATOR', `${genesisPath} has no operator ${config.id}`)
  }
  return { path, config, genesis }
}

/**
 * The keys that lie in a home as plain files.
 *
 * @throws OperatorError `HOME_INVALID` where one is missing or none, `NOT_AN_OPERATOR` where the genesis has other keys
 */
export function readHomeKeys({ path, config, genesis }: OperatorHome): OperatorKeys {
  const entry = genesis.operators[config.id - 1]!
  const account = (file: string, expected: string): LocalAccount => {
    const found = privateKeyToAccount(readSecret(join(path, file)))
    if (found.address.toLowerCase() === expected) return found
    return refuse('NOT_AN_OPERATOR', `${join(path, file)} is the key of another than operator ${config.id}`)
  }
  return {
    header: account(homeFiles.headerKey, entry.header),
    poster: account(homeFiles.posterKey, entry.poster),
    network: hexToBytes(readSecret(join(path, homeFiles.networkKey)))!,
  }
}

/** Writes a home's own files; keys that are given are written with mode 0600. */
export function writeHome(
  directory: string,
  { config, genesis, keys }: { config: OperatorConfig; genesis: OperatorGenesis; keys?: Record<KeyFile, Hex> },
): void {
  mkdirSync(join(directory, 'keys'), { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  for (const [name, secret] of Object.entries(keys ?? {})) {
    const path = join(directory, homeFiles[name as KeyFile])
    writeFileDurably(path, `${secret}\n`)
    chmodSync(path, 0o600)
  }
  writeFileDurably(join(directory, homeFiles.genesis), JSON.stringify(genesis))
  writeConfig(directory, config)
}

/** Writes what is an operator's own, for the next start. */
export function writeConfig(directory: string, config: OperatorConfig): void {
  writeFileDurably(join(directory, homeFiles.config), `${JSON.stringify(config, undefined, 2)}\n`)
}

/** Keys that a home may hold as files. */
export type KeyFile = 'headerKey' | 'posterKey' | 'networkKey'

function readJson(path: string): unknown {
  if (!existsSync(path)) refuse('HOME_INVALID', `${path} is missing`)
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    return refuse('HOME_INVALID', `${path} is no JSON`, { cause })
  }
}

function readSecret(path: string): Hex {
  if (!existsSync(path)) refuse('HOME_INVALID', `${path} is missing`)
  const text = readFileSync(path, 'utf8').trim()
  if (!/^0x[0-9a-f]{64}$/.test(text)) refuse('HOME_INVALID', `${path} holds no key`)
  return text as Hex
}
