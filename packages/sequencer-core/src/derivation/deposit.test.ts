import { bytesToHex, hexToBytes } from '@l2/common'
import fc from 'fast-check'
import type { Address, Hash } from 'viem'
import { keccak256, stringToHex } from 'viem'
import { serializeTransaction } from 'viem/op-stack'
import { describe, expect, it } from 'vitest'
import type { SequencerError } from '../errors.js'
import {
  aliasL1Address,
  type DepositTransaction,
  decodeDeposit,
  depositFromLog,
  depositSourceHash,
  depositsOfBlock,
  encodeDeposit,
  encodeDepositLog,
  transactionDepositedTopic,
} from './deposit.js'
import type { L1Log } from './l1.js'

const zero: Hash = `0x${'00'.repeat(32)}`
const portal: Address = `0x${'cc'.repeat(20)}`
const thrown = (run: () => unknown): SequencerError => {
  try {
    run()
  } catch (error) {
    return error as SequencerError
  }
  throw new Error('nothing was thrown')
}

const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytes => bytesToHex(bytes) as Address)
const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })
const deposit: fc.Arbitrary<DepositTransaction> = fc.record({
  sourceHash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex),
  from: address,
  to: fc.option(address, { nil: undefined }),
  mint: uint(256),
  value: uint(256),
  gas: uint(64),
  isSystemTransaction: fc.boolean(),
  data: fc.uint8Array({ maxLength: 200 }),
})

describe('depositSourceHash', () => {
  it('knows the published values', () => {
    expect(depositSourceHash({ type: 'user', l1BlockHash: zero, logIndex: 0n })).toBe(
      '0xed428e1c45e1d9561b62834e1a2d3015a0caae3bfdc16b4da059ac885b01a145',
    )
    expect(
      depositSourceHash({
        type: 'l1-info',
        l1BlockHash: '0x392012032675be9f94aae5ab442de73c5f4fb1bf30fa7dd0d2442239899a40fc',
        sequenceNumber: 4n,
      }),
    ).toBe('0x9faba4bffba01d831cb39e31f4f635c94687f9388ae6e3995cb3c788ce36ce04')
    // Source: OP specs, Ecotone, "L1Block deployment".
    expect(depositSourceHash({ type: 'upgrade', intent: 'Ecotone: L1 Block Deployment' })).toBe(
      '0x877a6077205782ea15a6dc8699fa5ebcec5e0f4389f09cb8eda09488231346f8',
    )
  })
})

describe('encodeDeposit', () => {
  it('encodes as viem does', () => {
    fc.assert(
      fc.property(deposit, tx => {
        const theirs = serializeTransaction({
          type: 'deposit',
          sourceHash: tx.sourceHash,
          from: tx.from,
          to: tx.to,
          mint: tx.mint,
          value: tx.value,
          gas: tx.gas,
          isSystemTx: tx.isSystemTransaction,
          data: bytesToHex(tx.data),
        } as Parameters<typeof serializeTransaction>[0])
        expect(bytesToHex(encodeDeposit(tx))).toBe(theirs)
      }),
    )
  })

  it('is read back', () => {
    fc.assert(fc.property(deposit, tx => void expect(decodeDeposit(encodeDeposit(tx))).toEqual(tx)))
  })

  it.each([
    ['02c0', 'another type', 'DEPOSIT_INVALID'],
    ['7ec0', 'no fields', 'DEPOSIT_INVALID'],
    ['7e', 'nothing', 'RLP_INVALID'],
  ])('refuses %s (%s)', (hex, _, code) => {
    expect(thrown(() => decodeDeposit(hexToBytes(hex)!)).code).toBe(code)
  })

  it('refuses trailing bytes, short addresses and a flag that is no boolean', () => {
    const bytes = encodeDeposit({
      sourceHash: zero,
      from: portal,
      to: undefined,
      mint: 0n,
      value: 0n,
      gas: 1n,
      isSystemTransaction: true,
      data: new Uint8Array(),
    })
    expect(thrown(() => decodeDeposit(Uint8Array.of(...bytes, 0))).code).toBe('DEPOSIT_INVALID')
    expect(thrown(() => decodeDeposit(bytes.map((byte, i) => (i === bytes.length - 2 ? 2 : byte)))).code).toBe(
      'DEPOSIT_INVALID',
    )
  })
})

describe('depositFromLog', () => {
  const empty: L1Log = {
    address: portal,
    topics: [
      transactionDepositedTopic,
      `0x${'00'.repeat(12)}${'ff'.repeat(20)}`,
      `0x${'00'.repeat(12)}${'bb'.repeat(20)}`,
      zero,
    ],
    // 128 bytes of opaque data, all zero.
    data: hexToBytes(`${'20'.padStart(64, '0')}${'80'.padStart(64, '0')}${'00'.repeat(128)}`)!,
    logIndex: 0,
  }

  it('knows the event', () => {
    expect(transactionDepositedTopic).toBe(
      keccak256(stringToHex('TransactionDeposited(address,address,uint256,bytes)')),
    )
  })

  it('makes the deposit that op-node makes', () => {
    expect(bytesToHex(encodeDeposit(depositFromLog(empty, zero)))).toBe(
      `0x7ef887a0ed428e1c45e1d9561b62834e1a2d3015a0caae3bfdc16b4da059ac885b01a14594${'ff'.repeat(20)}94${'bb'.repeat(20)}80808080b7${'00'.repeat(55)}`,
    )
  })

  it('is the inverse of the log that the portal emits', () => {
    fc.assert(
      fc.property(deposit, fc.nat(1000), (tx, logIndex) => {
        const log = { ...encodeDepositLog(tx), address: portal, logIndex }
        const sourceHash = depositSourceHash({ type: 'user', l1BlockHash: zero, logIndex: BigInt(logIndex) })
        expect(depositFromLog(log, zero)).toEqual({ ...tx, sourceHash, isSystemTransaction: false })
      }),
    )
  })

  const patch = (at: number, bytes: readonly number[]): Uint8Array => {
    const data = Uint8Array.from(empty.data)
    data.set(bytes, at)
    return data
  }
  it.each<[string, Partial<L1Log>]>([
    ['three topics', { topics: empty.topics.slice(0, 3) }],
    ['another event', { topics: [zero, ...empty.topics.slice(1)] }],
    ['a version from the future', { topics: [...empty.topics.slice(0, 3), `0x${'00'.repeat(31)}01`] }],
    ['too little data', { data: new Uint8Array(32) }],
    ['half a word', { data: empty.data.subarray(0, 190) }],
    ['another offset', { data: patch(31, [33]) }],
    ['an offset beyond 64 bits', { data: patch(0, [1]) }],
    ['a length beyond the data', { data: patch(63, [0x81]) }],
    ['a length of 2^255', { data: patch(32, [0x80]) }],
    ['a word too much of padding', { data: patch(63, [0x60]) }],
    ['less than its fixed fields', { data: empty.data.subarray(0, 128).map((b, i) => (i === 63 ? 64 : b)) }],
  ])('refuses %s', (_, change) => {
    expect(thrown(() => depositFromLog({ ...empty, ...change }, zero)).code).toBe('DEPOSIT_INVALID')
  })

  it('takes the deposits of a block in log order, from the portal alone', () => {
    const log = (from: Address, logIndex: number): L1Log => ({
      ...encodeDepositLog({ from, to: undefined, mint: 0n, value: 0n, gas: 1n, data: new Uint8Array() }),
      address: portal,
      logIndex,
    })
    const a = log(`0x${'01'.repeat(20)}`, 0)
    const b = log(`0x${'02'.repeat(20)}`, 2)
    const other = { ...log(`0x${'03'.repeat(20)}`, 1), address: zero.slice(0, 42) as Address }
    const noise = { address: portal, topics: [], data: new Uint8Array(), logIndex: 3 }
    const upper = portal.replace(/c/g, 'C') as Address
    expect(depositsOfBlock([a, other, b, noise], zero, upper)).toEqual(
      [a, b].map(l => encodeDeposit(depositFromLog(l, zero))),
    )
    expect(() => depositsOfBlock([{ ...a, data: new Uint8Array(31) }], zero, portal)).toThrow()
  })
})

describe('aliasL1Address', () => {
  it('adds the offset modulo 2^160', () => {
    expect(aliasL1Address('0x0000000000000000000000000000000000000000')).toBe(
      '0x1111000000000000000000000000000000001111',
    )
    expect(aliasL1Address('0xffffffffffffffffffffffffffffffffffffffff')).toBe(
      '0x1111000000000000000000000000000000001110',
    )
  })
})
