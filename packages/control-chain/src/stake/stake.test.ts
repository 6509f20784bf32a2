import { runs, seededRandom, testSeed } from '@l2/common/testing'
import {
  applyPool,
  createPool,
  createSchedule,
  electionWeights,
  type PoolCommand,
  type PoolState,
  planEpoch,
} from '@l2/staking'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { applyControlBlock } from '../fold/apply.js'
import type { ControlBlock, ControlEvent, ControlTransaction } from '../fold/block.js'
import { leaderAt } from '../fold/leaders.js'
import { recordOf } from '../fold/record.js'
import { controlStateHash, decodeControlState, encodeControlState } from '../fold/snapshot.js'
import { type ControlState, createControlState, membersOf } from '../fold/state.js'
import type { L1Mark } from '../list/list.js'
import { defaultParameters } from '../parameters.js'
import { planOf } from './election.js'
import {
  applyPoolCommands,
  decodePoolCommands,
  encodePoolCommands,
  firstPoolRoot,
  maxPoolCommandBytes,
  poolRootOf,
} from './pool-commands.js'
import { defaultStakeParameters, type StakeParameters } from './stake.js'

const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const metis = 10n ** 18n
const admin = account(0xad)
const lock = (n: number, atSeconds: bigint): PoolCommand[] => [
  { type: 'setWhitelist', by: admin, atSeconds, owner: account(n), allowed: true },
  { type: 'lock', by: account(n), atSeconds, signer: account(100 + n), amountWei: 20_000n * metis },
]
const windows = {
  exitDelaySeconds: 900n,
  evidenceMaxAgeSeconds: 600n,
  vetoWindowSeconds: 60n,
  correlationSettleSeconds: 60n,
  correlationWindowSeconds: 300n,
  disputeWindowSeconds: 300n,
  maxPauseSeconds: 60n,
}
const firstEpoch = 3n
/** An epoch is 60 blocks, in slots of 20. */
const epochBlocks = 60

function poolOf(operators: number): PoolState {
  const commands: PoolCommand[] = []
  for (let n = 1; n <= operators; n++) commands.push(...lock(n, 1n))
  for (let epoch = 1n; epoch <= firstEpoch; epoch++)
    commands.push({ type: 'advanceEpoch', by: admin, atSeconds: 1n, epoch })
  return commands.reduce(
    (pool, command) => applyPool(pool, command).state,
    createPool({ admin, lookaheadEpochs: 2, windows }, 1n),
  )
}

function created(operators = 4, parameters: StakeParameters = defaultStakeParameters): ControlState {
  const pool = poolOf(operators)
  const empty = createSchedule({ firstHeight: 1n, firstEpoch, slotBlocks: 20n, slotsPerEpoch: 3, keepEpochs: 8 })
  const schedule = planEpoch(empty, { epoch: firstEpoch, seed: hash(7), candidates: electionWeights(pool, firstEpoch) })
  return createControlState({
    chainId: 901n,
    genesis: { height: 0n, hash: hash(0) },
    members: { pool, schedule, parameters },
    parameters: defaultParameters,
  })
}

/** Operators that name blocks, and what L1 says meanwhile. */
function world(start: ControlState) {
  let state = start
  let poolRoot = state.stake!.root
  let number = state.l1?.number ?? 0n
  const events: ControlEvent[] = []
  const fold = (change: Partial<ControlBlock>): void => {
    const block = { height: state.height + 1n, lists: [], transactions: [], ...change }
    const step = applyControlBlock(state, block, planOf(state))
    state = step.state
    events.push(...step.events)
  }
  const lists = (count: number, l1?: L1Mark, without: readonly number[] = []) =>
    membersOf(state).flatMap(({ id }) => {
      if (without.includes(id)) return []
      const { view, height, milestone: base } = state
      const hashes = Array.from({ length: count }, (_, i) => hash(Number(base.height) + 1 + i))
      return [{ operator: id, list: { view, atHeight: height, base, hashes, ...(l1 === undefined ? {} : { l1 }) } }]
    })
  return {
    state: () => state,
    events,
    fold,
    /** Settles blocks up to a height. */
    settle(height: number, without: readonly number[] = []): void {
      while (state.milestone.height < BigInt(height)) {
        fold({ lists: lists(Math.min(16, height - Number(state.milestone.height)), undefined, without) })
      }
    },
    /** All name a later block of L1, up to which the pool was told commands. */
    mark(commands: readonly PoolCommand[] = [], seconds = 12n): void {
      number += 8n
      const [told = 0n, at] = [state.l1?.timestamp, state.stake!.pool.atSeconds]
      const timestamp = (at > told ? at : told) + seconds
      poolRoot = poolRootOf(poolRoot, commands)
      fold({ lists: lists(0, { number, hash: hash(1), timestamp, prevRandao: hash(Number(number)), poolRoot }) })
    },
    tell: (commands: readonly PoolCommand[]) => fold({ transactions: [{ type: 'poolCommands', commands }] }),
    /** The members but the accused let its turn pass. */
    endTerm(): void {
      const height = state.start.height > state.milestone.height ? state.start.height : state.milestone.height
      const failed = leaderAt(state, planOf(state), height + 1n)
      const transactions: ControlTransaction[] = membersOf(state).flatMap(({ id: operator }) =>
        operator === failed
          ? []
          : [{ type: 'termVote', operator, sequence: state.height, view: state.view, cause: { type: 'silent' } }],
      )
      fold({ transactions })
    },
  }
}

const ids = (state: ControlState) => membersOf(state).map(({ id }) => id)

describe('the pool of L1 in the fold', () => {
  it('gives members the power of its weights, and epochs their leaders', () => {
    const { state, settle, mark } = world(created())
    expect(membersOf(state()).map(({ power }) => power)).toEqual([1, 2, 3, 4].map(() => 20_000_000n))
    mark()
    settle(2 * epochBlocks + 1)
    expect(state().stake!.pool.epoch).toBe(firstEpoch + 2n)
    expect(ids(state())).toContain(leaderAt(state(), planOf(state()), 121n))
    // The epoch after the one that has begun is elected, and no further one.
    expect(leaderAt(state(), planOf(state()), BigInt(3 * epochBlocks))).toBeDefined()
    expect(leaderAt(state(), planOf(state()), BigInt(4 * epochBlocks + 1))).toBeUndefined()
  })

  it('takes what L1 told it once the operators have agreed on the root of all of it, and nothing else', () => {
    const w = world(created())
    const commands = lock(5, 20n)
    w.tell(commands)
    expect(w.state().stake!.pool.sequencers.size).toBe(4)
    w.mark(commands)
    for (const wrong of [commands.slice(0, 1), [...commands, ...lock(6, 20n)], [...commands].reverse(), []])
      w.tell(wrong)
    expect(w.state().stake!.pool.sequencers.size).toBe(4)
    w.tell(commands)
    expect(w.state().stake!.pool.sequencers.size).toBe(5)
    w.tell(commands)
    expect(w.events.filter(({ type }) => type === 'poolMoved')).toHaveLength(1)
  })

  it('lets nobody on L1 do what only the fold may', () => {
    const pool = poolOf(4)
    const epoch = pool.epoch + 1n
    expect(applyPoolCommands(pool, [{ type: 'advanceEpoch', by: admin, atSeconds: 2n, epoch }])).toBe(pool)
    // Nor does what L1 itself refused change anything.
    expect(applyPoolCommands(pool, [{ type: 'unjail', by: account(1), atSeconds: 2n, id: 1 }])).toBe(pool)
  })

  it('lets a fifth in when the weights of its epoch count, and one out when its own do not any more', () => {
    const w = world(created())
    const commands: PoolCommand[] = [...lock(5, 20n), { type: 'unlock', by: account(2), atSeconds: 20n, id: 2 }]
    w.mark(commands)
    w.tell(commands)
    // Frozen at the end of epoch 3, they are those of epoch 6.
    w.settle(3 * epochBlocks)
    expect(ids(w.state())).toEqual([1, 2, 3, 4])
    w.mark()
    w.settle(3 * epochBlocks + 1)
    expect(ids(w.state())).toEqual([1, 2, 3, 4])
    const seen: number[][] = []
    for (let i = 0; i < 4; i++) {
      w.fold({})
      seen.push(ids(w.state()))
    }
    // The fifth first, then without the second: never by more than a third at once.
    expect(seen).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4, 5],
      [1, 3, 4, 5],
      [1, 3, 4, 5],
    ])
    expect(w.events.filter(({ type }) => type === 'membersChanged')).toHaveLength(2)
    w.settle(3 * epochBlocks + 40)
    expect(w.state().milestone.height).toBe(220n)
  })

  it('changes at most a third of the power with a control block', () => {
    const w = world(created(4))
    const total = (state: ControlState) => membersOf(state).reduce((sum, { power }) => sum + power, 0n)
    const commands = [5, 6, 7, 8, 9, 10].flatMap(n => lock(n, 20n))
    w.mark(commands)
    w.tell(commands)
    w.settle(3 * epochBlocks)
    w.mark()
    w.settle(3 * epochBlocks + 1)
    for (let i = 0; i < 12; i++) {
      const before = w.state()
      w.fold({})
      const after = new Map(membersOf(w.state()).map(({ id, power }) => [id, power]))
      const old = new Map(membersOf(before).map(({ id, power }) => [id, power]))
      let moved = 0n
      for (const id of new Set([...after.keys(), ...old.keys()])) {
        const change = (after.get(id) ?? 0n) - (old.get(id) ?? 0n)
        moved += change < 0n ? -change : change
      }
      expect(3n * moved <= total(before)).toBe(true)
    }
    expect(ids(w.state())).toHaveLength(10)
    expect(total(w.state())).toBe(200_000_000n)
  })

  it('seeds an epoch by a mark of L1 that is newer than the last one, or says that it could not', () => {
    const w = world(created())
    w.mark()
    w.settle(1)
    expect(w.events).toContainEqual({ type: 'epochElected', epoch: firstEpoch + 1n, degraded: false })
    // No later mark: the next is elected when a leader could soon want to know, from the seed before.
    w.settle(epochBlocks + 1)
    expect(w.events).not.toContainEqual(expect.objectContaining({ epoch: firstEpoch + 2n }))
    w.settle(2 * epochBlocks - defaultParameters.ahead)
    expect(w.events).toContainEqual({ type: 'epochElected', epoch: firstEpoch + 2n, degraded: true })
  })

  it('judges who lets its turns pass, frees the chain of it, and charges it when nobody objects', () => {
    const w = world(created(4, { ...defaultStakeParameters, windowTurns: 2, minTurns: 1 }))
    const away = 3
    // It joins no milestone, and wherever it should lead the others end its term.
    for (let height = 1; w.state().stake!.pool.cases.size === 0; height++) {
      if (height > 600) throw new Error('nobody judged it')
      if (height % 20 === 1) w.mark()
      while (leaderAt(w.state(), planOf(w.state()), BigInt(height)) === away) w.endTerm()
      w.settle(height, [away])
    }
    const [evidenceId, open] = [...w.state().stake!.pool.cases][0]!
    expect(open).toMatchObject({ kind: 'DOWNTIME', id: away, status: 'pending' })
    const { missed, led, late, named } = recordOf(w.state(), away)
    expect([missed >= 2, led, late > 100, named]).toEqual([true, 0, true, 0])
    for (let i = 0; i < 2; i++) w.fold({})
    expect(ids(w.state())).toEqual([1, 2, 4])
    expect(w.state().jailed.size).toBe(0)
    // The council has the time of the window.
    const vetoed = world(w.state())
    const veto: PoolCommand[] = [{ type: 'vetoCase', by: admin, atSeconds: 0n, evidenceId }]
    vetoed.mark(veto, 10n)
    vetoed.tell(veto)
    for (const one of [w, vetoed]) one.mark([], windows.vetoWindowSeconds)
    expect(w.state().stake!.pool.cases.get(evidenceId)?.status).toBe('executed')
    expect(vetoed.state().stake!.pool.cases.get(evidenceId)?.status).toBe('vetoed')
    // It comes back when its time is over, its owner says so, and weights count that were frozen after that.
    const atSeconds = w.state().stake!.pool.sequencers.get(away)!.jailedUntilSeconds
    const back: PoolCommand[] = [{ type: 'unjail', by: account(away), atSeconds, id: away }]
    w.mark(back, 1_200n)
    w.tell(back)
    const until = Number(w.state().milestone.height) + 5 * epochBlocks
    for (let height = Number(w.state().milestone.height); height <= until; height += 20) {
      w.mark()
      w.settle(height)
    }
    expect(ids(w.state())).toEqual([1, 2, 3, 4])
  })

  it.each([
    ['two headers', { transactions: true }],
    ['a double vote of the engine', { transactions: false }],
  ])('makes a case of %s: barred at once, charged after the window', (_, { transactions }) => {
    const w = world(created())
    w.mark()
    w.settle(5)
    const place = { epochId: firstEpoch, term: 0, height: 5n }
    const fault: Partial<ControlBlock> = transactions
      ? { transactions: [{ type: 'equivocation', accused: 2, evidence: hash(0xee), place }] }
      : { misbehaved: [2] }
    w.fold(fault)
    w.fold(fault)
    expect(w.state().jailed.get(2)).toBeDefined()
    expect([...w.state().stake!.pool.cases].map(([, { id, kind }]) => [id, kind])).toEqual([[2, 'EQUIVOCATION_BLOCK']])
    const staked = w.state().stake!.pool.sequencers.get(2)!.amountWei
    w.mark([], windows.vetoWindowSeconds)
    expect(w.state().stake!.pool.sequencers.get(2)!.amountWei).toBe(staked)
    w.mark([], windows.correlationSettleSeconds + windows.vetoWindowSeconds)
    expect(w.state().stake!.pool.sequencers.get(2)!).toMatchObject({
      tombstoned: true,
      unlocking: [{ initialWei: 19_000n * metis }],
    })
    expect(ids(w.state())).toEqual([1, 3, 4])
  })

  it('is in the name of the state, and in what those who join are given', () => {
    const random = seededRandom(testSeed(4))
    for (let i = 0; i < runs({ suite: 3, soak: 100 }); i++) {
      const w = world(created())
      for (let height = 1; height < 150; height += 1 + random.below(12)) {
        const commands = random.bool(0.2) ? lock(5 + random.below(4), 20n) : []
        if (random.bool()) w.mark(commands)
        if (random.bool()) w.tell(commands)
        if (random.bool(0.1)) w.endTerm()
        w.settle(height)
      }
      const read = decodeControlState(encodeControlState(w.state()))
      expect(controlStateHash(read), `L2_SEED=${random.seed}`).toBe(controlStateHash(w.state()))
      const [a, b] = [world(w.state()), world(read)]
      for (const one of [a, b]) one.settle(260)
      expect(controlStateHash(b.state())).toBe(controlStateHash(a.state()))
      const other = { ...w.state(), stake: { ...w.state().stake!, root: hash(0xbad) } }
      expect(controlStateHash(other)).not.toBe(controlStateHash(read))
    }
  })

  it('cannot begin with epochs that a leader could run out of, or with one that nobody was elected for', () => {
    const pool = poolOf(4)
    const candidates = electionWeights(pool, firstEpoch)
    const begin = (slotBlocks: bigint, epoch: bigint) => {
      const empty = createSchedule({ firstHeight: 1n, firstEpoch: epoch, slotBlocks, slotsPerEpoch: 3 })
      const schedule = planEpoch(empty, { epoch, seed: hash(7), candidates })
      const genesis = { height: 0n, hash: hash(0) }
      return createControlState({ chainId: 1n, genesis, members: { pool, schedule }, parameters: defaultParameters })
    }
    expect(() => begin(16n, firstEpoch)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => begin(20n, firstEpoch + 1n)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('commands of the pool as bytes', () => {
  it('are the same for the same commands, and are read back', () => {
    const [first] = lock(5, 20n)
    const turned = Object.fromEntries(Object.entries(first!).reverse()) as PoolCommand
    expect(encodePoolCommands([turned])).toEqual(encodePoolCommands([first!]))
    const commands: PoolCommand[] = [
      ...lock(5, 20n),
      { type: 'unlock', by: account(5), atSeconds: 30n, id: 5 },
      { type: 'pauseCase', by: admin, atSeconds: 31n, evidenceId: `0x${'01'.repeat(32)}`, seconds: 60n },
    ]
    const read = decodePoolCommands(encodePoolCommands(commands))
    expect(read).toEqual(commands)
    expect(poolRootOf(firstPoolRoot, read!)).toBe(poolRootOf(firstPoolRoot, commands))
  })

  it('of strangers are nothing, and never an error', () => {
    const text = (value: string) => new TextEncoder().encode(value)
    const strange = [
      '',
      '{}',
      '[1]',
      '[null]',
      '[{"type":1}]',
      '[{"type":"lock","amountWei":"x"}]',
      '[{"b":1,"type":"a"} ]',
    ]
    for (const value of strange) expect(decodePoolCommands(text(value))).toBeUndefined()
    expect(decodePoolCommands(new Uint8Array([255, 254]))).toBeUndefined()
    expect(decodePoolCommands(new Uint8Array(maxPoolCommandBytes + 1))).toBeUndefined()
    const random = seededRandom(testSeed(9))
    const whole = encodePoolCommands(lock(5, 20n))
    for (let i = 0; i < runs({ suite: 200, soak: 20_000 }); i++) {
      const bytes = whole.slice()
      bytes[random.below(bytes.length)]! ^= 1 + random.below(255)
      const read = decodePoolCommands(bytes)
      if (read !== undefined) expect(poolRootOf(firstPoolRoot, read)).not.toBe(poolRootOf(firstPoolRoot, lock(5, 20n)))
    }
  })
})
