// What each call costs, beside the stock contract's where there is one: measured on anvil over whole lives of money, and written into
// docs/gas.md. Figures with proofs in them move by some hundred gas from run to run, with the zeros in hashes.
import { writeFileSync } from 'node:fs'
import { createPool } from '@l2/staking'
import {
  type HeaderMessage,
  type SequencerDomain,
  signedTypes,
  signingHash,
  transactionsRoot,
} from '@l2/staking/evidence'
import {
  type Abi,
  bytesToHex,
  concatHex,
  encodeDeployData,
  type Hex,
  keccak256,
  parseEther,
  stringToHex,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
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
import { deployPool, l2ChainId, rollup, sequencers, startStake } from '../test/stake.js'
import { stock } from '../test/stock.js'
import { trieProof } from '../test/trie-proof.js'
import { committees } from './committees.js'
import { liquidStaking, splitting } from './money.js'

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

/** The life of stake: a seat with two delegators, a double signer, a block that reverses what was promised. */
async function stakes() {
  const world = await startStake()
  const { l1, pool, token } = world
  try {
    const { gasUsed } = await deployPool(l1, {
      ...createPool({ admin: alice.address }).config,
      ...{ token: token.address, treasury: bob.address, paidByBatches: true, minDelegationWei: 1n },
    })
    row('`SequencerPool` deployed, its libraries being there', { gasUsed })
    const [first, second] = sequencers
    await world.seat(first!, first!.address, parseEther('20000'))
    await world.epochs(1)
    const id = await world.seat(second!, second!.address, parseEther('20000'))
    for (const account of [alice, bob]) {
      await l1.send(token, 'transfer', [account.address, parseEther('50000')])
      await l1.send(token, 'approve', [pool.address, parseEther('50000')], { from: account })
    }
    const send = async (name: string, args: readonly unknown[], from = second!, title = `\`SequencerPool.${name}\``) =>
      row(title, await l1.send(pool, name, args, { from }))
    row('`SequencerPool.lock`', await lockAgain(world))
    await send('delegate', [id, parseEther('1000')], alice, '`SequencerPool.delegate`, the first in a seat')
    await send('delegate', [id, parseEther('1000')], bob)
    await send('delegate', [id, parseEther('1000')], bob, '`SequencerPool.delegate`, more in the same epoch')
    await send('relock', [id, parseEther('100'), false])
    const admin = accounts[0] as unknown as typeof second
    await l1.send(token, 'approve', [pool.address, parseEther('1000')])
    await send('fund', [parseEther('1000')], admin!)
    await world.epochs(5)
    row('`SequencerPool.advanceEpoch`', await l1.send(pool, 'advanceEpoch', [7n]))
    const entry = { signer: second!.address, blocks: 500n, hasEpoch: true, epoch: 5n }
    await send('submitRewards', [1n, 0n, 5n, [entry]], admin!, '`SequencerPool.submitRewards`, one leader')
    await send('claimDelegationRewards', [id], alice)
    await send('withdrawRewards', [id])
    await send('undelegate', [id, parseEther('500')], alice)
    await send('withdraw', [id, parseEther('50')])
    await l1.pass(22 * 86_400)
    await world.epochs(1)
    await send('claimDelegation', [id], alice)
    await send('claim', [id])
    await faults(world, send)
  } finally {
    await world.close()
  }
}

/** A third seat, whose locking is measured alone. */
async function lockAgain({ l1, pool, token }: Awaited<ReturnType<typeof startStake>>) {
  const owner = sequencers[2]!
  await l1.client.setBalance({ address: owner.address, value: parseEther('100') })
  await l1.send(token, 'transfer', [owner.address, parseEther('50000')])
  await l1.send(token, 'approve', [pool.address, parseEther('50000')], { from: owner })
  await l1.send(pool, 'setWhitelist', [owner.address, true])
  return l1.send(pool, 'lock', [owner.address, parseEther('30000'), zeroAddress, 0], { from: owner })
}

type Send = (name: string, args: readonly unknown[], from?: PrivateKeyAccount, title?: string) => Promise<unknown>

async function faults({ l1, pool, verifier }: Awaited<ReturnType<typeof startStake>>, send: Send) {
  const [first, second] = sequencers
  const domain = { name: 'L2 Sequencer', version: '1', chainId: l2ChainId, verifyingContract: rollup }
  const sign = (account: PrivateKeyAccount, primaryType: keyof typeof signedTypes, message: object) =>
    account.signTypedData({ domain, types: signedTypes, primaryType, message: message as never })
  const zero = `0x${'00'.repeat(32)}` as const
  const epochId = await l1.read<bigint>(pool, 'epoch')
  const transactions = Array.from({ length: 200 }, (_, n) => new Uint8Array(110).fill(n + 1))
  const header = {
    ...{ epochId, term: 0, height: 9n, parentHash: zero, txRoot: transactionsRoot(transactions), stateRoot: zero },
    ...{ timestamp: 1n, l1OriginNumber: 1n, l1OriginHash: zero, forcedUpTo: 0n },
  }
  const other = { ...header, height: 9n, stateRoot: keccak256('0x01') }
  const pair = [header, await sign(second!, 'SequencerHeader', header), other]
  const headers = [pool.address, 2, ...pair, await sign(second!, 'SequencerHeader', other)]
  await l1.send(pool, 'setWatcher', [bob.address, true])
  const hashes = await Promise.all([header, other].map(each => hashOf(domain, each)))
  const evidence = await l1.read<Hex>(verifier, 'evidenceHash', hashes)
  await send('commitReport', [keccak256(concatHex([evidence, bob.address, zero]))], bob)
  await l1.pass(12)
  row('`EquivocationVerifier.proveHeaders`, with the case', await l1.send(verifier, 'proveHeaders', headers))
  const { evidenceId } = await l1.read<{ evidenceId: Hex }>(verifier, 'judgeHeaders', headers)
  await send('revealReport', [evidenceId, zero], bob)
  const promise = (index: number, sequenceNo: bigint) => ({
    ...{ txHash: keccak256(transactions[index]!), epochId, term: 0, sequenceNo, notAfterHeight: 99n },
  })
  const inclusion = (index: number) => ({
    ...{ transaction: bytesToHex(transactions[index]!), index: BigInt(index), proof: trieProof(transactions, index) },
  })
  const [a, b] = [promise(150, 1n), promise(17, 2n)]
  const signatures = await Promise.all([
    ...[sign(first!, 'Receipt', a), sign(first!, 'Receipt', b), sign(first!, 'SequencerHeader', header)],
  ])
  const inversion = [pool.address, 1, a, b, header, signatures, inclusion(150), inclusion(17)]
  const title = '`EquivocationVerifier.proveInversion`, a block of 200 transactions, with the case'
  row(title, await l1.send(verifier, 'proveInversion', inversion))
  await l1.pass(7 * 86_400)
  await send('executeCase', [evidenceId], alice, '`SequencerPool.executeCase`, a safety fault with two delegators')
  await send('collect', [bob.address], alice)
}

const hashOf = async (domain: SequencerDomain, message: HeaderMessage) =>
  signingHash(domain, 'SequencerHeader', message)

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
await stakes()
await liquidStaking(row)
await splitting(row)
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
