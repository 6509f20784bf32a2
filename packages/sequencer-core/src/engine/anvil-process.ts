import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SequencerError } from '../errors.js'
import { type AnvilArguments, anvilArguments } from './anvil.js'

/** Options of {@link spawnAnvil}. */
export type SpawnAnvilOptions = Omit<AnvilArguments, 'port'> & {
  /** Path of the executable, see {@link anvilBinary}. */
  binary: string
  /** Defaults to 0: anvil chooses. */
  port?: number | undefined
  /** Milliseconds until it must listen. Defaults to 20 000. */
  startTimeoutMs?: number | undefined
}

/** A running anvil. It ends when {@link close} is called or when this process ends, however that ends. */
export interface AnvilProcess extends AsyncDisposable {
  readonly url: string
  /** Resolves when anvil has ended by itself or by {@link close}. */
  readonly exited: Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * The executable inside an installed `@foundry-rs/anvil`, without its wrapper script, which would outlive a killed parent.
 *
 * @param from a file or `import.meta.url` from which the package can be resolved
 * @returns `undefined` when it is not installed or has no binary for this platform
 */
export function anvilBinary(from: string | URL): string | undefined {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  try {
    const wrapper = createRequire(from).resolve('@foundry-rs/anvil/package.json')
    const manifest = createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`)
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}

// A pipe that only this process holds open: when it is gone, however it went, the shell reads the end of file and kills anvil.
const watchdog = '"$0" "$@" 3<&- & child=$!; (cat <&3 >/dev/null; kill -9 $child 2>/dev/null) & wait $child'

/**
 * Starts anvil as {@link createAnvilEngine} needs it and waits until it listens.
 *
 * @throws SequencerError `ENGINE_UNAVAILABLE` when it ends or does not listen in time
 */
export async function spawnAnvil(options: SpawnAnvilOptions): Promise<AnvilProcess> {
  const { binary, port, startTimeoutMs, ...rest } = options
  const parameters = anvilArguments({ ...rest, port: port ?? 0 })
  const child: ChildProcess =
    process.platform === 'win32'
      ? spawn(binary, parameters, { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('/bin/sh', ['-c', watchdog, binary, ...parameters], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const lifeline = child.stdio[3]
  const close = async () => {
    lifeline?.destroy()
    if (process.platform === 'win32') child.kill('SIGKILL')
    await exited
  }
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(
        new SequencerError(`anvil ${reason}`, {
          code: 'ENGINE_UNAVAILABLE',
          meta: output.trim().split('\n').slice(-5),
        }),
      )
    const timer = setTimeout(() => fail('did not listen in time'), startTimeoutMs ?? 20_000)
    child.once('error', error => fail(`could not be started: ${error.message}`))
    child.once('exit', code => fail(`ended with code ${code}`))
    child.stderr?.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-8192)
    })
    child.stdout?.on('data', (data: Buffer) => {
      // Its log of requests has no use here, but unread it would fill the pipe and stop anvil.
      output = (output + data.toString()).slice(-8192)
      const listening = /Listening on (\S+)/.exec(output)
      if (listening === null) return
      clearTimeout(timer)
      resolve(`http://${listening[1]}`)
    })
  }).catch(async error => {
    await close().catch(() => undefined)
    throw error
  })
  child.unref()
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.()
  return { url, exited, close, [Symbol.asyncDispose]: close }
}
