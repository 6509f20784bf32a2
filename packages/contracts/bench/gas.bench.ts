// What each call costs, beside the stock contract's where there is one: measured on anvil over whole lives of money, and written into
// docs/gas.md. Figures with proofs in them move by some hundred gas from run to run, with the zeros in hashes.
import { writeFileSync } from 'node:fs'
import {
  type Abi,
  encodeDeployData,
  type Hex,
  parseEther,
  stringToHex,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import { gasPriceOracleAbi, gasPriceOracleDeployedBytecode } from '../src/gas-price-oracle/index.js'
import { withImmutables } from '../src/index.js'
import { l1BlockDeployedBytecode } from '../src/l1-block/index.js'
import { messagePasserDeployedBytecode } from '../src/message-passer/index.js'
import { meteredPortalAbi, meteredPortalBytecode } from '../src/metered-portal/index.js'
import {
  operatorFeeVaultAbi,
  operatorFeeVaultDeployedBytecode,
  operatorFeeVaultImmutables,
} from '../src/operator-fee-vault/index.js'
import { poolAbi, poolBytecode } from '../src/pool/index.js'
import { type At, accounts, type Chain } from '../test/anvil.js'
import { setAttributes } from '../test/attributes.js'
import { startNativeTokenRollup } from '../test/native-token.js'
import {
  executeDeposits,
  l1BlockAddress,
  layerOne,
  outputAt,
  passer,
  passerAddress,
  propose,
  resolveGame,
  startL1,
  startL2,
  withdrawalsOf,
} from '../test/rollup.js'
import { behind, finalitySeconds, maturitySeconds, proxy, systemConfigAt } from '../test/settlement.js'
import { stock } from '../test/stock.js'
import { committees } from './committees.js'

const [, alice, bob] = accounts
const rows: [string, bigint, bigint | undefined][] = []
const row = (name: string, ours: Pick<TransactionReceipt, 'gasUsed'>, theirs?: Pick<TransactionReceipt, 'gasUsed'>) =>
  rows.push([name, ours.gasUsed, theirs?.gasUsed])

async function deployment(chain: Chain, contract: { abi: Abi; bytecode: Hex }, args: readonly unknown[]) {
  const data = encodeDeployData({ abi: contract.abi, bytecode: contract.bytecode, args })
  return chain.mined(await chain.client.sendTransaction({ account: accounts[0], to: null, data, gas: 20_000_000n }))
}

/** A portal over its life, on an L1 of its own; what the withdrawal calls costs the same for both. */
async function portalLife(portal: { abi: Abi; bytecode: Hex }, passerCode: Hex) {
  const [l1, l2] = await Promise.all([startL1(), startL2()])
  try {
    const system = await layerOne(l1, async ({ factory, config, superchain }) =>
      behind(
        l1,
        await proxy(l1),
        portal,
        [maturitySeconds, finalitySeconds],
        [factory.address, config.address, superchain.address, 0],
      ),
    )
    await l2.client.setCode({ address: passerAddress, bytecode: passerCode })
    const args = [bob.address, 0n, 100_000n, false, '0x']
    await l1.send(system.portal, 'depositTransaction', args)
    const deposit = await l1.send(system.portal, 'depositTransaction', args)
    await l2.send(passer, 'initiateWithdrawal', [bob.address, 100_000n, '0x'])
    const initiate = await l2.send(passer, 'initiateWithdrawal', [bob.address, 100_000n, '0x'])
    const [withdrawal] = withdrawalsOf(initiate)
    const output = await outputAt(l2, initiate.blockNumber)
    const game = await propose(l1, system.factory, output)
    const prove = await l1.send(system.portal, 'proveWithdrawalTransaction', [
      ...[withdrawal, game.index, output.proof, await output.proofOf(withdrawal!)],
    ])
    await resolveGame(l1, game)
    await l1.pass(Number(finalitySeconds) + 2)
    const finalise = await l1.send(system.portal, 'finalizeWithdrawalTransaction', [withdrawal])
    const made = await deployment(l1, portal, [maturitySeconds, finalitySeconds])
    return { deposit, initiate, prove, finalise, made }
  } finally {
    await Promise.all([l1.close(), l2.close()])
  }
}

async function pool() {
  const l1 = await startL1()
  try {
    const at = await proxy(l1)
    const contract = { abi: poolAbi as unknown as Abi, bytecode: poolBytecode }
    const made = await l1.deploy(contract, [at.address, alice.address, 901n, 0n])
    await systemConfigAt(l1, at, made.address, zeroAddress, zeroAddress)
    const from = { from: alice }
    row('`Pool` deployed', await deployment(l1, contract, [at.address, alice.address, 901n, 0n]))
    row('`Pool.rotate`, the first', await l1.send(made, 'rotate', [901n, 1n, bob.address], from))
    row('`Pool.rotate`', await l1.send(made, 'rotate', [901n, 2n, alice.address], from))
    row('`Pool.announceSuccessor`', await l1.send(made, 'announceSuccessor', [bob.address], from))
    row('`Pool.handOver`', await l1.send(made, 'handOver', []))
  } finally {
    await l1.close()
  }
}

async function portals() {
  const ours = await portalLife(
    { abi: meteredPortalAbi as unknown as Abi, bytecode: meteredPortalBytecode },
    messagePasserDeployedBytecode,
  )
  const theirs = await portalLife(stock('OptimismPortal2'), stock('L2ToL1MessagePasser').deployedBytecode)
  row('`MeteredPortal` deployed', ours.made, theirs.made)
  row('`MeteredPortal.depositTransaction`, 100,000 gas', ours.deposit, theirs.deposit)
  row('`MeteredPortal.proveWithdrawalTransaction`', ours.prove, theirs.prove)
  row('`MeteredPortal.finalizeWithdrawalTransaction`, to an account', ours.finalise, theirs.finalise)
  row('`MessagePasser.initiateWithdrawal` (L2)', ours.initiate, theirs.initiate)
}

async function bridge() {
  const world = await startNativeTokenRollup(parseEther('1000000'))
  try {
    const { l1, l2, token, bridge, bridgeL2 } = world
    await l1.send(token, 'transfer', [alice.address, parseEther('1000')])
    await world.deposit(bob.address, 1n)
    await l1.send(token, 'approve', [bridge.address, parseEther('10')], { from: alice })
    const deposit = await l1.send(bridge, 'deposit', [alice.address, parseEther('10')], { from: alice })
    const [credit] = await executeDeposits(l2, deposit)
    row('`NativeTokenBridgeL1.deposit`, with the message', deposit)
    row('`NativeTokenBridgeL2.credit`, with the message (L2)', credit!)
    await l2.send(bridgeL2, 'withdraw', [alice.address], { value: 1n, from: alice })
    const receipt = await l2.send(bridgeL2, 'withdraw', [bob.address], { value: parseEther('1'), from: alice })
    const [withdrawal] = withdrawalsOf(receipt)
    row('`NativeTokenBridgeL2.withdraw` (L2)', receipt)
    await world.mature(await world.prove(withdrawal!, receipt))
    row('`NativeTokenBridgeL1.release`, in its finalisation', await world.finalise(withdrawal!))
  } finally {
    await world.close()
  }
}

async function predeploys() {
  const [ours, theirs] = await Promise.all([startL2(), startL2()])
  try {
    const oracle: At = {
      address: '0x420000000000000000000000000000000000000f',
      abi: gasPriceOracleAbi as unknown as Abi,
    }
    const vault: At = {
      address: '0x420000000000000000000000000000000000001b',
      abi: operatorFeeVaultAbi as unknown as Abi,
    }
    for (const [chain, code] of [
      [ours, [l1BlockDeployedBytecode, gasPriceOracleDeployedBytecode]],
      [theirs, [stock('L1Block').deployedBytecode, stock('GasPriceOracle').deployedBytecode]],
    ] as const) {
      await chain.client.setCode({ address: l1BlockAddress, bytecode: code[0] })
      await chain.client.setCode({ address: oracle.address, bytecode: code[1] })
      await chain.client.setStorageAt({
        address: oracle.address,
        index: 0,
        value: `0x${'01'.repeat(2).padStart(64, '0')}`,
      })
    }
    const info = {
      ...{ number: 1n, timestamp: 1n, baseFeePerGas: 7n, hash: `0x${'ab'.repeat(32)}` as Hex, sequenceNumber: 1n },
      ...{ batcher: alice.address, baseFeeScalar: 1n, blobBaseFeeScalar: 1n, blobBaseFee: 1n },
    } as const
    const next = { ...info, number: 2n, timestamp: 3n, baseFeePerGas: 8n, hash: `0x${'cd'.repeat(32)}` as Hex } as const
    for (const chain of [ours, theirs]) await setAttributes(chain, { ...info, layout: 'ecotone' })
    row(
      '`L1Block.setL1BlockValuesEcotone` (L2)',
      ...((await Promise.all([ours, theirs].map(chain => setAttributes(chain, { ...next, layout: 'ecotone' })))) as [
        TransactionReceipt,
        TransactionReceipt,
      ]),
    )
    const jovian = {
      operatorFeeScalar: 1n,
      operatorFeeConstant: 1n,
      daFootprintGasScalar: 400n,
      layout: 'jovian',
    } as const
    await setAttributes(ours, { ...info, ...jovian })
    row('`L1Block.setL1BlockValuesJovian` (L2)', await setAttributes(ours, { ...next, ...jovian }))
    const data = stringToHex('a transaction of some hundred bytes, '.repeat(8))
    const fee = (chain: Chain) =>
      chain.client.estimateContractGas({
        ...oracle,
        functionName: 'getL1Fee',
        args: [data],
        account: alice,
        gasPrice: 0n,
      } as never)
    rows.push([
      `\`GasPriceOracle.getL1Fee\` of ${(data.length - 2) / 2} bytes (L2)`,
      await fee(ours),
      await fee(theirs),
    ])
    const values = { RECIPIENT: bob.address, MIN_WITHDRAWAL_AMOUNT: 1n, WITHDRAWAL_NETWORK: 1n }
    const code = withImmutables(operatorFeeVaultDeployedBytecode, operatorFeeVaultImmutables, values)
    await ours.client.setCode({ address: vault.address, bytecode: code })
    await ours.client.setBalance({ address: vault.address, value: 5n })
    row('`OperatorFeeVault.withdraw`, the first (L2)', await ours.send(vault, 'withdraw', []))
  } finally {
    await Promise.all([ours.close(), theirs.close()])
  }
}

await pool()
await portals()
await bridge()
await predeploys()
const ofCommittees = await committees()

const figure = (gas: bigint | undefined) => gas?.toLocaleString('en-US') ?? ''
const table = [
  '| call | gas | stock (0.17.3) | ratio |',
  '| --- | ---: | ---: | ---: |',
  ...rows.map(([name, ours, theirs]) => {
    const ratio = theirs === undefined ? '' : (Number(ours) / Number(theirs)).toFixed(2)
    return `| ${name} | ${figure(ours)} | ${figure(theirs)} | ${ratio} |`
  }),
].join('\n')
console.log(table)
console.log(ofCommittees)
writeFileSync(
  new URL('../docs/gas.md', import.meta.url),
  `# Gas

Written by \`pnpm bench gas\`, on anvil with the stock contracts of \`@eth-optimism/contracts-bedrock\` 0.17.3 around ours.
Whole transactions, with their 21,000 and their calldata. What contains a proof moves by some hundred gas from run to
run.

${table}

## Committees

Of equal stakes, with the fewest signatures that are enough, and one data hash in the statement. \`Committee\` checks a
signature of each by \`ecrecover\`, \`BlsCommittee\` one of all by the precompiles of EIP-2537. A handover writes the next
members into code: that cost is once an epoch, and only where they change.

${ofCommittees}
`,
)
