import { bytesToHex, hexToBytes } from 'viem'

/** One line of JSON that keeps bigints and bytes apart from strings: for the node's own files, read by nobody else. */
export function encodeLine(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === 'bigint') return { $int: item.toString() }
    if (item instanceof Uint8Array) return { $bytes: bytesToHex(item) }
    return item
  })
}

/** Reads {@link encodeLine} back. */
export function decodeLine<T>(line: string): T {
  return JSON.parse(line, (_, item: unknown) => {
    if (typeof item !== 'object' || item === null) return item
    if ('$int' in item) return BigInt(item.$int as string)
    if ('$bytes' in item) return hexToBytes(item.$bytes as `0x${string}`)
    return item
  }) as T
}
