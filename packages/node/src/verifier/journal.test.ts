import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DerivationCheckpoint, PayloadAttributes } from '@l2/sequencer-core'
import { type Hash, numberToHex } from 'viem'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openVerifierJournal as openJournal } from './journal.js'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2-verifier-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))
/** By default all is in one file. */
let fileBytes: number | undefined
const openVerifierJournal = (path: string) => openJournal(path, { fileBytes })
const file = (): string => join(directory, 'derivation.journal')

const hashOf = (number: bigint): Hash => numberToHex(number, { size: 32 })
const block = (number: bigint) => ({
  number,
  hash: hashOf(number),
  parent: hashOf(number - 1n),
  attributes: {
    timestamp: number,
    transactions: [Uint8Array.of(0x7e, Number(number % 256n))],
  } as unknown as PayloadAttributes,
})
const checkpoint = (number: bigint, l1Number = number) =>
  ({ l1: { number: l1Number, hash: hashOf(l1Number) }, head: { number, hash: hashOf(number) } }) as DerivationCheckpoint

/** Blocks up to a height, and a checkpoint behind every so many. */
function fill(from: bigint, to: bigint, every = 3n): void {
  const journal = openVerifierJournal(directory)
  for (let number = from; number <= to; number++) {
    journal.append(block(number))
    if (number % every === 0n) journal.save(checkpoint(number))
  }
  journal.close()
}

it('after any cut or flip goes on from a checkpoint before it, and blocks that L1 did not give never come out', () => {
  fill(1n, 30n)
  const whole = readFileSync(file())
  for (let at = 0; at < whole.length; at += 61) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1
    for (const bytes of [whole.subarray(0, at), flipped]) {
      writeFileSync(file(), bytes)
      const journal = openVerifierJournal(directory)
      expect(journal.last % 3n).toBe(0n)
      expect(journal.checkpoint?.head.number ?? 0n).toBe(journal.last)
      expect([...journal.blocks(0n)]).toEqual(
        Array.from({ length: Number(journal.last) }, (_, i) => block(BigInt(i + 1))),
      )
      journal.close()
    }
  }
  // A whole line that does not follow.
  truncateSync(file(), 0)
  fill(1n, 6n)
  const two = readFileSync(file(), 'utf8')
  appendFileSync(file(), two)
  const journal = openVerifierJournal(directory)
  expect(journal.last).toBe(6n)
  journal.close()
})

describe.each([undefined, 5000])('in files of %s bytes', bytes => {
  beforeEach(() => {
    fileBytes = bytes
  })
  afterEach(() => {
    fileBytes = undefined
  })
  it('gives back blocks by height, and ends at its last checkpoint', () => {
    fill(1n, 1000n)
    const journal = openVerifierJournal(directory)
    expect(journal.last).toBe(999n)
    expect(journal.checkpoint).toEqual(checkpoint(999n))
    // Those before it, for an L1 that took the newest ones back.
    expect(journal.earlier).toEqual(Array.from({ length: 332 }, (_, index) => checkpoint(3n * BigInt(index + 1))))
    expect(journal.discardedBytes).toBeGreaterThan(0)
    expect(readdirSync(directory).length > 1).toBe(fileBytes !== undefined)
    for (const number of [1n, 2n, 256n, 257n, 513n, 999n]) expect(journal.hashAt(number)).toBe(hashOf(number))
    for (const number of [0n, 1000n, 5000n]) expect(journal.hashAt(number)).toBeUndefined()
    expect([...journal.blocks(996n)]).toEqual([block(997n), block(998n), block(999n)])
    expect([...journal.blocks(0n)]).toHaveLength(999)
    journal.append(block(1000n))
    journal.save(checkpoint(1000n))
    journal.close()
    const again = openVerifierJournal(directory)
    expect([again.last, again.discardedBytes]).toEqual([1000n, 0])
    again.close()
  })

  it('goes back with L1, to any height', () => {
    for (const to of [700n, 513n, 512n, 257n, 256n, 1n, 0n]) {
      rmSync(directory, { recursive: true })
      mkdirSync(directory)
      fill(1n, 900n, 50n)
      const journal = openVerifierJournal(directory)
      journal.rewind(to)
      journal.rewind(to + 5n)
      expect(journal.last).toBe(to)
      expect(journal.hashAt(to + 1n)).toBeUndefined()
      for (let number = to + 1n; number <= to + 300n; number++) journal.append(block(number))
      journal.save(checkpoint(to + 300n))
      expect([...journal.blocks(to)].map(({ number }) => number)).toHaveLength(300)
      journal.close()
      const again = openVerifierJournal(directory)
      expect([again.last, again.discardedBytes]).toEqual([to + 300n, 0])
      again.close()
    }
  })

  it('tells what was safe when L1 stood at a height, also after a reorg and a start', () => {
    const check = (expected: readonly (readonly [bigint, bigint | undefined])[]): void => {
      const journal = openVerifierJournal(directory)
      for (const [l1Number, head] of expected) expect(journal.safeAt(l1Number)?.head.number).toBe(head)
      journal.close()
    }
    const journal = openVerifierJournal(directory)
    // Two blocks every ten blocks of L1, whose other blocks change nothing.
    for (let l1Number = 100n; l1Number < 160n; l1Number++) {
      const head = (l1Number / 10n - 9n) * 2n
      if (l1Number % 10n === 0n) for (const number of [head - 1n, head]) journal.append(block(number))
      journal.save(checkpoint(head, l1Number))
    }
    expect(journal.safeAt(123n)).toEqual(checkpoint(6n, 120n))
    journal.close()
    check([
      [99n, undefined],
      [100n, 2n],
      [109n, 2n],
      [110n, 4n],
      [159n, 12n],
      [10_000n, 12n],
    ])
    const again = openVerifierJournal(directory)
    again.rewind(8n)
    again.save(checkpoint(8n, 135n))
    expect(again.safeAt(159n)?.head.number).toBe(8n)
    again.append(block(9n))
    again.save(checkpoint(9n, 137n))
    // A reorg that takes no blocks of ours.
    again.rewind(9n)
    again.save(checkpoint(9n, 136n))
    again.append(block(10n))
    again.save(checkpoint(10n, 138n))
    again.close()
    check([
      [129n, 6n],
      [130n, 8n],
      [136n, 9n],
      [137n, 9n],
      [138n, 10n],
      [200n, 10n],
    ])
  })

  it('goes on from the file before where what one carries was damaged', () => {
    fill(1n, 300n)
    const whole = readFileSync(file())
    whole[20]! ^= 1
    writeFileSync(file(), whole)
    const journal = openVerifierJournal(directory)
    expect(journal.last % 3n).toBe(0n)
    expect(journal.last > 200n).toBe(bytes !== undefined)
    expect([...journal.blocks(0n)].map(({ number }) => number)).toHaveLength(Number(journal.last))
    expect(journal.transactions).toBe(0)
    journal.close()
  })
})
