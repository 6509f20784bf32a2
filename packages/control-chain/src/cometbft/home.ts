import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hash } from 'viem'
import { refuse } from '../errors.js'
import { cometAddress } from './extended-commit.js'
import { type CometKey, nodeKeyFile, publicKeyJson, validatorKeyFile } from './keys.js'
import type { GenesisOperator } from './machine.js'

/** What the engine's genesis is made of. The same on every operator, to the byte. */
export type CometGenesis = {
  /** Name of the control chain. */
  controlChainId: string
  /** Seconds since the Unix epoch. */
  genesisTimeSeconds: bigint
  operators: readonly GenesisOperator[]
}

/** Where the engine listens, and whom it dials. */
export type CometNetwork = {
  /** Of peers: `127.0.0.1:26656`. */
  listen: string
  /** The other operators: `<node id>@host:port`. */
  peers: readonly string[]
  /** Where others find it, when that is another address. */
  externalAddress?: string | undefined
}

/** How an engine without a past comes to the present: by the state of others, not by all their blocks. */
export type CometJoin = {
  /**
   * Two or more engines whose word is compared, over their RPC: `unix:///…/rpc.sock` of a home on this machine,
   * `http://127.0.0.1:1234` of a tunnel to another one.
   */
  servers: readonly string[]
  /** A control block that is trusted, not older than a week, as an operator one knows told its height and hash. */
  trust: { height: bigint; hash: Hash }
}

/** Times of the consensus steps, milliseconds. */
export type CometTimes = {
  /** Between a block and the next proposal. Default 200. */
  commitMs: number
  /** For a proposal to come; half a second more with every round. Default 1000. */
  proposeMs: number
  /** For votes to come, in each of two steps. Default 500. */
  voteMs: number
}

export const defaultCometTimes: CometTimes = { commitMs: 200, proposeMs: 1000, voteMs: 500 }

/** Keys of one operator's engine. Without `validator` the engine asks a remote signer ({@link CometOptions.signerAddress}). */
export type CometKeys = { validator?: CometKey | undefined; node: CometKey }

/** A socket's path has room for so many bytes; the engine ends without a word on a longer one. */
const maxSocketBytes = 100

/** The sockets of a home: nobody but the operator's own account may use them. */
export function cometSockets(home: string): { abci: string; rpc: string } {
  const sockets = { abci: join(home, 'abci.sock'), rpc: join(home, 'rpc.sock') }
  if (Buffer.byteLength(sockets.abci) > maxSocketBytes) {
    refuse(
      'CONFIG_INVALID',
      `${home} is too long a path for the engine's sockets: at most ${maxSocketBytes - 10} bytes`,
    )
  }
  return sockets
}

/** `genesis.json` of the engine: vote extensions from the first block on. */
export function cometGenesisFile({ controlChainId, genesisTimeSeconds, operators }: CometGenesis): string {
  return JSON.stringify({
    genesis_time: new Date(Number(genesisTimeSeconds) * 1000).toISOString().replace('.000Z', 'Z'),
    chain_id: controlChainId,
    initial_height: '1',
    consensus_params: {
      block: { max_bytes: '4194304', max_gas: '-1' },
      evidence: { max_age_num_blocks: '100000', max_age_duration: '172800000000000', max_bytes: '1048576' },
      validator: { pub_key_types: ['ed25519'] },
      version: { app: '1' },
      abci: { vote_extensions_enable_height: '1' },
    },
    validators: membersAtGenesis(operators).map(({ id, power, cometKey }) => ({
      address: cometAddress(cometKey).slice(2).toUpperCase(),
      pub_key: publicKeyJson(cometKey),
      power: String(power),
      name: `operator ${id}`,
    })),
    app_hash: '',
  })
}

const membersAtGenesis = (operators: readonly GenesisOperator[]) => operators.filter(({ power }) => power > 0n)

/** Writes the keys of a new home; keys that are there stay. Files have mode 0600. */
export function writeCometKeys(home: string, { validator, node }: CometKeys): void {
  makeFolders(home)
  const once = (path: string, text: string): void => {
    if (!existsSync(path)) writePrivately(path, text)
  }
  once(join(home, 'config/node_key.json'), nodeKeyFile(node))
  if (validator !== undefined) once(join(home, 'config/priv_validator_key.json'), validatorKeyFile(validator))
  once(join(home, 'data/priv_validator_state.json'), '{"height":"0","round":0,"step":0}')
}

type Configuration = {
  network: CometNetwork
  times: CometTimes
  signerAddress?: string | undefined
  join?: CometJoin | undefined
}

/** Writes what an engine starts from: genesis and configuration. Its RPC and ABCI are Unix sockets in the home. */
export function writeCometConfig(home: string, options: Configuration & { genesis: CometGenesis }): void {
  makeFolders(home)
  writePrivately(join(home, 'config/genesis.json'), cometGenesisFile(options.genesis))
  writePrivately(join(home, 'config/config.toml'), configText(home, options))
}

function configText(home: string, { network, times, signerAddress, join }: Configuration): string {
  const { abci, rpc } = cometSockets(home)
  const text = (value: string): string => JSON.stringify(value)
  const ms = (value: number): string => text(`${value}ms`)
  return [
    `proxy_app = ${text(`unix://${abci}`)}`,
    'moniker = "operator"',
    'abci = "socket"',
    'db_backend = "goleveldb"',
    'log_format = "plain"',
    `priv_validator_laddr = ${text(signerAddress ?? '')}`,
    '[rpc]',
    `laddr = ${text(`unix://${rpc}`)}`,
    'pprof_laddr = ""',
    '[p2p]',
    `laddr = ${text(`tcp://${network.listen}`)}`,
    `external_address = ${text(network.externalAddress ?? '')}`,
    `persistent_peers = ${text(network.peers.join())}`,
    'persistent_peers_max_dial_period = "2s"',
    'addr_book_strict = false',
    'allow_duplicate_ip = true',
    // Operators know each other: nobody else is dialled, and nobody is told of others.
    'pex = false',
    '[mempool]',
    'size = 2000',
    'max_txs_bytes = 16777216',
    'max_tx_bytes = 65536',
    '[consensus]',
    `timeout_propose = ${ms(times.proposeMs)}`,
    'timeout_propose_delta = "500ms"',
    `timeout_prevote = ${ms(times.voteMs)}`,
    `timeout_precommit = ${ms(times.voteMs)}`,
    `timeout_commit = ${ms(times.commitMs)}`,
    ...(join === undefined ? [] : joinText(join)),
    '[storage]',
    'discard_abci_responses = true',
    '[tx_index]',
    'indexer = "null"',
    '',
  ].join('\n')
}

/** The engine looks at it only while it has no blocks of its own. */
function joinText({ servers, trust }: CometJoin): string[] {
  if (servers.length < 2 || servers.some(server => /[",\s\\]/.test(server))) {
    refuse('CONFIG_INVALID', 'the word of two engines or more expected, each by its address', { servers })
  }
  return [
    '[statesync]',
    'enable = true',
    `rpc_servers = "${servers.join()}"`,
    `trust_height = ${trust.height}`,
    `trust_hash = "${trust.hash.slice(2)}"`,
    'trust_period = "168h0m0s"',
    'discovery_time = "5s"',
    'chunk_request_timeout = "5s"',
    'chunk_fetchers = "2"',
  ]
}

function makeFolders(home: string): void {
  for (const folder of ['config', 'data']) mkdirSync(join(home, folder), { recursive: true, mode: 0o700 })
  chmodSync(home, 0o700)
}

function writePrivately(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}
