import { createRequire } from 'node:module'
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createTxFromRLP } from '@ethereumjs/tx'
import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import { codeOf, runs, seededRandom, testSeed } from '@l2/common/testing'
import {
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerializable,
  type TransactionSerialized,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { recoverAuthorizationAddress } from 'viem/utils'
import { describe, expect, it } from 'vitest'
import { SequencerError } from '../errors.js'
import { authoritiesOf } from './authorization.js'
import { decodeTransaction, decodeTransactions } from './decode.js'
import { checkTransaction, effectiveTip, intrinsicGas, maxCostWei, osakaGas, pragueGas } from './gas.js'
import { toJsonRpcError } from './json-rpc.js'
import { createNativeRecovery } from './native.js'
import { nobleRecovery } from './recovery.js'
import { createRecoveryPool } from './recovery-pool.js'
import { type Flaw, randomTransaction, type TestSigner } from './testdata/random-transaction.js'
import type { Transaction } from './types.js'

const alice = privateKeyToAccount(`0x${'01'.repeat(32)}`)
const native = await createNativeRecovery()
const secp256k1 = createRequire(import.meta.url)('secp256k1/bindings.js')
const nativeSigner: TestSigner = (hash, key) => {
  const { signature, recid } = secp256k1.ecdsaSign(hash, key)
  return { signature, recovery: recid }
}

const common = new Common({ chain: { ...Mainnet, chainId: 10 }, hardfork: Hardfork.Prague })

/** What @ethereumjs/tx makes of it: the most careful peer, except that it leaves type 0 without a chain to its caller. */
function ethereumjs(raw: Uint8Array) {
  try {
    const transaction = createTxFromRLP(raw, { common, freeze: false })
    return {
      hash: bytesToHex(transaction.hash()),
      sender: transaction.getSenderAddress().toString(),
      nonce: transaction.nonce,
      gasLimit: transaction.gasLimit,
      value: transaction.value,
      data: bytesToHex(transaction.data),
    }
  } catch {
    return undefined
  }
}

describe('decodeTransaction', () => {
  it('agrees with viem and @ethereumjs/tx about random transactions, sound and flawed', {
    timeout: 3_600_000,
  }, async () => {
    const count = runs({ suite: 400, soak: 100_000 })
    // Recovery in pure JavaScript is the slow part of the peers: the suite asks them for every fourth sender, a soak for all.
    const stride = runs({ suite: 4, soak: 1 })
    const random = seededRandom(testSeed())
    const flaws = new Map<Flaw, number>()
    for (let i = 0; i < count; i++) {
      const { raw, type, flaw } = randomTransaction(random, nativeSigner)
      flaws.set(flaw, (flaws.get(flaw) ?? 0) + 1)
      const hex = bytesToHex(raw)
      const label = `${flaw} ${hex}`
      let ours: Transaction | undefined
      try {
        ours = decodeTransaction(raw, { chainId: 10n, allowUnprotected: true, recovery: native })
      } catch (error) {
        if (!isL2Error(error)) throw error
      }
      expect(ours !== undefined, label).toBe(flaw === 'none')
      // viem checks neither canonical encoding nor the half of s, so acceptance is compared with @ethereumjs/tx.
      if (i % stride === 0) {
        const theirs = ethereumjs(raw)
        expect(theirs !== undefined, label).toBe(flaw === 'none')
        if (theirs !== undefined && ours !== undefined) {
          const { hash, sender, nonce, gasLimit, value, data } = ours
          expect({ hash, sender, nonce, gasLimit, value, data: bytesToHex(data) }).toEqual(theirs)
        }
      }
      if (ours === undefined) continue
      expect(ours.hash).toBe(keccak256(raw))
      const parsed = parseTransaction(hex as TransactionSerialized) as TransactionSerializable & {
        accessList?: unknown
        authorizationList?: readonly { chainId: number; address: string; nonce: number }[]
      }
      expect(ours.type).toBe(type)
      expect({
        chainId: ours.chainId === undefined ? undefined : Number(ours.chainId),
        nonce: Number(ours.nonce),
        gas: ours.gasLimit,
        to: ours.to,
        value: ours.value,
        data: ours.data.length === 0 ? undefined : bytesToHex(ours.data),
        fees: [ours.maxFeePerGas, ours.maxPriorityFeePerGas],
        accessList: ours.accessList,
        tuples: ours.authorizationList.map(({ chainId, address, nonce }) => [Number(chainId), address, Number(nonce)]),
      }).toEqual({
        chainId: parsed.chainId,
        nonce: parsed.nonce ?? 0,
        gas: parsed.gas ?? 0n,
        to: parsed.to ?? undefined,
        value: parsed.value ?? 0n,
        data: parsed.data,
        fees: [parsed.maxFeePerGas ?? parsed.gasPrice ?? 0n, parsed.maxPriorityFeePerGas ?? parsed.gasPrice ?? 0n],
        accessList: parsed.accessList ?? [],
        tuples: (parsed.authorizationList ?? []).map(tuple => [tuple.chainId, tuple.address, tuple.nonce]),
      })
      if (stride === 1 || i % stride === 1) {
        const recovered = await recoverTransactionAddress({ serializedTransaction: hex as TransactionSerialized })
        expect(ours.sender).toBe(recovered.toLowerCase())
      }
    }
    expect(flaws.size).toBe(13)
  })

  it('gives the same sender by noble, by libsecp256k1, and over threads', async () => {
    const random = seededRandom(testSeed(5))
    const raws = Array.from({ length: 60 }, () => randomTransaction(random, nativeSigner).raw)
    const options = { chainId: 10n, allowUnprotected: true }
    const one = (raw: Uint8Array, recovery: typeof native) => {
      try {
        return decodeTransaction(raw, { ...options, recovery }).sender
      } catch (error) {
        return (error as SequencerError).code
      }
    }
    await using pool = await createRecoveryPool({ threads: 2, recordsPerMessage: 7 })
    const threaded = (await decodeTransactions(raws, { ...options, recovery: pool })).map(result =>
      isL2Error(result) ? result.code : result.sender,
    )
    expect(threaded).toEqual(raws.map(raw => one(raw, native)))
    expect(threaded).toEqual(raws.map(raw => one(raw, nobleRecovery)))
    expect(await decodeTransactions([], { ...options, recovery: pool })).toEqual([])
    await pool.close()
    await expect(decodeTransactions(raws, { ...options, recovery: pool })).rejects.toMatchObject({
      code: 'NATIVE_UNAVAILABLE',
    })
  })

  it('refuses an r that is no point as having no sender, in every recovery', async () => {
    // x = 5 is on no point of secp256k1.
    const hash = new Uint8Array(32).fill(7)
    const signature = new Uint8Array(64)
    signature[31] = 5
    signature[63] = 1
    expect(nobleRecovery.recover(hash, signature, 0)).toBeUndefined()
    expect(native.recover(hash, signature, 0)).toBeUndefined()
  })

  it('keeps views, not copies', async () => {
    const raw = hexToBytes(
      await alice.signTransaction({ chainId: 10, gas: 50_000n, gasPrice: 1n, to: alice.address, data: '0x1234' }),
    )!
    const transaction = decodeTransaction(raw)
    expect(transaction.raw).toBe(raw)
    expect(transaction.data.buffer).toBe(raw.buffer)
    expect(bytesToHex(transaction.data)).toBe('0x1234')
  })

  it('names what is wrong with the code and words that geth users know', async () => {
    const raw = hexToBytes(
      await alice.signTransaction({
        chainId: 5,
        gas: 20_000n,
        maxFeePerGas: 2n,
        maxPriorityFeePerGas: 1n,
        to: alice.address,
      }),
    )!
    const unprotected = hexToBytes(
      'f85f800182520894000000000000000000000000000000000000000a80801ca098ff921201554726367d2be8c804a7ff89ccf285ebc57dff8ae4c44b9c19ac4aa01887321be575c8095f789dd4c743dfe42c1820f9231f98a962b210e3ac2452a3',
    )!
    const answer = (bytes: Uint8Array, options: Parameters<typeof decodeTransaction>[1] = {}) => {
      try {
        decodeTransaction(bytes, { recovery: native, ...options })
      } catch (error) {
        return toJsonRpcError(error)
      }
      return undefined
    }
    expect(answer(raw, { chainId: 10n })).toEqual({
      code: -32000,
      message: 'invalid chain id for signer: have 5 want 10',
    })
    expect(answer(raw, { schedule: pragueGas })?.message).toBe('intrinsic gas too low: gas 20000, minimum needed 21000')
    expect(answer(raw, { maxBytes: 50 })?.message).toBe(`oversized data: transaction size ${raw.length}, limit 50`)
    expect(answer(unprotected)?.message).toBe('only replay-protected (EIP-155) transactions allowed over RPC')
    expect(answer(unprotected, { allowUnprotected: true })).toBeUndefined()
    expect(answer(Uint8Array.of(3, 0xc0))?.message).toMatch(/^transaction type not supported: tx type 3 .* for L1$/)
    expect(answer(Uint8Array.of(0x7e, 0xc0))?.message).toMatch(/deposits come from L1 only$/)
    expect(answer(Uint8Array.of(5))?.message).toBe('transaction type not supported: 5')
    expect(answer(Uint8Array.of(0, 0xc0))?.message).toMatch(/^transaction type not supported/)
    expect(answer(new Uint8Array())?.message).toBe('typed transaction too short')
    expect(answer(raw.subarray(0, 40))?.message).toMatch(/^rlp: invalid RLP/)
    expect(toJsonRpcError(new Error('a secret'))).toEqual({ code: -32603, message: 'internal error' })
    expect(toJsonRpcError(new SequencerError('failed conditional validation', { code: 'TX_CONDITION' })).code).toBe(
      -32003,
    )
  })

  it('does no work for what it refuses beyond reading it', () => {
    const random = seededRandom(testSeed(6))
    let recoveries = 0
    const recovery = {
      ...native,
      recover: (...of: Parameters<typeof native.recover>) => {
        recoveries++
        return native.recover(...of)
      },
    }
    let refused = 0
    for (let i = 0; i < 3_000; i++) {
      const { raw } = randomTransaction(random, nativeSigner, false)
      if (random.bool()) raw[random.below(raw.length)]! ^= 1 << random.below(8)
      if (codeOf(() => decodeTransaction(raw, { chainId: 11n, allowUnprotected: false, recovery })) !== 'none')
        refused++
    }
    expect(refused).toBeGreaterThan(2_900)
    expect(recoveries).toBeLessThan(100)
    expect(codeOf(() => decodeTransaction(random.bytes(131_073)))).toBe('TX_OVERSIZED')
  })
})

describe('gas', () => {
  const base = {
    to: alice.address,
    data: new Uint8Array(),
    accessList: [],
    authorizationList: [],
  } as unknown as Transaction
  it('adds up what a transaction costs by its shape', () => {
    expect(intrinsicGas(base)).toEqual({ intrinsic: 21_000n, floor: 21_000n })
    expect(intrinsicGas({ ...base, data: Uint8Array.of(0, 1) })).toEqual({ intrinsic: 21_020n, floor: 21_050n })
    expect(intrinsicGas({ ...base, to: undefined, data: new Uint8Array(33) }).intrinsic).toBe(
      21_000n + 32_000n + 33n * 4n + 4n,
    )
    const list = [
      { address: alice.address, storageKeys: ['0x00', '0x01'] },
      { address: alice.address, storageKeys: [] },
    ]
    expect(intrinsicGas({ ...base, accessList: list as never }).intrinsic).toBe(21_000n + 2n * 2_400n + 2n * 1_900n)
    expect(intrinsicGas({ ...base, authorizationList: [{}, {}] as never }).intrinsic).toBe(71_000n)
    expect(intrinsicGas({ ...base, data: Uint8Array.of(1) }, { ...pragueGas, floorPerToken: 0n }).floor).toBe(0n)
  })

  it('pays the smaller of the tip and what the cap leaves', () => {
    expect(effectiveTip({ maxFeePerGas: 100n, maxPriorityFeePerGas: 5n }, 90n)).toBe(5n)
    expect(effectiveTip({ maxFeePerGas: 100n, maxPriorityFeePerGas: 50n }, 90n)).toBe(10n)
    expect(effectiveTip({ maxFeePerGas: 100n, maxPriorityFeePerGas: 50n }, 101n)).toBe(-1n)
    expect(maxCostWei({ gasLimit: 3n, maxFeePerGas: 5n, value: 7n })).toBe(22n)
  })

  it('knows the cap on the gas of one transaction since Osaka', () => {
    const large = { ...base, gasLimit: 16_777_217n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n, nonce: 0n }
    expect(codeOf(() => checkTransaction(large))).toBe('none')
    expect(codeOf(() => checkTransaction(large, osakaGas))).toBe('TX_GAS_LIMIT')
  })
})

describe('authoritiesOf', () => {
  it('recovers who signed each tuple, as viem does', async () => {
    const bob = privateKeyToAccount(`0x${'02'.repeat(32)}`)
    const tuples = await Promise.all(
      [bob, alice, bob].map((account, nonce) =>
        account.signAuthorization({ chainId: 10, nonce, address: alice.address }),
      ),
    )
    const raw = await alice.signTransaction({
      chainId: 10,
      gas: 200_000n,
      maxFeePerGas: 2n,
      maxPriorityFeePerGas: 1n,
      to: alice.address,
      authorizationList: tuples,
    })
    const transaction = decodeTransaction(hexToBytes(raw)!)
    expect(authoritiesOf(transaction, native)).toEqual([bob.address.toLowerCase(), alice.address.toLowerCase()])
    expect(authoritiesOf(transaction)).toEqual(authoritiesOf(transaction, native))
    expect((await recoverAuthorizationAddress({ authorization: tuples[0]! })).toLowerCase()).toBe(
      authoritiesOf(transaction)[0],
    )
    const voided = {
      ...transaction,
      authorizationList: transaction.authorizationList.map(tuple => ({ ...tuple, yParity: 2 })),
    }
    expect(authoritiesOf(voided, native)).toEqual([])
  })
})
