import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { type Random, runs, seededRandom, testSeed } from '@l2/common/testing'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  applyPool,
  auditPool,
  createPool,
  type PoolCommand,
  type PoolState,
  type SequencerPoolEvent,
} from '../src/index.js'
import { decodePool, encodePool, poolHash } from '../src/pool/index.js'
import { admin, createSimulation, tryApply } from './pool-simulation.js'

type Replica = { init(options: object): void; apply(commands: PoolCommand[]): void; hash(): string }

let bundle = ''
beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: "export * from './src/pool/index.ts'; export * from './src/election/index.ts'",
      resolveDir: fileURLToPath(new URL('..', import.meta.url)),
      loader: 'ts',
    },
    bundle: true,
    format: 'iife',
    globalName: 'staking',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@l2/source'],
    write: false,
    logLevel: 'error',
  })
  bundle = outputFiles[0]!.text
})

/** The browser bundle in a world of its own: the language, TextEncoder, and nothing of Node. */
function browserReplica(): Replica {
  const context = createContext({ TextEncoder, TextDecoder })
  runInContext(bundle, context)
  return runInContext(
    `(() => {
      Error.stackTraceLimit = 0
      let state
      return {
        init: options => { state = staking.createPool(options) },
        apply: commands => {
          for (const command of commands) {
            try { state = staking.applyPool(state, command).state } catch (error) { if (error.code === undefined) throw error }
          }
        },
        hash: () => staking.poolHash(state),
        golden: () => {
          const seed = '0x3a75830c266277df588c1c64213909c4ad1d5d221c8baf930bb5257e1b697245'
          const weights = [20000n, 40000n, 100000n, 20000n].map((weight, i) => ({ id: i + 1, weight }))
          const election = staking.buildElection(weights)
          return [staking.electSlot(election, seed, 0, 3), staking.electSystematic(election, seed, 18)].map(String)
        },
        globals: () => [typeof process, typeof require, typeof Buffer, typeof setTimeout],
      }
    })()`,
    context,
  ) as Replica
}

/** Books kept from commands and events alone, to compare the pool's own with. */
function createBooks(exitDelaySeconds: bigint) {
  let inWei = 0n
  let paidWei = 0n
  let burntWei = 0n
  let treasuryWei = 0n
  const exits = new Map<string, bigint[]>()
  return {
    add(command: PoolCommand, events: SequencerPoolEvent[], state: PoolState) {
      if ('amountWei' in command && command.type !== 'withdraw') inWei += command.amountWei
      for (const event of events) {
        switch (event.type) {
          case 'UnlockStarted':
            exits.set(`${event.id}`, [...(exits.get(`${event.id}`) ?? []), command.atSeconds])
            break
          case 'Undelegated': {
            const key = `${event.id}:${event.delegator}`
            exits.set(key, [...(exits.get(key) ?? []), command.atSeconds])
            break
          }
          case 'StakePaid':
          case 'DelegationPaid': {
            // I8: nothing leaves before its delay, nor while evidence is open.
            const key = event.type === 'StakePaid' ? `${event.id}` : `${event.id}:${event.delegator}`
            const started = exits.get(key) ?? []
            const due = started.filter(at => at + exitDelaySeconds <= command.atSeconds)
            if (due.length === 0) throw new Error(`I8: ${key} was paid before its time`)
            if (state.sequencers.get(event.id)?.openCases !== 0)
              throw new Error(`I8: ${key} was paid while a case was open`)
            exits.set(key, started.slice(due.length))
            paidWei += event.amountWei
            break
          }
          case 'QueueLeft':
          case 'RewardsPaid':
          case 'DelegationRewardsPaid':
            paidWei += event.amountWei
            break
          case 'Slashed':
            if (event.operatorWei + event.delegatorsWei !== event.reporterWei + event.treasuryWei + event.burntWei) {
              throw new Error('a slash does not add up')
            }
            paidWei += event.reporterWei
            burntWei += event.burntWei
            treasuryWei += event.treasuryWei
        }
      }
    },
    check(state: PoolState) {
      const audit = auditPool(state)
      expect(audit.problems).toEqual([])
      expect(audit).toMatchObject({ inWei, paidOutWei: paidWei, burntWei, treasuryWei })
    },
  }
}

function step(state: PoolState, command: PoolCommand, books: ReturnType<typeof createBooks>): PoolState {
  try {
    const { state: next, events } = applyPool(state, command)
    books.add(command, events, next)
    return next
  } catch (error) {
    if ((error as { code?: unknown }).code === undefined) throw error
    return state
  }
}

describe('random commands', () => {
  it('conserve every wei, and give the same state in a browser bundle', () => {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    try {
      const seed = testSeed()
      const random: Random = seededRandom(seed)
      const options = { admin, maxSeats: 25 }
      const browser = browserReplica()
      browser.init(options)
      let state = createPool(options)
      const simulation = createSimulation(random)
      const books = createBooks(state.config.windows.exitDelaySeconds)
      const total = runs({ suite: 60_000, soak: 1_000_000 })
      for (let done = 0; done < total; ) {
        const log: PoolCommand[] = []
        for (let i = 0; i < 10_000 && done < total; i++, done++) {
          const command = simulation.next(state)
          log.push(command)
          state = step(state, command, books)
        }
        browser.apply(log)
        if (done % 20_000 === 0) {
          books.check(state)
          expect(browser.hash(), `seed ${seed} after ${done}`).toBe(poolHash(state))
        }
      }
      books.check(state)
      expect(browser.hash(), `seed ${seed}`).toBe(poolHash(state))
      expect(poolHash(decodePool(encodePool(state)))).toBe(poolHash(state))
    } finally {
      Error.stackTraceLimit = limit
    }
  }, 600_000)

  it('reach every kind of command, and every refusal leaves the state as it was', () => {
    const outcomes = new Set<string>()
    for (const rewardSource of ['blocks', 'batches'] as const) {
      let state = createPool({ admin, maxSeats: 4, rewardSource })
      const simulation = createSimulation(seededRandom(7), { owners: 16, delegators: 12 })
      for (let i = 0; i < runs({ suite: 30_000, soak: 300_000 }); i++) {
        const before = i % 500 === 0 ? encodePool(state) : undefined
        const last = state
        const { state: next, outcome } = tryApply(state, simulation.next(state))
        if (before !== undefined) expect(encodePool(last)).toBe(before)
        outcomes.add(outcome)
        state = next
      }
      expect(auditPool(state).problems).toEqual([])
    }
    const commands: PoolCommand['type'][] = [
      'setWhitelist',
      'setWatcher',
      'setLiquidAccount',
      'setPaused',
      'fund',
      'lock',
      'leaveQueue',
      'relock',
      'withdraw',
      'withdrawRewards',
      'unlock',
      'forceUnlock',
      'claim',
      'updateSigner',
      'setOwner',
      'setRewardRecipient',
      'setCommission',
      'declareMaintenance',
      'advanceEpoch',
      'accrueBlock',
      'submitRewards',
      'delegate',
      'undelegate',
      'claimDelegation',
      'claimDelegationRewards',
      'admitOffence',
      'commitReport',
      'revealReport',
      'executeCase',
      'vetoCase',
      'pauseCase',
      'unjail',
    ]
    expect(commands.filter(type => !outcomes.has(type))).toEqual([])
  })
})

it('the browser bundle draws the golden vectors, and has nothing of Node to lean on', () => {
  const replica = browserReplica() as Replica & { globals(): string[]; golden(): string[] }
  expect([...replica.golden()]).toEqual(['3,4,2', '2,3,3,4,3,1,3,3,3,2,3,3,4,1,2,2,3,3'])
  expect([...replica.globals()]).toEqual(['undefined', 'undefined', 'undefined', 'undefined'])
})
