import type { ControlEvent } from '@l2/control-chain'

/** What an operator's log says of an event; `undefined` for what happens all the time. */
export function telling(event: ControlEvent): string | undefined {
  switch (event.type) {
    case 'termEnded': {
      const { view, start, leader, cause } = event
      return `term ${view} begins above block ${start.height}, operator ${leader} leads (${cause})`
    }
    case 'jailed':
      return `operator ${event.operator} is jailed: ${event.reason}`
    case 'settledRevoked': {
      const { blocks } = event
      const what = blocks.length === 1 ? 'a settled block' : `${blocks.length} settled blocks`
      const above = blocks.at(-1)!.height - 1n
      return `L1 was reorganised: ${what} above ${above} are taken back by more than two thirds`
    }
    default:
      return undefined
  }
}
