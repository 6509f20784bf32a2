const digits = /* @__PURE__ */ Uint8Array.from('0123456789abcdef', digit => digit.charCodeAt(0))
const ascii = /* @__PURE__ */ new TextDecoder()

/** `0x`-prefixed lower-case hex of bytes. */
export function bytesToHex(bytes: Uint8Array): `0x${string}` {
  // One flat string, decoded at once: adding up characters builds a rope that every later use as a map key has to flatten.
  const codes = new Uint8Array(2 + 2 * bytes.length)
  codes[0] = 48
  codes[1] = 120
  for (let i = 0, at = 2; i < bytes.length; i++) {
    const byte = bytes[i]!
    codes[at++] = digits[byte >> 4]!
    codes[at++] = digits[byte & 15]!
  }
  return ascii.decode(codes) as `0x${string}`
}

function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** Bytes of a hex string with or without `0x`; `undefined` when it is not one. */
export function hexToBytes(hex: string): Uint8Array | undefined {
  const start = hex.startsWith('0x') || hex.startsWith('0X') ? 2 : 0
  if ((hex.length - start) % 2 !== 0) return undefined
  const bytes = new Uint8Array((hex.length - start) / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = nibble(hex.charCodeAt(start + 2 * i))
    const low = nibble(hex.charCodeAt(start + 2 * i + 1))
    if (high < 0 || low < 0) return undefined
    bytes[i] = (high << 4) | low
  }
  return bytes
}

/** One array out of many. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/** Whether two byte strings are the same. Not for secrets: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
