import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DataAvailability } from '@l2/da'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { L1 } from '../l1/l1.js'
import { createFundsAlarm, createWallet } from './funds.js'

/** An L1 that knows one balance, or is down. */
const l1 = { isDown: false, balance: '0x64', url: '' }
const server = createServer((request, response) => {
  if (l1.isDown) return request.socket.destroy()
  response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: l1.balance }))
})
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  l1.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise(resolve => server.close(resolve)))

const layer = (costOf: (sizes: readonly number[]) => bigint): DataAvailability =>
  ({
    quote: async (sizes: readonly number[]) => {
      if (l1.isDown) throw new Error('down')
      return { cost: costOf(sizes), unit: 'wei', validUntilMs: 0 }
    },
  }) as unknown as DataAvailability
const commitments = layer(() => 7n)
const items = [new Uint8Array(10), new Uint8Array(20)]
const open = (data?: DataAvailability) =>
  createWallet({ l1: { url: l1.url } as L1, address: `0x${'0a'.repeat(20)}`, data, commitments })

describe('createWallet', () => {
  it('asks the layer that is paid on L1, or for a commitment of each item', async () => {
    const sum = layer(sizes => BigInt(sizes.reduce((total, size) => total + size, 0)))
    expect(await open(sum).quote(items)).toBe(30n)
    expect(await open().quote(items)).toBe(14n)
  })

  it('goes by the last answers while L1 is down, and by none if there was none', async () => {
    const wallet = open()
    expect(wallet.lastBalanceWei).toBeUndefined()
    expect([await wallet.balance(), await wallet.quote(items)]).toEqual([100n, 14n])
    l1.isDown = true
    expect([await wallet.balance(), await wallet.quote(items)]).toEqual([100n, 14n])
    await expect(open().balance()).rejects.toMatchObject({ code: 'RPC_FAILED', recovery: 'retry' })
    await expect(open().quote(items)).rejects.toThrow('down')
    l1.isDown = false
    l1.balance = '0x1'
    expect(await wallet.balance()).toBe(1n)
    expect(wallet.lastBalanceWei).toBe(1n)
  })
})

it('createFundsAlarm: says each thing once, and a stop again after something was posted', () => {
  const said: string[] = []
  const alarm = createFundsAlarm(message => said.push(message), 12_000)
  const low = { type: 'runway-low', balanceWei: 10n ** 18n, runwayBlocks: 600n } as const
  const stop = { type: 'balance-stop', balanceWei: 10n ** 15n, costWei: 10n ** 16n } as const
  const submitted = { type: 'submitted', channelId: '0x', key: '0x/0', items: 1, bytes: 1, l1Block: 1n } as const
  for (const event of [low, low, stop, stop, submitted, stop]) alarm(event)
  expect(said).toEqual([
    'the batcher has 1.0000 ETH: enough for 2 h 0 min',
    'the batcher has 0.0010 ETH and would need 0.0100 ETH: nothing is posted',
    'the batcher has 0.0010 ETH and would need 0.0100 ETH: nothing is posted',
  ])
})
