import { request } from 'node:http'

/** Longer than any answer that is asked for here. */
const maxAnswerBytes = 1 << 20

/**
 * One call of the engine's JSON-RPC over its Unix socket.
 *
 * @throws Error where it does not answer, with its own words where it refuses
 */
export async function cometCall<T>(
  socketPath: string,
  method: string,
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const call = request({ socketPath, path: '/', method: 'POST', headers, signal }, response => {
      let said = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        said += piece
        if (said.length > maxAnswerBytes) response.destroy(new Error('too long an answer'))
      })
      response.on('end', () => resolve(said))
      response.on('error', reject)
    })
    call.on('error', reject)
    call.end(body)
  })
  const { result, error } = JSON.parse(text) as { result?: T; error?: { message?: string; data?: string } }
  if (error !== undefined) throw new Error([error.message, error.data].filter(Boolean).join(': '))
  return result!
}
