import { randomBytes } from 'node:crypto'
import type { Read } from '../engine/engine.js'
import { RpcAnswerError } from './client.js'
import type { RpcMethod } from './server.js'

/** A filter that nobody asks for so long is gone, as in geth. */
const idleMs = 5 * 60_000
const maxFilters = 1000
/** Blocks that one question is answered for; the rest waits for the next. */
const maxBlocks = 1000n
/** Reads of one question that are with the engine at the same time, which has places for a few hundred. */
const maxReads = 16
/** What a filter looks for, as JSON: what a thousand of them hold has to have an end. */
const maxCriteriaBytes = 32 * 1024

/** What filters need of the node. */
export type FilterView = {
  read: Read
  /** The height that readers see. */
  head(): bigint
  nowMs(): number
}

type Filter = {
  /** `undefined`: block hashes. */
  readonly criteria: Readonly<Record<string, unknown>> | undefined
  /** The last block that was told of. */
  told: bigint
  usedMs: number
  /** When the questions before are answered: two at once would be told of the same blocks. */
  turn: Promise<unknown>
}

const hex = (value: bigint): string => `0x${value.toString(16)}`

/** `eth_newFilter` and its kin over an engine that remembers nobody: the filters are here, what they find is read. */
export function filterMethods({ read, head, nowMs }: FilterView): Map<string, RpcMethod> {
  const filters = new Map<string, Filter>()
  const install = (criteria: Filter['criteria']): string => {
    for (const [id, { usedMs }] of filters) if (nowMs() - usedMs > idleMs) filters.delete(id)
    if (filters.size >= maxFilters) {
      throw new RpcAnswerError({ code: -32005, message: `${maxFilters} filters are in use: try again later` })
    }
    const id = `0x${randomBytes(16).toString('hex')}`
    filters.set(id, { criteria, told: head(), usedMs: nowMs(), turn: Promise.resolve() })
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

  const changes = async (filter: Filter): Promise<unknown[]> => {
    const from = filter.told + 1n
    const to = head() - from >= maxBlocks ? from + maxBlocks - 1n : head()
    if (to < from) return []
    if (filter.criteria === undefined) {
      const numbers = Array.from({ length: Number(to - from) + 1 }, (_, index) => from + BigInt(index))
      const hashes: string[] = []
      for (let start = 0; start < numbers.length; start += maxReads) {
        const blocks = await Promise.all(
          numbers
            .slice(start, start + maxReads)
            .map(number => read<{ hash: string } | null>('eth_getBlockByNumber', [hex(number), false])),
        )
        hashes.push(...blocks.flatMap(block => (block === null ? [] : [block.hash])))
      }
      filter.told = to
      return hashes
    }
    const { fromBlock, toBlock, ...what } = filter.criteria
    const [least, most] = [height(fromBlock) ?? from, height(toBlock) ?? to]
    const [first, last] = [least > from ? least : from, most < to ? most : to]
    const logs =
      last < first ? [] : await read<unknown[]>('eth_getLogs', [{ ...what, fromBlock: hex(first), toBlock: hex(last) }])
    filter.told = to
    return logs
  }

  return new Map<string, RpcMethod>([
    ['eth_newBlockFilter', () => install(undefined)],
    [
      'eth_newFilter',
      params => {
        const criteria = params[0] ?? {}
        if (typeof criteria !== 'object' || Array.isArray(criteria) || 'blockHash' in criteria) {
          throw new RpcAnswerError({
            code: -32602,
            message: 'invalid argument 0: a filter over a range of blocks expected',
          })
        }
        if (JSON.stringify(criteria).length > maxCriteriaBytes) {
          throw new RpcAnswerError({ code: -32602, message: 'exceed max addresses or topics per search position' })
        }
        return install({ ...criteria })
      },
    ],
    [
      'eth_getFilterChanges',
      params => {
        const filter = find(params[0])
        const answer = filter.turn.then(() => changes(filter))
        filter.turn = answer.catch(() => {})
        return answer
      },
    ],
    [
      'eth_getFilterLogs',
      params => {
        const { criteria } = find(params[0])
        if (criteria === undefined) throw new RpcAnswerError({ code: -32000, message: 'filter not found' })
        const toBlock = height(criteria['toBlock'])
        const to = toBlock === undefined || toBlock > head() ? head() : toBlock
        const from = height(criteria['fromBlock']) ?? (criteria['fromBlock'] === 'earliest' ? 0n : head())
        return from > to ? [] : read('eth_getLogs', [{ ...criteria, fromBlock: hex(from), toBlock: hex(to) }])
      },
    ],
    ['eth_uninstallFilter', params => filters.delete(String(params[0]))],
  ])
}
