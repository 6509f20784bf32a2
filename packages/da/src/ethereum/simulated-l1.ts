import type { Clock } from '@l2/common'
import type { Random } from '@l2/common/testing'
import { type Hex, keccak256, toHex } from 'viem'
import type { EthereumClient, TransactionSigner } from './rpc.js'
import { createSimulatedChain, type Weather } from './simulated-chain.js'
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

/**
 * An account that signs without cryptography: the bytes are the fields. Only for the simulated chain, which needs none either.
 */
export const simulatedAccount: TransactionSigner = {
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

/** A node of a simulated chain, with a client that reaches it when the weather lets it. */
export function createSimulatedL1(random: Random, weather: Weather) {
  let calm = false
  let cut = false
  let blind = false
  const chance = (probability: number) => !calm && random.float() < probability
  const chain = createSimulatedChain(random, weather, chance)

  const blockJson = ({ number, hash, baseFee }: { number: number; hash: Hex; baseFee: bigint }) => ({
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
        if (params[0] === 'latest') return blockJson(chain.head())
        const final = chain.final()
        return final === undefined ? null : blockJson(final)
      }
      case 'eth_getTransactionCount':
        return toHex(chain.usedNonce())
      case 'eth_maxPriorityFeePerGas':
        return toHex(10 ** 9)
      case 'eth_blobBaseFee':
        return toHex(chain.head().blobBaseFee)
      case 'eth_estimateGas':
        return toHex(21_000)
      case 'eth_sendRawTransaction':
        return chain.send(params[0] as Hex)
      case 'eth_getTransactionReceipt': {
        const found = chain.find(params[0] as Hex)
        return found === undefined ? null : { blockNumber: toHex(found.block.number), blockHash: found.block.hash }
      }
      case 'eth_getTransactionByHash': {
        const found = chain.find(params[0] as Hex)
        const pending = blind ? undefined : chain.pool().find(({ hash }) => hash === params[0])
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
      if (chance(weather.dropFromPool) && chain.pool().length > 0) chain.forget(random.pick(chain.pool()).nonce)
      if (chance(weather.reorg)) chain.reorg(1 + random.below(6))
      chain.mine()
    },
    reorg: chain.reorg,
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
    setRefusal: chain.setRefusal,
    /** How it says that the account has transactions of the other kind pending; by default as geth does. */
    setReservedWords: chain.setReservedWords,
    /** Somebody else sends with the account's key. */
    sendForeign: chain.send,
    pool: chain.pool,
    head: () => chain.head().number,
    /** What the inbox got, in the order of the chain. */
    chain: chain.included,
  }
}
