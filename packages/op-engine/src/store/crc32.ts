const table = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
  return value
})

/** CRC-32 as in zlib; give the last result to go on with more bytes. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let value = ~previous
  for (let i = 0; i < bytes.length; i++) value = (value >>> 8) ^ table[(value ^ bytes[i]!) & 255]!
  return ~value >>> 0
}
