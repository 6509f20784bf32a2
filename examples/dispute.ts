// A lie is proposed to L1, and loses its bond: the OP Stack's own contracts on a local L1, an honest proposer and a challenger that hold every
// proposal against their own chain, and somebody who claims a state that the chain never had.
//
// Run: pnpm example examples/dispute.ts

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAnvilEngine, opGenesis } from '@l2/sequencer-core'
import { anvilBinary, spawnAnvil } from '@l2/sequencer-core/node'
import { createOutputSource, createStateProofs, encodeHeader, type RpcHeader } from '@l2/sequencer-core/output'
import { attributesAfter } from '@l2/sequencer-core/testing'
import {
  anchorSettlement,
  createChallenger,
  createL1Reader,
  createProposer,
  createSender,
  deploySettlement,
  devnetSettlementWindows,
  disputeGameFactoryAbi,
} from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import {
  createPublicClient,
  createTestClient,
  createWalletClient,
  formatEther,
  http,
  keccak256,
  numberToHex,
  parseEther,
  stringToHex,
  toHex,
} from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

const account = (addressIndex: number) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex })
const [deployer, batcher, proposing, challenging, liar] = [account(0), account(1), account(2), account(3), account(4)]
const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

// An L1 that mines what it is sent, and an L2 of a few blocks, whose engine executes what it is told.
const binary = anvilBinary(import.meta.url)!
const l1Process = spawn(binary, ['--port', '0', '--hardfork', 'osaka'], { stdio: ['ignore', 'pipe', 'ignore'] })
process.once('exit', () => l1Process.kill('SIGKILL'))
const l1Url = await new Promise<string>((resolve, reject) => {
  l1Process.once('exit', () => reject(new Error('anvil ended')))
  l1Process.stdout.on('data', data => {
    const found = /Listening on (\S+)/.exec(String(data))?.[1]
    if (found !== undefined) resolve(`http://${found}`)
  })
})
const folder = mkdtempSync(join(tmpdir(), 'l2-dispute-'))
const genesisPath = join(folder, 'genesis.json')
writeFileSync(genesisPath, JSON.stringify(opGenesis({ chainId: 901n, timestamp: 1_700_000_000n })))
const l2Process = await spawnAnvil({ binary, chainId: 901n, genesisPath })
const engine = await createAnvilEngine({ url: l2Process.url })
for (let parent = (await engine.block('latest'))!; parent.number < 20n; ) {
  parent = await engine.build(parent.hash, attributesAfter(parent, []))
  await engine.setHead({ head: parent.hash, safe: parent.hash, finalized: parent.hash })
}

// What is true of the L2: outputs of its blocks, each with its state proven.
const l2 = createPublicClient({ transport: http(l2Process.url) })
const request = (call: { method: string; params: readonly unknown[] }) => l2.request(call as never) as Promise<unknown>
const proofs = createStateProofs({ name: 'anvil', depthBlocks: 10n }, { request })
const outputs = createOutputSource({}, { engine, proofs })

// The contracts on L1, with windows of seconds. Disputes begin from the first block that anvil can prove.
const l1 = createPublicClient({ transport: http(l1Url), pollingInterval: 20 })
const on = { client: l1, account: deployer, artifacts: openArtifacts() }
const { addresses } = await deploySettlement(
  { l2ChainId: 901n, batcher: batcher.address, windows: devnetSettlementWindows },
  on,
)
await anchorSettlement({ addresses, output: (await outputs.at(1n))! }, on)
const factory = addresses.disputeGameFactory
const reader = createL1Reader(l1)

const proposer = createProposer(
  { factory, intervalSeconds: 3600n, rule: 'finalized' },
  {
    ...{ l1: reader, sender: createSender({}, { l1: reader, account: proposing }), outputs, proofs },
    heads: () => ({ safe: 20n, finalized: 20n }),
    onEvent: event => {
      if (event.type === 'proposed')
        console.log(`the proposer   block ${event.proposal.number}: ${event.proposal.root}`)
    },
  },
)
const challenger = createChallenger(
  { factory, confirmations: 0n },
  {
    ...{ l1: reader, sender: createSender({}, { l1: reader, account: challenging }), outputs },
    // The whole chain is derived here, and was safe at once.
    derivedL1: () => 2n ** 32n,
    safeAt: () => 20n,
    async header(number) {
      const header = await request({ method: 'eth_getBlockByNumber', params: [numberToHex(number), false] })
      return toHex(encodeHeader(header as RpcHeader))
    },
    onEvent: event => {
      if (event.type === 'judged')
        console.log(`the challenger game ${event.index} is ${event.isTrue ? 'true' : 'a lie'}`)
      if (event.type === 'sent')
        console.log(`the challenger ${event.what.replace(/ in game .*| of game .*/, '')}, game ${event.index}`)
      if (event.type === 'decided') console.log(`the contracts  game ${event.index}: ${event.status.replace('-', ' ')}`)
    },
  },
)

const balance = async (of: `0x${string}`) => await l1.getBalance({ address: of })
const before = { liar: await balance(liar.address), challenger: await balance(challenging.address) }
const until = async (done: () => boolean): Promise<void> => {
  for (let round = 0; !done(); round++) {
    if (round > 500) throw new Error(`no end: ${challenger.status.waiting ?? proposer.status.waiting}`)
    await proposer.step()
    await challenger.step()
    await wait(20)
  }
}
await until(() => proposer.status.last !== undefined)

const lie = keccak256(stringToHex('all the money is mine'))
const liarWallet = createWalletClient({ account: liar, transport: http(l1Url) })
await liarWallet.writeContract({
  ...{ address: factory, abi: disputeGameFactoryAbi, functionName: 'create', chain: null },
  ...{ args: [0, lie, numberToHex(19n, { size: 32 })], value: parseEther('0.08') },
})
console.log(`the liar       block 19: ${lie}, for a bond of 0.08 ETH`)
await until(() => challenger.status.moves === 1)

// The clocks of the dispute run out, then the delay of its bonds.
const time = createTestClient({ mode: 'anvil', transport: http(l1Url) })
const clock = setInterval(() => void time.increaseTime({ seconds: 10 }).then(() => time.mine({ blocks: 1 })), 200)
await until(() => challenger.status.lowest === 2n)
clearInterval(clock)

const change = async (of: `0x${string}`, since: bigint) =>
  `${Number(formatEther((await balance(of)) - since)).toFixed(3)} ETH`
console.log(`the liar       ${await change(liar.address, before.liar)}`)
console.log(`the challenger +${await change(challenging.address, before.challenger)}`)

await engine.close()
await l2Process.close()
l1Process.kill('SIGKILL')
rmSync(folder, { recursive: true, force: true })
process.exit(0)
