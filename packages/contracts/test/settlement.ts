import {
  type Abi,
  type Address,
  encodeFunctionData,
  type Hex,
  keccak256,
  pad,
  parseEther,
  toHex,
  zeroAddress,
} from 'viem'
import { type At, accounts, type Chain } from './anvil.js'
import { stock } from './stock.js'

/** Where the OP Stack says that ether pays for gas. */
export const ether: Address = '0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE'

/** The waiting times of the devnet, in seconds. */
export const clockSeconds = 60n
export const maturitySeconds = 5n
export const finalitySeconds = 3n

export const resourceConfig = {
  maxResourceLimit: 20_000_000,
  elasticityMultiplier: 10,
  baseFeeMaxChangeDenominator: 8,
  minimumBaseFee: 1_000_000_000,
  systemTxMaxGas: 1_000_000,
  maximumBaseFee: 2n ** 128n - 1n,
}

/** A proxy of the OP Stack, before anything stands behind it. */
export const proxy = (l1: Chain): Promise<At> => l1.deploy(stock('Proxy'), [accounts[0].address])

/** Puts an implementation behind a proxy and initialises it. */
export async function behind(
  l1: Chain,
  at: At,
  contract: { abi: Abi; bytecode: Hex },
  constructorArgs: readonly unknown[],
  args: readonly unknown[],
): Promise<At> {
  const implementation = await l1.deploy(contract, constructorArgs)
  const data = encodeFunctionData({ abi: contract.abi, functionName: 'initialize', args })
  await l1.send({ address: at.address, abi: stock('Proxy').abi }, 'upgradeToAndCall', [implementation.address, data])
  return { address: at.address, abi: contract.abi }
}

/** The stock system configuration at an address that is already known. */
export const systemConfigAt = (l1: Chain, at: At, owner: Address, portal: Address, messenger: Address): Promise<At> =>
  behind(
    l1,
    at,
    stock('SystemConfig'),
    [],
    [
      ...[owner, 1000, 1000, pad(accounts[0].address), 30_000_000n, accounts[0].address, resourceConfig],
      accounts[0].address,
      {
        l1CrossDomainMessenger: messenger,
        l1ERC721Bridge: zeroAddress,
        l1StandardBridge: zeroAddress,
        disputeGameFactory: zeroAddress,
        optimismPortal: portal,
        optimismMintableERC20Factory: zeroAddress,
        gasPayingToken: ether,
      },
    ],
  )

/** Factory, anchors, bonds and the fault dispute game, all stock. */
export async function disputeGames(l1: Chain, superchain: At) {
  const factory = await behind(l1, await proxy(l1), stock('DisputeGameFactory'), [], [accounts[0].address])
  const anchor = { gameType: 0, outputRoot: { root: keccak256(toHex('genesis')), l2BlockNumber: 0n } }
  const anchors = await behind(
    l1,
    await proxy(l1),
    stock('AnchorStateRegistry'),
    [factory.address],
    [[anchor, { ...anchor, gameType: 1 }]],
  )
  const weth = await behind(l1, await proxy(l1), stock('DelayedWETH'), [10n], [accounts[0].address, superchain.address])
  const oracle = await l1.deploy(stock('PreimageOracle'), [126_000n, 86_400n])
  const vm = await l1.deploy(stock('MIPS'), [oracle.address])
  for (const gameType of [0, 1]) {
    const game = await l1.deploy(stock('FaultDisputeGame'), [
      ...[gameType, keccak256(toHex('prestate')), 73n, 30n, 10n, clockSeconds],
      ...[vm.address, weth.address, anchors.address, 901n],
    ])
    await l1.send(factory, 'setImplementation', [gameType, game.address])
    await l1.send(factory, 'setInitBond', [gameType, parseEther('0.08')])
  }
  return { factory, anchors, weth }
}

export const superchainConfig = async (l1: Chain): Promise<At> =>
  behind(l1, await proxy(l1), stock('SuperchainConfig'), [], [accounts[0].address, false])
