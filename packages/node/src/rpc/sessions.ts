import { setMaxListeners } from 'node:events'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { toJson } from '@l2/common'
import { type WebSocket, WebSocketServer } from 'ws'
import { answerText, type RpcMethods } from './answer.js'
import { createPacer } from './pacer.js'

const maxSessions = 1000
/** Requests of one session that are not answered yet. */
const maxRequests = 1000
/** What may wait for a client that reads slowly. */
const maxUnsentBytes = 32 * 1024 * 1024
const pingEveryMs = 30_000

/** Serves JSON-RPC over WebSocket on `/` and, as some clients have it, `/ws` of an HTTP server. */
export function acceptSessions(http: Server, methods: RpcMethods, maxMessageBytes: number): { close(): void } {
  const server = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false })
  const alive = new WeakSet<WebSocket>()
  const pinging = setInterval(() => {
    for (const socket of server.clients) {
      if (!alive.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }, pingEveryMs).unref()

  const refuse = (socket: Duplex, status: string): void => {
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const path = (request.url ?? '').split('?', 1)[0]
    if (path !== '/' && path !== '/ws') return refuse(socket, '404 Not Found')
    if (server.clients.size >= maxSessions) return refuse(socket, '503 Service Unavailable')
    server.handleUpgrade(request, socket, head, session => serve(session, methods, () => alive.add(session)))
  })
  return {
    close: () => {
      clearInterval(pinging)
      for (const socket of server.clients) socket.terminate()
      server.close()
    },
  }
}

function serve(socket: WebSocket, methods: RpcMethods, isAlive: () => void): void {
  const gone = new AbortController()
  // One for each of its requests that waits, and of its subscriptions.
  setMaxListeners(0, gone.signal)
  let underWay = 0
  // A session has its own: it is one client, whatever it sends at once.
  const enter = createPacer(1)
  const send = (text: string): void => {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > maxUnsentBytes) socket.terminate()
    else socket.send(text)
  }
  const caller = {
    client: socket,
    signal: gone.signal,
    notify: (method: string, params: unknown) => send(toJson({ jsonrpc: '2.0', method, params })),
  }
  isAlive()
  socket.on('pong', isAlive)
  // Too large a message, or no UTF-8: the library has closed it.
  socket.on('error', () => {})
  socket.on('close', () => gone.abort())
  socket.on('message', data => {
    isAlive()
    if (underWay >= maxRequests) return socket.close(1013, 'too many requests at once')
    underWay++
    void enter()
      .then(() => answerText(String(data), methods, caller))
      .then(answer => {
        underWay--
        if (answer !== undefined) send(answer)
      })
  })
}
