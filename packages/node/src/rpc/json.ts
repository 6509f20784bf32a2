/** Bounds of a JSON text that a stranger sends. */
export type JsonLimits = {
  /** Arrays and objects inside each other. */
  maxDepth: number
  /** Values altogether. */
  maxValues: number
  /** Values of the outermost array. */
  maxItems: number
}

/** Enough for a state override of many thousand slots; a parser is done with that in some milliseconds. */
export const jsonLimits: JsonLimits = { maxDepth: 64, maxValues: 200_000, maxItems: 1000 }

/** What is known of a JSON text before it is parsed. */
export type JsonShape = {
  /** Why it is not parsed. */
  refused: string | undefined
  /** Ids of requests that are written as numbers, as they are written, by place in the batch (0 where there is none): JavaScript's numbers would lose digits. */
  ids: ReadonlyMap<number, string>
}

const [quote, backslash, comma, openArray, closeArray, openObject, closeObject] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
]
const idMember = /id"\s*:\s*(-?\d[\d.eE+-]*)/y

/**
 * Walks over a JSON text once, before it is parsed: a parser follows brackets as deep as they go, and takes seconds for some millions of them. Whether it is
 * JSON at all is left to the parser.
 */
export function inspectJson(text: string, limits: JsonLimits = jsonLimits): JsonShape {
  const ids = new Map<number, string>()
  let [depth, values, items] = [0, 1, 0]
  /** Where a request's members are. */
  let memberDepth = 1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      if (depth === memberDepth) {
        idMember.lastIndex = at + 1
        const id = idMember.exec(text)?.[1]
        if (id !== undefined) ids.set(items, id)
      }
      at = endOfString(text, at)
    } else if (code === openArray || code === openObject) {
      if (depth === 0 && code === openArray) memberDepth = 2
      values++
      if (++depth > limits.maxDepth) return { refused: `nested deeper than ${limits.maxDepth}`, ids }
    } else if (code === closeArray || code === closeObject) {
      depth--
    } else if (code === comma) {
      values++
      if (depth === 1 && memberDepth === 2 && ++items >= limits.maxItems) {
        return { refused: `batch too large: more than ${limits.maxItems} requests`, ids }
      }
    }
    if (values > limits.maxValues) return { refused: `more than ${limits.maxValues} values`, ids }
  }
  return { refused: undefined, ids }
}

/** The closing quote of the string that begins at an opening one. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes++
    if (backslashes % 2 === 0) return at
  }
  return text.length
}
