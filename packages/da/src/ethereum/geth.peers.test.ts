// The adapters of Ethereum on a real geth and its pools. `node scripts/go.mjs geth` builds it.
import { cKzg } from '@l2/blob/c-kzg'
import { bytesToHex, type Closable } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import { type Geth, gethOnPath, startGeth } from '@l2/common/testing/geth'
import { createPublicClient, type Hex, http, type LocalAccount, type PublicClient, parseEther } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { createRouterDa } from '../router/router.js'
import { createMemoryStore, type Store } from '../store.js'
import { createBlobDa } from './blobs.js'
import { createCalldataDa } from './calldata.js'
import type { EthereumClient } from './rpc.js'
import { createTransactionManager, type TransactionManagerOptions } from './transaction-manager.js'

const binary = goProgram('geth', { build: process.env['L2_PEERS'] === 'full' }) ?? gethOnPath()
if (binary === undefined)
  process.stdout.write('skipped: no geth for the adapters; node scripts/go.mjs geth builds one\n')

const kzg = cKzg()
const inbox = '0x00000000000000000000000000000000000000ff'
const random = seededRandom(testSeed(19))

describe.skipIf(binary === undefined)('against geth --dev', () => {
  let geth: Geth
  let client: PublicClient
  let treasury: unknown
  beforeAll(async () => {
    // A block a second, and the fee limit of the node at a thousandth of what it is by default.
    geth = await startGeth(binary!, 1, ['--rpc.txfeecap', '0.001'])
    client = createPublicClient({ transport: http(geth.url, { retryCount: 0 }), pollingInterval: 100 })
    ;[treasury] = (await geth.rpc('eth_accounts')) as unknown[]
  })
  const open: Closable[] = []
  afterAll(async () => {
    for (const one of open) await one.close()
    await geth?.close()
  })

  async function funded(ether: string): Promise<LocalAccount> {
    const account = privateKeyToAccount(bytesToHex(random.bytes(32)))
    const value = `0x${parseEther(ether).toString(16)}`
    const hash = (await geth.rpc('eth_sendTransaction', [{ from: treasury, to: account.address, value }])) as Hex
    await client.waitForTransactionReceipt({ hash, timeout: 300_000 })
    return account
  }
  type Over = { through?: EthereumClient; store?: Store; options?: TransactionManagerOptions }
  function adapters(account: LocalAccount, { through, store, options }: Over = {}) {
    const over = through ?? (client as EthereumClient)
    const transactions = createTransactionManager(
      { confirmations: 1, pollMs: 300, resubmitMs: 4000, ...options },
      { client: over, account, store },
    )
    open.push(transactions)
    return {
      transactions,
      blobs: createBlobDa({ inbox }, { client: over, transactions, kzg }),
      calldata: createCalldataDa({ inbox }, { client: over, transactions }),
    }
  }
  const item = (bytes = 100) => random.bytes(bytes)
  const timeoutMs = 400_000
  const used = async ({ address }: LocalAccount) => client.getTransactionCount({ address })
  const nonceOf = async (transaction: Uint8Array) =>
    (await client.getTransaction({ hash: bytesToHex(transaction.subarray(0, 32)) })).nonce
  /** A transaction of the account that stays in the pool, as somebody else's tool leaves it. */
  const stuck = async (account: LocalAccount) => {
    const fields = { type: 'eip1559', chainId: 1337, nonce: 0, to: inbox, gas: 21_000n } as const
    const raw = await account.signTransaction({ ...fields, maxFeePerGas: 2n, maxPriorityFeePerGas: 1n })
    return (await geth.rpc('eth_sendRawTransaction', [raw])) as Hex
  }
  /** The same node with other words, or none at all for a while. */
  const speaking = (
    words: (said: string) => string,
    refuses: () => string | undefined = () => undefined,
  ): EthereumClient => ({
    async request({ method, params }) {
      const refusal = method === 'eth_sendRawTransaction' ? refuses() : undefined
      if (refusal !== undefined) throw { code: -32010, message: refusal }
      return geth.rpc(method, params as unknown[]).catch((error: { message: string }) => {
        throw { code: -32010, message: words(error.message) }
      })
    },
  })

  it('ten submissions at once are mined in order, one nonce each', async () => {
    const account = await funded('1')
    const { blobs } = adapters(account)
    const receipts = await Promise.all(Array.from({ length: 10 }, () => blobs.submit([item()], { timeoutMs })))
    expect(await Promise.all(receipts.map(({ commitments }) => nonceOf(commitments[0]!.payload)))).toEqual([
      ...Array(10).keys(),
    ])
    expect(await used(account)).toBe(10)
  })

  it('blobs and calldata in turn share one nonce stream', async () => {
    const account = await funded('1')
    const { blobs, calldata } = adapters(account)
    const receipts = await Promise.all([blobs, calldata, blobs, calldata].map(da => da.submit([item()], { timeoutMs })))
    const heights = receipts.map(({ height }) => height)
    expect(heights).toEqual([...heights].sort((a, b) => Number(a - b)))
    expect(await used(account)).toBe(4)
  })

  it.each([
    ['geth', (said: string) => said],
    [
      'Nethermind',
      (said: string) => (said === 'address already reserved' ? 'pending transaction type conflict' : said),
    ],
    [
      'Nethermind before 2026',
      (said: string) => (said === 'address already reserved' ? 'PendingTxsOfConflictingType' : said),
    ],
    ['reth', (said: string) => (said === 'address already reserved' ? 'transaction type conflict' : said)],
  ])(
    'a stuck transaction of the other kind is replaced, and the blobs are mined, in the words of %s',
    async (_, words) => {
      const account = await funded('1')
      const foreign = await stuck(account)
      const { blobs } = adapters(account, { through: speaking(words) })
      await blobs.submit([item()], { timeoutMs })
      expect(await geth.rpc('eth_getTransactionReceipt', [foreign])).toBeNull()
      expect(await used(account)).toBe(2)
    },
  )

  it.each(['node is syncing', 'Initial sync is still in progress', 'words that nobody knows'])(
    'a node that says "%s" for a while is waited for',
    async words => {
      let refusing = true
      const account = await funded('1')
      const { blobs, transactions } = adapters(account, {
        through: speaking(
          said => said,
          () => (refusing ? words : undefined),
        ),
      })
      const submitted = blobs.submit([item()], { timeoutMs })
      while (transactions.inFlight()[0]?.waiting === undefined) await new Promise(resolve => setTimeout(resolve, 50))
      refusing = false
      await submitted
      expect(await used(account)).toBe(1)
    },
  )

  it('a limit of the node on fees sends what it stops through another layer, and nothing is lost', async () => {
    const account = await funded('10')
    // As if the base fee were a hundred times what it is: a full batch of calldata then costs more than the node lets through.
    const dear = { minBaseFeeWei: 100n * 10n ** 9n }
    const { calldata } = adapters(account, { options: dear })
    const data = item(100_000)
    await expect(calldata.submit([data], { timeoutMs })).rejects.toMatchObject({
      code: 'DA_FEE_TOO_HIGH',
      retry: 'failover',
      cause: { message: expect.stringContaining('exceeds the configured cap') },
    })
    const cheap = adapters(await funded('1'))
    const router = createRouterDa(
      { policy: 'failover' },
      {
        layers: [
          { name: 'calldata', da: calldata },
          { name: 'blobs', da: cheap.blobs },
        ],
      },
    )
    const { commitments } = await router.submit([data], { timeoutMs })
    expect(cheap.blobs.reads(commitments[0]!)).toBe(true)
    expect(await used(account)).toBe(0)
  })

  it('what an ended process had begun is gone on with, and a stuck one can be cancelled', async () => {
    const account = await funded('1')
    const store = createMemoryStore()
    const first = adapters(account, { store })
    const begun = first.blobs.submit([item()], { key: 'one' }).then(
      () => 'done',
      (error: { code: string }) => error.code,
    )
    while (first.transactions.inFlight().length === 0) await new Promise(resolve => setTimeout(resolve, 50))
    await first.transactions.close()
    expect(['DA_CLOSED', 'done']).toContain(await begun)
    const second = adapters(account, { store })
    expect((await second.blobs.resume('one', { timeoutMs }))?.key).toBe('one')
    expect(await used(account)).toBe(1)

    // A node that tells of a base fee of 1 makes it begin too cheap.
    const lying: EthereumClient = {
      async request({ method, params }) {
        const answer = await geth.rpc(method, params as unknown[])
        if (method === 'eth_getBlockByNumber') return { ...(answer as object), baseFeePerGas: '0x1' }
        return method === 'eth_maxPriorityFeePerGas' ? '0x1' : answer
      },
    }
    const floors = { minTipWei: 1n, minBaseFeeWei: 1n, minBlobCapWei: 1n, blobTipBlocks: 0, resubmitMs: 600_000 }
    const other = await funded('1')
    const third = adapters(other, { through: lying, options: floors })
    const cancelled = third.blobs
      .submit([item()], { key: 'two', timeoutMs })
      .catch((error: { code: string }) => error.code)
    while (third.transactions.inFlight()[0]?.attempts !== 1) await new Promise(resolve => setTimeout(resolve, 50))
    expect(await third.transactions.cancel('two')).toBe(true)
    // Whichever is mined decides; while neither is, the empty one has the nonce.
    while (third.transactions.inFlight()[0]?.attempts === 1) await new Promise(resolve => setTimeout(resolve, 50))
    await third.transactions.close()
    expect(['DA_CLOSED', 'DA_CANCELLED']).toContain(await cancelled)
  })

  it('an account without money is named at once', async () => {
    const { blobs } = adapters(privateKeyToAccount(bytesToHex(random.bytes(32))))
    await expect(blobs.submit([item()], { timeoutMs })).rejects.toMatchObject({ code: 'DA_INSUFFICIENT_FUNDS' })
  })
})
