import { fail } from '../errors.js'
import type { LstEvent } from './events.js'

/**
 * The outcome of an operation: a new state, what the caller is told, and what happened. The old state is never touched.
 */
export type LstStep<State, Result> = {
  readonly state: State
  readonly result: Result
  readonly events: readonly LstEvent[]
}

// biome-ignore lint/suspicious/noExplicitAny: the arguments of an operation are up to the operation
type Operations<State> = Record<string, (state: State, args: any) => LstStep<State, unknown>>

/** A command of a reducer: `{ type, …arguments }`, plain data, so that it can be journalled and replayed. */
export type CommandOf<Ops> = {
  [Op in keyof Ops]: Ops[Op] extends (state: never, args: infer Args) => unknown ? { readonly type: Op } & Args : never
}[keyof Ops]

export type ResultOf<Ops, Op> = Op extends keyof Ops
  ? Ops[Op] extends (state: never, args: never) => infer Result
    ? Result
    : never
  : never

/** A pure reducer: the same state and command give the same step; an error is thrown before anything is built. */
export type Apply<State, Ops> = <const Command extends CommandOf<Ops>>(
  state: State,
  command: Command,
) => ResultOf<Ops, Command extends { type: infer Op } ? Op : never>

/** One reducer out of named operations. */
export function reducer<State, Ops extends Operations<State>>(operations: Ops): Apply<State, Ops> {
  const apply = (state: State, command: { type: string }): unknown => {
    if (!Object.hasOwn(operations, command.type))
      fail('OPERATION_UNKNOWN', `no operation "${String(command.type)}"`, { type: String(command.type) })
    return operations[command.type]!(state, command)
  }
  return apply as never
}

/** A step, with the events that it caused. */
export function step<State, Result>(state: State, result: Result, ...events: LstEvent[]): LstStep<State, Result> {
  return { state, result, events }
}
