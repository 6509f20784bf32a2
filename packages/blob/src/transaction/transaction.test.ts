import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import { codeOf, mutate, runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import {
  fromRlp,
  type Hex,
  keccak256,
  parseTransaction,
  recoverAddress,
  serializeTransaction,
  toBlobSidecars,
  toRlp,
} from 'viem'
import { privateKeyToAccount, toAccount } from 'viem/accounts'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type BlobSidecar,
  type BlobTransaction,
  blobSerializers,
  buildSidecar,
  parseBlobTransaction,
  serializeBlobTransaction,
  sidecarHashes,
  signBlobTransaction,
  simpleCodec,
} from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const golden = {
  chainId: 1,
  nonce: 0,
  maxPriorityFeePerGas: 1_000_000_000n,
  maxFeePerGas: 10_000_000_000n,
  gas: 21_000n,
  to: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  value: 0n,
  data: '0x',
  accessList: [],
  maxFeePerBlobGas: 3_000_000_000n,
} as const

let zero: BlobSidecar
let one: BlobSidecar
let transaction: BlobTransaction
beforeAll(async () => {
  const blobs = simpleCodec.encode(hexToBytes('0xdeadbeef')!)
  zero = await buildSidecar(blobs, { kzg, version: 0 })
  one = await buildSidecar(blobs, { kzg, version: 1 })
  transaction = { ...golden, blobVersionedHashes: sidecarHashes(one) }
})

describe('the network wrapper', () => {
  it('of version 1 has the bytes of the reference', async () => {
    const signed = await signBlobTransaction(account, { transaction, sidecar: one })
    expect(transaction.blobVersionedHashes).toEqual([
      '0x01a24709d3997e8b217fe5460aef10ee515513ceba0362bf2d02a3ba73d7cb09',
    ])
    expect(signed.hash).toBe('0xf2fceca46a8650a86e9c98369b4e66d6d908279e77f0233aa50019c48925db4b')
    expect((signed.serialized.length - 2) / 2).toBe(137_559)
    expect(keccak256(signed.serialized)).toBe('0x0417f286a2f7d047bdeff45d1a40343860bc24fbd7d3794d6396c4cfbadb356d')
  })

  it('of version 0 has the bytes that viem makes', async () => {
    const signed = await signBlobTransaction(account, { transaction, sidecar: zero })
    const theirs = await account.signTransaction({
      ...golden,
      type: 'eip4844',
      blobVersionedHashes: transaction.blobVersionedHashes,
      sidecars: toBlobSidecars({ data: '0xdeadbeef', kzg }),
    })
    expect(signed.serialized === theirs).toBe(true)
    expect((signed.serialized.length - 2) / 2).toBe(131_333)
  })

  it('has the sizes of the reference for one blob and six', () => {
    const six: BlobSidecar = {
      version: 1,
      blobs: Array(6).fill(one.blobs[0]),
      commitments: Array(6).fill(one.commitments[0]),
      proofs: Array(768).fill(one.proofs[0]),
    }
    const signature = { yParity: 0, r: `0x${'11'.repeat(32)}`, s: `0x${'22'.repeat(32)}` } as const
    const size = (sidecar: BlobSidecar): number =>
      serializeBlobTransaction({ ...transaction, blobVersionedHashes: sidecarHashes(sidecar) }, { signature, sidecar })
        .length
    expect(size(one)).toBe(137_559)
    // 5 more blobs (each with a 4-byte header), commitments, 640 proofs and hashes, and a longer header around the hashes.
    expect(size(six) - size(one)).toBe(5 * (131_072 + 4 + 49 + 128 * 49 + 33) + 4)
  })
})

describe('parseBlobTransaction', () => {
  const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt(0n, 2n ** BigInt(bits) - 1n)
  const hex = (length: number): fc.Arbitrary<Hex> =>
    fc.uint8Array({ minLength: length, maxLength: length }).map(bytesToHex)
  const hash = hex(32).map(random => `0x01${random.slice(4)}` as Hex)
  const arbitrary: fc.Arbitrary<BlobTransaction> = fc
    .record({
      chainId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      nonce: fc.nat(2 ** 31 - 1),
      maxPriorityFeePerGas: uint(200),
      extra: uint(200),
      gas: uint(64),
      to: hex(20),
      value: uint(256),
      data: fc.uint8Array({ maxLength: 200 }).map(bytesToHex),
      accessList: fc.array(fc.record({ address: hex(20), storageKeys: fc.array(hex(32), { maxLength: 3 }) }), {
        maxLength: 3,
      }),
      maxFeePerBlobGas: uint(256),
      blobVersionedHashes: fc.array(hash, { minLength: 1, maxLength: 6 }),
    })
    .map(({ extra, ...rest }) => ({ ...rest, maxFeePerGas: rest.maxPriorityFeePerGas + extra }))
  const signatures = fc.record({
    yParity: fc.constantFrom<0 | 1>(0, 1),
    r: hex(32),
    s: hex(32),
  })

  it('reads what was written, and viem reads and writes the same', () => {
    fc.assert(
      fc.property(arbitrary, signatures, (tx, signature) => {
        const unsigned = serializeBlobTransaction(tx)
        expect(parseBlobTransaction(unsigned)).toEqual({
          transaction: tx,
          signature: undefined,
          sidecar: undefined,
          hash: undefined,
        })
        const signed = serializeBlobTransaction(tx, { signature })
        expect(parseBlobTransaction(bytesToHex(signed))).toEqual({
          transaction: tx,
          signature,
          sidecar: undefined,
          hash: keccak256(signed),
        })
        const viemable = { ...tx, type: 'eip4844' as const, blobVersionedHashes: [...tx.blobVersionedHashes] }
        expect(serializeTransaction(viemable)).toBe(bytesToHex(unsigned))
      }),
      { numRuns: runs({ suite: 150, soak: 3_000 }), seed: 1 },
    )
  })

  it('reads both wrappers', async () => {
    for (const sidecar of [zero, one]) {
      const signed = await signBlobTransaction(account, { transaction, sidecar })
      const parsed = parseBlobTransaction(signed.serialized)
      expect(parsed.hash).toBe(signed.hash)
      expect(parsed.signature).toEqual(signed.signature)
      expect(parsed.transaction).toEqual({ ...transaction, to: golden.to.toLowerCase() })
      expect(parsed.sidecar!.version).toBe(sidecar.version)
      expect(Buffer.compare(parsed.sidecar!.blobs[0]!, sidecar.blobs[0]!)).toBe(0)
      expect(parsed.sidecar!.proofs).toEqual(sidecar.proofs)
      const unsigned = keccak256(serializeBlobTransaction(transaction))
      expect(await recoverAddress({ hash: unsigned, signature: parsed.signature! })).toBe(account.address)
    }
    expect(() => parseTransaction('0x03c0')).toThrow()
  })

  it('refuses wrappers that are not what nodes take', async () => {
    const { serialized } = await signBlobTransaction(account, { transaction, sidecar: one })
    const [body, , blobs, commitments, proofs] = fromRlp(`0x${serialized.slice(4)}`, 'hex') as unknown as [
      Hex[],
      Hex,
      Hex[],
      Hex[],
      Hex[],
    ]
    const wrap = (items: unknown): unknown =>
      codeOf(() => parseBlobTransaction(`0x03${toRlp(items as never).slice(2)}` as Hex))
    expect(wrap([body, '0x01', blobs, commitments, proofs])).toBe('none')
    expect(wrap([body, '0x02', blobs, commitments, proofs])).toBe('SIDECAR_VERSION')
    expect(wrap([body, '0x00', blobs, commitments, proofs])).toBe('SIDECAR_VERSION')
    expect(wrap([body, '0x0001', blobs, commitments, proofs])).toBe('TRANSACTION_FORMAT')
    expect(wrap([body, '0x', blobs, commitments, proofs])).toBe('TRANSACTION_FORMAT')
    // One list of proofs a blob, as a library once sent them.
    expect(wrap([body, '0x01', blobs, commitments, [proofs]])).toBe('TRANSACTION_FORMAT')
    expect(wrap([body, '0x01', blobs, commitments, proofs.slice(1)])).toBe('TRANSACTION_FORMAT')
    expect(wrap([body, '0x01', [], commitments, proofs])).toBe('TRANSACTION_FORMAT')
    expect(wrap([body, blobs, commitments, proofs])).toBe('TRANSACTION_FORMAT')
    expect(wrap([body, '0x01', blobs, [`0xc0${'00'.repeat(47)}`], proofs])).toBe('SIDECAR_COMMITMENT')
    expect(wrap([body, '0x01', ['0x00'], commitments, proofs])).toBe('BLOB_LENGTH')
    expect(wrap([body.slice(0, 11), '0x01', blobs, commitments, proofs])).toBe('TRANSACTION_FORMAT')
    expect(wrap([body, '0x01', blobs, commitments, proofs, '0x'])).toBe('TRANSACTION_FORMAT')
  })

  it('refuses bodies that are not canonical', async () => {
    const { serialized } = await signBlobTransaction(account, { transaction, sidecar: one })
    const [body] = fromRlp(`0x${serialized.slice(4)}`, 'hex') as unknown as [Hex[]]
    const bare = (change: Record<number, unknown>, cut = body.length): unknown =>
      codeOf(() => {
        const items = body.map((item, i) => change[i] ?? item).slice(0, cut)
        parseBlobTransaction(`0x03${toRlp(items as never).slice(2)}` as Hex)
      })
    expect(bare({})).toBe('none')
    expect(bare({ 4: '0x005208' })).toBe('TRANSACTION_FORMAT')
    expect(bare({ 5: '0x' })).toBe('TRANSACTION_FORMAT')
    expect(bare({ 1: `0x${'ff'.repeat(8)}` })).toBe('TRANSACTION_FORMAT')
    expect(bare({ 6: `0x${'ff'.repeat(33)}` })).toBe('TRANSACTION_FORMAT')
    expect(bare({ 11: '0x02' })).toBe('TRANSACTION_FORMAT')
    expect(bare({ 8: [['0x00']] })).toBe('TRANSACTION_FORMAT')
    expect(bare({ 10: [] })).toBe('NO_BLOBS')
    expect(bare({ 10: Array(7).fill(transaction.blobVersionedHashes[0]) })).toBe('TOO_MANY_BLOBS')
    expect(bare({ 10: [`0x02${'00'.repeat(31)}`] })).toBe('TRANSACTION_FIELD')
    expect(bare({ 2: '0x04a817c800' })).toBe('TRANSACTION_FIELD')
    expect(bare({}, 12)).toBe('TRANSACTION_FORMAT')
    const signed = serializeBlobTransaction(transaction)
    expect(codeOf(() => parseBlobTransaction(Uint8Array.of(...signed, 0)))).toBe('TRANSACTION_FORMAT')
    expect(codeOf(() => parseBlobTransaction(signed.subarray(1)))).toBe('TRANSACTION_FORMAT')
    for (const nothing of ['0x', '0x03', '0x04c0', '0x3', 'x', undefined, 7]) {
      expect(codeOf(() => parseBlobTransaction(nothing as Hex))).toBe('TRANSACTION_FORMAT')
    }
    // Lists within lists, deeper than any stack.
    expect(codeOf(() => parseBlobTransaction(new Uint8Array(200_000).fill(0xc1).fill(3, 0, 1)))).toBe(
      'TRANSACTION_FORMAT',
    )
  })

  it('answers mutated bytes with a typed error or with what writes the same bytes', () => {
    const random = seededRandom(21)
    const signature = { yParity: 1, r: `0x${'11'.repeat(32)}`, s: `0x${'22'.repeat(32)}` } as const
    const accessList = [{ address: golden.to, storageKeys: [`0x${'33'.repeat(32)}` as Hex] }]
    const bytes = serializeBlobTransaction({ ...transaction, accessList }, { signature })
    for (let round = 0; round < runs({ suite: 3_000, soak: 60_000 }); round++) {
      const changed = mutate(bytes, random)
      let parsed: ReturnType<typeof parseBlobTransaction>
      try {
        parsed = parseBlobTransaction(changed)
      } catch (error) {
        expect(isL2Error(error)).toBe(true)
        continue
      }
      expect(serializeBlobTransaction(parsed.transaction, { signature: parsed.signature })).toEqual(changed)
    }
  })
})

describe('serializeBlobTransaction', () => {
  it('refuses fields outside their range', () => {
    const broken: [string, Partial<Record<keyof BlobTransaction, unknown>>][] = [
      ['TRANSACTION_FIELD', { chainId: -1 }],
      ['TRANSACTION_FIELD', { nonce: 2 ** 53 }],
      ['TRANSACTION_FIELD', { gas: 2n ** 64n }],
      ['TRANSACTION_FIELD', { value: -1n }],
      ['TRANSACTION_FIELD', { to: '0x' }],
      ['TRANSACTION_FIELD', { to: undefined }],
      ['TRANSACTION_FIELD', { data: '0x1' }],
      ['TRANSACTION_FIELD', { maxPriorityFeePerGas: golden.maxFeePerGas + 1n }],
      ['TRANSACTION_FIELD', { blobVersionedHashes: ['0x01'] }],
      ['NO_BLOBS', { blobVersionedHashes: [] }],
      ['TOO_MANY_BLOBS', { blobVersionedHashes: Array(7).fill(`0x01${'00'.repeat(31)}`) }],
    ]
    for (const [code, change] of broken) {
      expect(codeOf(() => serializeBlobTransaction({ ...transaction, ...change } as BlobTransaction))).toBe(code)
    }
    expect(codeOf(() => serializeBlobTransaction(transaction, { sidecar: one }))).toBe('TRANSACTION_FIELD')
  })
})

describe('signBlobTransaction', () => {
  it('takes any account that signs, and none that does not', async () => {
    const remote = toAccount({
      address: account.address,
      signMessage: account.signMessage,
      signTypedData: account.signTypedData,
      signTransaction: tx => account.signTransaction(tx),
    })
    const signed = await signBlobTransaction(remote, { transaction, sidecar: one })
    expect(signed.hash).toBe('0xf2fceca46a8650a86e9c98369b4e66d6d908279e77f0233aa50019c48925db4b')
    await expect(
      signBlobTransaction({ address: account.address }, { transaction, sidecar: one }),
    ).rejects.toMatchObject({ code: 'ACCOUNT' })
  })

  it('notices an account that signs something else', async () => {
    const dishonest = {
      address: account.address,
      signTransaction: (tx: object) => account.signTransaction({ ...tx, nonce: 1 } as never),
    }
    await expect(signBlobTransaction(dishonest, { transaction, sidecar: one })).rejects.toMatchObject({
      code: 'ACCOUNT',
    })
  })

  it('asks for nothing when the sidecar is not the transaction’s', async () => {
    const other = { ...transaction, blobVersionedHashes: [`0x01${'00'.repeat(31)}` as Hex] }
    await expect(signBlobTransaction(account, { transaction: other, sidecar: one })).rejects.toMatchObject({
      code: 'SIDECAR_COMMITMENT',
    })
  })
})

describe('blobSerializers', () => {
  const request = {
    ...golden,
    type: 'eip4844' as const,
  }

  it('makes viem’s signing produce the version 1 wrapper', async () => {
    const serializer = blobSerializers({ kzg }).transaction
    const sidecars = toBlobSidecars({ data: '0xdeadbeef', kzg })
    const { blobVersionedHashes } = transaction
    const serialized = await account.signTransaction(
      { ...request, blobVersionedHashes: [...blobVersionedHashes], sidecars },
      { serializer },
    )
    expect(keccak256(serialized)).toBe('0x0417f286a2f7d047bdeff45d1a40343860bc24fbd7d3794d6396c4cfbadb356d')
    const fromBlobs = await account.signTransaction(
      { ...request, blobVersionedHashes: [...blobVersionedHashes], blobs: one.blobs as Uint8Array[], kzg },
      { serializer },
    )
    expect(fromBlobs === serialized).toBe(true)
  })

  it('asks the node for the fork when it may', async () => {
    const blobSchedule = { target: 6, max: 9, baseFeeUpdateFraction: 5_007_716 }
    const client = { request: async () => ({ current: { blobSchedule, precompiles: {} } }) }
    const serialized = await account.signTransaction(
      {
        ...request,
        blobVersionedHashes: [...transaction.blobVersionedHashes],
        sidecars: toBlobSidecars({ data: '0xdeadbeef', kzg }),
      },
      { serializer: blobSerializers({ kzg, client }).transaction },
    )
    expect((serialized.length - 2) / 2).toBe(131_333)
  })

  it('leaves other transactions to viem', async () => {
    const plain = { type: 'eip1559', chainId: 1, to: golden.to, maxFeePerGas: 1n } as const
    expect(await blobSerializers({ kzg }).transaction(plain)).toBe(serializeTransaction(plain))
  })

  it('refuses a blob transaction without hashes', async () => {
    await expect(blobSerializers({ kzg }).transaction({ ...request, sidecars: false } as never)).rejects.toMatchObject({
      code: 'TRANSACTION_FIELD',
    })
  })

  it.each(['nonce', 'gas', 'maxPriorityFeePerGas', 'maxFeePerGas', 'maxFeePerBlobGas'] as const)(
    'names "%s" where it is missing, and makes up no zero',
    async field => {
      const { [field]: _, ...rest } = { ...request, blobVersionedHashes: [...transaction.blobVersionedHashes] }
      const serializer = blobSerializers({ kzg }).transaction
      await expect(
        account.signTransaction({ ...rest, sidecars: false } as never, { serializer }),
      ).rejects.toMatchObject({
        code: 'TRANSACTION_FIELD',
        details: { field },
      })
    },
  )
})
