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
import { type RollupConfig, toRollupJson } from '@l2/sequencer-core/derivation'
import type { OpGenesis } from '@l2/sequencer-core/engine'
import { genesisSystemConfig, l2Genesis, type SettlementAddresses, settlementRollup } from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { type Address, type Hash, type Hex, type LocalAccount, numberToHex } from 'viem'
import { batcherAccount, devAccount, holderAccount, ownerAccount } from '../dev-accounts.js'
import { deployContracts, feeScalars, metisSupplyWei } from './contracts.js'
import { blockTimeSeconds, gasLimit } from './parameters.js'

/** Makes the chain's identity on a new data directory, or compares the one that is there with the L1 in front of us. */
export async function openChain(options: {
  directory: DataDirectory
  l1: L1
  chainId: number
  da: string
  sequencers: number
  engine: EngineFamily
  /** Members of a committee that says who posts, as L1 keeps them. */
  committee?: Hex | undefined
}): Promise<ChainIdentity> {
  const { directory, l1, chainId, da, sequencers, engine, committee } = options
  const client = l1Wallet(l1, batcherAccount())
  const known = directory.identity()
  if (known === undefined) {
    const contracts = await deployContracts(l1, chainId, committee)
    const identity = { chainId, l1ChainId: l1.chainId, ...contracts, dataAvailability: da, sequencers, engine }
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
  if (known.contracts === undefined) {
    const message = `${directory.path} holds a chain of an earlier version, whose contracts on L1 let nobody withdraw: begin a new one in another directory`
    throw new NodeError(message, { code: 'DATA_OF_ANOTHER_CHAIN' })
  }
  const block = await client.getBlock({ blockNumber: BigInt(known.l1Genesis.number) }).catch(() => undefined)
  if (block?.hash !== known.l1Genesis.hash) differs('L1 genesis block', block?.hash ?? 'missing', known.l1Genesis.hash)
  return known
}

/**
 * The L2 genesis file that all engines start from: predeploys, the vault of METIS, and METIS for the development accounts, which nothing on L1 stands behind. OP engines
 * get an OP genesis, the others one in Cancun.
 */
export function writeL2Genesis(directory: string, identity: ChainIdentity): string {
  const path = join(directory, 'l2-genesis.json')
  const genesis = opGenesisOf(identity)
  writeFileDurably(path, JSON.stringify(identity.engine === 'op' ? genesis : plainGenesis(genesis)))
  return path
}

/** METIS of each development account. */
const givenWei = 1_000_000n * 10n ** 18n

function opGenesisOf(identity: ChainIdentity): OpGenesis {
  const { contracts } = identity
  const at = (name: string): Address => contracts[name] as Address
  const receiver = batcherAccount().address
  return l2Genesis(
    {
      ...{ l1ChainId: BigInt(identity.l1ChainId), l2ChainId: BigInt(identity.chainId), gasLimit },
      timestamp: BigInt(identity.l1Genesis.timestamp),
      gasToken: {
        ...{ type: 'erc20', token: at('metis'), name: 'Metis', symbol: 'METIS' },
        ...{ bridge: at('nativeTokenBridge'), capacityWei: metisSupplyWei },
      },
      l1: {
        l1CrossDomainMessenger: at('l1CrossDomainMessenger'),
        l1StandardBridge: at('l1StandardBridge'),
        l1Erc721Bridge: at('l1Erc721Bridge'),
      },
      owner: ownerAccount().address,
      recipients: { sequencer: receiver, baseFee: receiver, l1Fee: receiver, operatorFee: receiver },
      alloc: Object.fromEntries(
        Array.from({ length: 10 }, (_, index) => [devAccount(index).address, { balance: givenWei }]),
      ),
      isDevnet: true,
      // What contracts of today are at: two thousand proxies more would be read at every start.
      reservedPredeploys: 64,
    },
    { artifacts: openArtifacts() },
  )
}

/** The same accounts for an engine that knows Ethereum's forks only. */
function plainGenesis({ timestamp, alloc, config }: OpGenesis): object {
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
  return {
    config: {
      chainId: config['chainId'],
      ...Object.fromEntries(first.map(fork => [`${fork}Block`, 0])),
      mergeNetsplitBlock: 0,
      terminalTotalDifficulty: 0,
      shanghaiTime: 0,
      cancunTime: 0,
      blobSchedule: { cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 } },
    },
    timestamp,
    gasLimit: numberToHex(gasLimit),
    baseFeePerGas: numberToHex(10n ** 9n),
    difficulty: '0x0',
    coinbase: `0x${'00'.repeat(20)}`,
    alloc,
  }
}

/** The rollup's configuration, the same for the sequencer and for everybody who derives the chain. */
export function rollupConfig(identity: ChainIdentity, l2GenesisHash: Hash): RollupConfig {
  const { contracts, l1Genesis } = identity
  return settlementRollup({
    settlement: {
      addresses: contracts as unknown as SettlementAddresses,
      batchInbox: identity.inbox as Address,
      l1Origin: {
        number: BigInt(l1Genesis.number),
        hash: l1Genesis.hash as Hash,
        timestamp: BigInt(l1Genesis.timestamp),
      },
      systemConfig: genesisSystemConfig({ batcher: batcherAccount().address, feeScalars, gasLimit }),
    },
    l1ChainId: BigInt(identity.l1ChainId),
    l2ChainId: BigInt(identity.chainId),
    l2Genesis: { hash: l2GenesisHash, timestamp: BigInt(l1Genesis.timestamp) },
    blockTimeSeconds,
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
