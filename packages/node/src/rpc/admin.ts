import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isL2Error } from '@l2/common'
import type { AdminMethod } from '@l2/sequencer-core/batcher'
import { NodeError } from '../errors.js'
import { portTaken } from '../process/port.js'
import { answerText, failure, type RpcMethod } from './answer.js'
import { RpcAnswerError } from './client.js'
import type { RpcServer } from './server.js'

/** Where an operator is served, and what. */
export type AdminOptions = {
  /** Its own, never that of the public JSON-RPC. */
  host: string
  port: number
  /** Holds the token that a caller must send as `Authorization: Bearer …`; made with mode 0600 where there is none. */
  tokenPath: string
  methods: ReadonlyMap<string, AdminMethod>
  /** Told each call, done or refused. */
  say(message: string): void
}

/** An operator sends no more. */
const maxBodyBytes = 65_536

const unauthorized = failure('null', -32001, 'the token is missing or wrong')
const tooLarge = failure('null', -32600, `request body over ${maxBodyBytes} bytes`)

/**
 * Serves the operator's methods on a port of their own. No page of a browser can ask, and nobody without the token is even read.
 *
 * @throws NodeError `ADMIN_TOKEN` for a token file that others may read, or that holds no token; `PORT_TAKEN`
 */
export async function openAdmin({ host, port, tokenPath, methods, say }: AdminOptions): Promise<RpcServer> {
  const token = readToken(tokenPath)
  const log = (from: string, what: string, outcome: string): void =>
    say(`admin: ${oneLine(what)} from ${from} was ${oneLine(outcome)}`)

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const from = request.socket.remoteAddress ?? 'nowhere'
    const refuse = (status: number, answer: string, reason: string): void => {
      log(from, 'a call', `refused: ${reason}`)
      // Nothing more of it is read.
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(answer)
    }
    if (!sameSecret(request.headers.authorization ?? '', `Bearer ${token}`)) {
      return refuse(401, unauthorized, 'the token is missing or wrong')
    }
    const text = await readBody(request)
    if (text === undefined) return refuse(413, tooLarge, `over ${maxBodyBytes} bytes`)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const caller = { client: request.socket, signal: gone.signal, notify: undefined }
    const get = (name: string): RpcMethod => logged(name, methods.get(name), outcome => log(from, name, outcome))
    const answer = await answerText(text, { get }, caller)
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer ?? '')
  }
  const server = createServer({ requestTimeout: 60_000 }, (request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  } catch (cause) {
    throw portTaken({ host, port, optionPrefix: '--admin-' }, cause)
  }
  const { address, port: listens, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${listens}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What a stranger sends ends up on the screen: nothing in it may leave its line. */
const oneLine = (text: string): string => text.slice(0, 200).replace(/[^ -~]/g, '?')

/** Compares without telling by its time where the two differ. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** `undefined` for one that is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A method whose outcome is told, with the library's words for what it refuses; one that does not exist is refused as well. */
function logged(name: string, method: AdminMethod | undefined, log: (outcome: string) => void): RpcMethod {
  return async parameters => {
    try {
      if (method === undefined) {
        throw new RpcAnswerError({ code: -32601, message: `the method ${name.slice(0, 64)} does not exist` })
      }
      const result = await method(parameters)
      log('carried out')
      return result
    } catch (error) {
      log(`refused: ${error instanceof Error ? error.message.split('\n', 1)[0] : 'unknown'}`)
      if (!isL2Error(error)) throw error
      const code = error.code === 'BATCHER_OPTIONS' ? -32602 : -32000
      throw new RpcAnswerError({ code, message: error.shortMessage })
    }
  }
}

/** A token of 32 random bytes, from the file or made and written there for nobody but its owner. */
function readToken(path: string): string {
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    const token = randomBytes(32).toString('hex')
    writeFileSync(file, `${token}\n`)
    closeSync(file)
    return token
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'EEXIST') {
      throw new NodeError(`the admin token cannot be written to ${path}`, { code: 'ADMIN_TOKEN', cause })
    }
  }
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (cause) {
    throw new NodeError(`the admin token in ${path} cannot be read`, { code: 'ADMIN_TOKEN', cause })
  }
  try {
    if ((fstatSync(file).mode & 0o077) !== 0) {
      throw new NodeError(`others than its owner may read ${path}: chmod 600 it, or remove it for a new token`, {
        code: 'ADMIN_TOKEN',
      })
    }
    const token = readFileSync(file, 'utf8').trim()
    if (/^[\w-]{32,256}$/.test(token)) return token
    throw new NodeError(`${path} holds no token of 32 letters and digits or more: remove it for a new one`, {
      code: 'ADMIN_TOKEN',
    })
  } finally {
    closeSync(file)
  }
}
