import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { receiptOf, seededRandom } from '@l2/common/testing'
import {
  concatHex,
  createNonceManager,
  createPublicClient,
  createWalletClient,
  custom,
  defineChain,
  type Hex,
  http,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'
import { jsonRpc } from 'viem/nonce'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, startAnvil } from '../../test/anvil.js'
import {
  anvilBeacon,
  type BlobBlock,
  type BlobSigner,
  blobForkAt,
  blobSerializers,
  blsModulus,
  buildSidecar,
  createBeacon,
  getBlobParameters,
  getBlobs,
  opCodec,
  parseBlobTransaction,
  prepareBlobTransaction,
  quoteBlobFees,
  type RpcClient,
  type SendFailure,
  type SignedBlobTransaction,
  sendBlobTransaction,
  sendFailureCures,
  sendSignedBlobTransaction,
  signBlobTransaction,
  simpleCodec,
  upgradeSidecar,
  versionedHashOf,
} from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const random = seededRandom(1)
// The first two keys of every anvil, of no value anywhere else.
const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const to = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

function read(anvil: Anvil, block: BlobBlock, versionedHashes: readonly Hex[]): Promise<Uint8Array[]> {
  return getBlobs(createBeacon({ url: anvil.url, ...anvilBeacon }), { block, versionedHashes, kzg })
}

describe('under Osaka', () => {
  let anvil: Anvil
  beforeAll(async () => {
    anvil = await startAnvil('osaka')
  })
  afterAll(() => anvil?.stop())

  it('six blobs in version 1 are mined, and the same bytes come back by REST and by RPC', async () => {
    const payload = random.bytes(opCodec.maxBytes(6))
    const signed = await sendBlobTransaction(anvil.client, { account, to, payload, kzg })
    expect([signed.sidecar.version, signed.sidecar.blobs.length]).toEqual([1, 6])
    const receipt = await receiptOf(anvil.client, signed.hash)
    expect(receipt.status).toBe('success')
    expect(receipt.blobGasUsed).toBe(6n * 131_072n)
    const { blobVersionedHashes } = signed.transaction
    const blobs = await read(anvil, { number: receipt.blockNumber }, blobVersionedHashes)
    expect(same(opCodec.decode(blobs), payload)).toBe(true)
    const raw = await anvil.client.request({
      method: 'debug_getRawTransaction' as never,
      params: [signed.hash] as never,
    })
    const parsed = parseBlobTransaction(raw as Hex)
    expect(parsed.hash).toBe(signed.hash)
    expect(parsed.sidecar!.version).toBe(1)
    expect(same(opCodec.decode(parsed.sidecar!.blobs), payload)).toBe(true)
  })

  it('a wrong cell proof is refused', async () => {
    const prepared = await prepareBlobTransaction(anvil.client, { account, to, payload: random.bytes(10), kzg })
    const proofs = [...prepared.sidecar.proofs]
    proofs[5] = proofs[6]!
    const signed = await signBlobTransaction(account, { ...prepared, sidecar: { ...prepared.sidecar, proofs } })
    await expect(sendSignedBlobTransaction(anvil.client, signed)).rejects.toMatchObject({
      code: 'TRANSACTION_REJECTED',
      details: { rejection: 'invalid-proof', hash: signed.hash },
    })
    // The same transaction with the right ones is taken: the hash does not cover the sidecar.
    const right = await signBlobTransaction(account, prepared)
    expect(right.hash).toBe(signed.hash)
    expect(await sendSignedBlobTransaction(anvil.client, right)).toBe(signed.hash)
  })

  it('sending the same again is a success, before and after it is mined', async () => {
    const prepared = await prepareBlobTransaction(anvil.client, { account, to, blobs: [new Uint8Array(131_072)], kzg })
    const signed = await signBlobTransaction(account, prepared)
    await anvil.client.request({ method: 'evm_setAutomine' as never, params: [false] as never })
    expect(await sendSignedBlobTransaction(anvil.client, signed)).toBe(signed.hash)
    expect(await sendSignedBlobTransaction(anvil.client, signed)).toBe(signed.hash)
    await anvil.client.request({ method: 'evm_setAutomine' as never, params: [true] as never })
    await anvil.client.request({ method: 'evm_mine' as never })
    await receiptOf(anvil.client, signed.hash)
  })

  it('says why the node refuses', async () => {
    const options = { account, to, payload: random.bytes(10), kzg } as const
    const low = sendBlobTransaction(anvil.client, { ...options, maxFeePerBlobGas: 0n })
    await expect(low).rejects.toMatchObject({ code: 'TRANSACTION_REJECTED', details: { rejection: 'underpriced' } })
    const old = sendBlobTransaction(anvil.client, { ...options, nonce: 0 })
    await expect(old).rejects.toMatchObject({ code: 'TRANSACTION_REJECTED', details: { rejection: 'nonce-too-low' } })
    const poor = privateKeyToAccount(`0x${'11'.repeat(32)}`)
    await expect(sendBlobTransaction(anvil.client, { ...options, account: poor, gas: 21_000n })).rejects.toMatchObject({
      details: { rejection: 'insufficient-funds' },
    })
  })

  it('refuses seven blobs before it computes anything', async () => {
    const blobs = new Array(7).fill(new Uint8Array(131_072))
    await expect(sendBlobTransaction(anvil.client, { account, to, blobs, kzg })).rejects.toMatchObject({
      code: 'TOO_MANY_BLOBS',
      details: { got: 7, max: 6, scope: 'transaction' },
    })
    const parameters = { ...(await getBlobParameters(anvil.client)), target: 1, max: 2 }
    await expect(
      sendBlobTransaction(anvil.client, { account, to, blobs: blobs.slice(0, 3), kzg, parameters }),
    ).rejects.toMatchObject({ code: 'TOO_MANY_BLOBS', details: { got: 3, max: 2, scope: 'block' } })
    await expect(sendBlobTransaction(anvil.client, { account, to, blobs: [], kzg })).rejects.toMatchObject({
      code: 'NO_BLOBS',
    })
  })

  it('upgrades a version 0 sidecar on the way', async () => {
    const sidecar = await buildSidecar(simpleCodec.encode(random.bytes(100)), { kzg, version: 0 })
    const signed = await sendBlobTransaction(anvil.client, { account, to, sidecar, kzg })
    expect(signed.sidecar).toEqual(await upgradeSidecar(sidecar, { kzg }))
    await receiptOf(anvil.client, signed.hash)
  })

  it('viem sends version 1 by itself with the serializers', async () => {
    const chain = defineChain({ ...foundry, serializers: blobSerializers({ kzg }) })
    const wallet = createWalletClient({ account, chain, transport: http(anvil.url) })
    const data = random.bytes(1000)
    const hash = await wallet.sendTransaction({
      to,
      kzg,
      blobs: opCodec.encode(data),
      maxFeePerBlobGas: 1_000_000_000n,
    })
    const receipt = await receiptOf(anvil.client, hash)
    expect(receipt.status).toBe('success')
    const raw = await anvil.client.request({ method: 'debug_getRawTransaction' as never, params: [hash] as never })
    const { sidecar } = parseBlobTransaction(raw as Hex)
    expect(sidecar!.version).toBe(1)
    expect(same(opCodec.decode(sidecar!.blobs), data)).toBe(true)
  })

  it('the precompile takes an opening of a field element', async () => {
    const [blob] = opCodec.encode(random.bytes(1000))
    const commitment = kzg.blobToKzgCommitment(blob!)
    // Evaluations stand in bit-reversed order: element 1 is at the root of unity of order 2, which is −1.
    const z = hexBytes(blsModulus - 1n)
    const { proof, y } = kzg.computeKzgProof(blob!, z)
    expect(y).toEqual(blob!.slice(32, 64))
    const input = (value: Uint8Array): Hex => {
      const parts = [z, value, commitment, proof].map(bytes => `0x${Buffer.from(bytes).toString('hex')}` as Hex)
      return concatHex([versionedHashOf(commitment), ...parts])
    }
    const precompile = '0x000000000000000000000000000000000000000A'
    const { data } = await anvil.client.call({ to: precompile, data: input(y) })
    expect(data).toBe(`0x${4096n.toString(16).padStart(64, '0')}${blsModulus.toString(16)}`)
    await expect(anvil.client.call({ to: precompile, data: input(hexBytes(1n)) })).rejects.toThrow()
  })

  it('tells a block that is missing from one without the blobs', async () => {
    const unknown: Hex[] = [`0x01${'00'.repeat(31)}`]
    await expect(read(anvil, { number: 999n }, unknown)).rejects.toMatchObject({ code: 'BLOCK_MISSED' })
    await expect(read(anvil, { number: 0n }, unknown)).rejects.toMatchObject({ code: 'BLOBS_PRUNED' })
    await expect(read(anvil, { number: 1n }, unknown)).rejects.toMatchObject({ code: 'BLOBS_MISMATCH' })
  })

  it('blobs of a reorganised block are gone', async () => {
    const signed = await sendBlobTransaction(anvil.client, { account, to, payload: random.bytes(10), kzg })
    const { blockNumber } = await receiptOf(anvil.client, signed.hash)
    const wanted = signed.transaction.blobVersionedHashes
    expect(await read(anvil, { number: blockNumber }, wanted)).toHaveLength(1)
    await anvil.client.request({ method: 'anvil_reorg' as never, params: [1, []] as never })
    await expect(read(anvil, { number: blockNumber }, wanted)).rejects.toMatchObject({ code: 'BLOBS_PRUNED' })
  })

  it('quotes what the node takes', async () => {
    const quote = await quoteBlobFees(anvil.client)
    expect(quote.parameters).toMatchObject({ target: 6, max: 9, wrapperVersion: 1, reservePrice: true })
    expect(quote.maxFeePerGas).toBeGreaterThan(quote.baseFeePerGas)
    expect(quote.maxFeePerBlobGas).toBeGreaterThanOrEqual(quote.blobReservePrice)
  })
})

function hexBytes(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'))
}

describe.each(['cancun', 'prague'])('under %s', hardfork => {
  it('version 0 is sent, mined and read back', async () => {
    const anvil = await startAnvil(hardfork)
    try {
      const payload = random.bytes(200_000)
      const signed = await sendBlobTransaction(anvil.client, { account, to, payload, kzg, codec: simpleCodec })
      expect([signed.sidecar.version, signed.sidecar.proofs.length]).toEqual([0, 2])
      const receipt = await receiptOf(anvil.client, signed.hash)
      expect(receipt.status).toBe('success')
      const raw = await anvil.client.request({
        method: 'debug_getRawTransaction' as never,
        params: [signed.hash] as never,
      })
      expect(parseBlobTransaction(raw as Hex).sidecar!.version).toBe(0)
      const blobs = await read(anvil, { number: receipt.blockNumber }, signed.transaction.blobVersionedHashes)
      expect(same(simpleCodec.decode(blobs), payload)).toBe(true)
      // A version 1 sidecar made elsewhere is not sent either.
      const sidecar = await upgradeSidecar(signed.sidecar, { kzg })
      const prepared = await prepareBlobTransaction(anvil.client, { account, to, sidecar, kzg })
      expect(prepared.sidecar).toEqual(signed.sidecar)
    } finally {
      await anvil.stop()
    }
  })
})

describe('sendSignedBlobTransaction', () => {
  const hash = `0x${'ab'.repeat(32)}` as const
  const clock = { now: () => 0, sleep: async () => {} }
  const node = (answers: Record<string, unknown>): { request(args: { method: string }): Promise<unknown> } => ({
    async request({ method }) {
      const answer = answers[method]
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  const send = (answers: Record<string, unknown>, knownChecks?: number): Promise<Hex> =>
    sendSignedBlobTransaction(node(answers), { hash, serialized: '0x03' }, { knownChecks }, clock)

  it('notices a node that takes the transaction and drops it', async () => {
    const silent = { eth_sendRawTransaction: hash, eth_getTransactionByHash: null }
    await expect(send(silent)).rejects.toMatchObject({ code: 'TRANSACTION_DROPPED', recovery: 'retry' })
    expect(await send(silent, 0)).toBe(hash)
  })

  it('keeps the process alive between two looks whether the node knows the transaction', async () => {
    const program = `
      import { sendSignedBlobTransaction } from '@l2/blob'
      let looks = 0
      const request = async ({ method }) => (method === 'eth_sendRawTransaction' || looks++ > 0 ? '${hash}' : null)
      process.stdout.write(await sendSignedBlobTransaction({ request }, { hash: '${hash}', serialized: '0x03' }))`
    const args = ['--conditions=@l2/source', '--import=tsx', '--input-type=module', '-e', program]
    const cwd = fileURLToPath(new URL('../../', import.meta.url))
    expect((await promisify(execFile)(process.execPath, args, { cwd })).stdout).toBe(hash)
  })

  it('takes a used nonce for a success when it is this transaction that used it', async () => {
    const used = Object.assign(new Error('nonce too low: next nonce 4, tx nonce 3'), { code: -32000 })
    expect(await send({ eth_sendRawTransaction: used, eth_getTransactionByHash: { hash } })).toBe(hash)
    await expect(send({ eth_sendRawTransaction: used, eth_getTransactionByHash: null })).rejects.toMatchObject({
      details: { rejection: 'nonce-too-low' },
    })
    const cut = new Error('socket hang up')
    await expect(send({ eth_sendRawTransaction: used, eth_getTransactionByHash: cut })).rejects.toMatchObject({
      code: 'NODE_UNAVAILABLE',
    })
  })

  it('does not call an unknown outcome a refusal', async () => {
    const broken = { eth_sendRawTransaction: new Error('socket hang up at https://node.example/key') }
    const error = await send(broken).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'NODE_UNAVAILABLE', recovery: 'retry' })
    expect(JSON.stringify(error)).not.toContain('key')
  })

  it.each([
    ['replacement transaction underpriced', 'replacement-underpriced', 'retry'],
    ['transaction underpriced', 'underpriced', 'retry'],
    ['address already reserved', 'reserved', 'retry'],
    ['account limit exceeded: pooled 16 txs', 'account-limit', 'retry'],
    ['node is syncing', 'syncing', 'retry'],
    ['unexpected eip-4844 sidecar after osaka', 'wrapper-version', 'abort'],
    ['too many blobs in transaction (have 7, max 6)', 'too-many-blobs', 'abort'],
    ['tx fee (2.00 ether) exceeds the configured cap (1.00 ether)', 'fee-cap', 'retry'],
    ['not on a Sunday', 'unknown', 'retry'],
  ])('reads "%s" as %s', async (message, rejection, recovery) => {
    const refusing = { eth_sendRawTransaction: Object.assign(new Error(message), { code: -32000 }) }
    await expect(send(refusing)).rejects.toMatchObject({
      code: 'TRANSACTION_REJECTED',
      recovery,
      details: { rejection, reason: message },
      shortMessage: `the node refused transaction ${hash}: ${message}`,
      metaMessages: [`try: ${sendFailureCures[rejection as SendFailure].cure}`],
    })
  })

  it('says what the node said, not what the client says around it', async () => {
    const request = async ({ method }: { method: string }) => {
      throw { code: -32000, message: `address already reserved by ${method} at https://node.example/key` }
    }
    const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }) })
    const error = await sendSignedBlobTransaction(client, { hash, serialized: '0x03' }).catch(
      (thrown: unknown) => thrown,
    )
    const reason = 'address already reserved by eth_sendRawTransaction at https://node.example'
    expect(error).toMatchObject({
      details: { reason },
      message: expect.stringMatching(/^the node refused transaction 0x[0-9a-f]+: address already/),
    })
  })
})

describe('several sends at once from one account', () => {
  // The same proofs for all: what is tried is the order of the nonces.
  const [blob] = opCodec.encode(new Uint8Array(10))
  const commitment = kzg.blobToKzgCommitment(blob!)
  const sidecar = {
    version: 1,
    blobs: [blob!],
    commitments: [commitment],
    proofs: kzg.computeCellsAndKzgProofs(blob!).proofs,
  } as const
  const fields = { to, sidecar, kzg, gas: 21_000n } as const
  const gwei = 10n ** 9n
  const fees = { maxPriorityFeePerGas: gwei, maxFeePerGas: 10n * gwei, maxFeePerBlobGas: gwei }
  const parameters = { ...blobForkAt(1, 2_000_000_000n), max: 9 }
  const key = () => `0x${random.bytes(32).reduce((hex, byte) => hex + byte.toString(16).padStart(2, '0'), '')}` as const

  /** A pool that takes one transaction a nonce and no gap, and counts what is pending only so often. */
  const pool = (options: { stale?: boolean; foreign?: number[]; lossy?: number } = {}) => {
    const taken = new Map<number, Hex>((options.foreign ?? []).map(nonce => [nonce, '0xf0' as Hex]))
    let losses = options.lossy ?? 0
    const next = () => {
      let nonce = 0
      while (taken.has(nonce)) nonce++
      return nonce
    }
    const request = async ({ method, params }: { method: string; params: unknown[] }): Promise<unknown> => {
      await new Promise(resolve => setTimeout(resolve, 1))
      if (method === 'eth_chainId') return '0x1'
      if (method === 'eth_getTransactionCount') return options.stale ? '0x0' : `0x${next().toString(16)}`
      if (method === 'eth_getTransactionByHash') return { hash: params[0] }
      if (method !== 'eth_sendRawTransaction') throw Object.assign(new Error(method), { code: -32601 })
      const { transaction, hash } = parseBlobTransaction(params[0] as Hex)
      if (losses-- > 0) throw new Error('socket hang up')
      const refuse = (message: string) => Object.assign(new Error(message), { code: -32000 })
      const old = taken.get(transaction.nonce)
      if (old !== undefined && old !== hash) throw refuse('replacement transaction underpriced')
      if (transaction.nonce > next()) throw refuse('nonce too high: gapped nonce')
      taken.set(transaction.nonce, hash!)
      return hash
    }
    return { client: { request }, taken }
  }
  const send = (client: RpcClient, account: BlobSigner, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        sendBlobTransaction(client, { ...fields, ...fees, parameters, account, data: `0x0${index}` }),
      ),
    )
  const allOf = async (sent: Promise<SignedBlobTransaction[]>, { taken }: ReturnType<typeof pool>, from = 0) => {
    const signed = await sent
    expect(signed.map(({ transaction }) => transaction.nonce)).toEqual(signed.map((_, index) => from + index))
    for (const { hash, transaction } of signed) expect(taken.get(transaction.nonce)).toBe(hash)
  }

  it('have a nonce each, with a nonceManager and without', async () => {
    const plain = pool()
    await allOf(send(plain.client, privateKeyToAccount(key()), 4), plain)
    const managed = pool()
    const nonceManager = createNonceManager({ source: jsonRpc() })
    const account = privateKeyToAccount(key(), { nonceManager })
    const client = createPublicClient({ transport: custom(managed.client as never, { retryCount: 0 }) })
    await allOf(send(client, account, 4), managed)
    // The manager's own next is the one after them, for viem's wallets as well.
    expect(await nonceManager.get({ address: account.address, chainId: 1, client })).toBe(4)
  })

  it('pass over nonces that somebody else has, and over a node that counts too few', async () => {
    const foreign = pool({ foreign: [0, 1], stale: true })
    await allOf(send(foreign.client, privateKeyToAccount(key()), 3), foreign, 2)
  })

  it('do not take a nonce for an answer that was lost', async () => {
    const lossy = pool({ lossy: 1 })
    const account = privateKeyToAccount(key())
    const results = await Promise.allSettled(
      [1, 2].map(() => sendBlobTransaction(lossy.client, { ...fields, ...fees, parameters, account })),
    )
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'NODE_UNAVAILABLE', recovery: 'retry' } })
    expect(results[1]).toMatchObject({ status: 'fulfilled', value: { transaction: { nonce: 0 } } })
  })

  it('do not go again under another nonce when a client asked twice and the first time was heard', async () => {
    const asked = pool()
    const sent: Hex[] = []
    // As a transport that falls back to a second node, which has the block that the first one's transaction is in.
    const request: RpcClient['request'] = async call => {
      const result = await asked.client.request(call as never)
      if (call.method !== 'eth_sendRawTransaction') return result as never
      sent.push(result as Hex)
      throw Object.assign(new Error('nonce too low'), { code: -32000 })
    }
    const options = { ...fields, ...fees, parameters, account: privateKeyToAccount(key()) }
    const { hash } = await sendBlobTransaction({ request }, options)
    expect(sent).toEqual([hash])
  })

  it('keep to the nonce that they are given', async () => {
    const taken = pool({ foreign: [0] })
    const options = { ...fields, ...fees, parameters, account: privateKeyToAccount(key()), nonce: 0 }
    await expect(sendBlobTransaction(taken.client, options)).rejects.toMatchObject({
      details: { rejection: 'replacement-underpriced' },
    })
  })

  it('give their place to the next when they are aborted while they wait', async () => {
    const one = pool()
    const account = privateKeyToAccount(key())
    const abort = new AbortController()
    const { signal } = abort
    const options = { ...fields, ...fees, parameters, account }
    const first = sendBlobTransaction(one.client, { ...options })
    const second = sendBlobTransaction(one.client, { ...options, signal })
    const third = sendBlobTransaction(one.client, { ...options })
    abort.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    expect([(await first).transaction.nonce, (await third).transaction.nonce]).toEqual([0, 1])
  })
})
