import type { OperatorProcess } from '../src/operators/network.js'

/** What an operator answers about itself and the others, as far as it is looked at here. */
export type View = {
  readonly head: bigint
  readonly term: number
  readonly leader: number | null
  readonly milestone: { readonly number: bigint; readonly hash: string }
  readonly controlHeight: bigint
  readonly jailed: readonly number[]
}

/** Asks all operators again and again, and keeps what they said of settled blocks. */
export type Watch = {
  /** The last answer of each that answers now. */
  views(): ReadonlyMap<number, View>
  /** The highest block that anybody names settled, and the highest block of anybody but these. */
  milestone(): bigint
  head(without?: readonly number[]): bigint
  /** What went against a promise: two settled blocks of one height, or one that is gone. */
  readonly violations: readonly string[]
  /**
   * Until the promise is kept again: L1 takes back what settled blocks stand on, and they may be revoked. What was named
   * settled before is compared first, and forgotten then.
   */
  whileRevoking<T>(run: () => Promise<T>): Promise<T>
  /** Told at the end of that: what was read of settled blocks until then may be gone. */
  onRevoking(forget: () => void): void
  /** Compares every block that was ever named settled with what each operator has now. Answers how many were compared. */
  compare(): Promise<number>
  close(): Promise<void>
}

const askMs = 200
/** Who is watched answers at once, or counts as away; who is asked once has time. */
const answerMs = 1_500
const patientMs = 20_000

/** One call of an operator's JSON-RPC. */
export async function ask<T>(
  url: string,
  method: string,
  params: readonly unknown[] = [],
  mostMs: number = patientMs,
): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(mostMs),
  })
  const { result, error } = (await response.json()) as { result?: T; error?: { message: string } }
  if (error !== undefined) throw new Error(`${method}: ${error.message}`)
  return result as T
}

type Operators = {
  control: { height: string }
  term: number
  leader: number | null
  milestone: { number: string; hash: string }
  operators: readonly { id: number; isJailed: boolean }[]
}

async function look({ rpcUrl }: OperatorProcess): Promise<View> {
  const [head, said] = await Promise.all([
    ask<string>(rpcUrl, 'eth_blockNumber', [], answerMs),
    ask<Operators>(rpcUrl, 'l2_operators', [], answerMs),
  ])
  return {
    head: BigInt(head),
    term: said.term,
    leader: said.leader,
    milestone: { number: BigInt(said.milestone.number), hash: said.milestone.hash },
    controlHeight: BigInt(said.control.height),
    jailed: said.operators.flatMap(({ id, isJailed }) => (isJailed ? [id] : [])),
  }
}

export function openWatch(operators: readonly OperatorProcess[]): Watch {
  const latest = new Map<number, View>()
  const settled = new Map<bigint, string>()
  const violations: string[] = []
  let isClosed = false
  let isRevoking = false
  let forget = (): void => {}

  const note = ({ number, hash }: View['milestone'], id: number): void => {
    if (isRevoking) return
    const known = settled.get(number)
    if (known !== undefined && known !== hash) {
      violations.push(
        `block ${number} is settled as ${known.slice(0, 10)}, and as ${hash.slice(0, 10)} to operator ${id}`,
      )
    }
    settled.set(number, hash)
  }
  const follow = async (operator: OperatorProcess): Promise<void> => {
    while (!isClosed) {
      try {
        const view = await look(operator)
        latest.set(operator.id, view)
        note(view.milestone, operator.id)
      } catch {
        latest.delete(operator.id)
      }
      await new Promise(resolve => setTimeout(resolve, askMs))
    }
  }
  const loops = operators.map(follow)
  const highest = (values: Iterable<bigint>): bigint => [...values].reduce((a, b) => (a > b ? a : b), 0n)

  const compare = async (): Promise<number> => {
    let compared = 0
    for (const operator of operators.filter(({ id }) => latest.has(id))) {
      const upTo = latest.get(operator.id)!.milestone.number
      for (const [number, hash] of settled) {
        if (number > upTo) continue
        const block = await ask<{ hash: string } | null>(operator.rpcUrl, 'eth_getBlockByNumber', [
          `0x${number.toString(16)}`,
          false,
        ])
        compared++
        if (block?.hash !== hash) {
          violations.push(
            `settled block ${number} is ${block?.hash ?? 'missing'} at operator ${operator.id}, not ${hash}`,
          )
        }
      }
    }
    return compared
  }

  return {
    violations,
    views: () => latest,
    milestone: () => highest([...latest.values()].map(({ milestone }) => milestone.number)),
    head: (without = []) => highest([...latest].flatMap(([id, { head }]) => (without.includes(id) ? [] : [head]))),
    async whileRevoking(run) {
      await compare()
      settled.clear()
      isRevoking = true
      try {
        return await run()
      } finally {
        isRevoking = false
        forget()
      }
    },
    onRevoking(told) {
      forget = told
    },
    compare,
    async close() {
      isClosed = true
      await Promise.all(loops)
    },
  }
}
