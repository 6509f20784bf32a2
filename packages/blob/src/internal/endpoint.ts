import { redactUrls } from '@l2/common'
import { BlobError } from '../errors.js'

/** A server's address as its user wrote it: credentials, path and query included, of which nothing but the origin may be shown. */
export type Endpoint = {
  readonly origin: string
  /** The address of a path below the given one, with the given query before `query`. */
  at(path: string, query?: string): string
  /** Credentials of the address as `fetch` wants them: it takes none in a URL. */
  readonly headers: Readonly<Record<string, string>>
  /** Somebody else's text without URLs beyond their origin, and without anything of this address that may be a key. */
  plain(text: string): string
}

/**
 * Reads the option `url`.
 *
 * @param headers further ones, which carry keys as well
 * @throws BlobError `OPTION`
 */
export function readEndpoint(text: string, headers: Readonly<Record<string, string>> = {}): Endpoint {
  const { url, user, password } = parse(text)
  const path = url.pathname.replace(/\/+$/, '')
  const base = `${url.protocol}//${url.host}${path}`
  const given = url.search.slice(1)
  const basic = (): string => {
    const bytes = new TextEncoder().encode(`${user}:${password}`)
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
  }
  const authorization: Record<string, string> =
    user === '' && password === '' ? {} : { authorization: `Basic ${basic()}` }
  // Short words of a path or query are names, not keys; cutting them out would leave nothing to read.
  const maybe = [...path.split('/'), ...url.searchParams.values(), ...Object.values(headers)]
  const secrets = [user, password, ...maybe.filter(secret => secret.length >= 6)]
    .flatMap(secret => [secret, encodeURIComponent(secret)])
    .filter(secret => secret.length >= 3)
    .sort((a, b) => b.length - a.length)
  return {
    origin: url.origin,
    at(below, query = '') {
      const whole = [given, query].filter(part => part !== '').join('&')
      return `${base}${below}${whole === '' ? '' : `?${whole}`}`
    },
    headers: { ...authorization, ...headers },
    plain(said) {
      let plain = redactUrls(said)
      for (const secret of secrets) plain = plain.replaceAll(secret, '***')
      return plain
    },
  }
}

function parse(text: string): { url: URL; user: string; password: string } {
  try {
    const url = new URL(text)
    if (!/^https?:$/.test(url.protocol)) throw new Error('another protocol')
    if (url.hash !== '') throw new Error('a fragment, which is never sent')
    return { url, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  } catch {
    // The text itself may hold a key.
    throw new BlobError('"url" expected an absolute http(s) URL without a fragment', { code: 'OPTION' })
  }
}
