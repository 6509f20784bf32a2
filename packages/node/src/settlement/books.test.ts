import { receiptOf } from '@l2/common/testing'
import { type AnvilL1, accounts, startL1 } from '@l2/settlement/testing'
import { type Address, createPublicClient, type Hash, numberToHex, pad } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  nativeTokenBridgeL1Abi,
  nativeTokenBridgeL1Bytecode,
} from '../../../contracts/src/native-token-bridge-l1/index.js'
import { devTokenAbi, devTokenBytecode } from '../../../contracts/src/testing/dev-token/index.js'
import type { Read } from '../engine/engine.js'
import { RpcAnswerError } from '../rpc/client.js'
import { engineTransport, openBooks } from './books.js'

const [user, messenger] = accounts
const capacity = 10_000n
const signs = { account: user, chain: null } as const

let l1: AnvilL1
let bridge: Address
beforeAll(async () => {
  l1 = await startL1()
  const wallet = l1.wallet(user)
  const created = async (hash: Hash) => (await receiptOf(l1.client, hash)).contractAddress!
  const token = await created(
    await wallet.deployContract({ abi: devTokenAbi, bytecode: devTokenBytecode, args: [capacity], ...signs }),
  )
  const args = [token, messenger.address, `0x${'0e'.repeat(20)}`, capacity] as const
  const call = { abi: nativeTokenBridgeL1Abi, bytecode: nativeTokenBridgeL1Bytecode, args, ...signs } as const
  bridge = await created(await wallet.deployContract(call))
})
afterAll(async () => {
  await l1?.[Symbol.asyncDispose]()
})

/** An engine on which so much was given out of the vault. */
const engine = (released: bigint): Read =>
  (async (method: string) => {
    if (method === 'eth_blockNumber') return '0x7'
    if (method === 'eth_getBalance') return numberToHex(capacity - released)
    return pad(numberToHex(released))
  }) as Read

it('are exact where nothing is out, and a matter of health where more is out than is locked', async () => {
  const exact = openBooks({ bridge }, { l1: { url: l1.url }, read: engine(0n) })
  expect(exact.last).toBeUndefined()
  expect(exact.check()).toEqual({ ok: true })
  expect(await exact.step()).toBeUndefined()
  expect(exact.last).toMatchObject({ lockedWei: 0n, heldWei: 0n, inFlightWei: 0n, isExact: true })
  expect(exact.check()).toEqual({ ok: true })
  const wrong = openBooks({ bridge }, { l1: { url: l1.url }, read: engine(5n) })
  await wrong.step()
  expect(wrong.check()).toMatchObject({ ok: false, reason: expect.stringContaining('L2 says 5 are released') })
})

it('that cannot be read are waited for, and no secret of the address is told', async () => {
  const books = openBooks({ bridge }, { l1: { url: 'http://127.0.0.1:9/key?token=secret' }, read: engine(0n) })
  const reason = await books.step()
  expect(reason).toMatch(/./)
  expect(reason).not.toContain('secret')
  expect(books.last).toBeUndefined()
})

it('are read through a transport that asks an engine again which is busy, as often as it may', async () => {
  let asked = 0
  const read = (async () => {
    if (++asked < 3) throw new RpcAnswerError({ code: -32005, message: 'the reader is busy' })
    return '0x7'
  }) as Read
  const once = createPublicClient({ transport: engineTransport(read) })
  await expect(once.getBlockNumber()).rejects.toThrow('the reader is busy')
  const patient = createPublicClient({ transport: engineTransport(read, 2) })
  expect(await patient.getBlockNumber()).toBe(7n)
  expect(asked).toBe(3)
})
