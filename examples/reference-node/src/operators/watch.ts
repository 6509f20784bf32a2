import { rpcCall } from '@l2/node'
import type { OperatorNetwork, OperatorProcess } from './network.js'

/** What one operator says of the network, as `l2_operators` and `l2_syncStatus` have it. */
export type OperatorView = {
  readonly id: number
  readonly control: {
    readonly height: string
    readonly power: string
    readonly total: string
    readonly waiting: string | null
  }
  readonly term: number
  readonly leader: number | null
  readonly milestone: bigint
  readonly unsafe: bigint
  readonly safe: bigint
  readonly lagsMs: readonly number[]
  readonly operators: readonly {
    readonly id: number
    readonly isPresent: boolean
    readonly isJailed: boolean
    readonly isConnected: boolean
  }[]
  readonly traffic: Readonly<Record<string, number>>
}

/** From a question to its answer. */
const timeoutMs = 2000

/** Asks an operator; `undefined` where it does not answer. */
export async function viewOf({
  id,
  rpcUrl,
}: Pick<OperatorProcess, 'id' | 'rpcUrl'>): Promise<OperatorView | undefined> {
  type Answer = Omit<OperatorView, 'id' | 'milestone' | 'unsafe' | 'safe'> & { milestone: { number: string } }
  type Heads = { unsafe: { number: string }; safe: { number: string } }
  try {
    const [view, heads] = await Promise.all([
      rpcCall<Answer>(rpcUrl, 'l2_operators', [], AbortSignal.timeout(timeoutMs)),
      rpcCall<Heads>(rpcUrl, 'l2_syncStatus', [], AbortSignal.timeout(timeoutMs)),
    ])
    return {
      ...view,
      id,
      milestone: BigInt(view.milestone.number),
      unsafe: BigInt(heads.unsafe.number),
      safe: BigInt(heads.safe.number),
    }
  } catch {
    return undefined
  }
}

/** Every operator's view, in their order. */
export async function viewsOf({ operators }: OperatorNetwork): Promise<(OperatorView | undefined)[]> {
  return await Promise.all(operators.map(viewOf))
}

/** The network in a few lines: what is settled, who leads, who is down. */
export function networkLines(views: readonly (OperatorView | undefined)[]): string[] {
  const best = views.reduce<OperatorView | undefined>(
    (highest, view) =>
      view !== undefined && (highest === undefined || BigInt(view.control.height) > BigInt(highest.control.height))
        ? view
        : highest,
    undefined,
  )
  if (best === undefined) return ['no operator answers yet']
  const { control, term, leader, milestone, unsafe, safe } = best
  const names = views.map((view, index) => {
    const seen = best.operators.find(({ id }) => id === index + 1)
    const state = view === undefined ? 'down' : seen?.isJailed ? 'jailed' : seen?.isPresent ? 'up' : 'late'
    return `${index + 1} ${state}`
  })
  return [
    `control block ${control.height}, quorum ${share(control.power, control.total)}; term ${term}, leader ${leader ?? 'nobody'}; operators ${names.join(', ')}`,
    `unsafe ${unsafe}, milestone ${milestone} (settled among operators, not yet on L1), safe ${safe}`,
  ]
}

const share = (power: string, total: string): string =>
  `${total === '0' ? 0 : Number((1000n * BigInt(power)) / BigInt(total)) / 10} %`

/** The value below which a share of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
