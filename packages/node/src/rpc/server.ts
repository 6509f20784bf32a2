import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { portTaken } from '../process/port.js'
import { answerText, failure, type RpcMethods } from './answer.js'
import { createPacer } from './pacer.js'
import { acceptSessions } from './sessions.js'

/** A plain HTTP page. A stream is read no faster than the client takes it. */
export type Page = (
  query: Readonly<Record<string, unknown>>,
) => Promise<{ status: number; type: string; body: string | Readable }>

export type RpcServer = { url: string; close(): Promise<void> }

export type RpcServerOptions = {
  host: string
  port: number
  methods: RpcMethods
  /** By path: `/healthz`, `/readyz`, `/metrics`, `/ledger.csv`, `/ledger.json`. */
  pages: ReadonlyMap<string, Page>
}

/** geth's limit of a request body. */
export const maxBodyBytes = 5 * 1024 * 1024
/** Bodies that are being read or answered, all together. */
const maxBytesAtOnce = 64 * maxBodyBytes
/** Requests that are taken up in one turn of the event loop. */
const perTurn = 4
/** A client that does not send its request to the end. */
const requestTimeoutMs = 60_000

const tooLarge = failure('null', -32600, `request body over ${maxBodyBytes} bytes`)
const busy = failure('null', -32005, 'the node is busy: try again')

/** Reads a body away, for two seconds at most: a client that is cut off while it writes never sees the answer. */
async function discard(request: IncomingMessage): Promise<void> {
  request.resume()
  await Promise.race([
    new Promise(resolve => request.once('end', resolve).once('close', resolve)),
    new Promise(resolve => setTimeout(resolve, 2000).unref()),
  ])
}

/** A wallet in a browser page calls this from another origin; and what is too large is not read. */
function guard(server: FastifyInstance): void {
  let bytesAtOnce = 0
  const enter = createPacer(perTurn)
  server.addHook('onRequest', async (request, reply) => {
    reply.header('access-control-allow-origin', '*').header('access-control-allow-headers', 'content-type')
    if (request.method !== 'POST') return
    const length = Number(request.headers['content-length'] ?? maxBodyBytes)
    if (length > maxBodyBytes || bytesAtOnce + length > maxBytesAtOnce) {
      await discard(request.raw)
      const [status, answer] = length > maxBodyBytes ? [413, tooLarge] : [503, busy]
      return reply.code(status).type('application/json').send(answer)
    }
    bytesAtOnce += length
    reply.raw.once('close', () => {
      bytesAtOnce -= length
    })
    await enter()
  })
}

function routes(server: FastifyInstance, { methods, pages }: RpcServerOptions): void {
  server.options('/', async (_request, reply) =>
    reply
      .code(204)
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-max-age', '86400')
      .send(),
  )
  server.get('/', async (_request, reply) =>
    reply
      .type('text/plain')
      .send(`JSON-RPC: POST to this address, or a WebSocket to it\nPages: ${[...pages.keys()].join(' ')}\n`),
  )
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  server.post('/', async (request, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const caller = { client: request.raw.socket, signal: gone.signal, notify: undefined }
    const answer = await answerText(String(request.body ?? ''), methods, caller)
    return reply.type('application/json').send(answer ?? '')
  })
  for (const [path, page] of pages) {
    server.get(path, async (request, reply) => {
      const { status, type, body } = await page(request.query as Record<string, unknown>)
      return reply.code(status).type(type).send(body)
    })
  }
  server.setErrorHandler((error: { statusCode?: number; code?: string }, _request, reply) => {
    const isTooLarge = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
    reply
      .code(isTooLarge ? 413 : (error.statusCode ?? 500))
      .type('application/json')
      .send(isTooLarge ? tooLarge : failure('null', -32600, 'invalid request'))
  })
}

/** The node's door: JSON-RPC on `/`, over HTTP and WebSocket, and plain pages beside it. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const server = Fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    logger: false,
    forceCloseConnections: true,
  })
  guard(server)
  routes(server, options)
  const sessions = acceptSessions(server.server, options.methods, maxBodyBytes)
  try {
    const url = await server.listen({ host: options.host, port: options.port })
    return {
      url,
      close: async () => {
        sessions.close()
        await server.close()
      },
    }
  } catch (cause) {
    throw portTaken(options, cause)
  }
}
