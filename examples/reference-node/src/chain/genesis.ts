import { join } from 'node:path'
import {
  type ChainIdentity,
  createControlPlane,
  type DataDirectory,
  type EngineFamily,
  type L1,
  l1Wallet,
  NodeError,
  writeFileDurably,
} from '@l2/node'
import { newRollup, opGenesis } from '@l2/sequencer-core'
import { type RollupConfig, toRollupJson } from '@l2/sequencer-core/derivation'
import { type Address, type Hash, keccak256, type LocalAccount, numberToHex, type PublicClient, pad } from 'viem'
import { devPortalAbi, devPortalBytecode } from '../contracts/dev-portal.js'
import { batcherAccount, devAccount, holderAccount } from '../dev-accounts.js'
import { preinstalls } from './preinstalls.js'

export const blockTimeSeconds = 1n
export const gasLimit = 30_000_000n
/** Gas that the deposits of one L1 block may have together: what OptimismPortal allows. */
const maxDepositGas = 20_000_000n
/** Gas of the deposit that tells the L2 about its L1 block. */
const systemDepositGas = 1_000_000n

/** `00 ‖ keccak256(chain id)[0:19]`, as OP chains choose their inbox. */
function batchInbox(chainId: number): Address {
  return `0x00${keccak256(pad(numberToHex(chainId), { size: 32 })).slice(2, 40)}`
}

/** Makes the chain's identity on a new data directory, or compares the one that is there with the L1 in front of us. */
export async function openChain(options: {
  directory: DataDirectory
  l1: L1
  chainId: number
  da: string
  sequencers: number
  engine: EngineFamily
}): Promise<ChainIdentity> {
  const { directory, l1, chainId, da, sequencers, engine } = options
  const client = l1Wallet(l1, batcherAccount())
  const known = directory.identity()
  if (known === undefined) {
    const identity = await createChain(client, options)
    await checkDepositGas(client, identity.portal as Address, gasLimit)
    directory.setIdentity(identity)
    return identity
  }
  const differs = (what: string, here: unknown, there: unknown): never => {
    throw new NodeError(`${directory.path} holds another chain: ${what} ${there}, not ${here}`, {
      code: 'DATA_OF_ANOTHER_CHAIN',
    })
  }
  if (known.chainId !== chainId) differs('chain id', chainId, known.chainId)
  if (known.l1ChainId !== l1.chainId) differs('L1 chain id', l1.chainId, known.l1ChainId)
  if (known.dataAvailability !== da) differs('data availability', da, known.dataAvailability)
  if (known.sequencers !== sequencers) differs('number of sequencers', sequencers, known.sequencers)
  if (known.engine !== engine) differs('execution engine', engine, known.engine)
  const block = await client.getBlock({ blockNumber: BigInt(known.l1Genesis.number) }).catch(() => undefined)
  if (block?.hash !== known.l1Genesis.hash) differs('L1 genesis block', block?.hash ?? 'missing', known.l1Genesis.hash)
  await checkDepositGas(client, known.portal as Address, gasLimit)
  return known
}

/**
 * A deposit that does not fit into a block ends a chain for good, so no L1 block may hold more of them than one L2 block takes.
 *
 * @throws NodeError `CONFIG_INVALID`
 */
export async function checkDepositGas(
  client: Pick<PublicClient, 'readContract'>,
  portal: Address,
  blockGasLimit: bigint,
): Promise<void> {
  const cap = await client.readContract({ address: portal, abi: devPortalAbi, functionName: 'maxDepositGas' })
  if (cap + systemDepositGas <= blockGasLimit) return
  const message = `the portal ${portal} takes deposits of ${cap} gas in one L1 block, and a block of ${blockGasLimit} gas holds ${blockGasLimit - systemDepositGas} at most: one deposit could end the chain`
  throw new NodeError(message, { code: 'CONFIG_INVALID' })
}

async function createChain(
  client: PublicClient & ReturnType<typeof l1Wallet>,
  options: { l1: L1; chainId: number; da: string; sequencers: number; engine: EngineFamily },
): Promise<ChainIdentity> {
  const { l1, chainId, da, sequencers, engine } = options
  const account = batcherAccount()
  const hash = await client.deployContract({
    abi: devPortalAbi,
    bytecode: devPortalBytecode as Hash,
    args: [maxDepositGas],
    account,
    chain: client.chain ?? null,
  })
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: 60_000 })
  const block = await client.getBlock({ blockNumber: receipt.blockNumber })
  return {
    chainId,
    l1ChainId: l1.chainId,
    l1Genesis: { number: String(block.number), hash: block.hash, timestamp: String(block.timestamp) },
    portal: receipt.contractAddress!.toLowerCase(),
    inbox: batchInbox(chainId),
    dataAvailability: da,
    sequencers,
    engine,
  }
}

/**
 * The L2 genesis file that all engines start from: METIS for the development accounts, and contracts that tools expect everywhere. OP engines get an OP genesis, the others one in Cancun.
 */
export function writeL2Genesis(directory: string, identity: ChainIdentity): string {
  const path = join(directory, 'l2-genesis.json')
  const addresses = Array.from({ length: 10 }, (_, index) => devAccount(index).address)
  const balance = 1_000_000n * 10n ** 18n
  const contracts = Object.entries(preinstalls(identity.chainId))
  const timestamp = BigInt(identity.l1Genesis.timestamp)
  if (identity.engine === 'op') {
    const alloc = {
      ...Object.fromEntries(addresses.map(address => [address, { balance }])),
      ...Object.fromEntries(contracts.map(([address, code]) => [address, { nonce: 1n, code }])),
    }
    const genesis = opGenesis({ chainId: BigInt(identity.chainId), timestamp, gasLimit, alloc })
    writeFileDurably(path, JSON.stringify(genesis))
    return path
  }
  const first = [
    'homestead',
    'eip150',
    'eip155',
    'eip158',
    'byzantium',
    'constantinople',
    'petersburg',
    'istanbul',
    'berlin',
    'london',
  ]
  const genesis = {
    config: {
      chainId: identity.chainId,
      ...Object.fromEntries(first.map(fork => [`${fork}Block`, 0])),
      mergeNetsplitBlock: 0,
      terminalTotalDifficulty: 0,
      shanghaiTime: 0,
      cancunTime: 0,
      blobSchedule: { cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 } },
    },
    timestamp: numberToHex(timestamp),
    gasLimit: numberToHex(gasLimit),
    baseFeePerGas: numberToHex(10n ** 9n),
    difficulty: '0x0',
    coinbase: `0x${'00'.repeat(20)}`,
    alloc: {
      ...Object.fromEntries(addresses.map(address => [address, { balance: numberToHex(balance) }])),
      ...Object.fromEntries(contracts.map(([address, code]) => [address, { balance: '0x0', nonce: '0x1', code }])),
    },
  }
  writeFileDurably(path, JSON.stringify(genesis))
  return path
}

/** The rollup's configuration, the same for the sequencer and for everybody who derives the chain. */
export function rollupConfig(identity: ChainIdentity, l2GenesisHash: Hash): RollupConfig {
  return newRollup({
    l1ChainId: BigInt(identity.l1ChainId),
    l2ChainId: BigInt(identity.chainId),
    genesis: {
      l1: { number: BigInt(identity.l1Genesis.number), hash: identity.l1Genesis.hash as Hash },
      l2: { number: 0n, hash: l2GenesisHash },
      l2TimeSeconds: BigInt(identity.l1Genesis.timestamp),
    },
    batcher: batcherAccount().address,
    batchInbox: identity.inbox as Address,
    depositContract: identity.portal as Address,
    // No contract emits updates on a development L1: the portal's address never emits `ConfigUpdate`.
    systemConfigContract: identity.portal as Address,
    blockTimeSeconds,
    gasLimit,
    // A plain geth has Ethereum's own parameters, and no way to be given others.
    ...(identity.engine === 'geth' ? { eip1559: { denominator: 8n, denominatorCanyon: 8n, elasticity: 2n } } : {}),
    altDa: !identity.dataAvailability.startsWith('ethereum-'),
  })
}

/** The configuration for other programs, as op-node's `rollup.json`. A chain whose data is not on L1 has none: op-node takes one kind of alt-DA. */
export function writeRollupJson(directory: string, rollup: RollupConfig): void {
  if (rollup.altDa === true) return
  writeFileDurably(join(directory, 'rollup.json'), `${JSON.stringify(toRollupJson(rollup), undefined, 2)}\n`)
}

/** The pool that the chain begins with: 20,000 METIS for each sequencer, the last of them on behalf of the holder of eMETIS. */
export function genesisControlPlane(rollup: RollupConfig, owners: readonly LocalAccount[], prevRandao: Hash) {
  return createControlPlane({
    domain: { name: 'L2 Sequencer', version: '1', chainId: rollup.l2ChainId, verifyingContract: rollup.batchInbox },
    timestamp: rollup.genesis.l2TimeSeconds,
    prevRandao,
    operator: batcherAccount().address,
    holder: holderAccount().address,
    sequencers: owners.map(({ address }) => ({ owner: address, signer: address, amountWei: 20_000n * 10n ** 18n })),
  })
}
