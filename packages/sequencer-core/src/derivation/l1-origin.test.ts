import { runs } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createL1Simulator } from '../testing/l1-simulator.js'
import { createSequencerSimulator, simulatedRollup } from '../testing/l2-simulator.js'
import { checkSingularBatch } from './batch-check.js'
import type { L1BlockRef } from './l1.js'
import { nextOrigin } from './l1-origin.js'
import { genesisBlockRef } from './l2.js'

const config = simulatedRollup()
const genesis = genesisBlockRef(config)
const current: L1BlockRef = { ...config.genesis.l1, parentHash: config.genesis.l1.hash, timestamp: 1000n }
const next = (timestamp: bigint): L1BlockRef => ({ ...current, number: 101n, timestamp })

describe('nextOrigin', () => {
  it('adopts the next L1 block as soon as L2 time has reached it', () => {
    expect(nextOrigin(config, genesis, current, next(1002n))).toMatchObject({
      origin: { number: 101n },
      noTxPool: false,
    })
    expect(nextOrigin(config, genesis, current, next(1003n))).toMatchObject({
      origin: { number: 100n },
      noTxPool: false,
    })
    expect(nextOrigin(config, genesis, current, undefined)).toMatchObject({ origin: { number: 100n } })
  })

  it('waits when too far ahead, and builds empty blocks while L1 is late', () => {
    const ahead = { ...genesis, timestamp: 2800n }
    expect(nextOrigin(config, { ...genesis, timestamp: 2798n }, current, undefined).type).toBe('build')
    expect(nextOrigin(config, ahead, current, undefined)).toEqual({ type: 'wait-for-l1' })
    expect(nextOrigin(config, ahead, current, next(2900n))).toMatchObject({ origin: { number: 100n }, noTxPool: true })
    expect(nextOrigin(config, ahead, current, next(1012n))).toMatchObject({ origin: { number: 101n }, noTxPool: false })
  })

  it('keeps users out of the block that installs an upgrade', () => {
    const upgrading = simulatedRollup({ forks: { isthmus: 0n, jovian: 1002n } })
    expect(nextOrigin(upgrading, genesis, current, undefined)).toMatchObject({ noTxPool: true })
  })

  it('never makes a block that derivation would drop, whatever L1 does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.bigInt({ min: 1n, max: 2500n }), blocks: fc.nat(60) }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.boolean(),
        (steps, fjord) => {
          const rollup = simulatedRollup({
            forks: fjord ? { fjord: 0n } : { delta: 0n },
            maxSequencerDriftSeconds: 60n,
            sequencingWindowBlocks: 1000n,
          })
          const l1 = createL1Simulator({ config: rollup })
          const sequencer = createSequencerSimulator({ config: rollup, l1 })
          for (const { gap, blocks } of steps) {
            for (let i = 0; i < blocks; i++) sequencer.build([Uint8Array.of(0xc0)])
            l1.mine({ timestamp: l1.head.timestamp + gap })
          }
          const window: L1BlockRef[] = []
          for (let n = 100n; n <= l1.head.number; n++) window.push(l1.block(n)!)
          let safe = genesisBlockRef(rollup)
          for (const { ref, batch } of sequencer.blocks) {
            const l1Blocks = window.slice(Number(safe.l1Origin.number - 100n))
            const verdict = checkSingularBatch(
              { config: rollup, l1Blocks, safe, inclusion: window.at(-1)! },
              { type: 'singular', ...batch },
            )
            expect(verdict).toEqual({ verdict: 'accept' })
            safe = ref
          }
        },
      ),
      { numRuns: runs({ suite: 50, soak: 1_000 }) },
    )
  })
})
