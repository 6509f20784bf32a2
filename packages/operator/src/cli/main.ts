import { isL2Error } from '@l2/common'
import { type Command, type CommandIo, exitCodes, runCommand } from './command.js'
import { evidence } from './commands/evidence.js'
import { export_ } from './commands/export.js'
import { collect, exportPublic, join_ } from './commands/genesis.js'
import { init } from './commands/init.js'
import { keys } from './commands/keys.js'
import { run } from './commands/run.js'
import { stake, unstake } from './commands/stake.js'
import { status } from './commands/status.js'
import { testnet } from './commands/testnet.js'

const commands: Readonly<Record<string, Command>> = {
  init,
  'export-public': exportPublic,
  collect,
  join: join_,
  testnet,
  run,
  status,
  keys,
  stake,
  unstake,
  evidence,
  export: export_,
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length))
  return [
    'l2-operator COMMAND --help says more of each:',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'exit codes: 0 done, 1 failed or the answer is no, 2 the command line is wrong',
    '',
  ].join('\n')
}

/**
 * The program `l2-operator`, without a process around it.
 *
 * @returns the exit code; what goes wrong is said on `io.error`, never thrown
 */
export async function runCli(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...args] = argv
  if (name === undefined || name === '--help' || name === 'help') {
    ;(name === undefined ? io.error : io.out)(overview())
    return name === undefined ? exitCodes.usage : exitCodes.done
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    io.error(`there is no command "${name}"\n${overview()}`)
    return exitCodes.usage
  }
  try {
    return await runCommand(name, command, args, io)
  } catch (error) {
    if (isL2Error(error, 'USAGE_INVALID')) {
      io.error(`${error.message}\nl2-operator ${name} --help\n`)
      return exitCodes.usage
    }
    io.error(isL2Error(error) ? `${error.code}: ${error.message}\n` : `${(error as Error).stack ?? String(error)}\n`)
    return exitCodes.failed
  }
}
