/** What a caller does about an error: try again, rebuild its state and go on, or stop. */
export type Recovery = 'retry' | 'reset' | 'abort'

/** What every error of `@l2/*` carries besides its message. */
export type L2ErrorOptions<Code extends string> = {
  /** Stable and machine-readable; documented in the package's docs/errors.md. */
  code: Code
  /** Defaults to `abort`. */
  recovery?: Recovery | undefined
  /** Further lines below the short message: the field, the limit, what to try. */
  meta?: readonly string[] | undefined
  /** The offending values, machine-readable. Never keys, never payloads over a kilobyte. */
  details?: Readonly<Record<string, unknown>> | undefined
  cause?: unknown
}

const brand = Symbol.for('@l2/error')

/**
 * The error kernel: one class per package extends it. Recognised by {@link isL2Error}, never by `instanceof`, because two
 * packages may carry two copies of this class.
 */
export class L2Error<Code extends string = string> extends Error {
  readonly code: Code
  readonly recovery: Recovery
  readonly shortMessage: string
  readonly metaMessages: readonly string[]
  readonly details: Readonly<Record<string, unknown>>

  constructor(shortMessage: string, options: L2ErrorOptions<Code>) {
    const meta = options.meta ?? []
    super([shortMessage, ...meta].join('\n'), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = options.code
    this.recovery = options.recovery ?? 'abort'
    this.shortMessage = shortMessage
    this.metaMessages = meta
    this.details = options.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** The first error of the cause chain, this one included, for which `test` holds. */
  walk(test: (error: unknown) => boolean): unknown {
    let error: unknown = this
    // A cause chain can be made circular by foreign code: 64 links are more than any honest one has.
    for (let depth = 0; depth < 64 && error !== undefined && error !== null; depth++) {
      if (test(error)) return error
      error = (error as { cause?: unknown }).cause
    }
    return undefined
  }

  /** Plain data for logs and wires; bigints become decimal strings, the cause its message. */
  toJSON(): Record<string, unknown> {
    const { cause } = this
    return {
      name: this.name,
      code: this.code,
      recovery: this.recovery,
      message: this.message,
      details: toPlain(this.details),
      ...(cause === undefined ? {} : { cause: cause instanceof Error ? cause.message : String(cause) }),
    }
  }
}

/**
 * Whether `error` comes from an `@l2/*` package, whatever copy of it; with a code, whether it is that error.
 */
export function isL2Error<Code extends string>(error: unknown, code?: Code): error is L2Error<Code> {
  return (
    typeof error === 'object' &&
    error !== null &&
    (error as Record<symbol, unknown>)[brand] === true &&
    (code === undefined || (error as L2Error).code === code)
  )
}

/** Cuts every URL of a text down to its origin, so that keys in paths, queries and credentials never reach a log. */
export function redactUrls(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*):\/\/([^\s"'`<>)\]}]+)/gi, (_, scheme: string, rest: string) => {
    const authority = rest.split(/[/?#]/, 1)[0] ?? ''
    return `${scheme}://${authority.slice(authority.lastIndexOf('@') + 1)}`
  })
}

/** The text of a client's error without what it repeats of the request, which for blobs is longer than anything a node says. */
export function withoutRequest(text: string): string {
  return text
    .replace(/0x[0-9a-fA-F]{130,}/g, hex => `${hex.slice(0, 18)}…(${hex.length / 2 - 1} bytes)`)
    .split('\n')
    .filter(line => !/^\s*(Request body|URL|Request Arguments):/i.test(line))
    .join('\n')
}

function toPlain(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth > 8) return '…'
  if (value instanceof Uint8Array)
    return `0x${Array.from(value.subarray(0, 64), b => b.toString(16).padStart(2, '0')).join('')}`
  if (Array.isArray(value)) return value.map(item => toPlain(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item, depth + 1)]))
}
