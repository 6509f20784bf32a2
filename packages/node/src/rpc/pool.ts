import type { PooledTransaction } from '@l2/sequencer-core/mempool'
import { type Address, getAddress, type Hash, type Hex } from 'viem'
import type { Caller, RpcMethod } from './answer.js'
import { blockReferences } from './block-reference.js'
import { RpcAnswerError } from './client.js'
import type { EthView } from './eth-view.js'
import { pendingJson } from './transaction-json.js'

/** Transactions that one `txpool_content` tells of. */
const maxListed = 1000
/** Transactions that are waited for at the same time by `eth_sendRawTransactionSync`. */
const maxWaiters = 1000
const [syncDefaultMs, syncMaxMs] = [20_000, 60_000]

const hex = (value: bigint | number): Hex => `0x${value.toString(16)}`
const isHash = (value: unknown): value is Hash => typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value)
const isAddress = (value: unknown): value is Address => typeof value === 'string' && /^0x[0-9a-f]{40}$/i.test(value)

/** The bytes of a transaction, or geth's words for what is none. */
function rawTransaction(params: readonly unknown[]): Uint8Array {
  const [raw] = params
  const invalid = (message: string): RpcAnswerError => new RpcAnswerError({ code: -32602, message })
  if (raw === undefined || raw === null) throw invalid('missing value for required argument 0')
  if (typeof raw !== 'string')
    throw invalid('invalid argument 0: json: cannot unmarshal non-string into Go value of type hexutil.Bytes')
  if (!raw.startsWith('0x')) throw invalid('invalid argument 0: hex string without 0x prefix')
  if (!/^0x([0-9a-f]{2})*$/i.test(raw)) throw invalid('invalid argument 0: invalid hex string')
  return Uint8Array.from(Buffer.from(raw.slice(2), 'hex'))
}

/** What is asked of transactions: those in blocks, those that wait, and those that are sent. */
export function poolMethods(view: EthView, countOf: RpcMethod): Map<string, RpcMethod> {
  const { read, heads, mempool, submit, chainId } = view
  const { isBeyondHead } = blockReferences(heads)
  const waiting = (hash: unknown): PooledTransaction | undefined => {
    const entry = isHash(hash) ? mempool.get(hash.toLowerCase() as Hash) : undefined
    return entry?.isPrivate === true ? undefined : entry
  }
  /** What the engine has of a published block. */
  const published = async (method: string, params: readonly unknown[], caller: Caller): Promise<object | null> => {
    const found = await read<{ blockNumber?: unknown } | null>(method, params, caller)
    return found === null || found.blockNumber === null || isBeyondHead(found.blockNumber) ? null : found
  }
  return new Map<string, RpcMethod>([
    [
      'eth_getTransactionByHash',
      async (params, caller) => {
        const found = await published('eth_getTransactionByHash', params, caller)
        const entry = found === null ? waiting(params[0]) : undefined
        return entry === undefined ? found : pendingJson(entry.transaction, chainId)
      },
    ],
    [
      'eth_getRawTransactionByHash',
      async (params, caller) => {
        const entry = waiting(params[0])
        if (entry !== undefined) return `0x${Buffer.from(entry.transaction.raw).toString('hex')}`
        return await read('eth_getRawTransactionByHash', params, caller)
      },
    ],
    ['eth_getTransactionReceipt', (params, caller) => published('eth_getTransactionReceipt', params, caller)],
    [
      'eth_getTransactionCount',
      async (params, caller) => {
        const [address, reference] = params
        const isPending = reference === 'pending' && isAddress(address)
        const nonce = isPending ? mempool.nextNonce(address.toLowerCase() as Address) : undefined
        return nonce === undefined ? await countOf(params, caller) : hex(nonce)
      },
    ],
    ['eth_sendRawTransaction', (params, caller) => submit(rawTransaction(params), caller)],
    ['eth_sendRawTransactionSync', syncMethod(view)],
    ...contentMethods(view),
  ])
}

/** `eth_sendRawTransactionSync` (EIP-7966): the receipt, as soon as there is one. */
function syncMethod({ read, heads, mempool, submit, feed }: EthView): RpcMethod {
  const { isBeyondHead } = blockReferences(heads)
  const waiters = new Set<() => void>()
  feed.listen(({ type }) => {
    if (type === 'head') for (const wake of [...waiters]) wake()
  })
  return async (params, caller) => {
    const asked = params[1] === undefined || params[1] === null ? syncDefaultMs : Number(params[1])
    if (!Number.isFinite(asked) || asked < 0) {
      throw new RpcAnswerError({ code: -32602, message: 'invalid argument 1: milliseconds expected' })
    }
    if (waiters.size >= maxWaiters) throw new RpcAnswerError({ code: -32005, message: 'the node is busy: try again' })
    const timeoutMs = Math.min(asked, syncMaxMs)
    const deadline = performance.now() + timeoutMs
    const hash = await submit(rawTransaction(params), caller)
    while (performance.now() < deadline && !caller.signal.aborted) {
      await new Promise<void>(resolve => {
        const wake = (): void => {
          waiters.delete(wake)
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(wake, deadline - performance.now())
        waiters.add(wake)
      })
      if (mempool.get(hash) !== undefined) continue
      const receipt = await read<{ blockNumber?: unknown } | null>('eth_getTransactionReceipt', [hash], caller)
      if (receipt !== null && receipt.blockNumber !== null && !isBeyondHead(receipt.blockNumber)) return receipt
    }
    const message = `The transaction was added to the transaction pool but wasn't processed in ${timeoutMs / 1000}s`
    throw new RpcAnswerError({ code: 4, message, data: hash })
  }
}

/** `txpool_*`: what waits, as far as everybody may see it, and no more at once than an answer should hold. */
function contentMethods({ mempool, chainId }: EthView): [string, RpcMethod][] {
  type Shown = (entry: PooledTransaction) => unknown
  const full: Shown = ({ transaction }) => pendingJson(transaction, chainId)
  const inWords: Shown = ({ transaction: { to, value, gasLimit, maxFeePerGas } }) =>
    `${to === undefined ? 'contract creation' : getAddress(to)}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`
  const byNonce = (entries: readonly PooledTransaction[], shown: Shown): Record<string, unknown> =>
    Object.fromEntries(
      entries.filter(({ isPrivate }) => !isPrivate).map(entry => [String(entry.transaction.nonce), shown(entry)]),
    )
  const content = (shown: Shown): object => {
    const [pending, queued]: Record<string, object>[] = [{}, {}]
    let left = maxListed
    for (const account of mempool.content()) {
      if (left <= 0) break
      for (const [list, entries] of [[pending!, account.pending] as const, [queued!, account.queued] as const]) {
        const listed = byNonce(entries.slice(0, left), shown)
        left -= Object.keys(listed).length
        if (Object.keys(listed).length > 0) list[getAddress(account.sender)] = listed
      }
    }
    return { pending, queued }
  }
  return [
    ['txpool_status', () => ({ pending: hex(mempool.pendingCount), queued: hex(mempool.queuedCount) })],
    ['txpool_content', () => content(full)],
    ['txpool_inspect', () => content(inWords)],
    [
      'txpool_contentFrom',
      ([address]) => {
        if (!isAddress(address))
          throw new RpcAnswerError({ code: -32602, message: 'invalid argument 0: address expected' })
        const sender = address.toLowerCase()
        for (const account of mempool.content()) {
          if (account.sender !== sender) continue
          return { pending: byNonce(account.pending, full), queued: byNonce(account.queued, full) }
        }
        return { pending: {}, queued: {} }
      },
    ],
  ]
}
