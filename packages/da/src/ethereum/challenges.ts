import { bytesToHex, equalBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hex } from 'viem'
import * as z from 'zod/mini'
import type { ChallengeSource, ChallengeWindows } from '../alt-da/challenge.js'
import { DaError } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import { parseOptions } from '../internal/options.js'
import {
  call,
  type EthereumClient,
  parseQuantity,
  readFinalized,
  readHead,
  readQuantity,
  readTransaction,
} from './rpc.js'

/**
 * The parts of the OP Stack's `DataAvailabilityChallenge` that reading needs.
 *
 * @example
 * ```ts
 * import { dataAvailabilityChallengeAbi } from '@l2/da/ethereum'
 * import { toFunctionSelector } from 'viem'
 *
 * console.log(dataAvailabilityChallengeAbi.flatMap(item => (item.type === 'function' ? toFunctionSelector(item) : []))) // [ '0x…
 * ```
 */
export const dataAvailabilityChallengeAbi = [
  {
    type: 'event',
    name: 'ChallengeStatusChanged',
    inputs: [
      { name: 'challengedBlockNumber', type: 'uint256', indexed: true },
      { name: 'challengedCommitment', type: 'bytes' },
      { name: 'status', type: 'uint8' },
    ],
  },
  {
    type: 'function',
    name: 'challenge',
    stateMutability: 'nonpayable',
    inputs: [
      { name: 'challengedBlockNumber', type: 'uint256' },
      { name: 'challengedCommitment', type: 'bytes' },
    ],
    outputs: [],
  },
  {
    type: 'function',
    name: 'resolve',
    stateMutability: 'nonpayable',
    inputs: [
      { name: 'challengedBlockNumber', type: 'uint256' },
      { name: 'challengedCommitment', type: 'bytes' },
      { name: 'resolveData', type: 'bytes' },
    ],
    outputs: [],
  },
  { type: 'function', name: 'challengeWindow', stateMutability: 'view', inputs: [], outputs: [{ type: 'uint256' }] },
  { type: 'function', name: 'resolveWindow', stateMutability: 'view', inputs: [], outputs: [{ type: 'uint256' }] },
] as const

const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    contract: z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')),
    head: z._default(z.enum(['latest', 'finalized']), 'latest'),
    timeoutMs: z._default(z.int().check(z.positive()), 30_000),
  }))()

const active = 1
const resolved = 2

/** Plain settings of {@link createEthereumChallenges}. */
export type EthereumChallengesOptions = {
  /** The `DataAvailabilityChallenge` contract. */
  contract: Hex
  /**
   * Up to which block L1 counts: `latest` (default), to see what happens now; `finalized` for derivation, which must not take what a challenge in a
   * block that replaces the newest ones makes void.
   */
  head?: 'latest' | 'finalized' | undefined
  /** Milliseconds of a call; 30 000. */
  timeoutMs?: number | undefined
}

/**
 * Reads challenges from the OP Stack's `DataAvailabilityChallenge` contract: its events, and the data out of the transactions that resolved
 * them. Delivered data is checked against the hash. Source: OP specs, alt-DA, "Data Availability Challenge Contract".
 *
 * @example
 * ```ts no-run
 * import { createHybridDa } from '@l2/da/alt-da'
 * import { createEthereumChallenges, readChallengeWindows } from '@l2/da/ethereum'
 * import { createMemoryDa } from '@l2/da/testing'
 * import { createPublicClient, http } from 'viem'
 *
 * const client = createPublicClient({ transport: http('https://ethereum.example') })
 * const contract = '0x00000000000000000000000000000000000000da'
 * const challenges = {
 *   source: createEthereumChallenges({ contract }, { client }),
 *   windows: await readChallengeWindows(client, contract),
 * }
 * const da = createHybridDa({ store: createMemoryDa(), anchor: createMemoryDa(), challenges })
 * console.log(da.name)
 * ```
 */
export function createEthereumChallenges(
  options: EthereumChallengesOptions,
  deps: { client: EthereumClient },
): ChallengeSource {
  const { contract, head, timeoutMs } = parseOptions('createEthereumChallenges', schema, options)
  const { client } = deps
  return {
    head: of =>
      withDeadline('reading the L1 head', of, timeoutMs, async () =>
        head === 'finalized' ? readFinalized(client) : (await readHead(client)).number,
      ),
    find: (dataHash, includedAtBlock, of) =>
      withDeadline('reading challenges', of, timeoutMs, async () => {
        const viem = await import('../internal/viem.js')
        const topics = viem.encodeEventTopics({
          abi: dataAvailabilityChallengeAbi,
          eventName: 'ChallengeStatusChanged',
          args: { challengedBlockNumber: includedAtBlock },
        })
        const toBlock = of?.untilBlock === undefined ? 'latest' : `0x${of.untilBlock.toString(16)}`
        const filter = { address: contract, topics, fromBlock: `0x${includedAtBlock.toString(16)}`, toBlock }
        const logs = await call(client, 'eth_getLogs', [filter])
        if (!Array.isArray(logs)) {
          throw new DaError('the Ethereum node answered eth_getLogs with no list', { code: 'DA_RESPONSE_INVALID' })
        }
        const found: { challengedAtBlock?: bigint; resolvedAtBlock?: bigint; data?: Uint8Array | undefined } = {}
        for (const log of logs as { data: Hex; blockNumber: Hex; transactionHash: Hex }[]) {
          const event = decodeEvent(viem, log?.data)
          // Foreign commitments of the same block, and malformed ones, are other people's business.
          if (event === undefined || event.commitment !== bytesToHex(Uint8Array.of(0, ...dataHash))) continue
          const at = parseQuantity('eth_getLogs', log.blockNumber)
          if (event.status === active) found.challengedAtBlock ??= at
          if (event.status !== resolved) continue
          found.resolvedAtBlock ??= at
          found.data ??= await delivered(viem, client, log.transactionHash, dataHash)
        }
        return found
      }),
  }
}

/**
 * How long the contract lets data be demanded and delivered.
 *
 * @example
 * ```ts
 * import { readChallengeWindows } from '@l2/da/ethereum'
 *
 * const client = { request: async () => '0x64' }
 * console.log(await readChallengeWindows(client, '0x00000000000000000000000000000000000000da')) // { challengeBlocks: 100n, resolveBlocks: 100n }
 * ```
 */
export async function readChallengeWindows(client: EthereumClient, contract: Hex): Promise<ChallengeWindows> {
  const read = (selector: Hex) => readQuantity(client, 'eth_call', [{ to: contract, data: selector }, 'latest'])
  const [challengeBlocks, resolveBlocks] = await Promise.all([
    read(selectorOf('challengeWindow()')),
    read(selectorOf('resolveWindow()')),
  ])
  return { challengeBlocks, resolveBlocks }
}

function selectorOf(signature: string): Hex {
  return bytesToHex(keccak256(new TextEncoder().encode(signature)).subarray(0, 4))
}

type Viem = typeof import('../internal/viem.js')

function decodeEvent(viem: Viem, data: Hex): { commitment: Hex; status: number } | undefined {
  try {
    const [commitment, status] = viem.decodeAbiParameters([{ type: 'bytes' }, { type: 'uint8' }], data)
    return { commitment: commitment.toLowerCase() as Hex, status }
  } catch {
    return undefined
  }
}

/** The data in the transaction that resolved a challenge; `undefined` when another contract called, and the input does not hold it. */
async function delivered(
  viem: Viem,
  client: EthereumClient,
  hash: Hex,
  dataHash: Uint8Array,
): Promise<Uint8Array | undefined> {
  const transaction = await readTransaction(client, hash)
  if (transaction === undefined) return undefined
  try {
    const { functionName, args } = viem.decodeFunctionData({
      abi: dataAvailabilityChallengeAbi,
      data: transaction.input,
    })
    const data = functionName === 'resolve' ? hexToBytes(args[2]) : undefined
    return data !== undefined && equalBytes(keccak256(data), dataHash) ? data : undefined
  } catch {
    return undefined
  }
}
