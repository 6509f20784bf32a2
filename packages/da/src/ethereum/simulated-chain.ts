import type { Random } from '@l2/common/testing'
import { type Hex, keccak256, toHex } from 'viem'

/** A transaction of the one account, in the pool or in a block. */
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

/** Blocks and a pool that follow geth's rules for replacement, nonces and separate pools; `chance` decides about the weather. */
export function createSimulatedChain(random: Random, weather: Weather, chance: (probability: number) => boolean) {
  const blocks: Block[] = [
    { number: 0, hash: keccak256('0x00'), baseFee: 10n ** 9n, blobBaseFee: 1n, transactions: [] },
  ]
  const pool = new Map<number, PoolTransaction>()
  let salt = 0
  let reservedWords = 'address already reserved'
  let refuse: (transaction: PoolTransaction) => string | undefined = () => undefined
  const refused = (message: string) => Object.assign(new Error(message), { code: -32000 })

  const head = () => blocks.at(-1)!
  const usedNonce = () => blocks.reduce((sum, { transactions }) => sum + transactions.length, 0)
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

  return {
    head,
    final: () => blocks[head().number - 32],
    usedNonce,
    mine,
    reorg,
    send,
    find,
    pool: () => [...pool.values()],
    /** Takes a transaction out of the pool. */
    forget: (nonce: number) => pool.delete(nonce),
    /** What blocks hold, in the order of the chain. */
    included: () => blocks.flatMap(({ transactions }) => transactions),
    setRefusal: (make: typeof refuse) => {
      refuse = make
    },
    setReservedWords: (words: string) => {
      reservedWords = words
    },
  }
}
