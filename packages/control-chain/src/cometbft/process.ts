import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ControlChainError } from '../errors.js'
import { cometSockets } from './home.js'

/** Ends of the program, within {@link endsSpanMs}, after which it is not started again. */
const maxEnds = 8
const endsSpanMs = 10 * 60_000
const pauseMs = 1000
/** What a log may have when a program is started: then it is put aside, and the one that lay there goes. */
const maxLogBytes = 4 << 20
/** For a program to end in an orderly way. */
const graceMs = 5000

/** The engine's program, kept running. */
export type CometProcess = {
  /** Why it does not run; `undefined` while it does. */
  readonly down: string | undefined
  /** Process id of the program that runs now. */
  readonly pid: number | undefined
  /** Rejects with `ENGINE_ENDED` when it ends again and again. Never resolves. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

/**
 * Runs the engine over a home and starts it again when it ends. It ends by itself when the application's socket closes, so it
 * does not outlive this process, however that ends.
 */
export function runComet(binary: string, home: string): CometProcess {
  const logPath = join(home, 'comet.log')
  const ends: number[] = []
  let child: ChildProcess | undefined
  let down: string | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})

  const start = (): void => {
    if (existsSync(logPath) && statSync(logPath).size > maxLogBytes) renameSync(logPath, `${logPath}.old`)
    // A program that was killed leaves its socket, and the next one does not start on it.
    rmSync(cometSockets(home).rpc, { force: true })
    const log = openSync(logPath, 'a', 0o600)
    const started = spawn(binary, ['start', '--home', home, '--log_level', 'error'], {
      stdio: ['ignore', log, log],
      // Nothing of the operator's environment: keys may be in it.
      env: { HOME: home, PATH: process.env['PATH'] ?? '' },
    })
    closeSync(log)
    child = started
    down = undefined
    started.once('error', error => ended(started, error.message))
    started.once('exit', (code, signal) => ended(started, `ended with ${signal ?? `exit code ${code}`}`))
  }
  const ended = (which: ChildProcess, why: string): void => {
    if (child !== which) return
    child = undefined
    if (isClosed) return
    const now = performance.now()
    ends.push(now)
    while (ends[0]! < now - endsSpanMs) ends.shift()
    if (ends.length > maxEnds) {
      const message = `CometBFT ended ${ends.length} times in ten minutes: ${lastWords(logPath) || why}`
      down = message
      fail(new ControlChainError(message, { code: 'ENGINE_ENDED', details: { home } }))
      return
    }
    down = `CometBFT ${why}, and is started again`
    timer = setTimeout(start, pauseMs * ends.length)
  }
  start()
  return {
    get down() {
      return down
    },
    get pid() {
      return child?.pid
    },
    failed,
    async close() {
      isClosed = true
      clearTimeout(timer)
      const last = child
      if (last === undefined || last.exitCode !== null || last.signalCode !== null) return
      const gone = new Promise<void>(resolve => last.once('exit', () => resolve()))
      last.kill('SIGTERM')
      // Where it is stopped, it does not hear the first.
      const kill = setTimeout(() => last.kill('SIGKILL'), graceMs)
      await gone
      clearTimeout(kill)
    },
  }
}

function lastWords(logPath: string): string {
  const text = existsSync(logPath) ? readFileSync(logPath, 'utf8') : ''
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
}
