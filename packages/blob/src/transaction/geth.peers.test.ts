// A real geth and its blob pool: what it takes, what it refuses, and in which words. `node scripts/go.mjs geth` builds it.
import { isL2Error } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import { type Geth, gethOnPath, startGeth } from '@l2/common/testing/geth'
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type LocalAccount,
  type PublicClient,
  parseEther,
} from 'viem'
import { nonceManager, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import {
  type BlobSidecar,
  blobSerializers,
  buildSidecar,
  bumpBlobFees,
  nodeWords,
  opCodec,
  type PrepareBlobTransactionOptions,
  prepareBlobTransaction,
  type SignedBlobTransaction,
  sendBlobTransaction,
  sendSignedBlobTransaction,
  signBlobTransaction,
} from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const binary = goProgram('geth', { build: process.env['L2_PEERS'] === 'full' }) ?? gethOnPath()
if (binary === undefined)
  process.stdout.write('skipped: no geth for the blob pool; node scripts/go.mjs geth builds one\n')

const kzg = cKzg()
const to = '0x000000000000000000000000000000000000dEaD' as const
const random = seededRandom(testSeed(17))
const key = (): Hex => `0x${Buffer.from(random.bytes(32)).toString('hex')}`

describe.skipIf(binary === undefined)('against geth --dev', () => {
  let geth: Geth
  let client: PublicClient
  let treasury: unknown
  /** Where a test is about nonces, prices and words, the blobs are the same: proofs are what takes the time. */
  let sidecar: BlobSidecar
  beforeAll(async () => {
    geth = await startGeth(binary!, 0)
    client = createPublicClient({ transport: http(geth.url, { retryCount: 0 }), pollingInterval: 100 })
    ;[treasury] = (await geth.rpc('eth_accounts')) as unknown[]
    sidecar = await buildSidecar(opCodec.encode(random.bytes(20)), { kzg, version: 1 })
  })
  afterAll(() => geth?.close())

  const mined = (hash: Hex) => client.waitForTransactionReceipt({ hash, timeout: 300_000 })
  async function funded(ether: string, options: { nonceManager?: typeof nonceManager } = {}): Promise<LocalAccount> {
    const account = privateKeyToAccount(key(), options)
    const value = `0x${parseEther(ether).toString(16)}`
    await mined((await geth.rpc('eth_sendTransaction', [{ from: treasury, to: account.address, value }])) as Hex)
    return account
  }

  type Over = Partial<PrepareBlobTransactionOptions>
  async function signed(account: LocalAccount, over: Over): Promise<SignedBlobTransaction> {
    const options = { to, kzg, sidecar, gas: 21_000n, ...over, account } as PrepareBlobTransactionOptions
    return signBlobTransaction(account, await prepareBlobTransaction(client, options))
  }
  /** Sends, and says how that ended. */
  async function outcome(send: Promise<unknown> | (() => Promise<unknown>)): Promise<string> {
    try {
      await (typeof send === 'function' ? send() : send)
      return 'taken'
    } catch (error) {
      if (!isL2Error(error, 'TRANSACTION_REJECTED')) throw error
      const { rejection, reason } = error.details
      // The table has geth's words for it, and the reason begins with them.
      const known = nodeWords.filter(({ source }) => source.startsWith('go-ethereum'))
      const said = String(reason).toLowerCase()
      expect([reason, known.some(({ words, means }) => means === rejection && said.includes(words))]).toEqual([
        reason,
        true,
      ])
      return String(rejection)
    }
  }
  const give = async (account: LocalAccount, over: Over) =>
    outcome(sendSignedBlobTransaction(client, await signed(account, over), { knownChecks: 0 }))

  /** A price at which a transaction stays in the pool for ever. */
  const cheap = { maxPriorityFeePerGas: 1n, maxFeePerGas: 2n, maxFeePerBlobGas: 10n }

  it('one blob and six are mined, in the wrapper of the fork, and one in the old wrapper is converted', async () => {
    const account = await funded('1')
    for (const bytes of [1000, opCodec.maxBytes(6)]) {
      const { hash, sidecar } = await sendBlobTransaction(client, { account, to, kzg, payload: random.bytes(bytes) })
      expect(sidecar.version).toBe(1)
      expect(await mined(hash)).toMatchObject({
        status: 'success',
        blobGasUsed: BigInt(sidecar.blobs.length) * 131_072n,
      })
    }
    const prepared = await prepareBlobTransaction(client, { account, to, kzg, payload: random.bytes(10) })
    const sidecar = await buildSidecar(prepared.sidecar.blobs, { kzg, version: 0 })
    const old = await signBlobTransaction(account, { ...prepared, sidecar })
    expect(await outcome(sendSignedBlobTransaction(client, old))).toBe('taken')
    expect(await mined(old.hash)).toMatchObject({ status: 'success' })
  })

  it('a replacement has to double all three prices, which bumpBlobFees does', async () => {
    const account = await funded('1')
    const first = await signed(account, { ...cheap, nonce: 0 })
    expect(await outcome(sendSignedBlobTransaction(client, first))).toBe('taken')
    expect(await outcome(sendSignedBlobTransaction(client, first))).toBe('taken')
    const doubled = bumpBlobFees(cheap)
    for (const kept of ['maxPriorityFeePerGas', 'maxFeePerGas', 'maxFeePerBlobGas'] as const) {
      const almost = { ...doubled, [kept]: doubled[kept] - 1n }
      expect(await give(account, { ...almost, nonce: 0 })).toBe('replacement-underpriced')
    }
    expect(await give(account, { ...doubled, nonce: 0 })).toBe('taken')
  })

  it('says why it refuses, in the words of the table', async () => {
    const account = await funded('1')
    const used = await sendBlobTransaction(client, { account, to, kzg, sidecar })
    await mined(used.hash)
    const poor = await funded('0.0001')
    const gwei = 10n ** 9n
    const fair = { maxPriorityFeePerGas: gwei, maxFeePerGas: 10n * gwei, maxFeePerBlobGas: gwei }
    const dear = { maxPriorityFeePerGas: 1n, maxFeePerGas: 1000n * gwei, maxFeePerBlobGas: gwei }
    const outcomes = {
      nonce: await give(account, { ...fair, nonce: 0 }),
      gap: await give(account, { ...cheap, nonce: 4 }),
      funds: await give(poor, dear),
      tip: await give(account, { ...fair, maxPriorityFeePerGas: 0n }),
      'blob cap': await give(account, { ...fair, maxFeePerBlobGas: 0n }),
      'too much gas': await give(account, { ...fair, gas: 17_000_000n }),
      'too little gas': await give(account, { ...fair, gas: 20_000n }),
      'gas below the floor of its data': await give(account, { ...fair, data: `0x${'11'.repeat(1000)}`, gas: 21_000n }),
      proof: await outcome(async () => {
        const { sidecar, ...rest } = await signed(account, fair)
        const [first, second, ...others] = sidecar.proofs
        const swapped = { ...sidecar, proofs: [second!, first!, ...others] }
        const bad = await signBlobTransaction(account, { transaction: rest.transaction, sidecar: swapped })
        return sendSignedBlobTransaction(client, bad)
      }),
    }
    expect(outcomes).toEqual({
      nonce: 'nonce-too-low',
      gap: 'nonce-too-high',
      funds: 'insufficient-funds',
      tip: 'underpriced',
      'blob cap': 'underpriced',
      'too much gas': 'rejected',
      'too little gas': 'rejected',
      'gas below the floor of its data': 'rejected',
      proof: 'invalid-proof',
    })
  })

  it('keeps blobs and calldata of one account apart', async () => {
    const [blobs, calldata] = [await funded('1'), await funded('1')]
    const other = {
      type: 'eip1559',
      chainId: 1337,
      to,
      gas: 21_000n,
      maxFeePerGas: 2n,
      maxPriorityFeePerGas: 1n,
    } as const
    const raw = await calldata.signTransaction({ ...other, nonce: 0 })
    await geth.rpc('eth_sendRawTransaction', [raw])
    expect(await give(calldata, { nonce: 0 })).toBe('reserved')
    // The gap comes first: the blob pool does not see what is in the other.
    expect(await give(calldata, { nonce: 1 })).toBe('nonce-too-high')
    expect(await give(blobs, { ...cheap, nonce: 0 })).toBe('taken')
    const mixed = await blobs.signTransaction({ ...other, nonce: 1, maxFeePerGas: 10n ** 10n })
    const failure = await geth.rpc('eth_sendRawTransaction', [mixed]).catch((error: unknown) => error)
    expect(failure).toMatchObject({ message: 'address already reserved' })
  })

  it('takes sixteen blob transactions of an account, and the next later', async () => {
    const account = await funded('1')
    const base = await prepareBlobTransaction(client, {
      account,
      to,
      kzg,
      sidecar,
      gas: 21_000n,
      ...cheap,
    })
    const outcomes: string[] = []
    for (let nonce = 0; nonce < 17; nonce++) {
      const one = await signBlobTransaction(account, { ...base, transaction: { ...base.transaction, nonce } })
      outcomes.push(await outcome(sendSignedBlobTransaction(client, one, { knownChecks: 0 })))
    }
    expect(outcomes).toEqual([...Array(16).fill('taken'), 'account-limit'])
  })

  it.each([
    ['a plain account', {}],
    ['an account with a nonceManager', { nonceManager }],
  ])('several at once from %s are all mined, each payload once', async (_, options) => {
    const account = await funded('1', options)
    const payloads = [1, 2, 3, 4].map(byte => Uint8Array.of(byte, ...random.bytes(100)))
    const sent = await Promise.all(payloads.map(payload => sendBlobTransaction(client, { account, to, kzg, payload })))
    expect(sent.map(({ transaction }) => transaction.nonce)).toEqual([0, 1, 2, 3])
    for (const [index, { hash, sidecar }] of sent.entries()) {
      expect((await mined(hash)).status).toBe('success')
      expect(opCodec.decode(sidecar.blobs)).toEqual(payloads[index])
    }
  })

  it('two that were prepared with one nonce: the cure of the refusal loses neither', async () => {
    const account = await funded('1')
    const fields = { account, to, kzg, sidecar, ...cheap, gas: 22_000n }
    const [first, second] = await Promise.all(
      [1, 2].map(async byte => {
        const prepared = await prepareBlobTransaction(client, { ...fields, data: `0x0${byte}` as const })
        return { prepared, signed: await signBlobTransaction(account, prepared) }
      }),
    )
    expect(second!.prepared.transaction.nonce).toBe(first!.prepared.transaction.nonce)
    await sendSignedBlobTransaction(client, first!.signed)
    expect(await outcome(sendSignedBlobTransaction(client, second!.signed))).toBe('replacement-underpriced')
    const again = await sendBlobTransaction(client, { ...fields, data: '0x02' })
    expect(again.transaction.nonce).toBe(1)
    for (const { hash } of [first!.signed, again]) {
      expect(await geth.rpc('eth_getTransactionByHash', [hash])).toMatchObject({ hash })
    }
  })

  it('viem sends by itself with the serializers', async () => {
    const account = await funded('1', { nonceManager })
    const chain = defineChain({
      id: 1337,
      name: 'geth --dev',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [geth.url] } },
      serializers: blobSerializers({ kzg, client }),
    })
    const wallet = createWalletClient({ account, chain, transport: http(geth.url) })
    const blobs = opCodec.encode(random.bytes(100))
    for (let nonce = 0; nonce < 2; nonce++) {
      const hash = await wallet.sendTransaction({ to, kzg, blobs, maxFeePerBlobGas: 10n ** 9n })
      expect(await mined(hash)).toMatchObject({ status: 'success' })
      expect(await geth.rpc('eth_getTransactionByHash', [hash])).toMatchObject({ nonce: `0x${nonce}` })
    }
  })
})
