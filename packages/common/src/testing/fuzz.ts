import type { Random } from './random.js'

/**
 * A fuzz target: `packages/<name>/fuzz/<target>.fuzz.ts` exports one as `target`. `pnpm fuzz <target> --seconds N --seed S` runs it.
 */
export type FuzzTarget = {
  /** Well-formed inputs to mutate from, made by our own encoders. */
  corpus(random: Random): Uint8Array[]
  /** Feeds one input to the decoder. Typed errors and verdicts are fine: anything this throws is a finding. */
  run(input: Uint8Array, random: Random): void | Promise<void>
}

/** One of the mutations that break decoders: flips, cuts, growth, splices, extreme integers. */
export function mutate(input: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(input)
  for (let rounds = 1 + random.below(4); rounds > 0; rounds--) {
    const at = bytes.length === 0 ? 0 : random.below(bytes.length)
    switch (random.below(8)) {
      case 0:
        if (bytes.length > 0) bytes[at]! ^= 1 << random.below(8)
        break
      case 1:
        if (bytes.length > 0) bytes[at] = random.uint32() & 255
        break
      case 2:
        bytes = bytes.slice(0, at)
        break
      case 3:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...random.bytes(1 + random.below(16)),
          ...bytes.subarray(at),
        ])
        break
      case 4:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...bytes.subarray(Math.min(bytes.length, at + 1 + random.below(16))),
        ])
        break
      case 5:
        bytes.fill(0xff, at, at + 1 + random.below(10))
        break
      case 6:
        bytes.fill(0x00, at, at + 1 + random.below(10))
        break
      default:
        if (bytes.length > 0) bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length))
    }
  }
  return bytes
}
