import { describe, expect, it } from 'vitest'
import { simulatedRollup } from '../testing/l2-simulator.js'
import { loadUpgradeTransactions } from './upgrade-transactions.js'

const metadata = { version: '1.0.0' }

describe('loadUpgradeTransactions', () => {
  it('answers to junk with an error that says where it came from', async () => {
    const junk = [undefined, null, 5, 'text', {}, [], [null], [5], [{}], [{ intent: 'x', gasLimit: 1.5 }]]
    for (const transactions of junk) {
      for (const bundle of [transactions, { metadata, transactions }]) {
        await expect(loadUpgradeTransactions({ fork: 'karst', bundle })).rejects.toMatchObject({
          code: 'UPGRADE_TRANSACTIONS_INVALID',
        })
      }
    }
    const config = simulatedRollup({ forks: { jovian: 0n, karst: 1002n } })
    for (const block of [
      undefined,
      5,
      {},
      { transactions: 5 },
      { transactions: [null] },
      { transactions: [{ type: '0x7e' }] },
    ]) {
      const client = { request: async () => block }
      await expect(loadUpgradeTransactions({ client, config })).rejects.toMatchObject({ code: 'L1_RPC_INVALID' })
    }
    const short = { request: async () => ({ transactions: [] }) }
    await expect(loadUpgradeTransactions({ client: short, config })).rejects.toMatchObject({
      code: 'UPGRADE_TRANSACTIONS_INVALID',
    })
  })
})
