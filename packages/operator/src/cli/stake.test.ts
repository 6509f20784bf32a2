import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { receiptOf } from '@l2/common/testing'
import { create2Deployer, sequencerPoolAbi, sequencerPoolDeployment } from '@l2/contracts/sequencer-pool'
import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { toRollupJson } from '@l2/sequencer-core/derivation'
import { simulatedRollup } from '@l2/sequencer-core/testing'
import { createPool } from '@l2/staking'
import {
  type Address,
  createTestClient,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
  http,
  parseEther,
  publicActions,
  walletActions,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAnvil } from '../../../contracts/test/anvil.js'
import { openHome } from '../home/home.js'
import { openAccount, readKeyPlaces } from '../keys/places.js'
import { runCli } from './main.js'

const admin = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const folder = mkdtempSync(join(tmpdir(), 'stake-'))
const minLockWei = 20_000n * 10n ** 18n
const home = join(folder, 'ann')

async function cli(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  let [out, error] = ['', '']
  const io = { out: (text: string) => void (out += text), error: (text: string) => void (error += text) }
  return { code: await runCli(argv, { ...io, nowMs: () => 1_800_000_000_000 }), out, error }
}

let anvil: Awaited<ReturnType<typeof startAnvil>>
let pool: Address
let token: Address
let owner: Address
const clientOf = (url: string) =>
  createTestClient({ mode: 'anvil', account: admin, pollingInterval: 5, transport: http(url) })
    .extend(publicActions)
    .extend(walletActions)

beforeAll(async () => {
  // By itself anvil forgets a transaction now and then: a block every two seconds takes it, too.
  anvil = await startAnvil(900, ['--block-time', '2', '--mixed-mining'])
  const client = clientOf(anvil.url)
  const send = async (transaction: { to?: Address; data: Hex; value?: bigint }) => {
    const hash = await client.sendTransaction({ ...transaction, chain: null, gas: 30_000_000n })
    const receipt = await receiptOf(client, hash)
    expect(receipt.status).toBe('success')
    return receipt
  }
  const supply = 10n * minLockWei
  const made = await send({ data: encodeDeployData({ abi: devTokenAbi, bytecode: devTokenBytecode, args: [supply] }) })
  token = made.contractAddress!
  const { config } = createPool({ admin: admin.address })
  const { libraries, data } = sequencerPoolDeployment({
    ...{ ...config, token, treasury: admin.address, paidByBatches: true, minDelegationWei: 1n },
  })
  for (const library of libraries) await send({ to: create2Deployer, data: library.data })
  pool = (await send({ data })).contractAddress!

  const chainPath = join(folder, 'chain.json')
  const chain = {
    ...{ version: 1, identity: { chainId: 901, l1ChainId: 900 }, l2Genesis: {}, admin: admin.address.toLowerCase() },
    rollup: JSON.parse(JSON.stringify(toRollupJson(simulatedRollup()))),
    control: { prevRandao: `0x${'11'.repeat(32)}`, slotBlocks: 20, slotsPerEpoch: 6, originDepth: 1, nameDepth: 1 },
  }
  writeFileSync(chainPath, JSON.stringify(chain))
  const genesis = join(folder, 'genesis.json')
  const stake = String(minLockWei)
  for (const argv of [
    [
      'init',
      '--home',
      home,
      '--chain',
      chainPath,
      '--host',
      '127.0.0.1',
      '--name',
      'ann',
      '--stake',
      stake,
      '--l1',
      anvil.url,
    ],
    ['collect', '--chain', chainPath, '--out', genesis, join(home, 'public.json')],
    ['join', '--home', home, '--genesis', genesis],
  ]) {
    expect(await cli(...argv)).toMatchObject({ code: 0, error: '' })
  }
  owner = (await openAccount(home, readKeyPlaces(home)!, 'owner')).address
  await client.setBalance({ address: owner, value: parseEther('10') })
  await send({
    to: token,
    data: encodeFunctionData({ abi: devTokenAbi, functionName: 'transfer', args: [owner, 3n * minLockWei] }),
  })
})
afterAll(async () => {
  await anvil?.close()
  rmSync(folder, { recursive: true, force: true })
})

it('takes a seat on L1, adds to it, and leaves it, in the contract’s own words where it refuses', async () => {
  const at = ['--home', home, '--pool', pool]
  const client = clientOf(anvil.url)
  const seat = () => client.readContract({ address: pool, abi: sequencerPoolAbi, functionName: 'seatOf', args: [1] })
  expect(await cli('stake', '--home', home, '--pool', '0x12', '--amount', '5')).toMatchObject({ code: 2 })
  expect(await cli('stake', ...at, '--amount', '-5')).toMatchObject({ code: 2 })
  expect(await cli('unstake', ...at)).toMatchObject({ code: 1, error: expect.stringContaining('NOT_AN_OPERATOR') })

  const stranger = await cli('stake', ...at, '--amount', String(minLockWei))
  expect(stranger).toMatchObject({ code: 1, error: expect.stringContaining('NotWhitelisted') })
  const data = encodeFunctionData({ abi: sequencerPoolAbi, functionName: 'setWhitelist', args: [owner, true] })
  const hash = await client.sendTransaction({ to: pool, data, chain: null })
  await receiptOf(client, hash)
  expect(await cli('stake', ...at, '--amount', String(minLockWei), '--json')).toMatchObject({ code: 0, error: '' })
  const { config, genesis } = openHome(home)
  expect((await seat()).signer.toLowerCase()).toBe(genesis.operators[config.id - 1]!.header)
  expect((await seat()).amountWei).toBe(minLockWei)

  expect(await cli('stake', ...at, '--amount', String(minLockWei))).toMatchObject({ code: 0, error: '' })
  expect((await seat()).amountWei).toBe(2n * minLockWei)
  const tooMuch = await cli('stake', ...at, '--amount', String(100n * minLockWei))
  expect(tooMuch).toMatchObject({ code: 1, error: expect.stringContaining('COMMAND_FAILED') })
  expect((await seat()).amountWei).toBe(2n * minLockWei)

  expect(await cli('unstake', ...at, '--amount', '5', '--claim')).toMatchObject({ code: 2 })
  expect(await cli('unstake', ...at, '--claim')).toMatchObject({ code: 1, error: expect.stringContaining('claim') })
  expect(await cli('unstake', ...at)).toMatchObject({ code: 0, error: '' })
  // The key of the stake is nowhere in what was said.
  expect(readFileSync(join(home, 'keys/owner.json'), 'utf8')).toContain(owner.slice(2).toLowerCase())
})
