import { redactUrls } from '@l2/common'
import { DaError } from '../errors.js'

/** A server's address as its user wrote it: path prefix, query and credentials included. */
export type ServerUrl = {
  /** What may be said about it. */
  origin: string
  /** The address of a path below the prefix, the user's query and then `query` behind it; of `''`, the address as it is. */
  at(path: string, query?: Readonly<Record<string, string>>): string
  /** Credentials of the address as `fetch` wants them. */
  headers: Readonly<Record<string, string>>
  /** What must not be repeated: credentials, and values of the query, which providers use for keys. */
  secrets: readonly string[]
}

/**
 * Reads an option that is a URL.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 */
export function readServerUrl(of: string, text: string): ServerUrl {
  let url: URL
  let credentials: [string, string]
  try {
    url = new URL(text)
    credentials = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  } catch {
    throw invalid(of, 'expected an absolute URL')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(of, 'expected an http(s) URL')
  if (url.hash !== '') throw invalid(of, 'a fragment is never sent')
  const prefix = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`
  const [user, password] = credentials
  const bytes = new TextEncoder().encode(`${user}:${password}`)
  const basic = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
  return {
    origin: redactUrls(prefix),
    at(path, query = {}) {
      const search = new URLSearchParams(url.search)
      for (const [name, value] of Object.entries(query)) search.set(name, value)
      const text = search.toString()
      const address = path === '' ? `${url.protocol}//${url.host}${url.pathname}` : prefix + path
      return address + (text === '' ? '' : `?${text}`)
    },
    headers: user === '' && password === '' ? {} : { authorization: `Basic ${basic}` },
    secrets: [user, password, ...url.searchParams.values()].filter(secret => secret.length > 3),
  }
}

function invalid(of: string, why: string): DaError {
  // The address itself may hold a key.
  return new DaError(`invalid options of ${of}`, {
    code: 'DA_OPTIONS_INVALID',
    meta: [`"url": ${why}`],
    details: { issues: [`"url": ${why}`] },
  })
}
