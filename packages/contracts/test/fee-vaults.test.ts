import { type Abi, type Address, encodeDeployData, type Hex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkFeeVaults, feeVaults, isL2Error, withImmutables } from '../src/index.js'
import { messagePasserDeployedBytecode } from '../src/message-passer/index.js'
import {
  operatorFeeVaultAbi,
  operatorFeeVaultBytecode,
  operatorFeeVaultDeployedBytecode,
  operatorFeeVaultImmutables,
} from '../src/operator-fee-vault/index.js'
import { receiverAbi, receiverDeployedBytecode } from '../src/testing/receiver/index.js'
import { type At, accounts, type Chain } from './anvil.js'
import { passerAddress, startL2 } from './rollup.js'
import { stock } from './stock.js'

const [, alice] = accounts
const minimum = 10n ** 18n
const receiver: At = { address: '0x00000000000000000000000000000000000b0b01', abi: receiverAbi as unknown as Abi }
const abi = operatorFeeVaultAbi as unknown as Abi

let l2: Chain
beforeAll(async () => {
  l2 = await startL2()
  await l2.client.setCode({ address: passerAddress, bytecode: stock('L2ToL1MessagePasser').deployedBytecode })
  await l2.client.setCode({ address: receiver.address, bytecode: receiverDeployedBytecode })
})
afterAll(() => l2?.close())

const put = (address: Address, recipient: Address, network: 0n | 1n, least = minimum) =>
  l2.client.setCode({
    address,
    bytecode: withImmutables(operatorFeeVaultDeployedBytecode, operatorFeeVaultImmutables, {
      RECIPIENT: recipient,
      MIN_WITHDRAWAL_AMOUNT: least,
      WITHDRAWAL_NETWORK: network,
    }),
  })
const check = () => checkFeeVaults(l2.client)
beforeEach(async () => {
  for (const address of Object.values(feeVaults)) await put(address, alice.address, 1n)
  await l2.send(receiver, 'configure', [0, receiver.address, '0x'])
})

describe('the fee vaults of a chain', () => {
  it('are right where each has code and a way out', async () => {
    expect(await check()).toEqual([])
    await put(feeVaults.operatorFee, receiver.address, 1n, 0n)
    await put(feeVaults.l1Fee, alice.address, 0n)
    expect(await check()).toEqual([])
    // The stock vaults, as constructed with a recipient on L2.
    const data = encodeDeployData({ ...stock('SequencerFeeVault'), args: [alice.address, minimum, 1] })
    const hash = await l2.client.sendTransaction({ account: alice, data, gas: 5_000_000n, gasPrice: 0n, to: null })
    const { contractAddress } = await l2.mined(hash as Hex)
    const code = await l2.client.getCode({ address: contractAddress! })
    await l2.client.setCode({ address: feeVaults.sequencer, bytecode: code! })
    expect(await check()).toEqual([])
  })

  it('are found out where fees would stay', async () => {
    const problem = async (vault: keyof typeof feeVaults) => {
      const found = await check()
      expect(found.map(({ vault }) => vault)).toEqual([vault])
      expect(found[0]!.address).toBe(feeVaults[vault])
      return found[0]!.type
    }
    await l2.client.setCode({ address: feeVaults.operatorFee, bytecode: '0x' })
    expect(await problem('operatorFee')).toBe('no-code')
    await put(feeVaults.operatorFee, `0x${'0'.repeat(40)}`, 1n)
    expect(await problem('operatorFee')).toBe('no-recipient')
    await l2.client.setCode({ address: feeVaults.operatorFee, bytecode: receiverDeployedBytecode })
    expect(await problem('operatorFee')).toBe('not-a-vault')
    // A recipient that refuses, and one on L1 behind a message passer that takes no value.
    await l2.send(receiver, 'configure', [1, receiver.address, '0x'])
    await put(feeVaults.operatorFee, receiver.address, 1n, 0n)
    expect(await problem('operatorFee')).toBe('no-way-out')
    await put(feeVaults.operatorFee, alice.address, 0n)
    await l2.client.setCode({ address: passerAddress, bytecode: messagePasserDeployedBytecode })
    expect(await problem('operatorFee')).toBe('no-way-out')
  })

  it('cannot be judged by an engine without state overrides', async () => {
    const request = async (args: { method: string; params?: unknown }) => {
      if ((args.params as unknown[]).length > 2) throw new Error('too many arguments')
      return l2.client.request(args as never)
    }
    await expect(checkFeeVaults({ request })).rejects.toSatisfy(error => isL2Error(error, 'OVERRIDES_REFUSED'))
  })
})

describe('OperatorFeeVault', () => {
  const vault: At = { address: feeVaults.operatorFee, abi }

  it('sends everything to the recipient once there is enough, for anybody', async () => {
    await put(vault.address, receiver.address, 1n)
    await l2.client.setBalance({ address: vault.address, value: minimum - 1n })
    expect(await l2.refusal(vault, 'withdraw', [])).toBe('BelowMinimum')
    await l2.client.setBalance({ address: vault.address, value: minimum + 7n })
    const before = await l2.read<bigint>(vault, 'totalProcessed')
    await l2.send(receiver, 'configure', [1, receiver.address, '0x'])
    expect(await l2.refusal(vault, 'withdraw', [])).toBe('RecipientRefused')
    // A recipient that comes back in finds nothing left.
    await l2.send(receiver, 'configure', [3, vault.address, '0x3ccfd60b'])
    await l2.send(vault, 'withdraw', [], { from: alice })
    expect(await l2.read(receiver, 'succeeded')).toBe(false)
    expect(await l2.client.getBalance({ address: vault.address })).toBe(0n)
    expect(await l2.client.getBalance({ address: receiver.address })).toBe(minimum + 7n)
    expect(await l2.read(vault, 'totalProcessed')).toBe(before + minimum + 7n)
  })

  it('is not made without a recipient', async () => {
    const data: Hex = encodeDeployData({
      abi,
      bytecode: operatorFeeVaultBytecode,
      args: [`0x${'0'.repeat(40)}`, 0n, 1],
    })
    await expect(l2.client.call({ data, account: alice, gasPrice: 0n })).rejects.toThrow()
  })
})
