import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { toGasToken } from '@l2/sequencer-core/fees'
import type { Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batcherAccount } from '../src/dev-accounts.js'
import { startAnvilL1 } from './anvil-l1.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'
import { createTransfers } from './transfers.js'

const directory = mkdtempSync(join(tmpdir(), 'l2-economics-'))
let l1: Awaited<ReturnType<typeof startAnvilL1>>
let node: RunningNode

beforeAll(async () => {
  l1 = await startAnvilL1()
})
afterAll(async () => {
  await node?.kill('SIGTERM')
  await l1?.close()
  rmSync(directory, { recursive: true, force: true })
})

type Economics = {
  totals: { transactions: string; batches: string; feesIn: string; costsOut: string; profit: string }
  balances: Record<string, string>
  gasToken: { perEthWei: string }
  wallet: { balanceEthWei: string; runwayBlocks?: string; runwaySeconds?: string }
  costPerTransactionWei: string
  openSubmissions: number
  unsettledWei: string
  parties: { party: string; owedWei: string }[]
}
type Row = {
  index: number
  type: string
  id: Hex
  profit: string
  feesIn: string
  costsOut: string
  executionGas: string
  blobGas: string
}

const result = async <T>(method: string, ...params: unknown[]): Promise<T> =>
  (await ask(node.url, method, params)).result as T
const economics = (): Promise<Economics> => result('l2_economics')
const page = async (path: string): Promise<string> => (await fetch(node.url + path)).text()
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const start = (...args: string[]): Promise<RunningNode> => startNode('--l1', l1.url, '--data', directory, ...args)

const send = createTransfers()
const transfer = () => send(node.url)

/** Every transaction that the batcher's account has sent to the inbox, with what it cost: from L1, without the node. */
async function paidOnL1(): Promise<Map<Hex, { blobGasWei: bigint; executionGasWei: bigint }>> {
  const batcher = batcherAccount().address.toLowerCase()
  const paid = new Map<Hex, { blobGasWei: bigint; executionGasWei: bigint }>()
  const head = BigInt((await ask(l1.url, 'eth_blockNumber')).result!)
  for (let number = 0n; number <= head; number++) {
    type Transaction = { hash: Hex; from: Hex; type: Hex }
    const { result: block } = await ask(l1.url, 'eth_getBlockByNumber', [`0x${number.toString(16)}`, true])
    for (const { hash, from, type } of (block as unknown as { transactions: Transaction[] }).transactions) {
      if (from.toLowerCase() !== batcher || type !== '0x3') continue
      type Receipt = { gasUsed: Hex; effectiveGasPrice: Hex; blobGasUsed: Hex; blobGasPrice: Hex }
      const receipt = (await ask(l1.url, 'eth_getTransactionReceipt', [hash])).result as unknown as Receipt
      paid.set(hash, {
        blobGasWei: BigInt(receipt.blobGasUsed) * BigInt(receipt.blobGasPrice),
        executionGasWei: BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice),
      })
    }
  }
  return paid
}

describe('the books', () => {
  it('hold what L1 was paid, each transaction once, through kills and restarts; what was booked does not change', {
    timeout: 900_000,
  }, async () => {
    const random = seededRandom(testSeed())
    let before = ''
    const kept: string[] = []
    for (let kill = 0; kill < runs({ suite: 2, soak: 12 }); kill++) {
      node = await start()
      const ledger = await page('/ledger.csv')
      // The lines that the killed node showed are there again, and in the same places.
      expect(ledger.startsWith(before), `seed ${random.seed}`).toBe(true)
      for (let i = 0; i < 5; i++) await transfer()
      const { totals } = await economics()
      if (kill === 0) await until(node, 'a cost', async () => (await economics()).totals.batches !== '0')
      else await sleep(1000 + random.below(6000))
      before = await page('/ledger.csv')
      kept.push(totals.feesIn)
      await node.kill('SIGKILL')
    }
    expect(kept.map(BigInt)).toEqual(kept.map(BigInt).sort((a, b) => (a < b ? -1 : 1)))

    // Another price holds for what comes, not for what was.
    node = await start('--gas-token-price', '40.5', '--split', 'users=10000')
    expect((await page('/ledger.csv')).startsWith(before)).toBe(true)
    const firstNew = Number((await result<{ total: number }>('l2_economics', { view: 'records', limit: 1 })).total)
    await transfer()
    await until(node, 'a cost at the new price', async () => {
      const { rows } = await result<{ rows: Row[] }>('l2_economics', { view: 'records', from: firstNew, limit: 1000 })
      return rows.some(({ type }) => type === 'batch') && (await economics()).openSubmissions === 0
    })

    // Everything that L1 had been paid by now gets into the books, and nothing else.
    const first = await paidOnL1()
    let batches: Row[] = []
    await until(node, 'every cost in the books', async () => {
      const records = JSON.parse(await page('/ledger.json?view=records')) as Row[]
      batches = records.filter(({ type }) => type === 'batch')
      return [...first.keys()].every(hash => batches.some(({ id }) => id === hash))
    })
    const paid = await paidOnL1()
    expect(new Set(batches.map(({ id }) => id)).size).toBe(batches.length)
    for (const { id, index, executionGas, blobGas } of batches) {
      const cost = paid.get(id)!
      const prices = index < firstNew ? ['80', '40.5'] : ['40.5']
      const inMetis = prices.map(metis => {
        const price = { tokenUnits: BigInt(Number(metis) * 10) * 10n ** 17n, perWei: 10n ** 18n, observedAtSeconds: 0n }
        return [toGasToken(cost.executionGasWei, price), toGasToken(cost.blobGasWei, price)].map(String)
      })
      expect(inMetis).toContainEqual([executionGas, blobGas])
    }
    expect(batches.length).toBeGreaterThan(1)
  })

  it('l2_economics: totals, balances that add up to nothing, price, split, wallet', async () => {
    const { totals, balances, gasToken, wallet, unsettledWei, parties, costPerTransactionWei } = await economics()
    expect(BigInt(totals.profit)).toBe(BigInt(totals.feesIn) - BigInt(totals.costsOut))
    expect(Object.values(balances).reduce((sum, balance) => sum + BigInt(balance), 0n)).toBe(0n)
    const owed = parties.reduce((sum, { owedWei }) => sum + BigInt(owedWei), 0n)
    expect(owed + BigInt(unsettledWei)).toBe(BigInt(totals.profit))
    expect(parties.map(({ party }) => party)).toContain('users')
    expect(gasToken.perEthWei).toBe(String(405n * 10n ** 17n))
    expect(BigInt(costPerTransactionWei)).toBeGreaterThan(0n)
    expect(BigInt(wallet.balanceEthWei)).toBeGreaterThan(0n)
    const metrics = await page('/metrics')
    for (const name of ['l2_economics_profit_wei', 'l2_gas_token_per_eth', 'l2_batcher_balance_wei'])
      expect(metrics).toMatch(new RegExp(`^${name} \\S+$`, 'm'))
    expect(metrics).toMatch(/^l2_economics_owed_wei\{party="users"\} \S+$/m)
  })

  it('pages of the ledger, as JSON and as CSV, over JSON-RPC and HTTP', async () => {
    type Page = { rows: { index: number }[]; next: number | null; total: number; csv: string }
    const first = await result<Page>('l2_economics', { limit: 3 })
    expect(first.rows.map(({ index }) => index)).toEqual([0, 1, 2])
    const { csv } = await result<Page>('l2_economics', { from: first.next, limit: 2, format: 'csv' })
    expect(csv.split('\n').map(line => line.split(',')[0])).toEqual(['index', '3', '4', ''])
    const response = await fetch(`${node.url}/ledger.csv?from=3&limit=2`)
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(await response.text()).toBe(csv)
  })

  it.each([
    [{ from: -1 }, 'from'],
    [{ limit: 1001 }, 'limit'],
    [{ format: 'xml' }, 'format'],
    [{ pages: 1 }, 'pages'],
    [7, '0'],
  ])('wrong parameters %j are -32602 and named', async (parameters, name) => {
    const { error } = await ask(node.url, 'l2_economics', [parameters])
    expect(error?.code).toBe(-32602)
    expect(error?.message).toContain(`"${name}"`)
    if (typeof parameters !== 'object') return
    const query = new URLSearchParams(Object.entries(parameters).map(([key, value]) => [key, String(value)]))
    if (name === 'from' || name === 'pages') expect((await fetch(`${node.url}/ledger.csv?${query}`)).status).toBe(400)
  })
})
