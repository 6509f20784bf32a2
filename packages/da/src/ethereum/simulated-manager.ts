import { seededRandom } from '@l2/common/testing'
import { sha256 } from '@noble/hashes/sha2.js'
import { type Hex, toBytes, toHex } from 'viem'
import { daLayer } from '../commitment.js'
import { createMemoryStore, type Store } from '../store.js'
import type { Weather } from './simulated-chain.js'
import { createSimulatedClock, createSimulatedL1, simulatedAccount, simulatedPayload } from './simulated-l1.js'
import { createTransactionManager, type TransactionManagerOptions } from './transaction-manager.js'

/** Where the managers of these tests post. */
export const inbox = '0x00000000000000000000000000000000000000bb'
/** Weather in which nothing goes wrong. */
export const fine: Weather = { dropFromPool: 0, loseAnswer: 0, failCall: 0, reorg: 0, spike: 0, emptyBlock: 0 }
export const payloads = { calldata: simulatedPayload('calldata'), blob: simulatedPayload('blob') }
const commit = (hash: Hex, hashes: readonly Hex[]) =>
  hashes.map(data => ({ layer: daLayer.ethereumCalldata, payload: toBytes(`${hash}${data.slice(2)}`) }))

/** A manager on a simulated chain that makes a block every 12 seconds. */
export function setUp(
  weather: Weather,
  seed = 1,
  options: TransactionManagerOptions = {},
  tamper: (store: Store) => Store = store => store,
) {
  const random = seededRandom(seed)
  const clock = createSimulatedClock()
  const l1 = createSimulatedL1(random, weather)
  const store = tamper(createMemoryStore())
  const stopped = new AbortController()
  const blocks = (async () => {
    for (;;) {
      await clock.sleep(12_000, stopped.signal)
      l1.step()
    }
  })().catch(() => {})
  const open = () => {
    const manager = createTransactionManager(
      { confirmations: 3, ...options },
      { client: l1.client, account: simulatedAccount, store, clock },
    )
    for (const payload of Object.values(payloads)) manager.register(payload, commit)
    return manager
  }
  const close = async () => {
    stopped.abort()
    await blocks
  }
  return { random, clock, l1, store, open, close }
}

type Manager = ReturnType<ReturnType<typeof setUp>['open']>
export const item = (index: number) => Uint8Array.of(index >> 8, index & 255)
export const tagOf = (index: number) => toHex(item(index))
/** Where the journal keeps a submission. */
export const entryOf = (index: number) =>
  `transactions/entry/${Buffer.from(sha256(new TextEncoder().encode(`key ${index}`))).toString('hex')}`
export const send = (manager: Manager, index: number, kind: 'calldata' | 'blob' = 'calldata', signal?: AbortSignal) =>
  manager.send({ kind, to: inbox, items: [item(index)], key: `key ${index}` }, { signal })

/** Collects how a promise ends. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; done: boolean } {
  const outcome: { value?: T; error?: unknown; done: boolean } = { done: false }
  promise.then(
    value => Object.assign(outcome, { value, done: true }),
    error => Object.assign(outcome, { error, done: true }),
  )
  return outcome
}
