import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { redactUrls } from '@l2/common'
import {
  createWalletClient,
  defineChain,
  http,
  type LocalAccount,
  type PublicClient,
  publicActions,
  type WalletClient,
} from 'viem'
import { NodeError } from '../errors.js'
import { type Anvil, hasState, startAnvil } from '../process/anvil.js'
import { rpcCall } from '../rpc/client.js'
import { damaged } from '../storage/durable.js'

/** Seconds between blocks of the built-in L1. */
export const devL1BlockSeconds = 2

/** Gas of a block of the built-in L1: Ethereum's since November 2025, in which the contracts of a rollup have room. */
const devL1GasLimit = 60_000_000

/** Blocks of the built-in L1 above one that it calls final: a reorg of twenty is still one that its rollup follows. */
const devL1FinalBlocks = 32

/** Milliseconds between blocks of L1: of the built-in one, or of Ethereum. */
export function l1BlockMs({ l1 }: Pick<L1Options, 'l1'>): number {
  return 1000 * (l1 === undefined ? devL1BlockSeconds : 12)
}

/** The L1 this rollup lives on. */
export type L1 = {
  url: string
  beaconUrl: string
  chainId: number
  /** True for the built-in one. */
  isDev: boolean
  /** Anvil's beacon REST names blocks by number. */
  isAnvil: boolean
  /** Rejects with `L1_ENDED` when the built-in one ends and nobody here ended it: its chain is gone with it, so it is not started again. */
  failed: Promise<never>
  close(): Promise<void>
}

/** Which L1: the one at `l1`, whose blobs are at `beacon` (by default the same address), or the built-in one. */
export type L1Options = { l1?: string | undefined; beacon?: string | undefined }

/** Uses the configured L1, or starts (or finds again) the built-in one. */
export async function openL1(config: L1Options, directory: string): Promise<L1> {
  let anvil: Anvil | undefined
  if (config.l1 === undefined) {
    const statePath = join(directory, 'l1-state.json')
    const remedy =
      'the chain of the built-in L1 is nowhere else: put back a copy of the whole directory, or begin a new chain in another one'
    const state = (): string[] => {
      if (hasState(statePath, remedy)) return ['--load-state', statePath]
      if (existsSync(join(directory, 'chain.json'))) throw damaged(statePath, ' or lost', remedy)
      return []
    }
    anvil = await startAnvil({
      name: 'l1',
      directory,
      // A minute for a killed node to come back to the L1 it left.
      lingerMs: 60_000,
      args: port => [
        ...['--host', '127.0.0.1', '--port', String(port), '--silent'],
        ...['--hardfork', 'osaka', '--block-time', String(devL1BlockSeconds), '--gas-limit', String(devL1GasLimit)],
        ...['--slots-in-an-epoch', String(devL1FinalBlocks / 2)],
        ...['--no-cors', '--no-request-size-limit', ...state()],
      ],
      statePath,
    })
  }
  const url = config.l1 ?? anvil?.url ?? ''
  try {
    const chainId = Number(await rpcCall<string>(url, 'eth_chainId', [], AbortSignal.timeout(10_000)))
    const version = await rpcCall<string>(url, 'web3_clientVersion', []).catch(() => '')
    let isClosing = false
    const failed = new Promise<never>((_, reject) => {
      void anvil?.ended.then(() => {
        const message =
          'the built-in L1 has ended, and nobody here ended it: the next start goes on from the state that it had written'
        if (!isClosing) reject(new NodeError(message, { code: 'L1_ENDED' }))
      })
    })
    failed.catch(() => {})
    return {
      failed,
      url,
      beaconUrl: config.beacon ?? url,
      chainId,
      isDev: anvil !== undefined,
      isAnvil: version.startsWith('anvil'),
      close: async () => {
        isClosing = true
        await anvil?.stop()
      },
    }
  } catch (cause) {
    throw new NodeError(`L1 does not answer at ${redactUrls(url)}`, { code: 'L1_UNREACHABLE', cause })
  }
}

/** A viem client of the L1 for one account. */
export function l1Wallet(l1: L1, account: LocalAccount): WalletClient & PublicClient {
  const chain = defineChain({
    id: l1.chainId,
    name: 'L1',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [l1.url] } },
  })
  const client = createWalletClient({ account, chain, transport: http(l1.url), pollingInterval: 500 })
  return client.extend(publicActions) as unknown as WalletClient & PublicClient
}
