/** Whether the bytes from `from` up to `to` are all zero, read eight at a time. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = from
  for (; at + 8 <= to; at += 8) if ((view.getUint32(at) | view.getUint32(at + 4)) !== 0) return false
  for (; at < to; at++) if (bytes[at] !== 0) return false
  return true
}

/** The position of the last byte that is not zero, −1 when all are. */
export function lastNonZero(bytes: Uint8Array): number {
  let end = bytes.length
  // Whole blocks first: a blob that is barely filled has 100 000 zeros at its end.
  while (end >= 256 && isZero(bytes, end - 256, end)) end -= 256
  while (end > 0 && bytes[end - 1] === 0) end--
  return end - 1
}
