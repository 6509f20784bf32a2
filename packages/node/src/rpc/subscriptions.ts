import { randomBytes } from 'node:crypto'
import type { Transaction } from '@l2/sequencer-core/transaction'
import type { Read } from '../engine/engine.js'
import type { RpcMethod } from './answer.js'
import { RpcAnswerError } from './client.js'
import type { Feed } from './feed.js'
import { type LogCriteria, logCriteria, matchesLog, type RpcLog } from './log-match.js'
import { pendingJson } from './transaction-json.js'

const maxPerSession = 128
const maxAltogether = 2000
/** Logs that are matched before others get their turn. */
const logsPerTurn = 20_000
/** Blocks whose logs are remembered for the case that they are taken back: more than an hour of L1 brings. */
const rememberedBlocks = 4096
/** Logs that are remembered. Beyond, the oldest block's are forgotten: who listens sees by its heads that it went. */
const rememberedLogs = 100_000

/** What subscriptions need of the node. */
export type SubscriptionView = { read: Read; feed: Feed; chainId: number }

type Topic =
  | { readonly name: 'newHeads' }
  | { readonly name: 'logs'; readonly criteria: LogCriteria }
  | { readonly name: 'newPendingTransactions'; readonly isFull: boolean }

type Subscription = {
  readonly id: string
  readonly topic: Topic
  readonly client: object
  tell(result: unknown): void
}

const hex = (value: bigint): string => `0x${value.toString(16)}`

function topicOf(params: readonly unknown[]): Topic {
  const [name, argument] = params
  if (name === 'newHeads') return { name }
  if (name === 'logs') return { name, criteria: logCriteria(argument) }
  if (name === 'newPendingTransactions') return { name, isFull: argument === true }
  throw new RpcAnswerError({
    code: -32601,
    message: `no "${String(name).slice(0, 64)}" subscription in eth namespace`,
  })
}

/** `eth_subscribe` and `eth_unsubscribe`, of what can be told as it happens. Each block is read once, however many listen. */
export function subscriptionMethods({ read, feed, chainId }: SubscriptionView): Map<string, RpcMethod> {
  const subscriptions = new Map<string, Subscription>()
  const of = (name: Topic['name']): Subscription[] =>
    [...subscriptions.values()].filter(({ topic }) => topic.name === name)

  /** What was told of which block, by height. */
  const told = new Map<bigint, RpcLog[]>()
  let toldLogs = 0
  const remember = (number: bigint, logs: RpcLog[]): void => {
    if (logs.length === 0) return
    told.set(number, logs)
    toldLogs += logs.length
    for (const [oldest, { length }] of told) {
      if (told.size <= rememberedBlocks && toldLogs <= rememberedLogs) return
      told.delete(oldest)
      toldLogs -= length
    }
  }
  const tellLogs = async (logs: readonly RpcLog[]): Promise<void> => {
    const listeners = of('logs')
    let matched = 0
    for (const { id, topic, tell } of listeners) {
      if (topic.name !== 'logs') continue
      for (const log of logs) if (matchesLog(topic.criteria, log) && subscriptions.has(id)) tell(log)
      matched += logs.length
      if (matched < logsPerTurn) continue
      matched = 0
      await new Promise(setImmediate)
    }
  }
  const tellHead = async (number: bigint): Promise<void> => {
    if (of('newHeads').length === 0 && of('logs').length === 0) return
    const block = await read<Record<string, unknown> | null>('eth_getBlockByNumber', [hex(number), false])
    if (block === null) return
    const { transactions: _, uncles: __, size: ___, withdrawals: ____, totalDifficulty: _____, ...header } = block
    for (const { tell } of of('newHeads')) tell(header)
    if (of('logs').length === 0) return
    const logs = await read<RpcLog[]>('eth_getLogs', [{ blockHash: block['hash'] }])
    remember(number, logs)
    await tellLogs(logs)
  }
  /** The newest block first, as they are undone. */
  const tellRollback = async (to: bigint): Promise<void> => {
    for (const [number, logs] of [...told].reverse()) {
      if (number <= to) continue
      told.delete(number)
      toldLogs -= logs.length
      await tellLogs(logs.map(log => ({ ...log, removed: true })))
    }
  }
  const tellPending = (transaction: Transaction): void => {
    for (const { topic, tell } of of('newPendingTransactions')) {
      tell(
        topic.name === 'newPendingTransactions' && topic.isFull ? pendingJson(transaction, chainId) : transaction.hash,
      )
    }
  }
  // One after the other, as they came. A head that cannot be read is missed, which a subscriber sees by its number.
  let turn = Promise.resolve()
  feed.listen(event => {
    if (subscriptions.size === 0) return
    if (event.type === 'pending') return tellPending(event.transaction)
    const tell = event.type === 'head' ? () => tellHead(event.number) : () => tellRollback(event.to)
    turn = turn.then(tell).catch(() => {})
  })

  return new Map<string, RpcMethod>([
    [
      'eth_subscribe',
      (params, { client, notify, signal }) => {
        if (notify === undefined) throw new RpcAnswerError({ code: -32601, message: 'notifications not supported' })
        const topic = topicOf(params)
        const own = [...subscriptions.values()].filter(subscription => subscription.client === client)
        if (own.length >= maxPerSession || subscriptions.size >= maxAltogether) {
          throw new RpcAnswerError({ code: -32005, message: 'too many subscriptions' })
        }
        const id = `0x${randomBytes(16).toString('hex')}`
        const tell = (result: unknown): void => notify('eth_subscription', { subscription: id, result })
        subscriptions.set(id, { id, topic, client, tell })
        signal.addEventListener('abort', () => subscriptions.delete(id), { once: true })
        return id
      },
    ],
    [
      'eth_unsubscribe',
      (params, { client }) => {
        const id = String(params[0])
        if (subscriptions.get(id)?.client !== client) {
          throw new RpcAnswerError({ code: -32000, message: 'subscription not found' })
        }
        return subscriptions.delete(id)
      },
    ],
  ])
}
