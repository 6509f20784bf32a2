// kona beside ours: upgrades, batches, channels, frames, checks, attributes. Where the two differ, docs/op-node-and-kona.md says why; here stands how far.
import { RLP } from '@ethereumjs/rlp'
import { bytesToHex } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { konaOracle } from '../../../../scripts/cargo.mjs'
import { type Batch, decodeBatch, encodeBatch } from '../../src/batch/index.js'
import { randomAttributes, toldAttributes } from '../op-node/attributes.js'
import { checkRequest, judged, randomCheck } from '../op-node/checks.js'
import { canonical, type Oracle, share, startOracle, upgradesOf } from '../op-node/oracle.js'
import { blocksTold, cfg, config, flat, ours, rollup, someBatches, someChannel, told } from '../op-node/samples.js'

let why = 'pnpm test:peers kona builds it where cargo and Go are'
const program = konaOracle({ build: process.env['L2_PEERS'] !== undefined, say: line => (why = line) })
if (program === undefined) process.stdout.write(`skipped: kona; ${why}\n`)
const seed = testSeed(1)

let oracle: Oracle
beforeAll(() => {
  if (program !== undefined) oracle = startOracle(program)
})
afterAll(() => oracle?.close())

/** What ours reads in the bytes of a batch: the batch, or the word for why there is none. */
function read(bytes: Uint8Array): { batch?: Batch; word?: string } {
  try {
    return { batch: decodeBatch(bytes, rollup) }
  } catch (error) {
    return { word: (error as { code: string }).code }
  }
}

/** The first number of an L1-info deposit from Ecotone on, behind the selectors of its layouts. */
const tooLargeScalar = /(440a5e20|098999be|3db6be2b)ffffffff/
const anyScalar = /(440a5e20|098999be|3db6be2b)[0-9a-f]{8}/

const transactionsOf = (batch: Batch): readonly Uint8Array[] =>
  batch.type === 'singular' ? batch.transactions : batch.blocks.flatMap(block => block.transactions)

/** Where the numbers of a transaction stand among its fields, by type. */
const numbers: Readonly<Record<number, readonly number[]>> = {
  0: [0, 1, 2, 4],
  1: [1, 2, 3, 5],
  2: [1, 2, 3, 4, 6],
  4: [1, 2, 3, 4, 6],
}

function hasLongNumber(transaction: Uint8Array): boolean {
  const type = transaction[0]! >= 0xc0 ? 0 : transaction[0]!
  const fields = RLP.decode(type === 0 ? transaction : transaction.subarray(1)) as Uint8Array[]
  return (numbers[type] ?? []).some(at => fields[at]!.length > 32)
}

describe.skipIf(program === undefined)('against kona', () => {
  it('the transactions of upgrades are those that kona makes', async () => {
    const upgrades = await upgradesOf(oracle)
    expect(Object.keys(upgrades)).toEqual(['ecotone', 'fjord', 'isthmus', 'jovian', 'karst'])
  })

  it('batches, whole and with flipped bits', { timeout: 900_000 }, async () => {
    const counts = { read: 0, refused: 0, longNumbers: 0 }
    for (let i = 0; i < share(5_000, 50); i++) {
      const random = seededRandom(seed * 100_003 + i)
      for (const [variant, changed] of someBatches(random).entries()) {
        const answer = await oracle.ask({ cmd: 'batch', data: changed, cfg })
        const refuses = answer.err !== undefined || answer.panic !== undefined
        const mine = read(changed)
        if (mine.batch === undefined) {
          // Kona knows no batch that is passed over: what cannot be rebuilt ends the channel.
          expect({ i, variant, word: mine.word, refuses }).toEqual({ i, variant, word: mine.word, refuses: true })
          counts.refused++
        } else if (refuses) {
          // Numbers that are longer than needed, which written again are others, or longer than 256 bits.
          const again = bytesToHex(encodeBatch(mine.batch, rollup))
          const explained = again !== bytesToHex(changed) || transactionsOf(mine.batch).some(hasLongNumber)
          expect({ i, variant, explained, error: answer.err }).toMatchObject({ i, variant, explained: true })
          counts.longNumbers++
        } else {
          expect({ i, variant, batch: canonical(told(mine.batch)) }).toEqual({ i, variant, batch: canonical(answer) })
          counts.read++
        }
      }
    }
    expect(counts.read).toBeGreaterThan(counts.refused)
    expect(counts.longNumbers).toBeLessThan(counts.read / 100)
  })

  it('channels of ours, whole, limited, cut and damaged', { timeout: 900_000 }, async () => {
    for (let i = 0; i < share(200); i++) {
      const random = seededRandom(seed * 65_537 + i)
      const { blocks, data, blockCount } = await someChannel(oracle, random, i)
      const theirs = async (channel: Uint8Array, maxRlpBytes = 100_000_000): Promise<unknown[]> => {
        const time = config.genesis.l2TimeSeconds
        const answer = await oracle.ask({ cmd: 'channel', data: channel, cfg, maxrlp: maxRlpBytes, time })
        expect({ i, panic: answer.panic }).toEqual({ i })
        return answer.batches
      }
      expect(canonical(flat(await theirs(data)))).toEqual(canonical(blocksTold(blocks.slice(0, blockCount))))
      for (const maxRlpBytes of [1000, 5000]) {
        const both = { i, maxRlpBytes, read: canonical(await theirs(data, maxRlpBytes)) }
        expect({ i, maxRlpBytes, read: canonical(ours(data, { maxRlpBytes })) }).toEqual(both)
      }
      for (let k = 0; k < 3; k++) {
        const damaged = random.bool(0.3) ? data.slice(0, random.below(data.length)) : data.slice()
        if (damaged.length > 0 && random.bool(0.8)) damaged[random.below(damaged.length)]! ^= 1 << random.below(8)
        const [mine, their] = [ours(damaged), await theirs(damaged)]
        if (damaged[0] === 1) {
          // A brotli stream that breaks: all that was put out before, or nothing.
          const kept = their.length === 0 ? [] : mine
          expect({ i, k, read: canonical(their) }).toEqual({ i, k, read: canonical(kept) })
        } else {
          // A zlib stream that breaks: kona keeps the batch whose last bytes came with the fault.
          expect({ i, k, read: canonical(their.slice(0, mine.length)) }).toEqual({ i, k, read: canonical(mine) })
          expect(their.length - mine.length).toBeLessThanOrEqual(1)
        }
      }
    }
  })

  it('whether a batch counts', { timeout: 900_000 }, async () => {
    const verdicts = new Set<string>()
    for (let i = 0; i < share(3_000, 100); i++) {
      const check = randomCheck(seededRandom(seed * 15_485_863 + i))
      const mine = judged(check)
      const answer = await oracle.ask(checkRequest(check))
      const theirs = answer.verdict ?? 'no batch'
      // What kona accepts as a whole, and drops when it takes the first new block out of it, is dropped here at once.
      const later = mine.why === 'epoch-too-old' && theirs === 'accept'
      expect({ i, ...mine, theirs, why: answer.why }).toMatchObject({ i, theirs: later ? 'accept' : mine.verdict })
      verdicts.add(theirs)
    }
    expect([...verdicts]).toEqual(expect.arrayContaining(['accept', 'drop', 'undecided']))
  })

  it('attributes', { timeout: 900_000 }, async () => {
    let large = 0
    const upgrades = await upgradesOf(oracle)
    for (let i = 0; i < share(3_000, 60); i++) {
      const { built, request } = randomAttributes(seededRandom(seed * 7_919 + i), upgrades)
      const answer = await oracle.ask(request)
      const attributes = Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, value ?? undefined]))
      const mine = toldAttributes(built)
      // A fee scalar of before Ecotone that does not fit into 32 bits: the largest there is, as op-node; in kona its last four bytes.
      if (tooLargeScalar.test(mine.transactions[0]!)) {
        const [info, ...rest] = attributes['transactions'] as string[]
        attributes['transactions'] = [info!.replace(anyScalar, '$1ffffffff'), ...rest]
        large++
      }
      expect({ i, attributes }).toEqual({ i, attributes: mine })
    }
    expect(large).toBeLessThan(share(3_000, 60) / 20)
  })
})
