const units = ['', ' k', ' M', ' G', ' T', ' P', ' E']

/** Wei in the largest unit that leaves a readable number: `812 wei`, `14.2 gwei`, `1.0034 METIS`. */
export function formatWei(wei: bigint, symbol: string): string {
  if (wei < 0n) return `-${formatWei(-wei, symbol)}`
  if (wei < 10n ** 6n) return `${wei} wei`
  if (wei < 10n ** 15n) return `${fixed(wei, 9, 3)} gwei`
  return `${fixed(wei, 18, 4)} ${symbol}`
}

/** An amount of a token in whole tokens, with as many places as show something: `1.0034 METIS`, `0.000006902 METIS`, `812 wei`. */
export function formatToken(wei: bigint, symbol: string): string {
  if (wei < 0n) return `-${formatToken(-wei, symbol)}`
  if (wei < 10n ** 9n) return wei === 0n ? `0 ${symbol}` : `${wei} wei`
  return `${fixed(wei, 18, wei < 10n ** 15n ? 9 : 4)} ${symbol}`
}

/** Joins parts with commas into lines of at most `width`. */
export function wrapParts(parts: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last === undefined || last.length + part.length + 3 > width) lines.push(part)
    else lines[lines.length - 1] = `${last}, ${part}`
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line},` : line))
}

/** A bigint with `decimals` implied digits, cut (not rounded) after `places`. */
export function fixed(value: bigint, decimals: number, places: number): string {
  const scaled = value / 10n ** BigInt(decimals - places)
  const text = scaled.toString().padStart(places + 1, '0')
  return places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`
}

export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)}${units[unit]}B`.replace(/^(\d+)B$/, '$1 B')
}

export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 730) return `${Math.floor(days / 365)} years`
  if (days > 2) return `${days} days`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

/** Basis points as a signed percentage: `+12.50 %`. */
export function formatSignedBps(bps: bigint): string {
  return `${bps < 0n ? '-' : '+'}${fixed(bps < 0n ? -bps : bps, 2, 2)} %`
}

export const shortHex = (hex: string): string => `${hex.slice(0, 10)}…${hex.slice(-4)}`

/** A bar of `width` cells, filled to `ratio`. */
export function bar(ratio: number, width: number): string {
  const cells = Math.max(0, Math.min(width, Math.round(ratio * width)))
  return '█'.repeat(cells) + '░'.repeat(width - cells)
}
