import type { SmallDisk, seededRandom } from '@l2/common/testing'
import type { OperatorProcess } from '../src/operators/network.js'
import type { Links } from './proxy.js'
import type { Watch } from './watch.js'

export type Chaos = {
  readonly operators: readonly OperatorProcess[]
  readonly l1Url: string
  readonly links: Links
  readonly watch: Watch
  /** Of the one operator whose home lies on a disk of its own, where this machine lets us have one. */
  readonly disk: { readonly operator: number; readonly disk: SmallDisk } | undefined
  readonly random: ReturnType<typeof seededRandom>
  readonly say: (line: string) => void
  /** Whom this run has made guilty: nobody else may ever be jailed. */
  readonly convicted: Set<number>
}

/** What a fault measured: a span, against what it may be at most. */
export type Figure = { readonly what: string; readonly ms: number }

/** One kind of fault: does its harm, waits for what must come after it, and answers what it measured. */
export type Fault = {
  readonly name: string
  /** How often it comes up beside the others. */
  readonly weight: number
  /** Done after all others: it costs an operator for good, and below a third of them may go. */
  readonly last?: boolean
  readonly run: (chaos: Chaos) => Promise<readonly Figure[]>
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Waits for something, and how long that took. @throws Error after `mostMs` */
export async function spanUntil(what: string, mostMs: number, is: () => boolean): Promise<number> {
  const from = performance.now()
  while (!is()) {
    if (performance.now() - from > mostMs) throw new Error(`not within ${mostMs / 1000} s: ${what}`)
    await sleep(50)
  }
  return performance.now() - from
}

/** Who leads, by the word of most who answer. */
export function leaderOf({ watch, operators }: Chaos): OperatorProcess {
  const votes = new Map<number, number>()
  for (const { leader } of watch.views().values()) if (leader !== null) votes.set(leader, (votes.get(leader) ?? 0) + 1)
  const [id] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? []
  const found = operators.find(operator => operator.id === id)
  if (found === undefined) throw new Error('nobody leads')
  return found
}

/** How long nobody may build and nothing may settle after a fault that leaves more than two thirds: bounds of a hang, not of a promise. */
export const hangMs = 60_000

/** How long a block may have been on its way when its leader fell silent: it is not the next one. */
const inFlightMs = 500

/** From now until somebody else has a block that the silent leader has not made. */
export async function nextBlock(chaos: Chaos, without: readonly number[]): Promise<number> {
  const { watch } = chaos
  const from = performance.now()
  await sleep(inFlightMs)
  const head = watch.head(without)
  await spanUntil('the next block', hangMs, () => watch.head(without) > head)
  return performance.now() - from
}

export async function settlesAgain({ watch }: Chaos, what: string): Promise<number> {
  const milestone = watch.milestone()
  return await spanUntil(what, hangMs, () => watch.milestone() > milestone)
}

/** Begins a program again and waits until it answers and has what the others have settled. */
export async function comesBack({ watch }: Chaos, operator: OperatorProcess): Promise<void> {
  operator.start()
  const now = [...watch.views().values()].reduce(
    (most, { controlHeight }) => (controlHeight > most ? controlHeight : most),
    0n,
  )
  await spanUntil(`operator ${operator.id} is back`, 2 * hangMs, () => {
    // That it answers is not enough: it has control blocks that were made since.
    return (watch.views().get(operator.id)?.controlHeight ?? 0n) > now + 1n
  })
}
