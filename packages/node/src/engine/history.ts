/** Blocks kept behind the finalized one, 0 for all. */
export type History = { readonly states: number; readonly bodies: number }

/** A day of states, thirty days of transactions and receipts. */
export const defaultHistoryText = 'states=1d,bodies=30d'

/**
 * What a withdrawal needs: it is proved against a state that an output root of the last hours stands for, by a receipt that is older. Outputs are proposed
 * every hour or so, and one that was missed must not make a withdrawal impossible.
 */
const leastSeconds = 3 * 3600

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/**
 * Reads `states=1d,bodies=30d` or `all`; what is left out has its default. Spans become blocks by the block time.
 *
 * @returns what is wrong, as a text
 */
export function parseHistory(text: string, blockTimeSeconds: bigint): History | string {
  if (text === 'all') return { states: 0, bodies: 0 }
  const spans: Record<string, number> = { states: 86_400, bodies: 30 * 86_400 }
  for (const part of text.split(',')) {
    const [, name = '', value = '', unit = 's'] = /^(states|bodies)=(?:all|(\d{1,6})([smhd]))$/.exec(part) ?? []
    if (name === '') return 'expected "all" or spans like states=1d,bodies=30d'
    // No span at all means everything.
    const seconds = value === '' ? 0 : Number(value) * unitSeconds[unit as keyof typeof unitSeconds]
    if (value !== '' && seconds < leastSeconds) return `${name}: withdrawals need ${leastSeconds / 3600}h at least`
    spans[name] = seconds
  }
  const { states = 0, bodies = 0 } = spans
  if (bodies !== 0 && (states === 0 || bodies < states)) return 'bodies are kept at least as long as states'
  return { states: Math.ceil(states / Number(blockTimeSeconds)), bodies: Math.ceil(bodies / Number(blockTimeSeconds)) }
}
