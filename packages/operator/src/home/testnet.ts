import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { bytesToHex } from '@l2/common'
import { cometNodeId, createCometKey, writeCometKeys } from '@l2/control-chain/cometbft'
import { networkKeyOf } from '@l2/gossip/libp2p'
import type { Address, Hex } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import type { OperatorGenesis } from './genesis.js'
import { homeFiles, type KeyFile, type OperatorConfig, writeHome } from './home.js'

/** Where one operator of a test network is. */
export type TestnetHost = {
  /** Of its machine, as the others name it. */
  readonly host: string
  readonly rpcPort: number
  readonly cometPort: number
  readonly gossipPort: number
  /** Posts to L1; a new key by default. */
  readonly posterKey?: Hex | undefined
  /** Signs headers, and batches for the committee; a new key by default. */
  readonly headerKey?: Hex | undefined
}

export type TestnetOptions = {
  /** Homes are made in it: `operator-1` and so on. */
  directory: string
  hosts: readonly TestnetHost[]
  /** Of each operator alike. */
  stakeWei: bigint
  l1: string
  beacon?: string | undefined
  latencyMs?: number | undefined
  genesis: Omit<OperatorGenesis, 'version' | 'operators' | 'control' | 'admin'>
  control: Omit<OperatorGenesis['control'], 'chainId' | 'genesisTimeSeconds'>
  admin: Address
}

/**
 * Makes the homes of a test network, with all of their keys: one machine has held them, so these operators are one as far as
 * trust goes. Operators who are to be several make their keys themselves.
 *
 * @returns the path of each home
 */
export async function writeTestnet(options: TestnetOptions): Promise<string[]> {
  const { directory, hosts, stakeWei, admin } = options
  const made = await Promise.all(
    hosts.map(async ({ host, posterKey, headerKey, cometPort, gossipPort }, index) => {
      const networkSecret = new Uint8Array(randomBytes(32))
      const keys: Record<KeyFile, Hex> = {
        headerKey: headerKey ?? generatePrivateKey(),
        posterKey: posterKey ?? generatePrivateKey(),
        networkKey: bytesToHex(networkSecret),
      }
      const comet = { validator: createCometKey(), node: createCometKey() }
      const entry = {
        id: index + 1,
        stakeWei: String(stakeWei),
        header: privateKeyToAddress(keys.headerKey).toLowerCase() as Address,
        poster: privateKeyToAddress(keys.posterKey).toLowerCase() as Address,
        comet: bytesToHex(comet.validator.publicKey),
        network: await networkKeyOf(networkSecret),
        cometAddress: `${cometNodeId(comet.node.publicKey)}@${host}:${cometPort}`,
        gossipAddresses: [`/ip4/${host}/tcp/${gossipPort}`],
      }
      return { keys, comet, entry }
    }),
  )
  const genesis: OperatorGenesis = {
    version: 1,
    ...options.genesis,
    control: {
      chainId: `control-${options.genesis.identity.chainId}`,
      genesisTimeSeconds: String(Math.floor(Date.now() / 1000)),
      ...options.control,
    },
    admin,
    operators: made.map(({ entry }) => entry),
  }
  return made.map(({ keys, comet, entry }, index) => {
    const { host, rpcPort, cometPort, gossipPort } = hosts[index]!
    const { l1, beacon, latencyMs } = options
    const config: OperatorConfig = {
      version: 1,
      id: entry.id,
      l1,
      ...(beacon === undefined ? {} : { beacon }),
      rpc: { host, port: rpcPort },
      cometListen: `${host}:${cometPort}`,
      gossipListen: [`/ip4/${host}/tcp/${gossipPort}`],
      ...(latencyMs === undefined ? {} : { latencyMs }),
    }
    const home = join(directory, `operator-${entry.id}`)
    writeHome(home, { config, genesis, keys })
    writeCometKeys(join(home, homeFiles.comet), comet)
    return home
  })
}
