import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { SequencerError } from '../errors.js'

/** A running program. It ends when {@link close} is called or when this process ends, however that ends. */
export interface Child extends AsyncDisposable {
  /** Resolves when the program has ended, by itself or by {@link close}. */
  readonly exited: Promise<void>
  /** Waits until the program has ended by itself, and keeps this process alive meanwhile. */
  ended(): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
  /** Ends it at once, also where it hangs: what it has only in memory is lost. */
  kill(): Promise<void>
}

// A pipe that only this process holds open: when it is gone, however it went, the shell reads the end of file and kills the program. A line that comes
// through it before asks the program to end by itself.
const watchdog =
  '"$0" "$@" 3<&- & child=$!; ' +
  '(read -r line <&3 && kill -TERM $child 2>/dev/null; cat <&3 >/dev/null; kill -9 $child 2>/dev/null) & wait $child'

/**
 * Starts a program and waits until `ready` finds in its output what it is waited for.
 *
 * @param graceMs how long it may take to end in an orderly way when it is closed: what keeps something in memory for the disk needs it
 * @throws SequencerError `ENGINE_UNAVAILABLE` when it cannot be started, ends, or is not ready in time
 */
export async function startChild<T>(
  name: string,
  binary: string,
  parameters: readonly string[],
  ready: (output: string) => T | undefined,
  timeoutMs: number,
  graceMs = 0,
): Promise<{ child: Child; found: T }> {
  const child: ChildProcess =
    process.platform === 'win32'
      ? spawn(binary, parameters, { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('/bin/sh', ['-c', watchdog, binary, ...parameters], {
          stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
          // A group of its own: Ctrl-C in a terminal is for us, who end it when we have finished with it.
          detached: true,
        })
  const exited = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const lifeline = child.stdio[3] as Socket | null | undefined
  // The program may be gone when it is asked to end.
  lifeline?.on('error', () => {})
  // While somebody waits for the end, the program is worth staying alive for.
  const ended = async () => {
    child.ref()
    await exited
  }
  let isReady = false
  const kill = async () => {
    lifeline?.destroy()
    if (process.platform === 'win32') child.kill('SIGKILL')
    await ended()
  }
  const close = async () => {
    if (graceMs > 0 && isReady && lifeline?.writable === true) {
      let timer: NodeJS.Timeout | undefined
      lifeline.write('end\n')
      await Promise.race([ended(), new Promise(resolve => (timer = setTimeout(resolve, graceMs)))])
      clearTimeout(timer)
    }
    await kill()
  }
  let output = ''
  const found = await new Promise<T>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer)
      reject(
        new SequencerError(`${name} ${reason}`, {
          code: 'ENGINE_UNAVAILABLE',
          meta: output.trim().split('\n').slice(-5),
        }),
      )
    }
    const timer = setTimeout(() => fail('was not ready in time'), timeoutMs)
    child.once('error', error => fail(`could not be started: ${error.message}`))
    child.once('exit', code => fail(`ended with code ${code}`))
    // What it prints later has no use here, but unread it would fill the pipe and stop the program.
    const onData = (data: Buffer) => {
      if (isReady) return
      output = (output + data.toString()).slice(-65_536)
      const result = ready(output)
      if (result === undefined) return
      isReady = true
      clearTimeout(timer)
      resolve(result)
    }
    child.stdout?.on('data', onData)
    child.stderr?.on('data', onData)
  }).catch(async error => {
    await close()
    throw error
  })
  child.unref()
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.()
  return { found, child: { exited, ended, close, kill, [Symbol.asyncDispose]: close } }
}
