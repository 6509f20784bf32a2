import { opGenesis } from '@l2/sequencer-core'
import { allForksAtGenesis, encodeL1InfoDeposit } from '@l2/sequencer-core/derivation'
import type { ExecutedBlock, OpGenesis, PayloadAttributes } from '@l2/sequencer-core/engine'
import { attributesAfter, simulatedRollup } from '@l2/sequencer-core/testing'
import type { Hash, Hex } from 'viem'
import { hexToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { findEngineFile, howToGet, type OpEngineKind } from '../src/node/index.js'

/** Private keys of accounts with 100 ether each. */
export const keys: Hex[] = [`0x${'a1'.repeat(32)}`, `0x${'b2'.repeat(32)}`]
export const accounts = keys.map(key => privateKeyToAccount(key))
export const chainId = 901n
export const zeroHash: Hash = `0x${'00'.repeat(32)}`

export type Fork = 'isthmus' | 'jovian'

/** A chain of the tests: its genesis, and what every block of it must have. */
export function testChain(fork: Fork, alloc: Parameters<typeof opGenesis>[0]['alloc'] = {}) {
  const { jovian: _, karst: __, ...isthmus } = allForksAtGenesis as Record<string, bigint>
  const genesis: OpGenesis = opGenesis({
    chainId,
    timestamp: 0x66000000n,
    forks: fork === 'jovian' ? { ...isthmus, jovian: 0n } : isthmus,
    alloc: { ...Object.fromEntries(accounts.map(({ address }) => [address, { balance: 10n ** 20n }])), ...alloc },
  })
  const rollup = simulatedRollup()
  const origin = { ...rollup.genesis.l1, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash }
  const l1 = { ...origin, baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash }
  const l1Info = encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, l1, 0n, 0x66000002n)
  const attributes: Partial<PayloadAttributes> & { transactions: Uint8Array[] } = {
    eip1559Params: '0x0000000000000000',
    ...(fork === 'jovian' ? { minBaseFee: 0n } : {}),
    transactions: [l1Info],
  }
  const { transactions: front, ...rest } = attributes
  return {
    genesis,
    attributes,
    /** Attributes of a block after `parent` with these transactions behind the L1-info deposit. */
    after: (
      parent: ExecutedBlock,
      list: readonly Uint8Array[] = [],
      change: Partial<PayloadAttributes> = {},
    ): PayloadAttributes => attributesAfter(parent, [...front, ...list], { ...rest, ...change }),
  }
}

/** A signed transfer, or a call or creation with `data`. */
export async function signed(
  from: number,
  nonce: number,
  {
    to = '0x00000000000000000000000000000000000000aa',
    data = '0x',
    value = 1n,
    gas = 21_000n,
    create = false,
  } = {} as {
    to?: Hex
    data?: Hex
    value?: bigint
    gas?: bigint
    create?: boolean
  },
): Promise<Uint8Array> {
  const raw = await accounts[from]!.signTransaction({
    type: 'eip1559',
    chainId: Number(chainId),
    nonce,
    gas,
    maxFeePerGas: 100_000_000_000n,
    maxPriorityFeePerGas: 1n,
    value,
    data,
    ...(create ? {} : { to }),
  })
  return hexToBytes(raw)
}

/** The engine's file, or one line on why a suite is skipped. */
export async function engineFileOrSkip(kind: OpEngineKind): Promise<string | undefined> {
  const file = await findEngineFile(kind)
  if (file === undefined) process.stdout.write(`skipped: no ${kind} engine was built; ${howToGet(kind)}\n`)
  return file
}
