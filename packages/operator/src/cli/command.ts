import { parseArgs } from 'node:util'
import { toJson } from '@l2/common'
import { refuse } from '../errors.js'

/** How a command ended. */
export const exitCodes = {
  done: 0,
  /** It failed, or the answer is no. */
  failed: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
} as const

/** What a command speaks to. */
export type CommandIo = {
  out(text: string): void
  error(text: string): void
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
}

/** An option: of text, or there or not. */
export type OptionSpec = {
  readonly type: 'string' | 'boolean'
  /** What stands for its value in the help. */
  readonly value?: string | undefined
  readonly help: string
  readonly isRequired?: boolean | undefined
}

/** What a command is given. */
export type CommandInput = {
  /** A text that must be there. */
  text(name: string): string
  optional(name: string): string | undefined
  flag(name: string): boolean
  readonly positionals: readonly string[]
}

/** What a command answers: the same for people and, with `--json`, for programs. */
export type CommandAnswer = {
  readonly code?: number | undefined
  readonly json: unknown
  readonly lines: readonly string[]
}

/** One command of `l2-operator`. */
export type Command = {
  readonly summary: string
  /** After the options in the help. */
  readonly positionals?: string | undefined
  readonly options: Readonly<Record<string, OptionSpec>>
  run(input: CommandInput, io: CommandIo): Promise<CommandAnswer>
}

/** A command line that cannot be: the command is not run. */
export function wrongUsage(message: string): never {
  refuse('USAGE_INVALID', message)
}

const shared = {
  json: { type: 'boolean', help: 'answers as JSON' },
  help: { type: 'boolean', help: 'says this' },
} satisfies Record<string, OptionSpec>

/** The help of a command. */
export function helpOf(name: string, command: Command): string {
  const options = Object.entries({ ...command.options, ...shared } as Record<string, OptionSpec>)
  const word = ([option, { type, value }]: [string, OptionSpec]): string =>
    type === 'string' ? `--${option} ${value ?? 'TEXT'}` : `--${option}`
  const width = Math.max(...options.map(option => word(option).length))
  const needed = options.filter(([, { isRequired }]) => isRequired).map(word)
  return [
    `l2-operator ${[name, ...needed, '[options]', ...(command.positionals === undefined ? [] : [command.positionals])].join(' ')}`,
    command.summary,
    '',
    ...options.map(option => `  ${word(option).padEnd(width)}  ${option[1].help}`),
    '',
  ].join('\n')
}

/**
 * Runs a command over its part of the command line.
 *
 * @throws OperatorError `USAGE_INVALID`; what the command throws
 */
export async function runCommand(
  name: string,
  command: Command,
  args: readonly string[],
  io: CommandIo,
): Promise<number> {
  const specs = { ...command.options, ...shared } as Record<string, OptionSpec>
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: command.positionals !== undefined,
      options: Object.fromEntries(Object.entries(specs).map(([option, { type }]) => [option, { type }])),
    })
  } catch (error) {
    wrongUsage((error as Error).message)
  }
  const { values, positionals } = parsed
  if (values['help'] === true) {
    io.out(helpOf(name, command))
    return exitCodes.done
  }
  for (const [option, { isRequired }] of Object.entries(specs)) {
    if (isRequired && values[option] === undefined) wrongUsage(`--${option} is missing`)
  }
  const optional = (option: string): string | undefined => values[option] as string | undefined
  const answer = await command.run(
    {
      optional,
      text: option => optional(option) ?? refuse('CONFIG_INVALID', `--${option} is missing`),
      flag: option => values[option] === true,
      positionals,
    },
    io,
  )
  io.out(values['json'] === true ? `${toJson(answer.json, 2)}\n` : answer.lines.map(line => `${line}\n`).join(''))
  return answer.code ?? exitCodes.done
}

/** A whole number of an option. @throws OperatorError `USAGE_INVALID` */
export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  wrongUsage(`--${name} expected a whole number from ${least} to ${most}, got "${text}"`)
}

/** An amount in wei. @throws OperatorError `USAGE_INVALID` */
export function weiAmount(name: string, text: string): bigint {
  if (/^[1-9]\d{0,38}$/.test(text)) return BigInt(text)
  wrongUsage(`--${name} expected an amount in wei, got "${text}"`)
}
