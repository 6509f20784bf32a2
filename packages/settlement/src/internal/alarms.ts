import { type Clock, isL2Error } from '@l2/common'

/** What an operator has to see to; the loop waits meanwhile, and goes on by itself. */
export type Alarm<Type extends string = string> = {
  readonly type: Type
  readonly message: string
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number
}

/** Told when an alarm begins and when it is over. */
export type AlarmEvent<Type extends string> =
  | { readonly type: 'alarm'; readonly alarm: Alarm<Type> }
  | { readonly type: 'alarm-over'; readonly alarm: Alarm<Type> }

/** Alarms of one loop, each type at most once. */
export type Alarms<Type extends string> = {
  readonly list: readonly Alarm<Type>[]
  /** Begins an alarm, or with `undefined` ends it. */
  set(type: Type, message: string | undefined): void
}

export function createAlarms<Type extends string>(
  clock: Clock,
  onEvent: (event: AlarmEvent<Type>) => void,
): Alarms<Type> {
  const open = new Map<Type, Alarm<Type>>()
  return {
    get list() {
      return [...open.values()]
    },
    set(type, message) {
      const known = open.get(type)
      if (message === undefined) {
        if (known === undefined) return
        open.delete(type)
        onEvent({ type: 'alarm-over', alarm: known })
        return
      }
      const alarm = { type, message, sinceMs: known?.sinceMs ?? clock.now() }
      open.set(type, alarm)
      if (known === undefined) onEvent({ type: 'alarm', alarm })
    },
  }
}

/** What goes wrong outside, and passes or is put right by somebody. */
export type OutsideTrouble = 'l1' | 'funds' | 'price' | 'reverted' | 'state'

const troubles: Readonly<Record<string, OutsideTrouble>> = {
  L1_UNAVAILABLE: 'l1',
  L1_REFUSED: 'l1',
  L1_FUNDS: 'funds',
  L1_PRICE: 'price',
  L1_REVERTED: 'reverted',
  PROOFS_UNAVAILABLE: 'state',
  PROOF_INVALID: 'state',
}

/** Runs a round of a loop: what passes by itself becomes an alarm and the reason to wait for, what does not is thrown. */
export async function watched<Type extends string>(
  alarms: Alarms<Type | OutsideTrouble>,
  round: () => Promise<string | undefined>,
): Promise<string | undefined> {
  let trouble: OutsideTrouble | undefined
  let reason: string | undefined
  try {
    reason = await round()
  } catch (error) {
    if (!isL2Error(error)) throw error
    trouble = troubles[error.code]
    if (trouble === undefined && error.recovery !== 'retry') throw error
    reason = error.shortMessage
  }
  for (const type of new Set(Object.values(troubles))) {
    // That L1 answers says nothing about the engine, nor the other way round.
    if (type !== trouble && (trouble === undefined || type === 'l1')) alarms.set(type, undefined)
  }
  if (trouble !== undefined) alarms.set(trouble, reason)
  return reason
}
