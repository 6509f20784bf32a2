import type { SystemConfig } from '@l2/sequencer-core/derivation'
import {
  type Address,
  encodeFunctionData,
  getContractAddress,
  type Hash,
  keccak256,
  numberToHex,
  pad,
  parseAbiItem,
  size,
  stringToHex,
} from 'viem'
import type { Artifacts } from '../artifacts/artifact.js'
import { SettlementError } from '../errors.js'
import { nativeTokenBridgePredeploy } from '../genesis/predeploys.js'
import { type DeploySettlementOptions, type SettlementParameters, settlementParameters } from './options.js'
import { bridgeContract, committeeContracts, meteredPortal, poolContract, sequencedGame } from './own-contracts.js'
import type { DeployableContract, Plan } from './plan.js'
import { type L1Sender, type SendOptions, sendPlan } from './send.js'

/** The contracts of a rollup on L1, each where users and programs call it: the proxy, where there is one. */
export type SettlementAddresses = {
  proxyAdmin: Address
  superchainConfig: Address
  systemConfig: Address
  optimismPortal: Address
  disputeGameFactory: Address
  anchorStateRegistry: Address
  delayedWeth: Address
  l1CrossDomainMessenger: Address
  l1StandardBridge: Address
  l1Erc721Bridge: Address
  optimismMintableErc20Factory: Address
  /** Locks the ERC-20 that pays for gas on L2, where one does. */
  nativeTokenBridge?: Address | undefined
  /** Owns the system configuration, where a pool does. */
  pool?: Address | undefined
  /** The committee that the pool obeys, where one does. */
  committee?: Address | undefined
}

/** A rollup's contracts on L1, and what the rollup begins with. */
export type Settlement = {
  addresses: SettlementAddresses
  batchInbox: Address
  /** The L1 block that the chain begins after: the last event of its configuration is in it or before it. `timestamp` in seconds. */
  l1Origin: { number: bigint; hash: Hash; timestamp: bigint }
  /** What the contract says, for the `genesis` of the rollup's configuration. */
  systemConfig: SystemConfig
}

/** What {@link deploySettlement} did. */
export type DeployedSettlement = Settlement & {
  /** All transactions together. */
  gasUsed: bigint
  transactions: number
}

/** The type of the games that proposals are: the fault dispute game that anybody may play. Source: OP's `CANNON` game type. */
export const cannonGameType = 0

/** What Ether is called where a gas token could be named. Source: `Constants.ETHER` of OP's contracts. */
const ether: Address = '0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE'

/** What a committee's constructor takes for its pool, and for the contract that holds its members, without their bytes. */
const committeeGas = 900_000n

/** `00 ‖ keccak256(chain id)[0:19]`, as OP chains choose their inbox. */
function inboxOf(l2ChainId: bigint): Address {
  return `0x00${keccak256(pad(numberToHex(l2ChainId), { size: 32 })).slice(2, 40)}`
}

/**
 * Deploys the OP Stack's contracts for a new rollup: portal, system configuration, messengers and bridges, dispute games. All transactions are sent at
 * once, so that two or three L1 blocks hold them; where each contract is follows from the account and its nonce.
 *
 * Proposals begin with {@link anchorSettlement}, once the L2 genesis is known, which contains these addresses.
 *
 * @throws SettlementError `SETTLEMENT_OPTIONS_INVALID`, `ARTIFACT_MISSING`, `TRANSACTION_FAILED`, `TRANSACTION_NOT_MINED`, `DEPOSIT_BEFORE_GENESIS`
 * @example
 * ```ts no-run
 * import { deploySettlement } from '@l2/settlement'
 * import { openArtifacts } from '@l2/settlement/node'
 * import { createPublicClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const client = createPublicClient({ transport: http('http://127.0.0.1:8545') })
 * const account = privateKeyToAccount(process.env['DEPLOYER_KEY'] as `0x${string}`)
 * const { addresses, l1Origin } = await deploySettlement(
 *   { l2ChainId: 901n, batcher: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' },
 *   { client, account, artifacts: openArtifacts() },
 * )
 * console.log(addresses.optimismPortal, l1Origin.number)
 * ```
 */
export async function deploySettlement(
  options: DeploySettlementOptions,
  dependencies: L1Sender & { artifacts: Artifacts },
  sending?: SendOptions,
): Promise<DeployedSettlement> {
  const { client, account, artifacts } = dependencies
  const parameters = settlementParameters(options, account.address)
  const batchInbox = parameters.batchInbox ?? inboxOf(parameters.l2ChainId)
  const plan = (plan: Plan): SettlementAddresses =>
    planSettlement(plan, { ...parameters, batchInbox }, artifacts, account.address)
  const { answer: addresses, receipts } = await sendPlan(dependencies, plan, sending)
  const last = receipts.at(-1)!
  const block = await client.getBlock({ blockHash: last.blockHash })
  // Whoever guesses the address can deposit as soon as the portal is there; the chain begins after it and would never see that.
  const early = await client.getLogs({
    address: addresses.optimismPortal,
    event: parseAbiItem(
      'event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData)',
    ),
    fromBlock: receipts[0]!.blockNumber,
    toBlock: block.number,
  })
  if (early.length > 0) {
    throw new SettlementError('the portal got a deposit before the chain begins, which would be lost: deploy again', {
      code: 'DEPOSIT_BEFORE_GENESIS',
      recovery: 'retry',
      details: { portal: addresses.optimismPortal, transactions: early.map(({ transactionHash }) => transactionHash) },
    })
  }
  return {
    addresses,
    batchInbox,
    l1Origin: { number: block.number, hash: block.hash, timestamp: block.timestamp },
    systemConfig: genesisSystemConfig(parameters),
    gasUsed: receipts.reduce((sum, { gasUsed }) => sum + gasUsed, 0n),
    transactions: receipts.length,
  }
}

/** What a rollup's genesis has of the configuration that {@link deploySettlement} writes to the contract when it is given the same. */
export function genesisSystemConfig({
  batcher,
  feeScalars,
  gasLimit,
}: Required<Pick<DeploySettlementOptions, 'batcher'>> & {
  feeScalars: { baseFee: bigint; blobBaseFee: bigint }
  gasLimit: bigint
}): SystemConfig {
  return {
    batcher,
    overhead: 0n,
    // Version byte 1, since Ecotone.
    scalar: (1n << 248n) | (feeScalars.blobBaseFee << 32n) | feeScalars.baseFee,
    gasLimit,
    eip1559Denominator: 0n,
    eip1559Elasticity: 0n,
    operatorFeeScalar: 0n,
    operatorFeeConstant: 0n,
    minBaseFee: 0n,
    daFootprintGasScalar: 0n,
  }
}

type Prepared = SettlementParameters & { batchInbox: Address }

/** The transactions, the portal's initialisation as the last one: before it nobody can deposit. */
function planSettlement(plan: Plan, options: Prepared, artifacts: Artifacts, deployer: Address): SettlementAddresses {
  const { owner, guardian, windows } = options
  const abi = (name: string) => artifacts.contract(name).abi
  const proxyAdmin = plan.create(artifacts.contract('ProxyAdmin'), [deployer])
  const proxy = (): Address => plan.create(artifacts.contract('Proxy'), [proxyAdmin])
  const addresses = {
    proxyAdmin,
    superchainConfig: proxy(),
    systemConfig: proxy(),
    optimismPortal: proxy(),
    disputeGameFactory: proxy(),
    anchorStateRegistry: proxy(),
    delayedWeth: proxy(),
    l1CrossDomainMessenger: proxy(),
    l1StandardBridge: proxy(),
    l1Erc721Bridge: proxy(),
    optimismMintableErc20Factory: proxy(),
  }
  const { superchainConfig, systemConfig, optimismPortal, disputeGameFactory } = addresses
  const { anchorStateRegistry, delayedWeth, l1CrossDomainMessenger } = addresses
  const { l1StandardBridge, l1Erc721Bridge, optimismMintableErc20Factory } = addresses
  /** Puts an implementation behind its proxy, and initialises it in the same transaction. */
  const initialize = (
    at: Address,
    contract: string | DeployableContract,
    construction: readonly unknown[],
    args: readonly unknown[],
  ): void => {
    const artifact = typeof contract === 'string' ? artifacts.contract(contract) : contract
    const implementation = plan.create(artifact, construction)
    const data = encodeFunctionData({ abi: artifact.abi, functionName: 'initialize', args })
    const admin = { address: proxyAdmin, abi: abi('ProxyAdmin') }
    plan.call(artifact.name, admin, 'upgradeAndCall', [at, implementation, data])
  }
  initialize(superchainConfig, 'SuperchainConfig', [], [guardian, false])
  const { committee, pool } = planOwner(plan, options, systemConfig)
  initialize(systemConfig, 'SystemConfig', [], systemConfigArguments(options, addresses, pool ?? owner))
  initialize(delayedWeth, 'DelayedWETH', [windows.bondDelaySeconds], [owner, superchainConfig])
  initialize(disputeGameFactory, 'DisputeGameFactory', [], [deployer])
  const oracle = plan.create(artifacts.contract('PreimageOracle'), [126_000n, 86_400n])
  const machine = plan.create(artifacts.contract('MIPS'), [oracle])
  const game = plan.create(artifacts.contract('FaultDisputeGame'), [
    cannonGameType,
    options.absolutePrestate ?? keccak256(stringToHex('no fault program')),
    // Depths of the stock deployments: 73 moves down to an instruction, 30 of them between output roots.
    ...[73n, 30n, windows.clockExtensionSeconds, windows.maxClockSeconds],
    ...[machine, delayedWeth, anchorStateRegistry, options.l2ChainId],
  ])
  const sequenced = plan.create(sequencedGame, [game])
  const factory = { address: disputeGameFactory, abi: abi('DisputeGameFactory') }
  plan.call('DisputeGameFactory', factory, 'setImplementation', [cannonGameType, sequenced])
  plan.call('DisputeGameFactory', factory, 'setInitBond', [cannonGameType, options.bondWei])
  if (owner.toLowerCase() !== deployer.toLowerCase()) {
    plan.call('DisputeGameFactory', factory, 'transferOwnership', [owner])
  }
  initialize(l1CrossDomainMessenger, 'L1CrossDomainMessenger', [], [superchainConfig, optimismPortal, systemConfig])
  initialize(l1StandardBridge, 'L1StandardBridge', [], [l1CrossDomainMessenger, superchainConfig, systemConfig])
  initialize(l1Erc721Bridge, 'L1ERC721Bridge', [], [l1CrossDomainMessenger, superchainConfig])
  initialize(optimismMintableErc20Factory, 'OptimismMintableERC20Factory', [], [l1StandardBridge])
  const { gasToken } = options
  const nativeTokenBridge =
    gasToken.type === 'ether'
      ? undefined
      : plan.create(bridgeContract, [
          ...[gasToken.token, l1CrossDomainMessenger, nativeTokenBridgePredeploy, gasToken.capacityWei],
        ])
  initialize(
    optimismPortal,
    gasToken.type === 'ether' ? 'OptimismPortal2' : meteredPortal,
    [windows.proofMaturitySeconds, windows.disputeFinalitySeconds],
    [disputeGameFactory, systemConfig, superchainConfig, cannonGameType],
  )
  return {
    ...addresses,
    ...(nativeTokenBridge === undefined ? {} : { nativeTokenBridge }),
    ...(pool === undefined ? {} : { pool }),
    ...(committee === undefined ? {} : { committee }),
  }
}

/** Who owns the system configuration in place of an account. */
function planOwner(
  plan: Plan,
  { pool, committee, l2ChainId }: Prepared,
  systemConfig: Address,
): { pool?: Address | undefined; committee?: Address | undefined } {
  if (committee !== undefined) {
    const { scheme, members, handOverDelaySeconds, guardian, escapeSeconds } = committee
    const args = [systemConfig, l2ChainId, handOverDelaySeconds, guardian, escapeSeconds, 0n, members]
    const at = plan.create(committeeContracts[scheme], args, committeeGas + 220n * BigInt(size(members)))
    // A contract's first creation has nonce 1.
    return { committee: at, pool: getContractAddress({ from: at, nonce: 1n }) }
  }
  if (pool === undefined) return {}
  const args = [systemConfig, pool.operator, l2ChainId, pool.handOverDelaySeconds]
  return { pool: plan.create(poolContract, args) }
}

function systemConfigArguments(options: Prepared, addresses: SettlementAddresses, owner: Address): readonly unknown[] {
  const { meter } = options
  return [
    owner,
    Number(options.feeScalars.baseFee),
    Number(options.feeScalars.blobBaseFee),
    pad(options.batcher, { size: 32 }),
    options.gasLimit,
    options.unsafeBlockSigner,
    {
      maxResourceLimit: meter.maxGas,
      elasticityMultiplier: meter.elasticity,
      baseFeeMaxChangeDenominator: meter.changeDenominator,
      minimumBaseFee: meter.minBaseFeeWei,
      systemTxMaxGas: meter.systemGas,
      maximumBaseFee: 2n ** 128n - 1n,
    },
    options.batchInbox,
    {
      l1CrossDomainMessenger: addresses.l1CrossDomainMessenger,
      l1ERC721Bridge: addresses.l1Erc721Bridge,
      l1StandardBridge: addresses.l1StandardBridge,
      disputeGameFactory: addresses.disputeGameFactory,
      optimismPortal: addresses.optimismPortal,
      optimismMintableERC20Factory: addresses.optimismMintableErc20Factory,
      // Whatever pays for gas on L2: told of a token, the stock contract would have the portal announce it there, which the genesis has done.
      gasPayingToken: ether,
    },
  ]
}
