// Keeps one child process alive for an owner and no longer: node keeper.js <job as JSON>.
//
// The owner holds a connection to the socket. When it is gone, even by `kill -9`, the child is ended after the linger time unless an
// owner comes back: so a node that was killed finds its L1 where it was, and nothing stays behind when nobody returns.
//
// A child that keeps its state in memory is ended only when the state is on disk. Where there is no room for it, the child is kept for a while: whoever
// makes room, or comes back, finds everything.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { createGunzip } from 'node:zlib'
import { writeSealedJson } from '../storage/sealed-json.js'

/** What a keeper is told. */
export type KeeperJob = {
  readonly socket: string
  readonly lingerMs: number
  readonly binary: string
  readonly args: readonly string[]
  /** Where the child answers, which {@link portFile} says too: a keeper that it does not name any more writes nothing. */
  readonly port: number
  readonly portFile: string
  /** Where an anvil's state is written before it is ended. */
  readonly statePath?: string | undefined
}

const [text] = process.argv.slice(2)
if (text === undefined) process.exit(2)
const job = JSON.parse(text) as KeeperJob

const retryMs = 2000
/** How long a state waits for room on the disk. */
const patienceMs = 10 * 60_000

const child = spawn(job.binary, job.args, { stdio: ['ignore', 'ignore', 'pipe'] })
let complaint = ''
child.stderr.on('data', data => {
  complaint = (complaint + String(data)).slice(-2000)
})
child.on('error', () => process.exit(127))
child.on('exit', code => {
  rmSync(job.socket, { force: true })
  process.stderr.on('error', () => {})
  // For the owner that waits for its start; later nobody listens.
  process.stderr.write(complaint, () => process.exit(code ?? 1))
})

const owners = new Set<Socket>()
const isNamed = (): boolean => {
  try {
    return readFileSync(job.portFile, 'utf8') === String(job.port)
  } catch {
    return false
  }
}

/** The state as anvil gives it: gzip in hex in a JSON answer of any length. */
async function* stateOf(port: number): AsyncGenerator<Uint8Array> {
  const answer = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'anvil_dumpState', params: [] }),
  })
  let held = ''
  let begun = false
  for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
    held += piece
    if (!begun) {
      const start = held.indexOf('"0x')
      if (start < 0) continue
      held = held.slice(start + 3)
      begun = true
    }
    const end = held.indexOf('"')
    const whole = (end < 0 ? held.length : end) & ~1
    yield Buffer.from(held.slice(0, whole), 'hex')
    if (end >= 0) return
    held = held.slice(whole)
  }
  throw new Error('anvil gave no state')
}

async function save(statePath: string): Promise<void> {
  const gunzip = createGunzip()
  const feed = (async () => {
    for await (const piece of stateOf(job.port)) gunzip.write(piece)
    gunzip.end()
  })().catch(error => gunzip.destroy(error))
  await writeSealedJson(statePath, gunzip, isNamed)
  await feed
}

let ending = false
const end = async (): Promise<void> => {
  if (ending) return
  ending = true
  const until = Date.now() + patienceMs
  while (job.statePath !== undefined && isNamed()) {
    try {
      await save(job.statePath)
      break
    } catch (error) {
      const { code } = error as { code?: string }
      const isFull = code === 'ENOSPC' || code === 'EDQUOT'
      for (const owner of owners) owner.write(`${isFull ? code : (error as Error).message}\n`)
      if (!isFull || Date.now() >= until) break
      await new Promise(resolve => setTimeout(resolve, retryMs))
      // Somebody came back for it.
      if (owners.size > 0) {
        ending = false
        return
      }
    }
  }
  child.kill('SIGTERM')
  setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
}

// The first owner connects at once: without it the child has no reason to run.
let timer: NodeJS.Timeout | undefined = setTimeout(end, 60_000)
const server = createServer(connection => {
  owners.add(connection)
  clearTimeout(timer)
  connection.on('error', () => {})
  connection.on('data', data => {
    if (data.toString().includes('kill')) child.kill('SIGKILL')
    else if (data.toString().includes('stop')) void end()
  })
  connection.on('close', () => {
    owners.delete(connection)
    if (owners.size === 0) timer = setTimeout(end, job.lingerMs)
  })
})
rmSync(job.socket, { force: true })
server.listen(job.socket)

// Ctrl-C in a terminal is for the node, which stops its children in its own time.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => void end())
