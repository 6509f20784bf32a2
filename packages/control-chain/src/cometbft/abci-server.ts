import { createServer, type Server, type Socket } from 'node:net'
import { Request, Response } from 'cosmjs-types/tendermint/abci/types'

/** By name, what the engine asks. */
export type AbciRequests = { [K in keyof Request]-?: NonNullable<Request[K]> }
/** By name, what it is answered. */
export type AbciResponses = { [K in keyof Response]-?: NonNullable<Response[K]> }

/** The calls of ABCI 2.0 that an application answers; `echo` and `flush` are the transport's. */
export type AbciApplication = {
  readonly [K in Exclude<keyof AbciRequests & keyof AbciResponses, 'echo' | 'flush'>]?: (
    request: AbciRequests[K],
  ) => Partial<AbciResponses[K]> | Promise<Partial<AbciResponses[K]>>
}

/** Larger than any block or snapshot chunk that the engine sends; a longer frame is not the engine. */
const maxFrameBytes = 16 << 20

/**
 * Serves an application to CometBFT over a Unix socket: messages of protobuf, each behind its length. Answers leave in
 * the order of a connection's requests. An error of the application is an exception, on which the engine stops, as it
 * must when the state machine cannot go on; bytes that are no request close the connection.
 *
 * @param onFault Told of every exception and of every connection that was closed for its bytes.
 */
export async function serveAbci(
  path: string,
  application: AbciApplication,
  onFault: (reason: string) => void,
): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let buffer: Buffer<ArrayBufferLike> = Buffer.alloc(0)
    let answered: Promise<void> = Promise.resolve()
    socket.on('data', data => {
      buffer = buffer.length === 0 ? data : Buffer.concat([buffer, data])
      try {
        for (let frame = readFrame(buffer); frame !== undefined; frame = readFrame(buffer)) {
          const request = Request.decode(frame.body)
          buffer = buffer.subarray(frame.length)
          answered = answered.then(async () => {
            const response = await answer(application, request, onFault)
            if (!socket.destroyed) socket.write(writeFrame(response))
          })
        }
      } catch (error) {
        onFault(`a connection sent what is no request: ${(error as Error).message}`)
        socket.destroy()
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function answer(
  application: AbciApplication,
  request: Request,
  onFault: (reason: string) => void,
): Promise<Response> {
  const type = (Object.keys(request) as (keyof Request)[]).find(key => request[key] !== undefined)
  if (type === undefined) return Response.fromPartial({ exception: { error: 'no request' } })
  if (type === 'echo') return Response.fromPartial({ echo: { message: request.echo!.message } })
  if (type === 'flush') return Response.fromPartial({ flush: {} })
  try {
    const handle = application[type] as ((request: unknown) => unknown) | undefined
    const body = (await handle?.(request[type])) ?? {}
    // The answer to a request has its name; that the bodies fit is in the application's type.
    return Response.fromPartial({ [type]: body } as Parameters<typeof Response.fromPartial>[0])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    onFault(`${type}: ${reason}`)
    return Response.fromPartial({ exception: { error: reason } })
  }
}

function readFrame(buffer: Buffer): { body: Uint8Array; length: number } | undefined {
  let size = 0
  for (let at = 0; at < buffer.length; at++) {
    const byte = buffer[at]!
    size += (byte & 127) * 2 ** (7 * at)
    if (size > maxFrameBytes || at > 4) throw new Error('a frame is longer than any message')
    if (byte >= 128) continue
    const begin = at + 1
    if (buffer.length < begin + size) return undefined
    return { body: buffer.subarray(begin, begin + size), length: begin + size }
  }
  return undefined
}

function writeFrame(response: Response): Buffer {
  const body = Response.encode(response).finish()
  const head: number[] = []
  let rest = body.length
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128)
  head.push(rest)
  return Buffer.concat([Buffer.from(head), body])
}
