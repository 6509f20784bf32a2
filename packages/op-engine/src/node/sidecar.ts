import { spawn } from 'node:child_process'
import { OpEngineError } from '../errors.js'
import type { StartChannel } from '../host/channel.js'
import { createFrameReader, frame } from '../protocol/frames.js'
import { encodeMessage } from '../protocol/message.js'

/** Answers larger than this are refused: no block and no trace comes near it, and a program that lost the thread would claim anything. */
const maxFrameBytes = 1 << 30
const keptOutput = 16 << 10
const closeTimeoutMs = 10_000

/** Starts the native engine. It ends when its standard input does, so it never outlives this process, however that ends. */
export function startSidecar(binary: string, env: Record<string, string>): StartChannel {
  return async events => {
    const child = spawn(binary, [], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      // Ctrl-C in a terminal is for us, who end it when we have finished with it.
      detached: process.platform !== 'win32',
    })
    let output = ''
    let isOver = false
    let failure: unknown
    const exited = new Promise<void>(resolve => {
      child.once('error', error => {
        failure = error
        resolve()
      })
      child.once('exit', (code, signal) => {
        failure ??= new Error(signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`)
        resolve()
      })
    })
    child.stderr.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-keptOutput)
    })
    // A pipe that broke is seen as the end of the program.
    child.stdin.on('error', () => {})
    const end = (error: OpEngineError): void => {
      if (isOver) return
      isOver = true
      child.kill('SIGKILL')
      events.onEnd(error)
    }
    const crashed = (cause: unknown): OpEngineError =>
      new OpEngineError(`the native engine crashed: ${lastWords(output) ?? (cause as Error)?.message}`, {
        code: 'ENGINE_CRASHED',
        recovery: 'retry',
        details: { binary, output: output.slice(-4096) },
        cause,
      })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', cause =>
        reject(
          new OpEngineError(`${binary} cannot be started: ${cause.message}`, {
            code: 'ENGINE_MISSING',
            details: { binary },
            cause,
          }),
        ),
      )
    })
    const read = createFrameReader(maxFrameBytes, message => events.onMessage(message, undefined, false))
    child.stdout.on('data', (data: Buffer) => {
      try {
        read(data)
      } catch (error) {
        end(error as OpEngineError)
      }
    })
    void exited.then(() => end(crashed(failure)))
    const kill = async (): Promise<void> => {
      isOver = true
      child.ref()
      child.kill('SIGKILL')
      await exited
    }
    return {
      send: message => void child.stdin.write(frame(message)),
      cancel: id => void child.stdin.write(frame(encodeMessage({ id, method: 'cancel' }, []))),
      hold(active) {
        const streams = [child, child.stdout, child.stderr, child.stdin] as unknown as {
          ref?(): void
          unref?(): void
        }[]
        for (const stream of streams) {
          if (active) stream.ref?.()
          else stream.unref?.()
        }
      },
      async close() {
        isOver = true
        child.ref()
        child.stdin.end()
        const timer = setTimeout(() => child.kill('SIGKILL'), closeTimeoutMs)
        await exited
        clearTimeout(timer)
      },
      kill,
    }
  }
}

/** The line of a Go program's last words that says what happened. */
function lastWords(output: string): string | undefined {
  return output
    .split('\n')
    .find(line => /^(fatal error|panic|runtime):/.test(line))
    ?.slice(0, 300)
}
