import type { Clock } from '@l2/common'
import type { Random } from '@l2/common/testing'
import { type Hex, keccak256, toHex } from 'viem'
import type { EthereumClient, SigningAccount } from './rpc.js'
import type { PayloadKind } from './transaction.js'

/** Time that passes only when everybody waits. */
export function createSimulatedClock(): Clock & { run(until: () => boolean, maxMs: number): Promise<void> } {
  let now = 1_700_000_000_000
  const timers = new Set<{ at: number; fire: () => void }>()
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const stop = () => {
          timers.delete(timer)
          reject(signal?.reason)
        }
        const timer = {
          at: now + ms,
          fire: () => {
            signal?.removeEventListener('abort', stop)
            resolve()
          },
        }
        timers.add(timer)
        signal?.addEventListener('abort', stop, { once: true })
      }),
    async run(until, maxMs) {
      const end = now + maxMs
      for (;;) {
        // Everything that can happen without time passing happens first.
        for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
        if (until()) return
        const next = [...timers].sort((a, b) => a.at - b.at)[0]
        if (next === undefined || next.at > end) return
        timers.delete(next)
        now = next.at
        next.fire()
      }
    },
  }
}

type PoolTransaction = {
  hash: Hex
  nonce: number
  tip: bigint
  cap: bigint
  blobCap: bigint | undefined
  to: Hex
  tag: string
}
type Block = { number: number; hash: Hex; baseFee: bigint; blobBaseFee: bigint; transactions: PoolTransaction[] }

/** How unkind the chain is; probabilities. */
export type Weather = {
  dropFromPool: number
  loseAnswer: number
  failCall: number
  reorg: number
  spike: number
  /** Blocks that include nothing. */
  emptyBlock: number
}

/**
 * An account that signs without cryptography: the bytes are the fields. Only for the simulated chain, which needs none either.
 */
export const simulatedAccount: SigningAccount = {
  address: '0x00000000000000000000000000000000000000aa',
  signTransaction: async () => '0x',
}

/** A payload of a kind whose bytes only the simulated chain understands. */
export function simulatedPayload(kind: 'calldata' | 'blob'): PayloadKind {
  return {
    kind,
    empty: () => [],
    prepare: async items => ({
      intrinsicGas: 21_000n,
      estimate: {},
      hashes: items.map(item => keccak256(item)),
      sign: async (_, { nonce, to, fees, chainId, gas }) => {
        const tag = items.map(item => toHex(item)).join()
        const fields = { kind, chainId, nonce, to, gas: gas.toString(), tag }
        const prices = { tip: fees.tip.toString(), cap: fees.cap.toString(), blobCap: fees.blobCap?.toString() }
        const raw = toHex(JSON.stringify({ ...fields, ...prices }))
        return { hash: keccak256(raw), raw }
      },
    }),
  }
}

/** A chain with a pool that follows geth's rules for replacement, nonces and separate pools, and weather of its own. */
export function createSimulatedL1(random: Random, weather: Weather) {
  const blocks: Block[] = [
    { number: 0, hash: keccak256('0x00'), baseFee: 10n ** 9n, blobBaseFee: 1n, transactions: [] },
  ]
  const pool = new Map<number, PoolTransaction>()
  let salt = 0
  let calm = false
  let cut = false
  let blind = false
  let reservedWords = 'address already reserved'
  let refuse: (transaction: PoolTransaction) => string | undefined = () => undefined
  const refused = (message: string) => Object.assign(new Error(message), { code: -32000 })

  const head = () => blocks.at(-1)!
  const usedNonce = () => blocks.reduce((sum, { transactions }) => sum + transactions.length, 0)
  const chance = (probability: number) => !calm && random.float() < probability
  const kindOf = ({ blobCap }: PoolTransaction) => (blobCap === undefined ? 'calldata' : 'blob')

  const mine = (): void => {
    const spike = chance(weather.spike)
    const last = head()
    const drift = (fee: bigint) => (fee * BigInt(90 + random.below(21))) / 100n || 1n
    const baseFee = spike ? last.baseFee * 6n : last.baseFee > 5n * 10n ** 9n ? last.baseFee / 2n : drift(last.baseFee)
    const blobBaseFee = spike ? last.blobBaseFee * 8n + 10n ** 9n : last.blobBaseFee / 2n || 1n
    const block: Block = {
      number: last.number + 1,
      hash: keccak256(toHex(`${last.number}-${salt++}`)),
      baseFee,
      blobBaseFee,
      transactions: [],
    }
    blocks.push(block)
    if (chance(weather.emptyBlock)) return
    for (let taken = 0; taken < 3; taken++) {
      const next = pool.get(usedNonce())
      if (next === undefined || next.cap < baseFee + 1n || (next.blobCap ?? blobBaseFee) < blobBaseFee) break
      block.transactions.push(next)
      pool.delete(next.nonce)
    }
    for (const nonce of [...pool.keys()]) if (nonce < usedNonce()) pool.delete(nonce)
  }

  const reorg = (depth: number): void => {
    const dropped = blocks.splice(Math.max(1, blocks.length - depth))
    // As in geth: of what was dropped some comes back, the other kind only where the account is not reserved, and the blob pool keeps
    // nothing behind a gap.
    const back = dropped.flatMap(({ transactions }) => transactions).filter(() => random.bool(0.7))
    for (const transaction of back.sort((a, b) => kindOf(b).localeCompare(kindOf(a)))) {
      const conflict = [...pool.values()].some(other => kindOf(other) !== kindOf(transaction))
      if (!conflict && !pool.has(transaction.nonce)) pool.set(transaction.nonce, transaction)
    }
    let next = usedNonce()
    while (pool.has(next)) next++
    for (const transaction of [...pool.values()]) {
      if (transaction.blobCap !== undefined && transaction.nonce > next) pool.delete(transaction.nonce)
    }
    for (let i = 0; i < dropped.length; i++) mine()
  }

  const send = (raw: Hex): Hex => {
    const fields = JSON.parse(Buffer.from(raw.slice(2), 'hex').toString('utf8'))
    const transaction: PoolTransaction = {
      hash: keccak256(raw),
      nonce: fields.nonce,
      to: fields.to,
      tag: fields.tag,
      tip: BigInt(fields.tip),
      cap: BigInt(fields.cap),
      blobCap: fields.blobCap === undefined ? undefined : BigInt(fields.blobCap),
    }
    const words = refuse(transaction)
    if (words !== undefined) throw refused(words)
    if (transaction.nonce < usedNonce()) throw refused('nonce too low: next nonce is higher')
    const old = pool.get(transaction.nonce)
    if (old?.hash === transaction.hash) throw refused('already known')
    for (const other of pool.values()) {
      if (kindOf(other) !== kindOf(transaction)) throw refused(reservedWords)
    }
    if (old !== undefined) {
      const percent = transaction.blobCap === undefined ? 110n : 200n
      const enough = (now: bigint, before: bigint) => now * 100n >= before * percent
      const all =
        enough(transaction.tip, old.tip) &&
        enough(transaction.cap, old.cap) &&
        enough(transaction.blobCap ?? 200n, old.blobCap ?? 100n)
      if (!all) throw refused('replacement transaction underpriced')
    } else if (transaction.blobCap !== undefined && transaction.nonce > usedNonce() + pool.size) {
      throw refused('gapped nonce: tx nonce too high')
    }
    pool.set(transaction.nonce, transaction)
    return transaction.hash
  }

  const find = (hash: Hex) => {
    for (const block of blocks) {
      const transaction = block.transactions.find(candidate => candidate.hash === hash)
      if (transaction !== undefined) return { block, transaction }
    }
    return undefined
  }
  const blockJson = ({ number, hash, baseFee }: Block) => ({
    number: toHex(number),
    hash,
    timestamp: toHex(number * 12),
    baseFeePerGas: toHex(baseFee),
  })

  const answer = (method: string, params: readonly unknown[]): unknown => {
    switch (method) {
      case 'eth_chainId':
        return '0x1'
      case 'eth_getBlockByNumber': {
        if (params[0] === 'latest') return blockJson(head())
        const final = blocks[head().number - 32]
        return final === undefined ? null : blockJson(final)
      }
      case 'eth_getTransactionCount':
        return toHex(usedNonce())
      case 'eth_maxPriorityFeePerGas':
        return toHex(10 ** 9)
      case 'eth_blobBaseFee':
        return toHex(head().blobBaseFee)
      case 'eth_estimateGas':
        return toHex(21_000)
      case 'eth_sendRawTransaction':
        return send(params[0] as Hex)
      case 'eth_getTransactionReceipt': {
        const found = find(params[0] as Hex)
        return found === undefined ? null : { blockNumber: toHex(found.block.number), blockHash: found.block.hash }
      }
      case 'eth_getTransactionByHash': {
        const found = find(params[0] as Hex)
        const pending = blind ? undefined : [...pool.values()].find(({ hash }) => hash === params[0])
        if (found === undefined && pending === undefined) return null
        const { hash, to } = found?.transaction ?? pending!
        return { hash, to, input: '0x', blockNumber: found === undefined ? null : toHex(found.block.number) }
      }
      default:
        throw new Error(`the method ${method} does not exist/is not available`)
    }
  }

  const client: EthereumClient = {
    async request({ method, params }) {
      if (cut) throw new Error('connect ECONNREFUSED')
      if (chance(weather.failCall)) throw new Error('fetch failed')
      const result = answer(method, params as unknown[])
      if (method === 'eth_sendRawTransaction' && chance(weather.loseAnswer)) throw new Error('socket hang up')
      return result
    },
  }

  return {
    client,
    /** A slot passes. */
    step(): void {
      if (chance(weather.dropFromPool) && pool.size > 0) pool.delete(random.pick([...pool.keys()]))
      if (chance(weather.reorg)) reorg(1 + random.below(6))
      mine()
    },
    reorg,
    setCalm: (value: boolean) => {
      calm = value
    },
    setCut: (value: boolean) => {
      cut = value
    },
    /** From now on another node answers, which has not heard of what is pending. */
    setBlind: (value: boolean) => {
      blind = value
    },
    /** What the node says to a transaction before it looks at its pool; nothing by default. */
    setRefusal: (make: (transaction: PoolTransaction) => string | undefined) => {
      refuse = make
    },
    /** How it says that the account has transactions of the other kind pending; by default as geth does. */
    setReservedWords: (words: string) => {
      reservedWords = words
    },
    /** Somebody else sends with the account's key. */
    sendForeign: send,
    pool: () => [...pool.values()],
    head: () => head().number,
    /** What the inbox got, in the order of the chain. */
    chain: () => blocks.flatMap(({ transactions }) => transactions),
  }
}
