import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { createSnapshots } from '../cometbft/snapshots.js'
import { defaultParameters } from '../parameters.js'
import { applyControlBlock } from './apply.js'
import type { LeaderPlan } from './leaders.js'
import { controlStateHash, decodeControlState, encodeControlState } from './snapshot.js'
import { type ControlState, createControlState, scheduleMembers, type TermCause } from './state.js'

const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const place = { epochId: 0n, term: 0, height: 1n }
const plan: LeaderPlan = {
  slotAt: height => ({ start: height - (height % 5n), end: height - (height % 5n) + 4n, leader: 1 }),
  fallback: (_, view) => 1 + (view % 4),
}

/** A state with something in every field. */
function lived(seed: number): ControlState {
  const random = seededRandom(seed)
  let state = createControlState({
    chainId: 901n,
    genesis: { height: 0n, hash: hash(0) },
    members: [1, 2, 3, 4].map(id => ({ id, power: BigInt(1 + random.below(3)) })),
    parameters: defaultParameters,
  })
  const l1 = { number: 8n, hash: hash(8), timestamp: 96n, prevRandao: hash(9), poolRoot: hash(10) }
  const cause = (): TermCause =>
    random.pick<TermCause>([
      { type: 'silent' },
      { type: 'l1' },
      { type: 'invalid', header: { height: 3n, hash: hash(3) } },
      { type: 'rollback', to: { height: 1n, hash: hash(1) } },
    ])
  for (let i = 1; i <= 12; i++) {
    const { milestone, view, height } = state
    const top = Number(milestone.height)
    const lists = [1, 2, 3, 4].flatMap(operator =>
      random.bool(0.8)
        ? [
            {
              operator,
              list: {
                view,
                atHeight: height,
                base: milestone,
                hashes: [hash(top + 1)],
                ...(random.bool() ? { l1 } : {}),
              },
            },
          ]
        : [],
    )
    const votes = [1, 2, 3, 4].flatMap(operator =>
      random.bool(0.4) ? [{ type: 'termVote' as const, operator, sequence: BigInt(i), view, cause: cause() }] : [],
    )
    const fault = i === 6 ? [{ type: 'equivocation' as const, accused: 4, evidence: hash(4), place }] : []
    state = applyControlBlock(state, { height: height + 1n, lists, transactions: [...votes, ...fault] }, plan).state
  }
  return scheduleMembers(state, { fromHeight: state.height + 2n, members: [{ id: 9, power: 5n }] })
}

describe('a state as bytes', () => {
  it('is read back to the same state, with the same name', () => {
    for (let seed = testSeed(1); seed < testSeed(1) + runs({ suite: 20, soak: 2_000 }); seed++) {
      const state = lived(seed)
      const read = decodeControlState(encodeControlState(state))
      expect(encodeControlState(read), `L2_SEED=${seed}`).toEqual(encodeControlState(state))
      expect(controlStateHash(read)).toBe(controlStateHash(state))
      // And goes on as the other does.
      const block = { height: state.height + 1n, lists: [], transactions: [] }
      expect(controlStateHash(applyControlBlock(read, block, plan).state)).toBe(
        controlStateHash(applyControlBlock(state, block, plan).state),
      )
    }
  })

  it('cut, or with a byte changed, is another state or none', () => {
    const random = seededRandom(testSeed(2))
    const whole = encodeControlState(lived(3))
    for (let i = 0; i < runs({ suite: 200, soak: 20_000 }); i++) {
      const bytes = random.bool() ? whole.slice(0, random.below(whole.length)) : whole.slice()
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 + random.below(255)
      let read: ControlState
      try {
        read = decodeControlState(bytes)
      } catch (error) {
        expect(error, `L2_SEED=${random.seed}`).toMatchObject({ code: 'SNAPSHOT_INVALID' })
        continue
      }
      expect(controlStateHash(read)).not.toBe(controlStateHash(lived(3)))
    }
  })
})

describe('snapshots for those who join', () => {
  const state = lived(5)
  const appHash = (of: ControlState) => Buffer.from(controlStateHash(of).slice(2), 'hex')

  it('are handed over in chunks and believed by the hash that the chain verified', () => {
    const giver = createSnapshots(1)
    giver.take(state.height, encodeControlState(state))
    const [snapshot] = giver.list()
    const taker = createSnapshots(1)
    expect(taker.offer(snapshot, appHash(state))).toBe(1)
    const chunk = giver.chunk(state.height, 0)
    const taken = taker.apply(0, chunk)
    expect(taken.result).toBe(1)
    expect(controlStateHash(taken.state!)).toBe(controlStateHash(state))
  })

  it('of another state, of another form, or without end are refused', () => {
    const taker = createSnapshots(1)
    const bytes = encodeControlState(state)
    const snapshot = { height: state.height, format: 1, chunks: 1, hash: new Uint8Array(), metadata: new Uint8Array() }
    taker.offer(snapshot, appHash(lived(6)))
    expect(taker.apply(0, bytes)).toEqual({ result: 5 })
    expect(taker.offer({ ...snapshot, format: 2 }, appHash(state))).toBe(3)
    expect(taker.offer({ ...snapshot, chunks: 1 << 20 }, appHash(state))).toBe(3)
    taker.offer(snapshot, appHash(state))
    expect(taker.apply(4, bytes)).toEqual({ result: 5 })
    expect(taker.apply(0, new Uint8Array(1 << 20))).toEqual({ result: 5 })
  })
})
