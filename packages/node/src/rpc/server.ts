import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { stringify } from '@l2/common'
import Fastify from 'fastify'
import { portTaken } from '../process/port.js'
import { RpcAnswerError } from './client.js'

/** One JSON-RPC method. What it throws as {@link RpcAnswerError} is the answer's error. */
export type RpcMethod = (params: readonly unknown[]) => unknown

/** A plain HTTP page. A stream is read no faster than the client takes it. */
export type Page = (
  query: Readonly<Record<string, unknown>>,
) => Promise<{ status: number; type: string; body: string | Readable }>

/** Methods by name: a map, or what answers for more names than it lists. */
export type RpcMethods = { get(name: string): RpcMethod | undefined }

export type RpcServer = { url: string; close(): Promise<void> }

type RpcServerOptions = {
  host: string
  port: number
  methods: RpcMethods
  /** By path: `/healthz`, `/readyz`, `/metrics`, `/ledger.csv`, `/ledger.json`. */
  pages: ReadonlyMap<string, Page>
}

/** geth's limit of a request body. */
const maxBodyBytes = 5 * 1024 * 1024
/** geth's limit of requests in one batch. */
const maxBatch = 1000

type Answer = {
  jsonrpc: '2.0'
  id: unknown
  result?: unknown
  error?: { code: number; message: string; data?: unknown }
}

const failure = (id: unknown, code: number, message: string, data?: unknown): Answer => ({
  jsonrpc: '2.0',
  id,
  error: data === undefined ? { code, message } : { code, message, data },
})

async function answer(request: unknown, methods: RpcMethods): Promise<Answer | undefined> {
  if (typeof request !== 'object' || request === null || Array.isArray(request))
    return failure(null, -32600, 'invalid request')
  const { id, method, params } = request as { id?: unknown; method?: unknown; params?: unknown }
  const key = typeof id === 'string' || typeof id === 'number' ? id : null
  if (typeof method !== 'string') return failure(key, -32600, 'invalid request')
  const handler = methods.get(method)
  if (handler === undefined)
    return failure(key, -32601, `the method ${method.slice(0, 64)} does not exist/is not available`)
  if (params !== undefined && !Array.isArray(params)) return failure(key, -32602, 'non-array args')
  try {
    const result = await handler((params as unknown[] | undefined) ?? [])
    // A request without an id is a notification: it is carried out and not answered.
    return id === undefined ? undefined : { jsonrpc: '2.0', id: key, result: result ?? null }
  } catch (error) {
    if (error instanceof RpcAnswerError) return failure(key, error.code, error.message, error.data)
    return failure(key, -32603, error instanceof Error ? error.message.split('\n', 1)[0]! : 'internal error')
  }
}

const tooLarge = failure(null, -32600, `request body over ${maxBodyBytes} bytes`)

/** Reads a body away, for two seconds at most: a client that is cut off while it writes never sees the answer. */
async function discard(request: IncomingMessage): Promise<void> {
  request.resume()
  await Promise.race([
    new Promise(resolve => request.once('end', resolve).once('close', resolve)),
    new Promise(resolve => setTimeout(resolve, 2000).unref()),
  ])
}

/** The node's HTTP door: JSON-RPC on `/`, plain pages beside it. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const server = Fastify({ bodyLimit: maxBodyBytes, logger: false, forceCloseConnections: true })
  server.addHook('onRequest', async (request, reply) => {
    // A wallet in a browser page calls this from another origin.
    reply.header('access-control-allow-origin', '*').header('access-control-allow-headers', 'content-type')
    if (Number(request.headers['content-length'] ?? 0) <= maxBodyBytes) return
    await discard(request.raw)
    return reply.code(413).type('application/json').send(stringify(tooLarge))
  })
  server.options('/', async (_request, reply) => reply.code(204).send())
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  server.post('/', async (request, reply) => {
    reply.type('application/json')
    let body: unknown
    try {
      body = JSON.parse(String(request.body))
    } catch {
      return stringify(failure(null, -32700, 'parse error'))
    }
    if (!Array.isArray(body)) return stringify((await answer(body, options.methods)) ?? '')
    if (body.length === 0) return stringify(failure(null, -32600, 'empty batch'))
    if (body.length > maxBatch)
      return stringify(failure(null, -32600, `batch too large: ${body.length} requests, at most ${maxBatch}`))
    const answers: Answer[] = []
    for (const item of body) {
      const one = await answer(item, options.methods)
      if (one !== undefined) answers.push(one)
    }
    return stringify(answers)
  })
  for (const [path, page] of options.pages) {
    server.get(path, async (request, reply) => {
      const { status, type, body } = await page(request.query as Record<string, unknown>)
      return reply.code(status).type(type).send(body)
    })
  }
  server.setErrorHandler((error: { statusCode?: number; code?: string }, _request, reply) => {
    const tooLarge = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
    reply
      .code(tooLarge ? 413 : (error.statusCode ?? 500))
      .type('application/json')
      .send(stringify(failure(null, -32600, tooLarge ? `request body over ${maxBodyBytes} bytes` : 'invalid request')))
  })
  try {
    const url = await server.listen({ host: options.host, port: options.port })
    return { url, close: () => server.close() }
  } catch (cause) {
    throw portTaken(options, cause)
  }
}
