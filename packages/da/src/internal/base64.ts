const alphabet = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const values = new Int8Array(256).fill(-1)
alphabet.forEach((code, value) => {
  values[code] = value
})
const pad = 61

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  let at = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    out[at++] = alphabet[word >> 18]!
    out[at++] = alphabet[(word >> 12) & 63]!
    out[at++] = i + 1 < bytes.length ? alphabet[(word >> 6) & 63]! : pad
    out[at++] = i + 2 < bytes.length ? alphabet[word & 63]! : pad
  }
  return new TextDecoder().decode(out)
}

/** Bytes of standard base64, or `undefined` when the text is not canonical. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let at = 0
  for (let i = 0; i < text.length; i += 4) {
    const last = i + 4 === text.length
    let word = 0
    for (let j = 0; j < 4; j++) {
      const code = text.charCodeAt(i + j)
      const value = last && j >= 4 - padding ? 0 : code < 256 ? values[code]! : -1
      if (value < 0) return undefined
      word = (word << 6) | value
    }
    if (last && ((padding === 1 && (word & 255) !== 0) || (padding === 2 && (word & 65_535) !== 0))) return undefined
    for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = (word >> shift) & 255
  }
  return bytes
}
