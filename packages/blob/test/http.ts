import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** A server of the test's own, on loopback; what it answers is the test's business. */
export type TestServer = { url: string; requests: string[]; close(): Promise<void> }

export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<TestServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', part => parts.push(part as Buffer))
    request.on('end', () => {
      requests.push(request.url ?? '')
      answer(request, response, Buffer.concat(parts).toString())
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
