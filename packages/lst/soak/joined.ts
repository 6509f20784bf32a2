import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import {
  applyPool,
  createPool,
  createSchedule,
  electionWeights,
  leaderAt,
  type PoolCommand,
  type PoolState,
  planEpoch,
  type SequencerPoolEvent,
} from '@l2/staking'
import { sequencerOf } from '@l2/staking/pool'
import {
  applyLiquid,
  assets,
  createLiquid,
  heldAssets,
  heldBack,
  inBunker,
  type Liquid,
  liquidShares,
  owedAssets,
  queueOf,
  shares,
} from '../src/index.js'
import { seatAssets } from '../src/seats/index.js'
import { oneMetis, people, type Variant } from './world.js'

const daySeconds = 86_400n
const address = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const word = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
const admin = address(0xad)
const kinds = [
  'DOWNTIME',
  'DOWNTIME',
  'DOWNTIME',
  'ORDERING',
  'MISSED_REVEAL',
  'CENSORSHIP_FORCED',
  'EQUIVOCATION_BLOCK',
  'ATTESTED_INVALID',
  'INVALID_STATE_ROOT',
] as const

/**
 * A sequencer pool and a liquid-staking protocol that owns seats in it, joined by the pool's events and by a keeper
 * that does in the pool what the protocol planned. A stranger has a seat of its own.
 */
class Joined {
  lst: Liquid
  pool: PoolState
  atSeconds = 100n * daySeconds
  /** METIS that the protocol really has outside the pool. */
  bank = oneMetis
  height = 0n
  evidence = 0
  readonly count = { claims: 0, slashes: 0, partial: 0, whole: 0, reports: 0, refused: 0, cases: 0 }
  private readonly mine = new Set<number>()

  constructor(
    variant: Variant,
    readonly random: Random,
  ) {
    this.pool = createPool({ admin })
    this.lst = createLiquid({
      ...variant.options,
      seed: oneMetis,
      entrySeconds: 0n,
      seatReleases: 'events',
      nowSeconds: this.atSeconds,
    })
    this.must({ type: 'fund', amountWei: 1_000_000n * oneMetis })
    this.lock(1, 50_000n * oneMetis)
    for (const id of [2, 3, 4]) this.register(id)
  }

  register(id: number): void {
    this.mine.add(id)
    this.lst = applyLiquid(this.lst, { type: 'registerSeat', seat: id }).state
  }

  lock(id: number, amountWei: bigint): void {
    this.must({ type: 'setWhitelist', owner: address(id), allowed: true })
    this.must({ type: 'lock', by: address(id), signer: address(1_000 + id), amountWei })
    if (this.pool.nextId !== id + 1) throw new Error(`seat ${id} got number ${this.pool.nextId - 1}`)
  }

  /** A command of the pool, and its events into the protocol: all of them, none refused. */
  must(command: object): SequencerPoolEvent[] {
    const { state, events } = applyPool(this.pool, { by: admin, atSeconds: this.atSeconds, ...command } as PoolCommand)
    this.pool = state
    this.lst = applyLiquid(this.lst, { type: 'settle', nowSeconds: this.atSeconds }).state
    const possible = this.possible()
    let slashed = 0n
    for (const event of events) {
      this.lst = applyLiquid(this.lst, { type: 'feed', sequence: this.lst.feedCursor + 1n, event }).state
      if (event.type === 'OffenceAdmitted') this.count.cases += 1
      if (event.type === 'StakePaid' && this.mine.has(event.id)) {
        this.bank += event.amountWei
        if (event.whole) this.register(this.pool.nextId)
      }
      if (event.type === 'RewardsPaid' && this.mine.has(event.id)) this.bank += event.amountWei
      if (event.type === 'Slashed' && this.mine.has(event.id)) {
        slashed += event.operatorWei
        this.count.slashes += 1
      }
    }
    if (possible !== undefined && slashed > possible)
      throw new Error(`open cases could cost ${possible} wei, ${slashed} were taken`)
    return events
  }

  /**
   * The most that open cases can take, as the protocol holds it back; `undefined` once it has waited for one as long as
   * it does.
   */
  possible(): bigint | undefined {
    for (const [, { untilSeconds }] of this.lst.openCases) if (untilSeconds <= this.lst.nowSeconds) return undefined
    return heldBack(this.lst)
  }

  tries(command: object): boolean {
    try {
      this.must(command)
      return true
    } catch (error) {
      if (!isL2Error(error) || error.code === 'REPORT_INCONSISTENT' || error.code === 'FEED_ORDER') throw error
      this.count.refused += 1
      return false
    }
  }

  user(command: Parameters<typeof applyLiquid>[1]): boolean {
    try {
      this.lst = applyLiquid(this.lst, command).state
      return true
    } catch (error) {
      if (!isL2Error(error)) throw error
      this.count.refused += 1
      return false
    }
  }

  get now(): bigint {
    return this.atSeconds
  }

  allocate(): void {
    if (inBunker(this.lst)) return
    const { state, result } = applyLiquid(this.lst, { type: 'allocate', nowSeconds: this.now })
    // The pool has the last word: what it refuses is not sent.
    const before = { lst: this.lst, pool: this.pool, bank: this.bank }
    this.lst = state
    for (const { seat, assets: amountWei } of result) {
      const id = Number(seat)
      this.bank -= amountWei
      if (id >= this.pool.nextId) {
        this.lock(id, amountWei)
        continue
      }
      if (this.tries({ type: 'relock', by: address(id), id, amountWei, lockReward: false })) continue
      Object.assign(this, before)
      return
    }
  }

  /** The keeper raises cash: what the pool refuses is taken back. */
  raise(): void {
    this.lst = applyLiquid(this.lst, { type: 'nextBatch' }).state
    const { state, result } = applyLiquid(this.lst, { type: 'raiseCash', nowSeconds: this.now })
    this.lst = state
    const done = (id: number, command: object): boolean => {
      if (this.tries({ ...command, by: address(id), id })) return true
      this.lst = applyLiquid(this.lst, { type: 'recallSeat', seat: id }).state
      return false
    }
    // A seat that is left in the same plan leaves with all of it.
    for (const { id, assets: amountWei } of result.partial)
      if (!result.full.some(full => full.id === id) && done(id, { type: 'withdraw', amountWei }))
        this.count.partial += 1
    for (const { id } of result.full) {
      const partly = result.partial.find(part => part.id === id)
      if (partly !== undefined && !done(id, { type: 'withdraw', amountWei: partly.assets })) continue
      if (done(id, { type: 'unlock' })) this.count.whole += 1
    }
  }

  /** The owners of seats take what the pool releases. */
  collect(): void {
    for (const id of this.mine) {
      if (id >= this.pool.nextId) continue
      this.tries({ type: 'claim', by: address(id), id })
      this.tries({ type: 'withdrawRewards', by: address(id), id })
    }
  }

  claim(): void {
    const queue = queueOf(this.lst)
    for (const [id, { owner, claimed }] of queue.requests) {
      if (id > queue.lastFinalizedId) break
      if (claimed) continue
      const { state, result } = applyLiquid(this.lst, { type: 'claim', id, account: owner, nowSeconds: this.now })
      this.lst = state
      this.bank -= result
      this.count.claims += 1
      if (this.bank < 0n) throw new Error(`exits were paid ${-this.bank} wei that the pool still has`)
    }
  }

  report(): void {
    this.atSeconds += 1n
    this.lst = applyLiquid(this.lst, { type: 'report', nowSeconds: this.now, confirmed: true }).state
    this.count.reports += 1
  }

  epoch(): void {
    const { epoch } = this.pool
    const candidates = electionWeights(this.pool, epoch)
    if (candidates.length > 0) {
      const schedule = planEpoch(createSchedule({ firstEpoch: epoch, slotBlocks: 5n }), {
        epoch,
        seed: word(Number(epoch) + 7),
        candidates,
      })
      for (let i = 0n; i < 20n; i++) {
        const leader = leaderAt(schedule, i)
        if (leader !== undefined) this.must({ type: 'accrueBlock', height: ++this.height, signer: leader.sequencer })
      }
    }
    this.must({ type: 'advanceEpoch', epoch: epoch + 1n })
  }

  offend(): void {
    const id = this.random.below(this.pool.nextId)
    const evidence = ++this.evidence
    this.tries({
      type: 'admitOffence',
      offence: {
        kind: this.random.pick(kinds),
        id,
        evidenceId: word(evidence),
        evidenceHash: word(1_000_000 + evidence),
        offenceEpoch: this.pool.epoch - BigInt(this.random.below(4)),
        offenceAtSeconds: this.atSeconds - BigInt(this.random.below(10 * Number(daySeconds))),
      },
    })
  }

  decide(): void {
    for (const [evidenceId, { status }] of this.pool.cases.entries()) {
      if (status !== 'pending') continue
      const fate = this.random.below(10)
      if (fate === 0) this.tries({ type: 'vetoCase', evidenceId })
      else if (fate === 1) this.tries({ type: 'pauseCase', evidenceId, seconds: daySeconds })
      else this.tries({ type: 'executeCase', evidenceId })
    }
  }

  perform(): void {
    const { random } = this
    this.atSeconds += BigInt(random.below(Number(daySeconds) / 2))
    const account = random.pick(people)
    switch (random.below(14)) {
      case 0:
      case 1:
      case 2: {
        const wei = BigInt(1 + random.below(30_000)) * oneMetis + BigInt(random.below(1_000))
        if (this.user({ type: 'deposit', account, assets: assets(wei), nowSeconds: this.now })) this.bank += wei
        return
      }
      case 3:
      case 4: {
        const part = (liquidShares(this.lst, account) * BigInt(random.below(101))) / 150n
        this.user({ type: 'requestWithdrawal', account, shares: shares(part), nowSeconds: this.now })
        return
      }
      case 5:
        this.allocate()
        return
      case 6:
      case 7:
        this.raise()
        return
      case 8:
        this.collect()
        return
      case 9:
        this.epoch()
        return
      case 10:
        this.offend()
        return
      case 11:
        this.decide()
        return
      default:
        this.collect()
        this.report()
        this.claim()
    }
  }

  /** Both sides, to the wei: what is in each seat, and what is on its way out of it. */
  agree(): void {
    for (const [name, seat] of this.lst.seats.seats) {
      const id = Number(name)
      if (id >= this.pool.nextId) continue
      const theirs = sequencerOf(this.pool, id)
      const leaving = theirs.unlocking.reduce((all, part) => all + part.amountWei, 0n)
      const ours = seatAssets(seat) - seat.locked
      if (seat.locked !== theirs.amountWei || ours !== leaving)
        throw new Error(
          `seat ${id}: ${seat.locked} wei in it and ${ours} on the way out; the pool says ${theirs.amountWei} and ${leaving}`,
        )
    }
    const { deposited, rewarded, paid, lost } = this.lst.totals
    const held = heldAssets(this.lst)
    if (deposited + rewarded !== held + paid + lost || owedAssets(this.lst) !== held)
      throw new Error('deposits and rewards are not what is held, paid and lost')
    if (heldBack(this.lst) === undefined) throw new Error('a fault came without the most it can cost')
  }

  /** Everybody leaves, every case is closed, and the keeper does its rounds until the last has what is his. */
  end(): void {
    for (let day = 0; day < 40; day++) {
      this.atSeconds += daySeconds
      for (const [evidenceId, { status }] of this.pool.cases.entries())
        if (status === 'pending') this.tries({ type: 'executeCase', evidenceId })
    }
    this.report()
    for (const account of [...people, 'treasury', 'operators'])
      for (let held = liquidShares(this.lst, account); held > 0n; held = liquidShares(this.lst, account))
        if (!this.user({ type: 'requestWithdrawal', account, shares: held, nowSeconds: this.now })) break
    for (let day = 0; day < 200; day++) {
      const queue = queueOf(this.lst)
      if (queue.lastFinalizedId === queue.lastRequestId) break
      this.atSeconds += daySeconds
      this.raise()
      this.collect()
      this.report()
      this.claim()
      this.agree()
    }
    const queue = queueOf(this.lst)
    if (queue.lastFinalizedId !== queue.lastRequestId)
      throw new Error(`requests ${queue.lastFinalizedId + 1n} … ${queue.lastRequestId} wait for ever`)
    this.claim()
    if (queueOf(this.lst).locked !== 0n) throw new Error(`${queueOf(this.lst).locked} wei are set aside for nobody`)
  }
}

/** Exits, partial withdrawals, faults, penalties and reports in random order, through both packages. */
export function joined(variant: Variant, random: Random, operations: number): string {
  const all = { claims: 0, slashes: 0, partial: 0, whole: 0, reports: 0, refused: 0, cases: 0 }
  let done = 0
  while (done < operations) {
    const world = new Joined(variant, random)
    for (const account of people) {
      const wei = BigInt(15_000 + random.below(20_000)) * oneMetis
      world.lst = applyLiquid(world.lst, { type: 'deposit', account, assets: assets(wei), nowSeconds: world.now }).state
      world.bank += wei
    }
    world.allocate()
    for (let i = 0; i < 4; i++) world.epoch()
    for (let i = 0; i < 250; i++, done++) {
      world.perform()
      world.agree()
    }
    world.end()
    world.agree()
    for (const key of Object.keys(all) as (keyof typeof all)[]) all[key] += world.count[key]
  }
  for (const [what, count] of Object.entries(all)) if (count === 0) throw new Error(`no ${what}: the run proves little`)
  return `${done} operations: ${Object.entries(all)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')}`
}
