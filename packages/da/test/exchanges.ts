import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** HTTP exchanges with a server that cannot run in tests. */
export type ExchangeFile = {
  file: string
  about: string
  /** The public description that they were written from, or what was recorded. */
  source: string
  /** `false`: written by us. A recording of the real server goes into the same folder with `true`. */
  recorded: boolean
  exchanges: {
    request: { method: string; path: string; bodyHex?: string }
    response: { status: number; headers?: Record<string, string>; bodyHex?: string; bodyText?: string }
  }[]
}

const bytes = (hex: string | undefined, text: string | undefined) =>
  new Uint8Array(Buffer.from(hex ?? text ?? '', hex === undefined ? 'utf8' : 'hex'))

/** All files of test/exchanges/<server>. */
export function exchangeFiles(server: string): ExchangeFile[] {
  const folder = fileURLToPath(new URL(`exchanges/${server}/`, import.meta.url))
  return readdirSync(folder)
    .filter(file => file.endsWith('.json'))
    .sort()
    .map(file => ({ file, ...JSON.parse(readFileSync(folder + file, 'utf8')) }))
}

/** Answers exactly what a file holds, and refuses every other request. */
export function replay({ file, exchanges }: ExchangeFile): typeof fetch {
  return async (input, init) => {
    const { pathname, search } = new URL(String(input))
    const body = Buffer.from((init?.body as Uint8Array | undefined) ?? new Uint8Array()).toString('hex')
    const found = exchanges.find(
      ({ request }) =>
        request.method === init?.method && request.path === pathname + search && (request.bodyHex ?? '') === body,
    )
    if (found === undefined) throw new Error(`${file} has no answer to ${init?.method} ${pathname}${search} ${body}`)
    const { status, headers = {}, bodyHex, bodyText } = found.response
    return new Response(bytes(bodyHex, bodyText) as BodyInit, { status, headers })
  }
}
