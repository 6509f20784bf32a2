import { randomBytes } from 'node:crypto'
import type { Read, Reader } from '../engine/engine.js'
import type { RpcMethod } from './answer.js'
import { RpcAnswerError } from './client.js'
import type { Feed } from './feed.js'
import { filterObject, type RpcLog } from './log-match.js'

/** A filter that nobody asks for so long is gone, as in geth. */
const idleMs = 5 * 60_000
const maxFilters = 1000
/** Blocks that one question is answered for; the rest waits for the next. */
const maxBlocks = 1000n
/** Reads of one question that are with the engine at the same time, which has places for a few hundred. */
const maxReads = 16
/** Hashes of pending transactions that are remembered for filters; a filter that is asked less often misses some. */
const maxPending = 10_000
/** Logs that a filter remembers of what it was told, for the case that L1 takes their blocks back. */
const maxTold = 10_000

/** What filters need of the node. */
export type FilterView = {
  read: Read
  /** The height that readers see. */
  head(): bigint
  feed: Feed
  nowMs(): number
}

type Filter = {
  readonly type: 'blocks' | 'logs' | 'pending'
  /** Of logs. */
  readonly criteria: Readonly<Record<string, unknown>>
  /** The last block that was told of; of pending transactions, how many there had been. */
  told: bigint
  /** Of logs: those that were told, and those of them whose blocks were taken back since. */
  logs: RpcLog[]
  removed: RpcLog[]
  /** How often the chain went back. */
  rollbacks: number
  usedMs: number
  /** When the questions before are answered: two at once would be told of the same blocks. */
  turn: Promise<unknown>
}

const hex = (value: bigint): string => `0x${value.toString(16)}`

/** What was told of blocks that are no longer of the chain is told again as removed, and what takes their place is still to be told. */
function takeBack(filter: Filter, to: bigint): void {
  if (filter.type === 'pending') return
  const isGone = ({ blockNumber }: RpcLog): boolean => BigInt(blockNumber) > to
  filter.removed.push(...filter.logs.filter(isGone).map(log => ({ ...log, removed: true })))
  filter.logs = filter.logs.filter(log => !isGone(log))
  if (filter.told > to) filter.told = to
  filter.rollbacks++
}

/** `eth_newFilter` and its kin over an engine that remembers nobody: the filters are here, what they find is read. */
export function filterMethods({ read, head, feed, nowMs }: FilterView): Map<string, RpcMethod> {
  const filters = new Map<string, Filter>()
  /** The newest ones, and how many there have been. */
  let [pending, pendingCount]: [string[], bigint] = [[], 0n]
  feed.listen(event => {
    if (event.type === 'rollback') for (const filter of filters.values()) takeBack(filter, event.to)
    if (event.type !== 'pending' || filters.size === 0) return
    pendingCount++
    // Half of them go at once, so that each costs the same on average.
    if (pending.push(event.transaction.hash) >= 2 * maxPending) pending = pending.slice(maxPending)
  })
  const install = (type: Filter['type'], criteria: Filter['criteria'] = {}): string => {
    for (const [id, { usedMs }] of filters) if (nowMs() - usedMs > idleMs) filters.delete(id)
    if (filters.size >= maxFilters) {
      throw new RpcAnswerError({ code: -32005, message: `${maxFilters} filters are in use: try again later` })
    }
    const id = `0x${randomBytes(16).toString('hex')}`
    const told = type === 'pending' ? pendingCount : head()
    filters.set(id, {
      type,
      criteria,
      told,
      logs: [],
      removed: [],
      rollbacks: 0,
      usedMs: nowMs(),
      turn: Promise.resolve(),
    })
    return id
  }
  const find = (id: unknown): Filter => {
    const filter = filters.get(String(id))
    if (filter === undefined || nowMs() - filter.usedMs > idleMs) {
      throw new RpcAnswerError({ code: -32000, message: 'filter not found' })
    }
    filter.usedMs = nowMs()
    return filter
  }
  const height = (block: unknown): bigint | undefined =>
    typeof block === 'string' && /^0x[0-9a-f]{1,16}$/i.test(block) ? BigInt(block) : undefined

  const changes = async (filter: Filter, reader: Reader): Promise<unknown[]> => {
    if (filter.type === 'pending') {
      const fresh = Number(pendingCount - filter.told)
      filter.told = pendingCount
      return fresh === 0 ? [] : pending.slice(-fresh)
    }
    const from = filter.told + 1n
    const to = head() - from >= maxBlocks ? from + maxBlocks - 1n : head()
    if (to < from) return filter.removed.splice(0)
    const { rollbacks } = filter
    if (filter.type === 'blocks') {
      const numbers = Array.from({ length: Number(to - from) + 1 }, (_, index) => from + BigInt(index))
      const hashes: string[] = []
      for (let start = 0; start < numbers.length; start += maxReads) {
        const blocks = await Promise.all(
          numbers
            .slice(start, start + maxReads)
            .map(number => read<{ hash: string } | null>('eth_getBlockByNumber', [hex(number), false], reader)),
        )
        hashes.push(...blocks.flatMap(block => (block === null ? [] : [block.hash])))
      }
      if (filter.rollbacks !== rollbacks) return []
      filter.told = to
      return hashes
    }
    const { fromBlock, toBlock, ...what } = filter.criteria
    const [least, most] = [height(fromBlock) ?? from, height(toBlock) ?? to]
    const [first, last] = [least > from ? least : from, most < to ? most : to]
    const range = { ...what, fromBlock: hex(first), toBlock: hex(last) }
    const logs = last < first ? [] : await read<RpcLog[]>('eth_getLogs', [range], reader)
    // The chain went back while it was read: what came may be of either branch, and is read again the next time.
    if (filter.rollbacks !== rollbacks) return filter.removed.splice(0)
    filter.told = to
    filter.logs = [...filter.logs, ...logs].slice(-maxTold)
    return [...filter.removed.splice(0), ...logs]
  }

  return new Map<string, RpcMethod>([
    ['eth_newBlockFilter', () => install('blocks')],
    ['eth_newPendingTransactionFilter', () => install('pending')],
    [
      'eth_newFilter',
      params => {
        const criteria = filterObject(params[0])
        if ('blockHash' in criteria) {
          throw new RpcAnswerError({
            code: -32602,
            message: 'invalid argument 0: a filter over a range of blocks expected',
          })
        }
        return install('logs', criteria)
      },
    ],
    [
      'eth_getFilterChanges',
      (params, caller) => {
        const filter = find(params[0])
        const answer = filter.turn.then(() => changes(filter, caller))
        filter.turn = answer.catch(() => {})
        return answer
      },
    ],
    [
      'eth_getFilterLogs',
      (params, caller) => {
        const { type, criteria } = find(params[0])
        if (type !== 'logs') throw new RpcAnswerError({ code: -32000, message: 'filter not found' })
        const toBlock = height(criteria['toBlock'])
        const to = toBlock === undefined || toBlock > head() ? head() : toBlock
        const from = height(criteria['fromBlock']) ?? (criteria['fromBlock'] === 'earliest' ? 0n : head())
        return from > to ? [] : read('eth_getLogs', [{ ...criteria, fromBlock: hex(from), toBlock: hex(to) }], caller)
      },
    ],
    ['eth_uninstallFilter', params => filters.delete(String(params[0]))],
  ])
}
