import { checkFeeVaults, type FeeVaultProblem } from '@l2/contracts'
import type { RollupConfig, SystemConfig } from '@l2/sequencer-core/derivation'
import type { StateProofs } from '@l2/sequencer-core/output'
import { type Address, type PublicClient, pad, parseAbi } from 'viem'
import { SettlementError } from '../errors.js'
import { predeploys } from '../genesis/predeploys.js'
import { type BooksClient, type BridgeBooks, readBridgeBooks } from './books.js'

/** Options of {@link checkSettlement}. */
export type CheckSettlementOptions = {
  rollup: RollupConfig
  /** What the chain goes by at the newest L1 block. Defaults to nothing: the contract's values may have changed since genesis. */
  systemConfig?: SystemConfig | undefined
  /** The L1 side of the native token's bridge, where the chain has one. */
  bridge?: Address | undefined
}

/** What {@link checkSettlement} reads. */
export type CheckSettlementDependencies = {
  l1: BooksClient
  /** Absent before there is one: then the predeploys, the fee vaults and the books are not looked at. */
  l2?: (BooksClient & Pick<PublicClient, 'request'>) | undefined
  /** Of the engine that users prove withdrawals by. */
  proofs?: Pick<StateProofs, 'probe'> | undefined
}

/** What was found in order. */
export type CheckedSettlement = {
  /** Of the predeploys, by their names. */
  readonly versions: Readonly<Record<string, string>>
  readonly books: BridgeBooks | undefined
}

const systemConfigAbi = parseAbi([
  'struct ResourceConfig { uint32 maxResourceLimit; uint8 elasticityMultiplier; uint8 baseFeeMaxChangeDenominator; uint32 minimumBaseFee; uint32 systemTxMaxGas; uint128 maximumBaseFee; }',
  'function resourceConfig() view returns (ResourceConfig)',
  'function gasLimit() view returns (uint64)',
  'function scalar() view returns (uint256)',
  'function batcherHash() view returns (bytes32)',
  'function batchInbox() view returns (address)',
  'function optimismPortal() view returns (address)',
])
const portalAbi = parseAbi(['function systemConfig() view returns (address)'])
const versionAbi = parseAbi(['function version() view returns (string)'])

/** Gas of the deposit that tells L2 about its L1 block; no deposit of a user may take its place. */
const systemDepositGas = 1_000_000n

/** The predeploys that deposits and withdrawals go through. */
const versioned = [
  'l1Block',
  'gasPriceOracle',
  'l2CrossDomainMessenger',
  'l2StandardBridge',
  'l2ToL1MessagePasser',
] as const

const feesOf = {
  sequencer: "the sequencer's fees",
  baseFee: 'base fees',
  l1Fee: 'L1 fees',
  operatorFee: 'operator fees',
} as const satisfies Record<FeeVaultProblem['vault'], string>
const vaultWords = {
  'no-code': 'has no code: what it is paid stays there for ever',
  'not-a-vault': 'does not answer as a vault: what it is paid stays there for ever',
  'no-recipient': 'pays the zero address',
  'no-way-out': 'cannot be emptied: its recipient refuses, or its way to L1 takes no value',
} as const satisfies Record<FeeVaultProblem['type'], string>

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/**
 * Whether a chain may start with what is on L1: the contracts are those of the rollup's configuration, no L1 block can hold deposits that an L2 block cannot (one would
 * end the chain for good), the predeploys answer, fees have a way out of their vaults, the bridge's books are exact, and the engine proves states as far back as it promises.
 *
 * @throws SettlementError `SETTLEMENT_REFUSED`, with every problem in `metaMessages`; and what the clients throw where they cannot be reached
 */
export async function checkSettlement(
  options: CheckSettlementOptions,
  { l1, l2, proofs }: CheckSettlementDependencies,
): Promise<CheckedSettlement> {
  const problems: string[] = await contractProblems(options, l1)
  const versions: Record<string, string> = {}
  let books: BridgeBooks | undefined
  if (l2 !== undefined) {
    for (const name of versioned) {
      const call = { address: predeploys[name], abi: versionAbi, functionName: 'version' } as const
      const version = await l2.readContract(call).catch(() => undefined)
      // After an upgrade that called into nothing everything has succeeded, and nothing was changed: versions tell, receipts do not.
      if (version === undefined) problems.push(`${name} (${predeploys[name]}) tells no version`)
      else versions[name] = version
    }
    for (const { vault, address, type } of await checkFeeVaults(l2)) {
      problems.push(`the vault of ${feesOf[vault]} (${address}) ${vaultWords[type]}`)
    }
    if (options.bridge !== undefined) {
      books = await readBridgeBooks({ bridge: options.bridge }, { l1, l2 })
      if (!books.isExact) {
        const { lockedWei, heldWei, releasedWei, outOfVaultWei } = books
        problems.push(
          `the bridge holds ${heldWei} and says ${lockedWei} is locked; L2 says ${releasedWei} is released, and ${outOfVaultWei} is out of the vault`,
        )
      }
    }
  }
  try {
    await proofs?.probe()
  } catch (error) {
    problems.push((error as Error).message)
  }
  if (problems.length === 0) return { versions, books }
  throw new SettlementError(`the chain may not start with this settlement: ${problems.length} problem(s)`, {
    code: 'SETTLEMENT_REFUSED',
    meta: problems.slice(0, 20),
    details: { problems },
  })
}

async function contractProblems(
  { rollup, systemConfig }: CheckSettlementOptions,
  l1: CheckSettlementDependencies['l1'],
): Promise<string[]> {
  const problems: string[] = []
  const at = { address: rollup.systemConfigContract, abi: systemConfigAbi } as const
  const [gasLimit, scalar, batcherHash, inbox, portal, meter] = await Promise.all([
    l1.readContract({ ...at, functionName: 'gasLimit' }),
    l1.readContract({ ...at, functionName: 'scalar' }),
    l1.readContract({ ...at, functionName: 'batcherHash' }),
    l1.readContract({ ...at, functionName: 'batchInbox' }),
    l1.readContract({ ...at, functionName: 'optimismPortal' }),
    l1.readContract({ ...at, functionName: 'resourceConfig' }),
  ])
  const configured = await l1.readContract({ address: portal, abi: portalAbi, functionName: 'systemConfig' })
  const differs = (what: string, there: unknown, here: unknown): void => {
    problems.push(`${what}: the contract says ${there}, the rollup ${here}`)
  }
  if (!isSame(portal, rollup.depositContract)) differs('the portal', portal, rollup.depositContract)
  if (!isSame(configured, rollup.systemConfigContract)) {
    problems.push(`the portal obeys another system configuration: ${configured}`)
  }
  if (!isSame(inbox, rollup.batchInbox)) differs('the inbox', inbox, rollup.batchInbox)
  if (systemConfig !== undefined) {
    if (gasLimit !== systemConfig.gasLimit) differs('the gas limit', gasLimit, systemConfig.gasLimit)
    if (scalar !== systemConfig.scalar) differs('the fee scalars', scalar, systemConfig.scalar)
    if (!isSame(batcherHash, pad(systemConfig.batcher))) differs('the batcher', batcherHash, systemConfig.batcher)
  }
  const room = (systemConfig?.gasLimit ?? gasLimit) - systemDepositGas
  const limit = BigInt(meter.maxResourceLimit)
  if (limit > room) {
    problems.push(
      `the portal takes deposits of ${limit} gas in one L1 block, and an L2 block has room for ${room}: one deposit could end the chain`,
    )
  }
  return problems
}
