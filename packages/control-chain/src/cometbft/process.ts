import { type ChildProcess, spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { argumentsOf } from '@l2/common/node'
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

/** How often it is looked whether there is room on the disk. */
const lookMs = 2000
/**
 * What it says once when a write has failed, as on a full disk: to its journal, after which no later write succeeds, also when
 * there is room again; or of what its key has signed. It goes on running, and takes no part in the consensus any more.
 */
const sickWords = ['failed writing to WAL', 'CONSENSUS FAILURE!!!'] as const
const longestWords = Math.max(...sickWords.map(({ length }) => length))
/** Room on the disk with which it is worth another start. */
const roomBytes = 4 << 20

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
 * Runs the engine over a home and starts it again when it ends. It ends by itself when the application's socket closes; where
 * it does not, whoever runs the home next ends it.
 */
export function runComet(binary: string, home: string, signerAddress?: string): CometProcess {
  const logPath = join(home, 'comet.log')
  const pidPath = join(home, 'comet.pid')
  const ends: number[] = []
  let child: ChildProcess | undefined
  let down: string | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let isSick = false
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})

  const start = (): void => {
    if (existsSync(logPath) && statSync(logPath).size > maxLogBytes) renameSync(logPath, `${logPath}.old`)
    endLeftover(pidPath, home)
    // A program that was killed leaves its sockets, and the next one does not start on them.
    const signer = /^unix:\/\/(.+)$/.exec(signerAddress ?? '')?.[1]
    for (const path of [cometSockets(home).rpc, signer]) if (path !== undefined) rmSync(path, { force: true })
    const started = spawn(binary, ['start', '--home', home, '--log_level', 'error'], {
      // Not into a file: what it says of a full disk would not come there, and that may be over before anybody looks.
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of the operator's environment: keys may be in it.
      env: { HOME: home, PATH: process.env['PATH'] ?? '' },
    })
    for (const stream of [started.stdout, started.stderr]) hear(started, stream)
    if (started.pid !== undefined) writeFileSync(pidPath, String(started.pid), { mode: 0o600 })
    isSick = false
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
  /** Keeps what it says, as far as there is room, and hears when it cannot go on. */
  const hear = (which: ChildProcess, stream: Readable): void => {
    let before = ''
    stream.setEncoding('utf8')
    stream.on('error', () => {})
    stream.on('data', (text: string) => {
      const heard = `${before}${text}`
      if (child === which && sickWords.some(words => heard.includes(words))) isSick = true
      before = heard.slice(-longestWords)
      try {
        appendFileSync(logPath, text, { mode: 0o600 })
      } catch {
        // The disk is full: what it said is lost, and was heard.
      }
    })
  }
  const look = (): void => {
    if (!isSick) return
    const { bavail, bsize } = statfsSync(home)
    if (bavail * bsize >= roomBytes) child?.kill('SIGKILL')
  }
  start()
  const looking = setInterval(look, lookMs)
  looking.unref()
  return {
    get down() {
      return down ?? (isSick ? 'CometBFT cannot write: is the disk full?' : undefined)
    },
    get pid() {
      return child?.pid
    },
    failed,
    async close() {
      isClosed = true
      clearTimeout(timer)
      clearInterval(looking)
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

/**
 * Ends the engine that an operator left which was killed: it means to end by itself, and does not always come to that; as
 * long as it runs, nobody else can open its databases.
 */
function endLeftover(pidPath: string, home: string): void {
  const pid = existsSync(pidPath) ? Number(readFileSync(pidPath, 'utf8')) : 0
  if (!argumentsOf(pid).includes(home)) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

function lastWords(logPath: string): string {
  const text = existsSync(logPath) ? readFileSync(logPath, 'utf8') : ''
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
}
