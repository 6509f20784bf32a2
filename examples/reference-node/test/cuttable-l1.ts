import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startAnvilL1 } from './anvil-l1.js'

/** An L1 behind a line that can be cut. */
export type CuttableL1 = { url: string; directUrl: string; cut: boolean; close(): Promise<void> }

export async function startCuttableL1(): Promise<CuttableL1> {
  const { url: directUrl, close } = await startAnvilL1()
  const l1: CuttableL1 = { url: '', directUrl, cut: false, close: async () => {} }
  const server: Server = createServer(async (request, response) => {
    if (l1.cut) return request.socket.destroy()
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const hasBody = request.method === 'POST'
    const answer = await fetch(directUrl + request.url, {
      method: request.method ?? 'GET',
      headers: { accept: String(request.headers.accept ?? '*/*'), 'content-type': 'application/json' },
      ...(hasBody ? { body: Buffer.concat(parts) } : {}),
    })
    const body = Buffer.from(await answer.arrayBuffer())
    if (l1.cut) return request.socket.destroy()
    response
      .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' })
      .end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  l1.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  l1.close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    await close()
  }
  return l1
}
