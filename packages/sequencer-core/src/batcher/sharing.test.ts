import { concatBytes } from '@l2/common'
import fc from 'fast-check'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { decodeBatcherTransaction } from '../channel/frame.js'
import { genesisCheckpoint } from '../derivation/checkpoint.js'
import { createL1Simulator } from '../testing/l1-simulator.js'
import {
  createSequencerSimulator,
  deriveSimulated,
  framesOfBatches,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/l2-simulator.js'
import { packSharedChannels, splitByBytes } from './sharing.js'

const id = (number: number): Hex => `0x${number.toString(16).padStart(32, '0')}`

describe('sharing blobs', () => {
  it('two rollups with one inbox derive each their own, whole', () => {
    const configs = [
      simulatedRollup(),
      simulatedRollup({
        l2ChainId: 902n,
        genesis: { ...simulatedRollup().genesis, l2: { number: 0n, hash: `0x${'c3'.repeat(32)}` } },
      }),
    ]
    const l1 = createL1Simulator({ config: configs[0]!, sign: false })
    const sequencers = configs.map(config => createSequencerSimulator({ config, l1 }))
    let nonce = 0n
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++)
        sequencers.forEach((sequencer, at) => {
          sequencer.build([simulatedTransaction(configs[at]!, nonce++), simulatedTransaction(configs[at]!, nonce++)])
        })
      const channels = sequencers.map(({ blocks }, at) => {
        const batches = blocks.slice(5 * round).map(({ batch }) => toSingularBatch(batch))
        const frames = framesOfBatches(batches, { config: configs[at]!, channelId: id(round * 2 + at + 1) })
        return {
          rollup: `rollup ${at}`,
          channelId: frames[0]!.channelId,
          data: concatBytes(...frames.map(f => f.data)),
        }
      })
      const { payloads } = packSharedChannels(channels, { payloadBytes: 300 })
      expect(payloads.length).toBeGreaterThan(2)
      for (const payload of payloads) l1.post(payload)
      l1.mine()
    }
    configs.forEach((config, at) => {
      const { blocks } = deriveSimulated(l1, { config, start: genesisCheckpoint(config), trustSenders: true })
      expect(blocks.map(({ hash }) => hash)).toEqual(sequencers[at]!.blocks.map(({ ref }) => ref.hash))
      expect(blocks.length).toBe(15)
    })
  })

  it('loses no byte, fills every payload but the last, and counts all but the version bytes', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 25, max: 400 }), (lengths, payloadBytes) => {
        const channels = lengths.map((length, i) => ({
          rollup: `r${i % 3}`,
          channelId: id(i + 1),
          data: new Uint8Array(length).fill(i + 1),
        }))
        const { payloads, bytes } = packSharedChannels(channels, { payloadBytes })
        const frames = payloads.flatMap(payload => {
          expect(payload.length).toBeLessThanOrEqual(payloadBytes)
          const data = decodeBatcherTransaction(payload)
          return data.version === 0 ? data.frames : []
        })
        for (const payload of payloads.slice(0, -1)) expect(payload.length).toBeGreaterThanOrEqual(payloadBytes - 23)
        for (const { channelId, data } of channels) {
          const own = frames.filter(frame => frame.channelId === channelId)
          expect(concatBytes(...own.map(frame => frame.data))).toEqual(data)
          expect(own.map(frame => frame.isLast)).toEqual(own.map((_, i) => i === own.length - 1))
        }
        const total = Object.values(bytes).reduce((sum, value) => sum + value, 0)
        expect(total).toBe(payloads.reduce((sum, { length }) => sum + length - 1, 0))
      }),
    )
  })

  it('splits a cost to the wei, each share within one of its part', () => {
    const bytes = fc.dictionary(fc.string(), fc.integer({ min: 0, max: 10 ** 9 }), { minKeys: 1 })
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 24n), bytes, (cost, given) => {
        const total = Object.values(given).reduce((sum, value) => sum + BigInt(value), 0n)
        fc.pre(total > 0n)
        const shares = splitByBytes(cost, given)
        expect(Object.values(shares).reduce((sum, value) => sum + value, 0n)).toBe(cost)
        for (const [name, share] of Object.entries(shares)) {
          const difference = share * total - cost * BigInt(given[name]!)
          expect(difference < total && difference > -total).toBe(true)
        }
      }),
    )
    expect(() => splitByBytes(1n, {})).toThrow(expect.objectContaining({ code: 'ECONOMICS_INVALID' }))
    for (const wrong of [1.5, Number.NaN, -1]) {
      expect(() => splitByBytes(1n, { a: wrong, b: 5 })).toThrow(expect.objectContaining({ code: 'ECONOMICS_INVALID' }))
    }
    expect(() => packSharedChannels([], { payloadBytes: 24 })).toThrow(
      expect.objectContaining({ code: 'BATCHER_OPTIONS' }),
    )
  })
})
