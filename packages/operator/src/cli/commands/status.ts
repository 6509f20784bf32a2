import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { isL2Error } from '@l2/common'
import { rpcCall } from '@l2/node'
import { openHome } from '../../home/home.js'
import { type Command, exitCodes } from '../command.js'

/** What `l2_operators` answers, as far as it is shown. */
type Answer = {
  self: number
  machine?: { name: string; isOnDuty: boolean } | null
  control: { height: string; sinceBlockMs: number; power: string; total: string; waiting: string | null }
  term: number
  leader: number | null
  milestone: { number: string | number; meaning: string }
  operators: readonly {
    id: number
    power: string
    isJailed: boolean
    isPresent: boolean
    isConnected: boolean
  }[]
}

/** Where an operator answers that listens to every address. */
export function rpcUrlOf({ host, port }: { host: string; port: number }): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${isIPv6(reached) ? `[${reached}]` : reached}:${port}`
}

export const status: Command = {
  summary:
    'Shows who is there, who leads, and what is settled, as the running operator sees it. Exit code 1: not running, or no quorum.',
  options: { home: { type: 'string', value: 'DIR', isRequired: true, help: 'of the operator' } },
  async run(input) {
    const { config } = openHome(resolve(input.text('home')))
    const url = rpcUrlOf(config.rpc)
    let answer: Answer
    try {
      answer = await rpcCall<Answer>(url, 'l2_operators', [], AbortSignal.timeout(10_000))
    } catch (error) {
      if (!isL2Error(error, 'RPC_FAILED')) throw error
      const line = `operator ${config.id} does not answer at ${url}`
      return { code: exitCodes.failed, json: { isRunning: false, url }, lines: [line] }
    }
    const { control, operators, milestone, term, leader } = answer
    const hasQuorum = 3n * BigInt(control.power) > 2n * BigInt(control.total) && control.waiting === null
    const state = ({ isJailed, isPresent, isConnected }: Answer['operators'][number]): string =>
      isJailed ? 'jailed' : isPresent ? 'present' : isConnected ? 'connected, does not vote' : 'down'
    return {
      code: hasQuorum ? exitCodes.done : exitCodes.failed,
      json: { isRunning: true, url, hasQuorum, ...answer },
      lines: [
        `operator ${answer.self}: control block ${control.height}, ${control.sinceBlockMs} ms ago; ${control.power} of ${control.total} power voted${control.waiting === null ? '' : `; waits: ${control.waiting}`}`,
        ...(answer.machine
          ? [`machine ${answer.machine.name} ${answer.machine.isOnDuty ? 'leads' : 'stands by'}`]
          : []),
        `term ${term}, led by ${leader === null ? 'nobody' : `operator ${leader}`}; block ${milestone.number} is ${milestone.meaning}`,
        ...operators.map(operator => `  ${operator.id}  power ${operator.power}  ${state(operator)}`),
      ],
    }
  },
}
