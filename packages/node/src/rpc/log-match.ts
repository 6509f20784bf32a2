import { RpcAnswerError } from './client.js'

/** A log as JSON-RPC has it, as far as it is matched. */
export type RpcLog = {
  readonly address: string
  readonly topics: readonly string[]
  readonly blockNumber: string
}

/** Which logs are wanted: of these addresses, with these topics by place; `undefined` is any. */
export type LogCriteria = {
  readonly addresses: ReadonlySet<string> | undefined
  readonly topics: readonly (ReadonlySet<string> | undefined)[]
}

/** What a filter looks for, as JSON: what a thousand of them hold has to have an end. */
export const maxCriteriaBytes = 32 * 1024

const invalid = (message: string): RpcAnswerError => new RpcAnswerError({ code: -32602, message })

/** A filter's object as it came, within its size. @throws RpcAnswerError -32602 */
export function filterObject(value: unknown): Readonly<Record<string, unknown>> {
  const criteria = value ?? {}
  if (typeof criteria !== 'object' || Array.isArray(criteria)) throw invalid('invalid argument 0: a filter expected')
  if (JSON.stringify(criteria).length > maxCriteriaBytes) {
    throw invalid('exceed max addresses or topics per search position')
  }
  return { ...criteria }
}

function oneOf(value: unknown, bytes: number, what: string): ReadonlySet<string> | undefined {
  if (value === undefined || value === null) return undefined
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  // A null among alternatives is any; so is an empty list.
  if (values.length === 0 || values.includes(null)) return undefined
  const found = new Set<string>()
  for (const item of values) {
    if (typeof item !== 'string' || !/^0x[0-9a-f]*$/i.test(item) || item.length !== 2 + 2 * bytes) {
      throw invalid(`invalid argument 0: invalid ${what}`)
    }
    found.add(item.toLowerCase())
  }
  return found
}

/** Reads what a filter's object asks for. @throws RpcAnswerError -32602 */
export function logCriteria(value: unknown): LogCriteria {
  const { address, topics } = filterObject(value)
  if (topics !== undefined && topics !== null && !Array.isArray(topics))
    throw invalid('invalid argument 0: invalid topic(s)')
  const places: readonly unknown[] = Array.isArray(topics) ? topics : []
  if (places.length > 4) throw invalid('exceed max topics')
  return { addresses: oneOf(address, 20, 'address'), topics: places.map(place => oneOf(place, 32, 'topic(s)')) }
}

export function matchesLog({ addresses, topics }: LogCriteria, log: RpcLog): boolean {
  if (addresses?.has(log.address.toLowerCase()) === false) return false
  return topics.every((place, index) => {
    const topic = log.topics[index]
    return topic !== undefined && place?.has(topic) !== false
  })
}
