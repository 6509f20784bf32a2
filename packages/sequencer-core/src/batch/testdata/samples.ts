import { bytesToHex } from '@l2/common'
import type { Random } from '@l2/common/testing'
import { encodeRlp, type RlpValue } from '../../rlp/rlp.js'
import type { Batch, BatchBlock, SingularBatch, SpanBatch } from '../types.js'

/** An integer whose size in bytes is as random as its value, zero included. */
export function randomUint(random: Random, maxBytes: number): bigint {
  let value = 0n
  for (const byte of random.bytes(random.below(maxBytes + 1))) value = (value << 8n) | BigInt(byte)
  return value
}

const none = new Uint8Array()

function randomAccessList(random: Random): RlpValue {
  return Array.from({ length: random.below(3) }, () => [
    random.bytes(20),
    Array.from({ length: random.below(3) }, () => random.bytes(32)),
  ])
}

/** The shapes a span batch can carry; `unprotected` is a legacy transaction without a chain id. */
export const transactionKinds = ['legacy', 'unprotected', 'eip2930', 'eip1559', 'eip7702'] as const
export type TransactionKind = (typeof transactionKinds)[number]

/** A well-formed transaction with a random signature. */
export function randomTransaction(random: Random, chainId: bigint, kind: TransactionKind): Uint8Array {
  const creation = kind !== 'eip7702' && random.bool(0.2)
  const nonce = randomUint(random, 8)
  const gas = randomUint(random, 8)
  const to = creation ? none : random.bytes(20)
  const value = randomUint(random, 32)
  const data = random.bytes(random.below(random.bool(0.1) ? 400 : 70))
  const parity = BigInt(random.below(2))
  const r = randomUint(random, 32)
  const s = randomUint(random, 32)
  const fee = randomUint(random, 10)
  const typed = (type: number, fields: RlpValue[]): Uint8Array => {
    const body = encodeRlp(fields)
    const bytes = new Uint8Array(body.length + 1)
    bytes[0] = type
    bytes.set(body, 1)
    return bytes
  }
  switch (kind) {
    case 'legacy':
      return encodeRlp([nonce, fee, gas, to, value, data, 2n * chainId + 35n + parity, r, s])
    case 'unprotected':
      return encodeRlp([nonce, fee, gas, to, value, data, 27n + parity, r, s])
    case 'eip2930':
      return typed(1, [chainId, nonce, fee, gas, to, value, data, randomAccessList(random), parity, r, s])
    case 'eip1559': {
      const accessList = randomAccessList(random)
      return typed(2, [chainId, nonce, fee, fee + 1n, gas, to, value, data, accessList, parity, r, s])
    }
    case 'eip7702': {
      const authorizations = Array.from({ length: random.below(3) }, () => [
        random.bool() ? chainId : 0n,
        random.bytes(20),
        randomUint(random, 8),
        BigInt(random.below(2)),
        randomUint(random, 32),
        randomUint(random, 32),
      ])
      const accessList = randomAccessList(random)
      const head = [chainId, nonce, fee, fee + 1n, gas, to, value, data]
      return typed(4, [...head, accessList, authorizations, parity, r, s])
    }
  }
}

export function randomTransactions(random: Random, chainId: bigint, max: number): Uint8Array[] {
  return Array.from({ length: random.below(max + 1) }, () =>
    randomTransaction(random, chainId, random.pick(transactionKinds)),
  )
}

export function randomSpanBatch(random: Random, chainId: bigint): SpanBatch {
  return {
    type: 'span',
    relTimestamp: randomUint(random, 8),
    l1OriginNumber: randomUint(random, 8),
    parentCheck: random.bytes(20),
    l1OriginCheck: random.bytes(20),
    blocks: Array.from({ length: 1 + random.below(20) }, () => ({
      originAdvanced: random.bool(),
      transactions: randomTransactions(random, chainId, 5),
    })),
  }
}

export function randomSingularBatch(random: Random, chainId: bigint): SingularBatch {
  return {
    type: 'singular',
    parentHash: bytesToHex(random.bytes(32)),
    epochNumber: randomUint(random, 8),
    epochHash: bytesToHex(random.bytes(32)),
    timestamp: randomUint(random, 8),
    transactions: randomTransactions(random, chainId, 5),
  }
}

/**
 * A chain whose blocks look like a real one's: recurring contracts, selectors and senders, random signatures and amounts; about 700 bytes a
 * transaction, where OP Mainnet's March 2024 had 800 (1 409 463 bytes of span batch for 1 766 transactions).
 */
export function sampleChain(
  random: Random,
  options: {
    chainId: bigint
    genesisTimeSeconds: bigint
    blocks: number
    transactionsPerBlock: number
    blockTimeSeconds?: bigint
  },
): BatchBlock[] {
  const { chainId, genesisTimeSeconds } = options
  const blockTime = options.blockTimeSeconds ?? 2n
  const pool = (size: number, bytes: number): Uint8Array[] => Array.from({ length: size }, () => random.bytes(bytes))
  const contracts = pool(40, 20)
  const selectors = pool(25, 4)
  const users = pool(400, 20)
  const nonces = users.map(() => random.below(3000))
  // Few of a pool account for most of its uses.
  const skewed = (size: number): number => Math.floor(size * random.float() ** 3)
  const word = (value: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(32)
    bytes.set(value, 32 - value.length)
    return bytes
  }
  const epochs = Array.from({ length: options.blocks }, () => random.bytes(32))
  let sequenceNumber = -1n
  return Array.from({ length: options.blocks }, (_, index) => {
    sequenceNumber = index % 6 === 0 ? 0n : sequenceNumber + 1n
    const epoch = Math.floor(index / 6)
    const count = Math.floor(options.transactionsPerBlock) + (random.bool(options.transactionsPerBlock % 1) ? 1 : 0)
    const transactions = Array.from({ length: count }, () => {
      const user = skewed(users.length)
      const nonce = BigInt(nonces[user]!++)
      const transfer = random.bool(0.25)
      const words: Uint8Array[] = transfer ? [] : [selectors[skewed(selectors.length)]!]
      for (let left = transfer ? 0 : 1 + Math.floor(80 * random.float() ** 3); left > 0; left--) {
        const kind = random.below(4)
        if (kind === 0) words.push(word(users[skewed(users.length)]!))
        else if (kind === 1) words.push(word(contracts[skewed(contracts.length)]!))
        else if (kind === 2) words.push(word(random.bytes(1 + random.below(10))))
        else words.push(word(Uint8Array.of(32 * random.below(8))))
      }
      const data = new Uint8Array(words.reduce((sum, part) => sum + part.length, 0))
      let at = 0
      for (const part of words) {
        data.set(part, at)
        at += part.length
      }
      const fee = 1_000_000n * BigInt(1 + random.below(4))
      const gas = BigInt(transfer ? 21_000 : 50_000 + 1000 * random.below(300))
      const to = transfer ? users[skewed(users.length)]! : contracts[skewed(contracts.length)]!
      const value = transfer ? 10n ** 15n * BigInt(random.below(2000)) : 0n
      const r = word(random.bytes(32))
      const s = word(random.bytes(32))
      const parity = BigInt(random.below(2))
      r[0]! |= 1
      s[0]! = (s[0]! & 0x7f) | 1
      if (random.bool(0.15)) {
        return encodeRlp([nonce, fee, gas, to, value, data, 2n * chainId + 35n + parity, r, s])
      }
      const body = encodeRlp([chainId, nonce, fee, fee + 100n, gas, to, value, data, [], parity, r, s])
      const raw = new Uint8Array(body.length + 1)
      raw[0] = 2
      raw.set(body, 1)
      return raw
    })
    return {
      parentHash: bytesToHex(random.bytes(32)),
      timestamp: genesisTimeSeconds + blockTime * BigInt(index + 1),
      epochNumber: 1000n + BigInt(epoch),
      epochHash: bytesToHex(epochs[epoch]!),
      sequenceNumber,
      transactions,
    }
  })
}

/** Batches as text, to compare many of them at once. */
export function batchText(batches: readonly Batch[]): string {
  return JSON.stringify(batches, (_, value: unknown) => {
    if (value instanceof Uint8Array) return bytesToHex(value)
    return typeof value === 'bigint' ? `${value}` : value
  })
}
