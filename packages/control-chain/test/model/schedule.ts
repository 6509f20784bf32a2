import type { ControlBlock, ControlEvent, ControlTransaction } from '../../src/fold/block.js'
import type { LeaderPlan } from '../../src/fold/leaders.js'
import type { ControlState, TermCause } from '../../src/fold/state.js'
import type { L1Mark, OperatorList } from '../../src/list/list.js'
import type { OwnChain } from '../../src/operator/name-blocks.js'
import { defaultParameters } from '../../src/parameters.js'
import { createBlocks, hashOf, idOf, type ModelBlock } from './blocks.js'
import type * as modelRules from './rules.js'
import { commandsDue, createModelStake, firstEpoch, forgedCommands, markOf, stakeSlot } from './stake.js'

export type Rules = typeof modelRules
/** Rules that are not the package's: what a guard, a disk or a clock does to an operator. */
export type OperatorFault =
  | 'noGuard'
  | 'termReset'
  | 'reorgSameTerm'
  | 'noListTransaction'
  | 'noRollback'
  | 'noDepth'
  | 'lateDisk'
  | 'noSkipTerm'
  | 'noMarks'

/** One tick is 250 ms; a control block every 2 ticks, an L2 block every 4, an L1 block every 12. */
const tickMs = 250
const slotBlocks = 5
const epochBlocks = 2 * slotBlocks
const originDepth = 3
const nameDepth = 2
const peerKeep = 400
/** In calm, a life that has gone on for so many ticks and blocks ends early. */
const [wellTicks, wellBlocks] = [160, 30]
const parameters = { ...defaultParameters, ahead: 24 }
const patience = { silenceMs: 2_500, maxSilenceMs: 16_000, repeatMs: 2_000 }

export type Violation = { readonly invariant: string; readonly tick: number; readonly what: string }
export type Outcome = {
  readonly seed: number
  readonly violations: Violation[]
  views: number
  milestones: number
  rollbacks: number
  jailed: number
  equivocations: number
  blocks: number
  /** Longest time between two milestones after everything healed, ticks. */
  gap: number
  height: number
}

type Operator = {
  readonly id: number
  readonly liar: boolean
  up: boolean
  /** Ticks that its L1 node is behind. */
  readonly lag: number
  /** Control height that it has applied. */
  applied: number
  disk: Set<number>
  /** Blocks executed and not yet on disk: what a crash takes. */
  readonly ram: Set<number>
  /** Of both: what stands on each block, in the order of execution. */
  kids: Map<number, number[]>
  readonly waiting: Map<number, ModelBlock>
  head: number
  /** Told to begin with a later term: its own memory of what it signed is lost. */
  guard: readonly [view: number, height: number] | undefined
  pending: number | undefined
  proposedAt: number
  progressAt: number
  vote: { cause: TermCause; atMs: number } | undefined
  readonly seen: Map<string, number>
  outbox: ControlTransaction[]
  inbox: (readonly [at: number, id: number])[]
  pulledAt: number
  originDropped: boolean
  sequence: bigint
  /** When the latest vote for silence was meant, by its sequence number. */
  silentVote: { readonly sequence: bigint; readonly tick: number } | undefined
  listSentAt: number
  /** When it brought last what L1 told the pool. */
  toldAt: number
}

function generator(seed: number) {
  let a = (seed * 2654435761 + 12345) >>> 0
  const next = (): number => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, below: (n: number) => Math.floor(next() * n), chance: (p: number) => next() < p }
}

/**
 * One random life of a rollup under the real rules: operators of unequal stake, liars below a third of it, crashes, partitions, loss, slow
 * networks, reorgs of L1 and a change of the set; then everything heals, and milestones must come. The control chain is an ideal total order
 * whose proposers choose which vote extensions they take. Seeds from 5,000,000 on have liars that only sign twice and name nothing.
 */
export function runSchedule(rules: Rules, seed: number, faults: ReadonlySet<OperatorFault> = new Set()): Outcome {
  const random = generator(seed)
  const n = [4, 4, 5, 7][random.below(4)]!
  const staked = seed >= 10_000_000
  const handover = !staked && random.chance(0.5)
  // Seats of a pool count from 1: with one, operator 0 is nobody.
  const first = staked ? 1 : 0
  const count = staked ? n + 2 : handover ? n + 1 : n
  const weight = Array.from({ length: count }, () => (random.chance(0.5) ? 1 : 1 + random.below(3)))
  const range = (from: number, length: number): number[] => Array.from({ length }, (_, i) => i + from)
  const sets = staked ? [range(1, n), range(2, n), range(1, n + 1)] : [range(0, n), range(handover ? 1 : 0, n)]
  const total = (ids: readonly number[]): number => ids.reduce((sum, id) => sum + weight[id]!, 0)
  const liars = new Set<number>()
  const onlySplit = !staked && seed >= 5_000_000
  // A pool that jails for downtime takes power from the honest: then there are no liars whose share would grow by it.
  const windowTurns = staked && random.chance(0.4) ? 3 : 20
  if (windowTurns === 20 && (onlySplit || random.chance(0.8))) {
    for (let k = 0; k < count; k++) {
      const id = first + random.below(count - first)
      liars.add(id)
      if (sets.some(set => 3 * total(set.filter(member => liars.has(member))) >= total(set))) liars.delete(id)
    }
  }
  const slow = random.chance(0.15)
  const crawl = slow && random.chance(0.4)
  const reorgs = random.chance(0.5)
  const deepReorgs = random.chance(0.4)
  const crashes = random.chance(0.7)
  const partitions = random.chance(0.5)
  const loss = random.chance(0.5) ? random.next() * 0.4 : 0
  const chaos = 160 + random.below(160)
  const end = chaos + 560
  const meanProposers = liars.size > 0 && (onlySplit || random.chance(0.2))
  const liarStyle = onlySplit ? 1 : random.below(4)

  const outcome: Outcome = {
    seed,
    violations: [],
    views: 0,
    milestones: 0,
    rollbacks: 0,
    jailed: 0,
    equivocations: 0,
    blocks: 0,
    gap: 0,
    height: 0,
  }
  let tick = 0
  const violate = (invariant: string, what: string): void => {
    if (!outcome.violations.some(violation => violation.invariant === invariant)) {
      outcome.violations.push({ invariant, tick, what })
    }
  }

  // L1: each operator sees it some ticks late.
  let l1: readonly string[] = ['g', 'a1', 'a2', 'a3', 'a4']
  let l1Blocks = 0
  const l1History: (readonly [at: number, chain: readonly string[]])[] = [[0, l1]]
  const dropped = new Set<string>()
  const deeplyDropped = new Set<string>()
  const l1Of = (operator: Operator): readonly string[] => {
    for (let i = l1History.length - 1; i >= 0; i--) if (l1History[i]![0] <= tick - operator.lag) return l1History[i]![1]
    return l1History[0]![1]
  }
  const isDropped = (operator: Operator, block: ModelBlock, chain = l1Of(operator)): boolean =>
    chain.length > block.originNumber && chain[block.originNumber] !== block.originHash

  const blocks = createBlocks(staked ? stakeSlot.blocks * stakeSlot.perEpoch : epochBlocks)
  const block = (id: number): ModelBlock => blocks.all[id]!
  const { isAncestor, path } = blocks
  const make = (fields: Parameters<typeof blocks.make>[0]): ModelBlock => {
    outcome.blocks++
    return blocks.make(fields)
  }

  const pool = staked ? createModelStake(rules, weight, windowTurns, random.below) : undefined
  const fixedPlan: LeaderPlan = {
    slotAt(height) {
      if (height < 1n) return undefined
      const slot = Math.floor((Number(height) - 1) / slotBlocks)
      const members = sets[Number(height) > 2 * epochBlocks ? 1 : 0]!
      const start = BigInt(slot * slotBlocks + 1)
      return { start, end: start + BigInt(slotBlocks) - 1n, leader: members[(slot * 5 + 1) % members.length]! }
    },
    fallback(height, view, isExcluded) {
      const slot = Math.floor((Number(height) - 1) / slotBlocks)
      const members = sets[Number(height) > 2 * epochBlocks ? 1 : 0]!
      const allowed = members.filter(id => !isExcluded(id))
      const from = allowed.length > 0 ? allowed : members
      return view === 0 ? from[(slot * 5 + 1) % from.length]! : from[(view * 3 + slot) % from.length]!
    },
  }
  const membersFor = (ids: readonly number[]) => ids.map(id => ({ id, power: BigInt(weight[id]!) }))
  let handedOver = false
  const log: ControlState[] = [
    rules.createControlState({
      chainId: 1n,
      genesis: blocks.reference(0),
      members: pool?.genesis ?? membersFor(sets[0]!),
      parameters,
    }),
  ]
  const latest = (): ControlState => log[log.length - 1]!
  const milestoneOf = (state: ControlState): number => idOf(state.milestone.hash)
  const startOf = (state: ControlState): number => idOf(state.start.hash)
  const idsOf = (state: ControlState): readonly number[] => rules.membersOf(state).map(({ id }) => id)
  const planNow = (state: ControlState): LeaderPlan => rules.planOf(state, fixedPlan)
  const leaderOf = (state: ControlState, height: number) => rules.leaderAt(state, planNow(state), BigInt(height))

  const operators = Array.from(
    { length: count },
    (_, id): Operator => ({
      id,
      liar: liars.has(id),
      up: id >= first,
      lag: random.below(6),
      applied: 0,
      disk: new Set([0]),
      ram: new Set(),
      kids: new Map(),
      waiting: new Map(),
      head: 0,
      guard: undefined,
      pending: undefined,
      proposedAt: 0,
      progressAt: 0,
      vote: undefined,
      seen: new Map(),
      outbox: [],
      inbox: [],
      pulledAt: 0,
      originDropped: false,
      sequence: 0n,
      silentVote: undefined,
      listSentAt: -9,
      toldAt: 0,
    }),
  )
  const has = (operator: Operator, id: number): boolean => operator.disk.has(id) || operator.ram.has(id)
  const current = (operator: Operator): ControlState => log[operator.applied]!
  const keep = (operator: Operator, id: number): void => {
    ;(faults.has('lateDisk') ? operator.ram : operator.disk).add(id)
    const kids = operator.kids.get(block(id).parent)
    if (kids === undefined) operator.kids.set(block(id).parent, [id])
    else if (!kids.includes(id)) kids.push(id)
  }

  let groups: readonly number[] | undefined
  let mainGroup: number | undefined
  const areLinked = (a: number, b: number): boolean => tick >= chaos || groups === undefined || groups[a] === groups[b]
  const reachesControlChain = (operator: Operator): boolean =>
    tick >= chaos || groups === undefined || groups[operator.id] === mainGroup
  const send = (from: number, to: number, id: number): void => {
    if (from === to || !areLinked(from, to) || (tick < chaos && random.chance(loss))) return
    const delay = crawl
      ? 13 + random.below(16)
      : slow
        ? 2 + random.below(12)
        : tick < chaos
          ? random.below(4)
          : random.below(2)
    operators[to]!.inbox.push([tick + delay, id])
  }
  const sendAll = (from: number, id: number): void => {
    for (let to = 0; to < count; to++) send(from, to, id)
  }

  /** I3: what evidence compares is (epoch, term, height) and the signer. */
  const signatures = new Map<string, number>()
  /** Term in force of each epoch, for each control height: what a counter that begins anew would sign. */
  const epochTerms: ReadonlyMap<number, number>[] = [new Map()]
  const placeOf = (made: ModelBlock): string => `${made.epoch}/${made.view}/${made.height}/${made.leader}`
  const sign = (operator: Operator, made: ModelBlock): void => {
    const place = faults.has('termReset')
      ? `${made.epoch}/${epochTerms[operator.applied]!.get(made.epoch) ?? 0}/${made.height}/${made.leader}`
      : placeOf(made)
    const before = signatures.get(place)
    if (before !== undefined && before !== made.id)
      violate('I3', `honest ${made.leader} signed two headers at ${place}`)
    signatures.set(place, made.id)
  }

  const isOnTerm = (state: ControlState, made: ModelBlock): boolean => {
    const start = startOf(state)
    const onPath =
      made.view === state.view ? isAncestor(start, made.id) && made.id !== start : isAncestor(made.id, start)
    return onPath && isAncestor(milestoneOf(state), made.id)
  }
  const accepts = (operator: Operator, made: ModelBlock): boolean => {
    const state = current(operator)
    if (!has(operator, made.parent) || isDropped(operator, made)) return false
    const parent = block(made.parent)
    if (!made.valid || made.originNumber < parent.originNumber || made.height !== parent.height + 1) return false
    if (isAncestor(made.id, milestoneOf(state)) || isAncestor(made.id, startOf(state))) return true
    if (made.view !== state.view || leaderOf(state, made.height) !== made.leader) return false
    return parent.view === state.view || parent.id === startOf(state)
  }
  /** The last block at or below `id` that stands on living origins. */
  const livingAncestor = (operator: Operator, id: number): number => {
    const chain = l1Of(operator)
    let at: ModelBlock | undefined = block(id)
    let low = at
    while (at !== undefined && at.height > 0) {
      if (isDropped(operator, at, chain)) low = block(at.parent)
      at = blocks.all[at.parent]
    }
    return low.id
  }

  /** Executes what can be executed, and chooses the head. */
  function advance(operator: Operator): void {
    const state = current(operator)
    for (let again = true; again; ) {
      again = false
      for (const [id, made] of operator.waiting) {
        if (has(operator, id)) operator.waiting.delete(id)
        else if (accepts(operator, made)) {
          keep(operator, id)
          operator.waiting.delete(id)
          again = true
        }
      }
    }
    let head = operator.head
    const milestone = milestoneOf(state)
    const start = startOf(state)
    if (!isAncestor(milestone, head) || !isOnTerm(state, block(head))) {
      if (has(operator, start) && isAncestor(milestone, start)) head = start
      else if (has(operator, milestone)) {
        head = milestone
        for (const id of path(milestone, start) ?? []) {
          if (!has(operator, id)) break
          head = id
        }
      }
    }
    const living = livingAncestor(operator, head)
    if (living !== head) {
      if (block(living).height < block(head).height) operator.originDropped = true
      head = living
    }
    // The first child executed in this term stays, unless milestone or start say otherwise.
    for (;;) {
      let child: number | undefined
      for (const id of operator.kids.get(head) ?? []) {
        // A crash took what was in memory alone.
        if (!has(operator, id) || !isOnTerm(state, block(id)) || isDropped(operator, block(id))) continue
        if (isAncestor(id, milestone) || isAncestor(id, start)) {
          child = id
          break
        }
        child ??= id
      }
      if (child === undefined) break
      head = child
    }
    if (head !== operator.head) {
      if (block(head).height > block(operator.head).height || !isAncestor(head, operator.head))
        operator.progressAt = tick
      operator.head = head
    }
  }

  const chainOf = (operator: Operator): OwnChain => {
    const l1Chain = l1Of(operator)
    return {
      blockAt(height) {
        let at: ModelBlock | undefined = block(operator.head)
        while (at !== undefined && BigInt(at.height) > height) at = blocks.all[at.parent]
        if (at === undefined || BigInt(at.height) !== height) return undefined
        return {
          hash: hashOf(at.id),
          view: at.view,
          stored: operator.disk.has(at.id),
          originDepth: isDropped(operator, at, l1Chain) ? undefined : BigInt(l1Chain.length - 1 - at.originNumber),
        }
      },
    }
  }
  const honestList = (operator: Operator): OperatorList =>
    rules.nameBlocks(current(operator), chainOf(operator), {
      nameDepth: BigInt(nameDepth),
      l1: pool === undefined || faults.has('noMarks') ? undefined : markOf(l1Of(operator), pool.told),
    })

  const lyingMark = (): L1Mark => ({
    number: 2n * BigInt(1 + random.below(40)),
    hash: hashOf(9),
    timestamp: 10n ** 9n,
    prevRandao: hashOf(6),
    poolRoot: hashOf(random.below(4)),
  })

  /** A liar's extension: silence, old news, siblings, chains that are none. */
  function lyingList(): OperatorList {
    const state = latest()
    const milestone = milestoneOf(state)
    const l1 = staked && random.chance(0.5) ? { l1: lyingMark() } : {}
    const silence = { view: state.view, atHeight: 0n, base: state.milestone, hashes: [], ...l1 }
    const kind = random.below(6)
    if (kind === 0 || meanProposers) return silence
    const tips = blocks.all.slice(-12).map(({ id }) => id)
    const tip = tips[random.below(tips.length)]!
    if (kind < 4) {
      const chain = path(milestone, tip)
      return chain === undefined ? silence : { ...silence, hashes: chain.slice(0, parameters.window).map(hashOf) }
    }
    if (kind === 4) {
      const named = Array.from({ length: 3 }, (_, i) => {
        const candidates = blocks.all.filter(({ height }) => height === block(milestone).height + 1 + i)
        return candidates.map(({ id }) => id).sort(() => random.next() - 0.5)[0]
      })
      return { ...silence, hashes: named.filter(id => id !== undefined).map(hashOf) }
    }
    const parent = block(tip).parent >= 0 ? block(tip).parent : 0
    const view = Math.max(0, state.view - random.below(2))
    return { ...silence, view, base: blocks.reference(parent), hashes: [hashOf(tip)] }
  }

  const vote = (operator: Operator, cause: TermCause | undefined): void => {
    const { view } = current(operator)
    operator.outbox.push({ type: 'termVote', operator: operator.id, sequence: ++operator.sequence, view, cause })
    operator.vote = cause === undefined ? undefined : { cause, atMs: tick * tickMs }
    operator.silentVote = cause?.type === 'silent' ? { sequence: operator.sequence, tick } : undefined
  }

  function receive(operator: Operator): void {
    for (const [at, id] of operator.inbox) {
      if (at > tick || has(operator, id)) continue
      const made = block(id)
      operator.waiting.set(id, made)
      const place = placeOf(made)
      const seen = operator.seen.get(place)
      if (seen !== undefined && seen !== id && made.leader >= 0) {
        const place = {
          epochId: BigInt(made.epoch) + (staked ? firstEpoch : 0n),
          term: made.view,
          height: BigInt(made.height),
        }
        operator.outbox.push({ type: 'equivocation', accused: made.leader, evidence: hashOf(id), place })
      }
      operator.seen.set(place, id)
    }
    operator.inbox = operator.inbox.filter(([at]) => at > tick)
  }

  /** Asks a peer for what leads to its head, to the start and to the milestone. */
  function pull(operator: Operator): void {
    const state = current(operator)
    const milestone = milestoneOf(state)
    if (!(tick - operator.progressAt > 5 || !has(operator, milestone)) || tick - operator.pulledAt <= 3) return
    operator.pulledAt = tick
    const peer = operators[random.below(count)]!
    if (!peer.up || peer.liar || !areLinked(operator.id, peer.id)) return
    for (const target of [peer.head, startOf(state), milestone]) {
      if (!has(peer, target)) continue
      for (let id = target, sent = 0; id > 0 && !has(operator, id) && sent < peerKeep; sent++) {
        send(peer.id, operator.id, id)
        id = block(id).parent
      }
    }
  }

  function propose(operator: Operator): void {
    const state = current(operator)
    const head = block(operator.head)
    const height = head.height + 1
    if (tick - operator.proposedAt < 4) return
    if (rules.proposalHold(state, planNow(state), chainOf(operator), operator.id, BigInt(head.height)) !== undefined)
      return
    const chain = l1Of(operator)
    const origin = Math.max(head.originNumber, chain.length - 1 - (faults.has('noDepth') ? 0 : originDepth))
    const { guard } = operator
    const isFree = guard === undefined || state.view > guard[0] || (state.view === guard[0] && height > guard[1])
    const signsAgain = faults.has('reorgSameTerm') && operator.originDropped
    if (chain.length > origin && origin >= 0 && (isFree || faults.has('noGuard') || signsAgain)) {
      const made = make({
        leader: operator.id,
        parent: head.id,
        view: state.view,
        originNumber: origin,
        originHash: chain[origin]!,
        valid: true,
      })
      sign(operator, made)
      operator.guard = [state.view, height]
      operator.pending = made.id
      operator.proposedAt = tick
      keep(operator, made.id)
      sendAll(operator.id, made.id)
      advance(operator)
      return
    }
    const pending = operator.pending === undefined ? undefined : block(operator.pending)
    if (pending?.height === height && pending.view === state.view && !isDropped(operator, pending)) {
      operator.waiting.set(pending.id, pending)
      advance(operator)
      sendAll(operator.id, pending.id)
      operator.proposedAt = tick
    }
  }

  function considerVote(operator: Operator): void {
    const state = current(operator)
    const milestone = milestoneOf(state)
    const living = livingAncestor(operator, milestone)
    const advice = rules.adviseVote(
      state,
      {
        nowMs: tick * tickMs,
        progressAtMs: operator.progressAt * tickMs,
        head: blocks.reference(operator.head),
        catchingUp: false,
        originDropped: operator.originDropped && !faults.has('reorgSameTerm'),
        rollbackTo: living === milestone || faults.has('noRollback') ? undefined : blocks.reference(living),
        vote: operator.vote,
      },
      patience,
    )
    if (advice?.type === 'vote') vote(operator, advice.cause)
    else if (advice?.type === 'withdraw') {
      operator.outbox = operator.outbox.filter(({ type }) => type !== 'termVote')
      vote(operator, undefined)
    }
  }

  function actHonestly(operator: Operator): void {
    if (reachesControlChain(operator) && random.chance(0.8) && operator.applied < log.length - 1) {
      const { view } = current(operator)
      operator.applied = log.length - 1
      if (current(operator).view !== view) {
        operator.progressAt = tick
        operator.originDropped = false
        operator.vote = undefined
      }
    }
    receive(operator)
    advance(operator)
    pull(operator)
    propose(operator)
    considerVote(operator)
    const state = current(operator)
    const patienceBlocks = Number(state.height - (state.listedAtHeight.get(operator.id) ?? 0n))
    if (
      !faults.has('noListTransaction') &&
      idsOf(state).includes(operator.id) &&
      patienceBlocks > parameters.listPatience &&
      tick - operator.listSentAt > 8
    ) {
      operator.listSentAt = tick
      const list = honestList(operator)
      operator.outbox.push({ type: 'list', operator: operator.id, sequence: ++operator.sequence, list })
    }
    if (pool !== undefined && tick - operator.toldAt > 12) {
      const commands = commandsDue(state, pool.told)
      if (commands.length > 0) operator.outbox.push({ type: 'poolCommands', commands })
      operator.toldAt = tick
    }
    if (faults.has('lateDisk') && random.chance(0.15)) {
      for (const id of operator.ram) operator.disk.add(id)
      operator.ram.clear()
    }
  }

  function actAsLiar(operator: Operator): void {
    operator.applied = log.length - 1
    const state = current(operator)
    if (random.chance(onlySplit ? 0 : 0.3)) {
      const settled = [...state.settled]
      const [height, hash] = settled[random.below(settled.length)]!
      const causes: TermCause[] = [
        { type: 'silent' },
        { type: 'silent' },
        { type: 'l1' },
        { type: 'rollback', to: { height, hash } },
      ]
      vote(operator, causes[random.below(4)])
    }
    if (staked && random.chance(0.1)) {
      operator.outbox.push({ type: 'poolCommands', commands: forgedCommands(first + random.below(n)) })
    }
    const milestone = milestoneOf(state)
    const agreed = rules.climb(state, rules.membersOf(state), 1).at(-1)?.hash
    const tip = agreed === undefined ? milestone : idOf(agreed)
    const known = [tip, startOf(state), milestone, blocks.all.length - 1].filter(id => blocks.all[id] !== undefined)
    const parents = known.filter(id => isAncestor(milestone, id))
    const parent = parents[random.below(parents.length)]!
    const height = block(parent).height + 1
    if (leaderOf(state, height) !== operator.id || tick - operator.proposedAt < 4) return
    operator.proposedAt = tick
    const chain = l1Of(operator)
    const originNumber = Math.max(block(parent).originNumber, chain.length - 1 - originDepth)
    if (chain.length <= originNumber) return
    const mode = onlySplit || random.chance(0.6) ? liarStyle : random.below(5)
    if (mode === 0) return
    const fields = { leader: operator.id, parent, view: state.view, originNumber, originHash: chain[originNumber]! }
    if (mode === 1) {
      const a = make({ ...fields, valid: true })
      const b = make({ ...fields, valid: true })
      outcome.equivocations++
      for (let to = 0; to < count; to++) send(operator.id, to, random.chance(0.5) ? a.id : b.id)
      return
    }
    const made = make({ ...fields, valid: mode !== 2 })
    for (let to = 0; to < count; to++) if (mode !== 3 || random.chance(0.3)) send(operator.id, to, made.id)
  }

  let extensions: { operator: number; list: OperatorList }[] = []
  function orderControlBlock(): void {
    const state = latest()
    const set = idsOf(state)
    if (groups !== undefined && tick < chaos) {
      const weightIn = (group: number): number => total(set.filter(id => groups![id] === group))
      mainGroup = [0, 1, 2].sort((a, b) => weightIn(b) - weightIn(a))[0]
    }
    const voters = set.filter(id => {
      const operator = operators[id]!
      return (
        operator.up &&
        reachesControlChain(operator) &&
        (operator.liar || operator.applied === log.length - 1) &&
        (tick >= chaos || !random.chance(0.1))
      )
    })
    if (3 * total(voters) <= 2 * total(set)) return
    // The proposer takes some extensions of more than two thirds; a liar as few as it must, and its friends' first.
    let lists = extensions.slice()
    const isLiar = (id: number): number => (liars.has(id) ? 1 : 0)
    if (liars.size > 0 && (meanProposers || random.chance(0.5))) {
      lists.sort((a, b) => isLiar(b.operator) - isLiar(a.operator) || random.next() - 0.5)
    } else lists.sort(() => random.next() - 0.5)
    if (meanProposers || random.chance(liars.size > 0 ? 0.9 : 0.5)) {
      for (let i = lists.length - 1; i >= 0; i--) {
        const less = lists.filter((_, index) => index !== i)
        if (3 * total(less.map(({ operator }) => operator)) > 2 * total(set)) lists = less
      }
    }
    const transactions: ControlTransaction[] = []
    for (const id of voters) {
      const operator = operators[id]!
      operator.outbox = operator.outbox.filter(transaction => {
        if (tick < chaos && random.chance(0.3)) return true
        transactions.push(transaction)
        return false
      })
    }
    extensions = voters.map(id => ({ operator: id, list: liars.has(id) ? lyingList() : honestList(operators[id]!) }))
    fold(state, { height: state.height + 1n, lists, transactions })
  }

  function fold(before: ControlState, controlBlock: ControlBlock): void {
    let { state, events } = rules.applyControlBlock(before, controlBlock, planNow(before))
    checkTwin(controlBlock, state)
    checkStake(before, state, events)
    const set = idsOf(before)
    let milestone = milestoneOf(before)
    const terms = new Map(epochTerms[epochTerms.length - 1]!)
    epochTerms.push(terms)
    for (const event of events) {
      if (event.type === 'settled') {
        outcome.milestones++
        let parent = milestone
        for (const { hash } of event.blocks) {
          const id = idOf(hash)
          if (blocks.all[id]?.parent !== parent) violate('I1', `settled block ${id} does not stand on ${parent}`)
          if (!block(id).valid) violate('I2', `invalid block ${id} is settled`)
          if (!operators.some(({ liar, disk }) => !liar && disk.has(id))) {
            violate('I4', `settled block ${id} is on no honest disk`)
          }
          parent = id
        }
        milestone = parent
        const start = startOf(before)
        if (!isAncestor(milestone, start) && !isAncestor(start, milestone)) {
          violate('I8', `milestone ${milestone} passes by the start ${start} of term ${before.view}`)
        }
      } else if (event.type === 'settledRevoked') {
        outcome.rollbacks++
        const revoked = event.blocks.map(({ hash }) => block(idOf(hash)))
        if (!revoked.some(({ originHash }) => dropped.has(originHash)))
          violate('I1', 'settled blocks revoked without an L1 reorg')
        else if (!revoked.some(({ originHash }) => deeplyDropped.has(originHash))) {
          violate('I1', 'settled blocks revoked by a reorg of less than nameDepth')
        }
      } else if (event.type === 'jailed') {
        outcome.jailed++
        if (!liars.has(event.operator)) violate('I3', `honest ${event.operator} convicted`)
      } else if (event.type === 'termEnded') {
        outcome.views++
        const start = idOf(event.start.hash)
        terms.set(Math.floor(Number(event.start.height) / epochBlocks), event.view)
        if (!isAncestor(milestoneOf(state), start)) violate('I2', `start ${start} is not on the milestone`)
        if (blocks.all[start]?.valid !== true) violate('I2', `start ${start} is invalid`)
        if (event.cause === 'silent') checkVoters(before, controlBlock, set)
      }
    }
    if (handover && !handedOver && state.milestone.height >= BigInt(2 * epochBlocks)) {
      handedOver = true
      state = rules.scheduleMembers(state, { fromHeight: state.height + 2n, members: membersFor(sets[1]!) })
    }
    log.push(state)
  }

  /** I9 and I10: time alone never ends a term without more than a third of honest stake that still means it. */
  function checkVoters(before: ControlState, controlBlock: ControlBlock, set: readonly number[]): void {
    const votes = new Map([...before.votes].map(([id, { sequence }]) => [id, sequence]))
    const sequences = new Map(before.sequences)
    for (const transaction of controlBlock.transactions) {
      if (!('operator' in transaction) || transaction.sequence <= (sequences.get(transaction.operator) ?? -1n)) continue
      sequences.set(transaction.operator, transaction.sequence)
      // What was held up and is older than what was ordered since counts no more, a withdrawal either.
      if (transaction.type !== 'termVote' || transaction.view !== before.view) continue
      if (transaction.cause === undefined) votes.delete(transaction.operator)
      else votes.set(transaction.operator, transaction.sequence)
    }
    const honest = set.filter(id => votes.has(id) && !liars.has(id))
    if (3 * total(honest) <= total(set)) violate('I9', 'a term ended without more than a third of honest votes')
    const isCalm = tick > chaos + 40 || !(crashes || partitions)
    const isStalled = before.height - before.movedAtHeight >= 12n
    const goneOn = honest.filter(id => {
      const { silentVote, progressAt } = operators[id]!
      return silentVote !== undefined && silentVote.sequence === votes.get(id) && progressAt > silentVote.tick + 16
    })
    if (isCalm && !isStalled && 3 * total(goneOn) > total(set)) {
      violate('I10', 'a term ended by votes whose voters had gone on since')
    }
  }

  /** I11: whoever joined by a state that others gave has the state that they have, and goes on as they do. */
  let twin: ControlState | undefined
  let twinBlocks = 0
  function checkTwin(controlBlock: ControlBlock, state: ControlState): void {
    if (twin === undefined || ++twinBlocks > 12) return
    twin = rules.applyControlBlock(twin, controlBlock, planNow(twin)).state
    // The hash says all; of a state that was once another one, something is left.
    const isHashed = [1, 3, 6, 12].includes(twinBlocks)
    const same =
      (!isHashed || rules.controlStateHash(twin) === rules.controlStateHash(state)) &&
      twin.milestone.hash === state.milestone.hash &&
      twin.view === state.view
    if (!same) violate('I11', 'who joined has another state than the others')
  }
  /** Loses its home, keys apart, and joins again by the state of the others; its blocks are pulled from them. */
  function loseHome(operator: Operator): void {
    // What it has named counts until its next list: whoever loses that counts among the faulty until then.
    const isElsewhere = [...operator.disk].every(id =>
      operators.some(other => other !== operator && !other.liar && other.disk.has(id)),
    )
    if (!isElsewhere) return
    operator.disk = new Set([0])
    operator.kids = new Map()
    operator.head = 0
    operator.pending = undefined
    twin = rules.decodeControlState(rules.encodeControlState(latest()))
    twinBlocks = 0
    operator.applied = log.length - 1
    operator.guard = faults.has('noSkipTerm') ? undefined : [twin.view, Number.MAX_SAFE_INTEGER]
    // What it has sent to the control chain is in the state that it was given.
    operator.sequence = twin.sequences.get(operator.id) ?? 0n
  }

  /** I12 to I15: members are those of the pool, the pool is that of L1, leaders are known in time, records are true. */
  const ledBy = new Map<number, number>()
  function checkStake(before: ControlState, state: ControlState, events: readonly ControlEvent[]): void {
    const powers = (of: ControlState) => new Map(rules.membersOf(of).map(({ id, power }) => [id, power] as const))
    const [old, now] = [powers(before), powers(state)]
    let moved = 0n
    for (const id of new Set([...old.keys(), ...now.keys()])) {
      const change = (now.get(id) ?? 0n) - (old.get(id) ?? 0n)
      moved += change < 0n ? -change : change
    }
    const all = [...old.values()].reduce((sum, power) => sum + power, 0n)
    if (staked && moved > 1n && 3n * moved > all) violate('I12', `${moved} of ${all} changed hands at once`)
    for (const [id, at] of state.jailed) {
      if (staked && now.has(id) && state.height >= at + 6n) violate('I12', `convicted ${id} still has power`)
    }
    for (const event of events) {
      if (event.type !== 'settled') continue
      for (const { hash } of event.blocks) {
        const { leader } = block(idOf(hash))
        ledBy.set(leader, (ledBy.get(leader) ?? 0) + 1)
      }
    }
    for (const [id, { led }] of state.records) {
      if (led > (ledBy.get(id) ?? 0))
        violate('I15', `${id} is credited with ${led} blocks, and led ${ledBy.get(id) ?? 0}`)
    }
    if (pool === undefined || state.stake === undefined) return
    const { roots } = pool.told
    if (!roots.includes(state.stake.root)) violate('I13', 'the pool was told what L1 never said')
    const marked = state.l1 !== undefined && !roots.includes(state.l1.poolRoot)
    if (marked || state.l1?.hash === hashOf(9)) violate('I13', 'a mark of L1 that only liars have seen')
    const isOther = [...state.stake.pool.sequencers].some(([id, { status }]) => (id === 1) === (status === 'active'))
    if (isOther) violate('I13', 'the pool is another one')
    if (leaderOf(state, Number(state.milestone.height) + parameters.ahead) === undefined) {
      violate('I14', `nobody is elected for what a leader may sign above ${state.milestone.height}`)
    }
    for (const [, { id, kind }] of state.stake.pool.cases) {
      if (kind !== 'DOWNTIME' && !liars.has(id)) violate('I3', `a case of ${kind} against honest ${id}`)
      if (kind === 'DOWNTIME' && rules.recordOf(state, id).missed < 2) {
        violate('I15', `${id} is judged for downtime and has missed ${rules.recordOf(state, id).missed} turns`)
      }
    }
  }

  const restart = (operator: Operator): void => {
    operator.up = true
    operator.progressAt = tick
    while (!has(operator, operator.head)) operator.head = block(operator.head).parent
    if (faults.has('noGuard')) operator.guard = undefined
  }
  function disturb(): void {
    if (reorgs && random.chance(0.02)) {
      const deep = deepReorgs && random.chance(0.4)
      const depth = Math.min(l1.length - 1, deep ? nameDepth + 2 + random.below(3) : 1 + random.below(nameDepth))
      for (const hash of l1.slice(-depth)) dropped.add(hash)
      if (deep) for (const hash of l1.slice(-depth, -nameDepth)) deeplyDropped.add(hash)
      l1 = [...l1.slice(0, -depth), ...Array.from({ length: depth }, () => `c${++l1Blocks}`)]
      l1History.push([tick, l1])
    }
    if (partitions && random.chance(0.02)) {
      groups = random.chance(0.5) ? undefined : Array.from({ length: count }, () => random.below(2))
    }
    if (!crashes) return
    for (const operator of operators.slice(first)) {
      if (operator.liar) continue
      if (operator.up && random.chance(0.012)) {
        operator.up = false
        operator.ram.clear()
        operator.waiting.clear()
        operator.inbox = []
        operator.outbox = []
        operator.vote = undefined
        operator.seen.clear()
      } else if (!operator.up && random.chance(0.05)) {
        if (staked && random.chance(0.3)) loseHome(operator)
        restart(operator)
      }
    }
  }

  let calmHeight = 0
  let lastMilestone = 0
  let lastAt = 0
  for (tick = 1; tick < end; tick++) {
    if (tick % 12 === 0) {
      l1 = [...l1, `b${++l1Blocks}`]
      l1History.push([tick, l1])
    }
    if (tick < chaos) disturb()
    else if (tick === chaos) {
      groups = undefined
      for (const operator of operators.slice(first)) if (!operator.up) restart(operator)
      calmHeight = Number(latest().milestone.height)
      lastAt = tick
    }
    for (const operator of operators) {
      if (!operator.up) continue
      if (operator.liar) actAsLiar(operator)
      else actHonestly(operator)
    }
    if (tick % 2 === 0) orderControlBlock()
    const milestone = milestoneOf(latest())
    if (tick >= chaos && milestone !== lastMilestone) {
      outcome.gap = Math.max(outcome.gap, tick - lastAt)
      lastAt = tick
    }
    lastMilestone = milestone
    // It is well again, and has been for long enough to tell: whoever is not lives to the end.
    const grown = Number(latest().milestone.height) - calmHeight
    if (tick > chaos + wellTicks && grown > wellBlocks && tick - lastAt < 8) break
  }
  const lastTick = Math.min(tick, end)
  const last = latest()
  const grown = Number(last.milestone.height) - calmHeight
  for (const [, hash] of last.settled) {
    const id = idOf(hash)
    if (!operators.some(({ liar, disk }) => !liar && disk.has(id)))
      violate('I4', `settled block ${id} is on no honest disk`)
  }
  if (grown < (crawl ? 4 : 15)) violate('I5', `${grown} settled blocks in ${lastTick - chaos} calm ticks`)
  outcome.gap = Math.max(outcome.gap, lastTick - lastAt)
  if (!slow && grown >= 15 && outcome.gap > 240) violate('I6', `no settled block for ${outcome.gap} calm ticks`)
  const farAhead = operators.some(
    operator =>
      !operator.liar &&
      block(operator.head).height - Number(current(operator).milestone.height) > parameters.ahead + parameters.window,
  )
  if (farAhead) violate('I7', 'an unsafe head too far ahead')
  outcome.height = Number(last.milestone.height)
  return outcome
}
