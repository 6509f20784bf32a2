import { formatToken } from '@l2/node'
import type { BridgeBooks } from '@l2/settlement'
import { depositWei, type Money, moneySteps, withdrawnWei } from '../traffic/money.js'

const unit = 10n ** 18n

/** How far the demonstration's money is: `1000 METIS deposited, 400 withdrawn, proven; on its way, next: finalised`. */
export function moneyText({ done }: Pick<Money, 'done'>): string {
  const said = done.map(step => {
    if (step === 'deposited') return `${depositWei / unit} METIS deposited`
    return step === 'withdrawn' ? `${withdrawnWei / unit} withdrawn` : step
  })
  const next = moneySteps[done.length]
  if (next === undefined) return said.join(', ')
  return `${said.length === 0 ? 'nothing yet' : said.join(', ')}; still on its way, next: ${next}`
}

/** Both sides of the bridge: `locked 600.0000 = released 600.0000 + in flight 0 METIS`, `held 600.0000 METIS: exact`. */
export function booksParts({ lockedWei, heldWei, releasedWei, inFlightWei, isExact }: BridgeBooks): string[] {
  const [locked, released] = [lockedWei, releasedWei].map(wei => formatToken(wei, 'METIS').replace(' METIS', ''))
  return [
    `locked ${locked} = released ${released} + in flight ${formatToken(inFlightWei, 'METIS')}`,
    `held ${formatToken(heldWei, 'METIS')}: ${isExact ? 'exact' : 'NOT EXACT'}`,
  ]
}
