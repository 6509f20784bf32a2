// A sequencer signs two blocks for one place, and loses stake on L1: whoever has the two headers shows them to a contract, and nobody's word is
// needed. The seat is that of a liquid-staking vault, so the rate of its seMETIS falls, and a holder who leaves gets that much less.
//
// Run: npm run example examples/slash-on-l1.ts

import { spawn } from 'node:child_process'
import { equivocationVerifierAbi, equivocationVerifierBytecode } from '@l2/contracts/equivocation-verifier'
import { liquidVaultActions, liquidVaultDeployment } from '@l2/contracts/liquid-vault'
import { sequencerPoolActions, sequencerPoolDeployment } from '@l2/contracts/sequencer-pool'
import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { createL1PoolReader } from '@l2/control-chain'
import { hashSequencerHeader, headerDomain, sequencerHeaderTypes } from '@l2/sequencer-core/block'
import { anvilBinary } from '@l2/sequencer-core/node'
import { applyPool, createPool, type SequencerPoolEvent } from '@l2/staking'
import {
  createTestClient,
  encodeAbiParameters,
  encodePacked,
  formatEther,
  getContract,
  getContractAddress,
  type Hash,
  type Hex,
  http,
  keccak256,
  parseEther,
  publicActions,
  walletActions,
} from 'viem'
import { type HDAccount, mnemonicToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'

const account = (addressIndex: number): HDAccount =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex })
const [admin, keeper, second, third, ann, watcher, stranger] = [0, 1, 2, 3, 4, 5, 6].map(account) as HDAccount[] as [
  ...[HDAccount, HDAccount, HDAccount, HDAccount, HDAccount, HDAccount, HDAccount],
]
/** The key with which the protocol's sequencer signs blocks. */
const signer = account(7)
const rollup = { chainId: 901n, rollup: `0x00${'b0'.repeat(19)}` } as const
const say = (what: string): void => console.log(what)
const metis = (wei: bigint): string => Number(formatEther(wei)).toLocaleString('en-US', { maximumFractionDigits: 4 })

// The L1 of every demonstration here, and METIS on it.
const child = spawn(anvilBinary(import.meta.url)!, ['--port', '0', '--block-time', '2', '--mixed-mining'], {
  stdio: ['ignore', 'pipe', 'ignore'],
})
process.once('exit', () => child.kill('SIGKILL'))
const url = await new Promise<string>((resolve, reject) => {
  child.once('exit', () => reject(new Error('anvil ended')))
  child.stdout.on('data', data => {
    const found = /Listening on (\S+)/.exec(String(data))?.[1]
    if (found !== undefined) resolve(`http://${found}`)
  })
})
const l1 = createTestClient({ mode: 'anvil', chain: foundry, transport: http(url), pollingInterval: 10, cacheTime: 0 })
  .extend(publicActions)
  .extend(walletActions)
const done = async (sent: Promise<Hash>) => {
  const receipt = await l1.waitForTransactionReceipt({ hash: await sent })
  if (receipt.status !== 'success') throw new Error(`${receipt.transactionHash} was refused`)
  return receipt
}
const deploy = async (data: { abi: readonly unknown[]; bytecode: Hex; args: readonly unknown[] }) =>
  (await done(l1.deployContract({ ...data, account: admin } as Parameters<typeof l1.deployContract>[0])))
    .contractAddress!
const supply = parseEther('1000000')
const tokenAddress = await deploy({ abi: devTokenAbi, bytecode: devTokenBytecode, args: [supply] })
const token = getContract({ address: tokenAddress, abi: devTokenAbi, client: l1 })

// The contracts: who convicts, and who holds the stake. The windows are seconds here, and days by default.
const verifier = await deploy({
  ...{ abi: equivocationVerifierAbi, bytecode: equivocationVerifierBytecode },
  args: [rollup.chainId, rollup.rollup, 0n],
})
const windows = {
  ...{ exitDelaySeconds: 900n, evidenceMaxAgeSeconds: 600n, vetoWindowSeconds: 30n, correlationSettleSeconds: 30n },
  ...{ correlationWindowSeconds: 300n, disputeWindowSeconds: 300n, maxPauseSeconds: 60n },
}
const options = { admin: admin.address, windows }
const deployment = sequencerPoolDeployment({
  ...createPool(options).config,
  ...{ token: tokenAddress, treasury: admin.address, verifier, paidByBatches: false, minDelegationWei: 1n },
})
for (const { to, data } of deployment.libraries) await done(l1.sendTransaction({ account: admin, to, data }))
const made = await done(l1.sendTransaction({ account: admin, data: deployment.data }))
const pool = made.contractAddress!
const { sequencerPool } = l1.extend(sequencerPoolActions({ address: pool }))
say(`pool ${pool}, verifier ${verifier}`)

// The vault: the keeper takes its METIS to a seat, the admin reports for the oracles and agrees to a loss beyond the cap.
const vaultNonce = BigInt(await l1.getTransactionCount({ address: admin.address })) + 1n
const vault = getContractAddress({ from: admin.address, nonce: vaultNonce })
await done(token.write.approve([vault, parseEther('1')], { account: admin }))
const roles = { guardian: admin.address, reporter: admin.address, custodian: keeper.address, treasury: admin.address }
const vaultData = liquidVaultDeployment({ asset: tokenAddress, ...roles, maxRequestWei: supply })
await done(l1.sendTransaction({ account: admin, data: vaultData }))
const { liquidVault } = l1.extend(liquidVaultActions({ address: vault }))

// The pool of the rollup is a function of what L1 says.
const { timestamp: begun } = await l1.getBlock({ blockNumber: made.blockNumber })
let mirrored = createPool(options, begun)
const before = await l1.getBlock({ blockNumber: made.blockNumber - 1n })
// A demonstration does not wait until L1 is final.
const reader = createL1PoolReader(
  { pool, operator: admin.address, from: { number: before.number, hash: before.hash }, blockTag: 'latest' },
  { client: l1 },
)
/** Reads L1 up to its head: what happened in the pool. */
async function follow(): Promise<SequencerPoolEvent[]> {
  const events: SequencerPoolEvent[] = []
  for (const command of await reader.next()) {
    const next = applyPool(mirrored, command)
    mirrored = next.state
    events.push(...next.events)
  }
  return events
}
const rate = async (): Promise<string> => metis((await liquidVault.read.rateE27()) / 10n ** 9n)
const now = async (): Promise<bigint> => (await l1.getBlock()).timestamp
async function pass(seconds: bigint): Promise<void> {
  await l1.increaseTime({ seconds: Number(seconds) })
  await l1.mine({ blocks: 1 })
}
const [reportType] = liquidVault.abi.find(item => item.type === 'function' && item.name === 'report')!.inputs
/** The oracles' report of the seat, which pays requests up to `lastId`. The guardian agrees to whatever it takes away. */
async function report(lastId = 0n): Promise<void> {
  await pass(1n)
  const { amountWei, status } = mirrored.sequencers.get(1)!
  const input = {
    // A seat that was left and paid is empty.
    seatsNowWei: status === 'exited' ? 0n : amountWei + (mirrored.sequencers.get(1)!.unlocking[0]?.amountWei ?? 0n),
    appearedWei: await liquidVault.read.transitWei(),
    ...{ lastId, maxRateE27: lastId === 0n ? 0n : await liquidVault.read.rateE27(), appearedSeats: 0n, bunker: false },
  }
  const hash = keccak256(encodeAbiParameters([reportType] as never, [input] as never))
  await done(liquidVault.write.confirmLoss([hash], { account: admin }))
  await done(liquidVault.write.report([input], { account: admin }))
}
async function epochs(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const epoch = await sequencerPool.read.epoch()
    // More gas than an estimate: the start of an epoch is kept when seconds have passed, as they may have by the time this is mined.
    await done(sequencerPool.write.advanceEpoch([epoch + 1n], { account: admin, gas: 500_000n }))
  }
}
async function lock(owner: HDAccount, key: HDAccount, amountWei: bigint): Promise<void> {
  await done(token.write.approve([pool, amountWei], { account: owner }))
  await done(sequencerPool.write.setWhitelist([owner.address, true], { account: admin }))
  const args = [key.address, amountWei, `0x${'00'.repeat(20)}`, 0] as const
  await done(sequencerPool.write.lock(args, { account: owner }))
}

// Lock: Ann's METIS becomes seMETIS and is a sequencer's stake; two others have seats of their own.
for (const [to, amount] of [
  [ann, '30000'],
  [second, '40000'],
  [third, '40000'],
] as const)
  await done(token.write.transfer([to.address, parseEther(amount)], { account: admin }))
await done(token.write.approve([vault, supply], { account: ann }))
await done(liquidVault.write.deposit([parseEther('30000'), ann.address], { account: ann }))
const stakeWei = parseEther('30000')
await done(liquidVault.write.allocate([stakeWei], { account: keeper }))
await lock(keeper, signer, stakeWei)
await lock(second, account(8), parseEther('40000'))
await lock(third, account(9), parseEther('40000'))
await epochs(4)
await follow()
await report()
say(`locked: ${metis(stakeWei)} METIS behind seMETIS, at a rate of ${await rate()}`)

// Double-sign: two headers of epoch 4 for one height, which can only be by the sequencer's key.
const zero = `0x${'00'.repeat(32)}` as const
const header = {
  ...{ epochId: 4n, term: 0, height: 1_234n, parentHash: zero, txRoot: zero, stateRoot: zero, timestamp: await now() },
  ...{ l1OriginNumber: 1n, l1OriginHash: zero, forcedUpTo: 0n },
}
const other = { ...header, stateRoot: keccak256('0x01') }
const sign = (message: typeof header) =>
  signer.signTypedData({
    ...{ domain: headerDomain(rollup), types: sequencerHeaderTypes, primaryType: 'SequencerHeader', message },
  })
const signatures = [await sign(header), await sign(other)] as const

// Report: a watcher commits to the pair before it is public, and a stranger may be the one who shows it.
const verifying = getContract({ address: verifier, abi: equivocationVerifierAbi, client: l1 })
const hashes = [header, other].map(each => hashSequencerHeader(each, rollup)) as [Hash, Hash]
const evidence = await verifying.read.evidenceHash(hashes)
const salt = keccak256('0x5a17')
const commitment = keccak256(encodePacked(['bytes32', 'address', 'bytes32'], [evidence, watcher.address, salt]))
await done(sequencerPool.write.setWatcher([watcher.address, true], { account: admin }))
await done(sequencerPool.write.commitReport([commitment], { account: watcher }))
await pass(12n)
const proof = [pool, 1, header, signatures[0], other, signatures[1]] as const
const shown = await done(verifying.write.proveHeaders(proof, { account: stranger }))
const { evidenceId } = await verifying.read.judgeHeaders(proof)
await done(sequencerPool.write.revealReport([evidenceId, salt], { account: watcher }))
await follow()
say(`reported: the verifier convicts for ${shown.gasUsed} gas, sequencer 1 is jailed, nothing leaves its seat`)

// Lose stake: once the council's time for a veto is over, anybody executes the case.
await pass(61n)
await done(sequencerPool.write.executeCase([evidenceId], { account: stranger }))
const slashed = (await follow()).find(event => event.type === 'Slashed')!
if (slashed.type !== 'Slashed') throw new Error('nothing was taken')
for (const who of [watcher.address, admin.address, '0x000000000000000000000000000000000000dEaD'] as const)
  await done(sequencerPool.write.collect([who], { account: stranger }))
say(
  `slashed: ${metis(slashed.operatorWei)} METIS, of it ${metis(slashed.reporterWei)} to the watcher, ` +
    `${metis(slashed.treasuryWei)} to the treasury, ${metis(slashed.burntWei)} burnt`,
)
await report()
say(`seMETIS: the rate is ${await rate()} now`)

// Redeem: Ann asks for everything; the seat is given up, and L1 pays after the exit delay.
const shares = await liquidVault.read.balanceOf([ann.address])
await done(liquidVault.write.requestRedeem([shares, ann.address, ann.address], { account: ann }))
// Longer than the exit delay: a report pays for requests that are some two hours old.
await pass(10_800n)
await done(sequencerPool.write.claim([1], { account: keeper }))
await follow()
const cameBackWei = await token.read.balanceOf([keeper.address])
await done(token.write.approve([vault, cameBackWei], { account: keeper }))
await done(liquidVault.write.receiveReturns([cameBackWei], { account: keeper }))
// One report books what came back, the next one pays from it.
await report()
await report(1n)
await done(liquidVault.write.claim([1n, ann.address], { account: ann }))
say(`redeemed: Ann put in 30,000 METIS and has ${metis(await token.read.balanceOf([ann.address]))}`)
const theirs: Record<string, bigint> = await sequencerPool.read.ledger()
const differs = Object.entries(mirrored.ledger).filter(([name, wei]) => theirs[name] !== wei)
if (differs.length > 0) throw new Error(`the mirror differs from L1: ${differs.join()}`)
say('mirror: the pool that was made of L1 has the same books, to the wei')
child.kill()
