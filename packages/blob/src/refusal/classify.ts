import { redactUrls, withoutRequest } from '@l2/common'
import { nodeWords, type SendFailure } from './table.js'

/** What can be told from whatever a client threw: what was said, by whom, with which numbers. */
type Said = {
  /** The node's own words, where they can be told from those of the client. */
  node: string | undefined
  /** Everything that was said. */
  all: string[]
  codes: number[]
  statuses: number[]
}

type Fields = Record<string, unknown>
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null
/** Where clients keep the error that caused theirs: viem and `Error`, ethers, web3.js, EIP-1193 wallets. */
const inner = ['cause', 'error', 'info', 'innerError', 'data'] as const
/** The codes of JSON-RPC are negative, those of EIP-1193 and of HTTP have three digits at least; a `DOMException` has one as well. */
const isRpcCode = (code: unknown): code is number => typeof code === 'number' && (code < 0 || code >= 400)

function hear(error: unknown): Said {
  const said: Said = { node: undefined, all: [], codes: [], statuses: [] }
  const seen = new Set<unknown>()
  const hearText = (text: string, depth: number): void => {
    said.all.push(text)
    // What came with a status other than 200 is handed on as it came.
    if (text.startsWith('{') && text.length < 10_000) visit(parseJson(text), depth + 1)
  }
  const visit = (at: unknown, depth: number): void => {
    if (typeof at === 'string') hearText(at, depth)
    if (!isObject(at) || seen.has(at) || depth > 16 || seen.size > 64) return
    seen.add(at)
    const { code, status, message, details, reason, shortMessage, responseBody } = at
    if (isRpcCode(code)) said.codes.push(code)
    if (typeof status === 'number') said.statuses.push(status)
    // Whoever is deepest and has a code and a message is the node; nobody below it says more.
    if (isRpcCode(code) && typeof message === 'string') said.node = typeof details === 'string' ? details : message
    for (const text of [message, details, reason, shortMessage, responseBody]) {
      if (typeof text === 'string') hearText(text, depth)
    }
    for (const name of inner) visit(at[name], depth + 1)
  }
  visit(error, 0)
  return said
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const escaped = (words: string): string => words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
let patterns: { pattern: RegExp; means: SendFailure }[] | undefined

/** The first words of the table that occur. They begin where a word begins: an unknown transaction is no known one. */
function meaningOf(text: string): SendFailure | undefined {
  patterns ??= nodeWords.map(({ words, means }) => ({ pattern: new RegExp(`(?<![a-z0-9])${escaped(words)}`), means }))
  return patterns.find(({ pattern }) => pattern.test(text))?.means
}

const plain = (text: string): string => withoutRequest(text).slice(0, 4000).toLowerCase()

/**
 * What a node means by what `eth_sendRawTransaction` threw, whatever client threw it. A refusal in unknown words is `unknown`, which is to be
 * tried again later: that a transaction is refused for good takes words that are known to say so.
 *
 * @example
 * ```ts
 * import { classifySendFailure } from '@l2/blob'
 *
 * console.log(classifySendFailure(new Error('replacement transaction underpriced'))) // replacement-underpriced
 * console.log(classifySendFailure({ code: -32010, message: 'PendingTxsOfConflictingType' })) // reserved
 * console.log(classifySendFailure({ code: -32000, message: 'not on a Sunday' })) // unknown
 * console.log(classifySendFailure(new Error('socket hang up'))) // unreachable
 * ```
 */
export function classifySendFailure(error: unknown): SendFailure {
  const { node, all, codes, statuses } = hear(error)
  const meaning = (node === undefined ? undefined : meaningOf(plain(node))) ?? meaningOf(all.map(plain).join('\n'))
  if (meaning !== undefined) return meaning
  if (statuses.some(status => status === 401 || status === 403)) return 'unauthorized'
  if (statuses.includes(413)) return 'request-too-large'
  if (statuses.includes(429) || codes.includes(429)) return 'rate-limited'
  if (statuses.some(status => status >= 500)) return 'unreachable'
  // EIP-1193 and EIP-1474: no such method; a limit of requests.
  if (codes.some(code => code === -32601 || code === -32604 || code === 4200 || code === 4100)) return 'unauthorized'
  if (codes.includes(-32005)) return 'rate-limited'
  return codes.length > 0 ? 'unknown' : 'unreachable'
}

/** The node's own words for people, without what its client says around them, and without keys and requests. */
export function wordsOfNode(error: unknown): string {
  const { shortMessage, message, details } = (error ?? {}) as Fields
  const client = [shortMessage ?? message, details].filter(part => typeof part === 'string' && part !== '').join(': ')
  const text = hear(error).node ?? (client === '' ? String(error) : client)
  return redactUrls(withoutRequest(text)).trim().slice(0, 500)
}
