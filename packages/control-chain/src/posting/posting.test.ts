import { createMemoryGuard } from '@l2/sequencer-core/block'
import { encodeDeposit } from '@l2/sequencer-core/derivation'
import { type Hash, hexToBytes, keccak256, zeroAddress, zeroHash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { createEcdsaAttester, ecdsaAttestation } from '../attestation/ecdsa.js'
import {
  type BatchStatement,
  encodeBatchStatement,
  hashBatchStatement,
  hashTurnStatement,
} from '../attestation/statement.js'
import { applyControlBlock } from '../fold/apply.js'
import type { ControlBlock, ControlEvent, ControlTransaction } from '../fold/block.js'
import type { LeaderPlan } from '../fold/leaders.js'
import { controlStateHash, decodeControlState, encodeControlState } from '../fold/snapshot.js'
import { type ControlState, createControlState, scheduleMembers } from '../fold/state.js'
import type { OperatorList } from '../list/list.js'
import { defaultParameters } from '../parameters.js'
import {
  encodeFalsePosting,
  encodeFalseStatement,
  type OperatorMessage,
  readTransaction,
  signTransaction,
} from '../transaction/transaction.js'
import {
  type AttestationAdvice,
  adviseBatch,
  advisePosterVote,
  adviseTurn,
  type OwnBatches,
  signShare,
} from './advice.js'
import { attestedHead } from './head.js'
import type { PostingRules, PostingState } from './state.js'

const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const block = (n: number) => ({ height: BigInt(n), hash: hash(n) })
const epochBlocks = 100n
const accounts = [1, 2, 3, 4, 5].map(n => privateKeyToAccount(keccak256(`0x0${n}`)))
const attesters = accounts.map(createEcdsaAttester)
const domain = { l1ChainId: 1n, committee: `0x${'c0'.repeat(20)}` } as const
const batchInbox = `0x${'1b'.repeat(20)}` as const
const headers = { chainId: 901n, rollup: `0x${'0f'.repeat(20)}` } as const
const plan: LeaderPlan = {
  slotAt: height => ({ start: height - (height % 5n), end: height - (height % 5n) + 4n, leader: 1 }),
  // Whoever is next in turn: posters count from 2^31 on.
  fallback: (_, view, isExcluded) => [1, 2, 3, 4].filter(id => !isExcluded(id))[(view % 0x8000_0000) % 3] ?? 1,
}
const rules: PostingRules = {
  attestation: ecdsaAttestation,
  domain,
  batchInbox,
  epochOf: height => height / epochBlocks,
  attestationKey: id => attesters[id - 1]?.key,
  posterAccount: id => accounts[id - 1]?.address,
}

/** A control chain of four, one block after the other. */
class World {
  state: ControlState
  events: ControlEvent[] = []
  /** Of the last transaction. */
  sequence = 0n

  constructor(powers: readonly bigint[] = [1n, 1n, 1n, 1n]) {
    const members = powers.map((power, index) => ({ id: index + 1, power }))
    const committee = members.map(member => ({ ...member, key: attesters[member.id - 1]!.key }))
    this.state = createControlState({
      ...{ chainId: 901n, genesis: block(0), members, parameters: defaultParameters },
      posting: { committee, poster: 1, epoch: 0n },
    })
  }
  get posting(): PostingState {
    return this.state.posting!
  }
  next(change: Partial<ControlBlock> = {}): this {
    const height = this.state.height + 1n
    const step = applyControlBlock(this.state, { height, lists: [], transactions: [], ...change }, plan, rules)
    // Every state is what a snapshot of it is.
    expect(controlStateHash(decodeControlState(encodeControlState(step.state)))).toBe(controlStateHash(step.state))
    this.state = step.state
    this.events = step.events
    return this
  }
  list(operator: number, change: Partial<OperatorList> = {}) {
    const { view, height: atHeight, milestone: base } = this.state
    return { operator, list: { view, atHeight, base, hashes: [], ...change } }
  }
  /** Settles L2 blocks up to a height, sixteen in a control block. */
  settle(to: number): this {
    for (let tries = 0; this.state.milestone.height < BigInt(to); tries++) {
      if (tries > 50) throw new Error('nothing is settled')
      const from = Number(this.state.milestone.height)
      const hashes = Array.from({ length: Math.min(16, to - from) }, (_, index) => hash(from + 1 + index))
      this.next({ lists: [1, 2, 3, 4].map(id => this.list(id, { hashes })) })
    }
    return this
  }
  statement(change: Partial<BatchStatement> = {}): BatchStatement {
    const { sequence, attestedTo, committee } = this.posting
    return {
      ...{ chainId: 901n, sequence: sequence + 1n, committee: committee.number, first: attestedTo + 1n },
      ...{ last: this.state.milestone.height, lastOrigin: { number: 8n, hash: hash(8) } },
      ...{ outputRoot: hash(99), dataHashes: [hash(77)] },
      ...change,
    }
  }
  batch(change: Partial<BatchStatement> = {}, operator = this.posting.turn.poster): ControlTransaction {
    return { type: 'batch', operator, sequence: ++this.sequence, statement: this.statement(change), nonce: 7n }
  }
  vote(operator: number, turn = this.posting.turn.sequence): ControlTransaction {
    return { type: 'posterVote', operator, sequence: ++this.sequence, turn }
  }
  async signBatch(operators: readonly number[], digest = this.posting.open!.digest): Promise<this> {
    const { sequence } = this.posting
    const lists = operators.map(async id =>
      this.list(id, { batch: { sequence, signature: await attesters[id - 1]!.sign(digest) } }),
    )
    return this.next({ lists: await Promise.all(lists) })
  }
  async signTurn(operators: readonly number[]): Promise<this> {
    const { statement, digest } = this.posting.openTurn!
    const { sequence } = statement
    const lists = operators.map(async id =>
      this.list(id, { turn: { sequence, signature: await attesters[id - 1]!.sign(digest) } }),
    )
    return this.next({ lists: await Promise.all(lists) })
  }
}
const typesOf = (events: readonly ControlEvent[]) => events.map(({ type }) => type)

describe('batches', () => {
  it('are attested when more than two thirds of the committee have signed, in whatever blocks', async () => {
    const world = new World().settle(20)
    world.next({ transactions: [world.batch()] })
    expect(world.posting.open?.statement).toEqual(world.posting.open && world.statement({ sequence: 1n }))
    expect(typesOf(world.events)).toEqual(['batchOrdered'])
    await world.signBatch([1, 2])
    expect([world.posting.attestedTo, world.posting.open?.signatures.size]).toEqual([0n, 2])
    // The same again is nothing; a signature of another, or over something else, is none.
    await world.signBatch([1, 2])
    await world.signBatch([3], keccak256('0x'))
    const stolen = world.posting.open!.signatures.get(1)!
    world.next({ lists: [world.list(3, { batch: { sequence: 1n, signature: stolen } })] })
    expect(world.posting.open?.signatures.size).toBe(2)
    const digest = world.posting.open!.digest
    await world.signBatch([4])
    expect(world.posting).toMatchObject({ attestedTo: 20n, open: undefined })
    expect(world.events).toEqual([
      { type: 'attested', statement: world.posting.attested!.statement, signers: [1, 2, 4] },
    ])
    // Who signs late is in the proof as well.
    await world.signBatch([3], digest)
    const { attested, committee } = world.posting
    expect(attested?.signatures.size).toBe(4)
    const proof = ecdsaAttestation.combine(committee.members, new Map(attested!.signatures))!
    expect(ecdsaAttestation.verify(committee.members, attested!.digest, proof)).toBeUndefined()
    expect(attested!.digest).toBe(hashBatchStatement(attested!.statement, domain))
  })

  it('count the stake of the committee, not heads, and signatures in lists of whatever term', async () => {
    const world = new World([5n, 1n, 1n, 1n]).settle(4)
    world.next({ transactions: [world.batch()] })
    await world.signBatch([2, 3, 4])
    expect(world.posting.attestedTo).toBe(0n)
    const signature = await attesters[0]!.sign(world.posting.open!.digest)
    world.next({ lists: [world.list(1, { view: 7, batch: { sequence: 1n, signature } })] })
    expect(world.posting.attestedTo).toBe(4n)
  })

  it('are ordered of the poster, settled, without a gap, each under the next number', () => {
    const world = new World().settle(20)
    const refused: ControlTransaction[] = [
      world.batch({}, 2),
      world.batch({ chainId: 902n }),
      world.batch({ sequence: 2n }),
      world.batch({ sequence: 0n }),
      world.batch({ committee: 1n }),
      world.batch({ first: 2n }),
      world.batch({ last: 21n }),
      world.batch({ first: 0n, last: 0n }),
    ]
    for (const transaction of refused) world.next({ transactions: [transaction] })
    expect([world.posting.sequence, world.posting.open]).toEqual([0n, undefined])
    // A later one replaces what nobody has signed yet.
    world.next({ transactions: [world.batch({ last: 10n })] })
    world.next({ transactions: [world.batch({ last: 12n })] })
    expect(world.posting).toMatchObject({ sequence: 2n, open: { statement: { last: 12n } } })
    const replayed = { ...world.batch(), sequence: 1n } as ControlTransaction
    world.next({ transactions: [replayed] })
    expect(world.posting.sequence).toBe(2n)
  })

  it('go back with the milestone when L1 takes settled blocks back', async () => {
    const world = new World().settle(20)
    world.next({ transactions: [world.batch()] })
    await world.signBatch([1, 2, 3])
    world.settle(30).next({ transactions: [world.batch()] })
    const back = (operator: number): ControlTransaction => ({
      ...{ type: 'termVote', operator, sequence: ++world.sequence, view: world.state.view },
      cause: { type: 'rollback', to: block(12) },
    })
    world.next({ transactions: [back(1), back(2), back(3)] })
    expect(world.posting).toMatchObject({ attestedTo: 12n, open: undefined, sequence: 2n })
    world.settle(16).next({ transactions: [world.batch()] })
    expect(world.posting.open?.statement).toMatchObject({ sequence: 3n, first: 13n, last: 16n })
  })
})

describe('turns of posters', () => {
  it('change with the epoch, signed by the committee, and hand over where members changed', async () => {
    const world = new World().settle(99)
    expect(world.posting.openTurn).toBeUndefined()
    world.state = scheduleMembers(world.state, {
      fromHeight: world.state.height + 1n,
      members: [1, 2, 3].map(id => ({ id, power: 2n })),
    })
    world.settle(100)
    const { turn, openTurn, next, committee } = world.posting
    expect(turn).toEqual({ sequence: 1n, epoch: 1n, poster: 2 })
    expect(next).toMatchObject({ number: 1n, members: [1, 2, 3].map(id => ({ id, power: 2n })) })
    expect(openTurn?.statement).toEqual({
      ...{ chainId: 901n, sequence: 1n, committee: 0n, poster: accounts[1]!.address.toLowerCase(), lastAttested: 0n },
      nextMembers: ecdsaAttestation.membersHash(next!.members),
    })
    // The old committee goes on until the handover is signed.
    world.next({ transactions: [world.batch()] })
    await world.signTurn([1, 2])
    expect(world.posting.committee).toEqual(committee)
    await world.signTurn([4])
    expect(world.events.map(({ type }) => type)).toEqual(['turnSigned'])
    expect(world.posting).toMatchObject({ committee: next, next: undefined, openTurn: undefined, open: undefined })
    expect(world.posting.signedTurn?.committee).toEqual(committee)
    // Statements are the new one's from here on: three of three equal members.
    world.next({ transactions: [world.batch()] })
    expect(world.posting.open?.statement.committee).toBe(1n)
    await world.signBatch([1, 2, 4])
    expect(world.posting.attestedTo).toBe(0n)
    await world.signBatch([3])
    expect(world.posting.attestedTo).toBe(100n)
    // Nobody new: the turn changes, the committee stays.
    world.settle(200)
    expect(world.posting).toMatchObject({ turn: { sequence: 2n, epoch: 2n }, next: undefined })
    expect(world.posting.openTurn?.statement).toMatchObject({
      committee: 1n,
      nextMembers: zeroHash,
      lastAttested: 100n,
    })
    expect(world.posting.openTurn?.digest).toBe(hashTurnStatement(world.posting.openTurn!.statement, domain))
  })

  it('end early when more than two thirds want it, by votes that live and mean this turn', () => {
    const world = new World().settle(10)
    world.next({ transactions: [world.vote(2), world.vote(3), world.vote(4, 7n)] })
    expect(world.posting.turn.sequence).toBe(0n)
    for (let age = 0; age < defaultParameters.voteLifetimeBlocks; age++) world.next()
    world.next({ transactions: [world.vote(4)] })
    expect(world.posting.turn.sequence).toBe(0n)
    world.next({ transactions: [world.vote(2), world.vote(3), world.vote(4)] })
    expect(world.posting).toMatchObject({ turn: { sequence: 1n, epoch: 0n, poster: 3 }, votes: { size: 0 } })
    expect(world.events).toMatchObject([{ type: 'turnOrdered', poster: 3, before: 1, cause: 'unwanted' }])
    // The one before has no word any more, the new one has.
    world.next({ transactions: [world.batch({}, 1)] })
    expect(world.posting.open).toBeUndefined()
    world.next({ transactions: [world.batch({}, 3)] })
    expect(world.posting.open).toBeDefined()
  })

  it('end with the conviction of the poster, whose place in the next committee is gone', () => {
    const world = new World().settle(10)
    const place = { epochId: 0n, term: 0, height: 3n }
    world.next({ transactions: [{ type: 'equivocation', accused: 1, evidence: hash(1), place }] })
    expect(world.posting.turn).toMatchObject({ sequence: 1n, poster: 3 })
    expect(world.events.at(-1)).toMatchObject({ type: 'turnOrdered', cause: 'conviction' })
    world.settle(100)
    expect(world.posting.next?.members.map(({ id }) => id)).toEqual([2, 3, 4])
  })
})

describe('an operator', () => {
  const own = (change: Partial<OwnBatches> = {}): OwnBatches => ({
    outputRootAt: () => hash(99),
    originAt: () => ({ number: 8n, hash: hash(8) }),
    carries: () => true,
    ...change,
  })

  it('signs what its own execution says, once, after its guard', async () => {
    const world = new World().settle(20)
    expect(adviseBatch(world.state, 1, own())).toBe('nothing')
    world.next({ transactions: [world.batch()] })
    const { digest } = world.posting.open!
    expect(adviseBatch(world.state, 1, own())).toEqual({ sequence: 1n, digest })
    expect(adviseBatch(world.state, 9, own())).toBe('nothing')
    expect(adviseBatch(world.state, 1, own({ outputRootAt: () => undefined }))).toBe('behind')
    expect(adviseBatch(world.state, 1, own({ originAt: () => undefined }))).toBe('behind')
    expect(adviseBatch(world.state, 1, own({ outputRootAt: () => hash(1) }))).toBe('contradicted')
    expect(adviseBatch(world.state, 1, own({ originAt: () => ({ number: 8n, hash: hash(1) }) }))).toBe('contradicted')
    expect(adviseBatch(world.state, 1, own({ carries: () => false }))).toBe('data')
    const [signer, guard] = [attesters[0]!, createMemoryGuard()]
    const share = await signShare(adviseBatch(world.state, 1, own()) as AttestationAdvice, { signer, guard })
    world.next({ lists: [world.list(1, { batch: share })] })
    expect(world.posting.open?.signatures.get(1)).toBe(share?.signature)
    expect(adviseBatch(world.state, 1, own())).toBe('nothing')
    // The same again after a crash, and never something else under that number or one before.
    expect(await signShare({ sequence: 1n, digest }, { signer, guard })).toEqual(share)
    expect(await signShare({ sequence: 1n, digest: hash(3) }, { signer, guard })).toBeUndefined()
    expect(await signShare({ sequence: 0n, digest }, { signer, guard })).toBeUndefined()
    const broken = { reserve: () => Promise.reject(new Error('no disk')) }
    await expect(signShare({ sequence: 2n, digest }, { signer, guard: broken })).rejects.toThrow('no disk')
  })

  it('signs every change of turn, and wants one when nothing comes to L1', async () => {
    const world = new World().settle(20)
    const seen = { safe: 10n, l1Block: 60n, sinceL1Block: 30n }
    expect(advisePosterVote(world.state, seen)).toEqual({ type: 'posterVote', turn: 0n })
    expect(advisePosterVote(world.state, { ...seen, sinceL1Block: 35n })).toBeUndefined()
    expect(advisePosterVote(world.state, { ...seen, sinceL1Block: 35n, patienceBlocks: 24n })).toBeDefined()
    expect(advisePosterVote(world.state, { ...seen, safe: 20n })).toBeUndefined()
    expect(adviseTurn(world.state, 2)).toBe('nothing')
    world.next({ transactions: [world.vote(2), world.vote(3), world.vote(4)] })
    expect(adviseTurn(world.state, 2)).toEqual({ sequence: 1n, digest: world.posting.openTurn!.digest })
    expect(adviseTurn(world.state, 9)).toBe('nothing')
    await world.signTurn([2])
    expect(adviseTurn(world.state, 2)).toBe('nothing')
  })

  it('tells the attested head for what it is', async () => {
    const world = new World().settle(20)
    world.next({ transactions: [world.batch()] })
    const before = { height: 0n, sequence: null, outputRoot: null, signers: [], open: { batch: 1n, turn: null } }
    expect(attestedHead(world.state)).toMatchObject({ ...before, poster: 1, committee: { number: 0n, size: 4 } })
    await world.signBatch([1, 2, 4])
    expect(attestedHead(world.state)).toMatchObject({
      ...{ height: 20n, sequence: 1n, outputRoot: hash(99), signers: [1, 2, 4], open: { batch: null, turn: null } },
      meaning: 'signed by the committee, not yet on L1',
    })
    const taken = { ...world.state, posting: { ...world.posting, attestedTo: 12n } }
    expect(attestedHead(taken)).toMatchObject({ height: 12n, sequence: null, signers: [] })
    expect(attestedHead({ posting: undefined })).toBeUndefined()
  })
})

describe('a statement that was not ordered', () => {
  const context = {
    ...{ domain: headers, window: 16, posting: rules },
    keys: {
      operatorOf: (signer: string) =>
        1 + accounts.findIndex(each => each.address.toLowerCase() === signer) || undefined,
    },
  }
  const read = (bytes: Uint8Array) => {
    const answer = readTransaction(bytes, context)
    return answer.ok ? answer.transaction : answer.reason
  }

  it('convicts whoever signed it, and an ordered one nobody', async () => {
    const world = new World().settle(20)
    world.next({ transactions: [world.batch()] })
    const ordered = world.posting.open!.statement
    const evidence = async (id: number, statement: BatchStatement) =>
      read(
        encodeFalseStatement(id, statement, await attesters[id - 1]!.sign(hashBatchStatement(statement, domain))),
      ) as ControlTransaction
    world.next({ transactions: [await evidence(2, ordered)] })
    expect(world.state.jailed.size).toBe(0)
    const other = { ...ordered, outputRoot: hash(1) }
    world.next({ transactions: [await evidence(2, other)] })
    expect(world.events[0]).toEqual({ type: 'jailed', operator: 2, reason: 'falseStatement' })
    // Under a number that was never given, too; but no third of the stake is barred.
    const future = new World().settle(20)
    future.next({ transactions: [await evidence(3, { ...ordered, sequence: 9n })] })
    expect([...future.state.jailed].map(([id]) => id)).toEqual([3])
  })

  it('is no evidence with a signature of somebody else, a changed byte, or another length', async () => {
    const world = new World().settle(20)
    const statement = world.statement()
    const digest = hashBatchStatement(statement, domain)
    const good = encodeFalseStatement(2, statement, await attesters[1]!.sign(digest))
    expect(read(good)).toMatchObject({ type: 'falseStatement', accused: 2 })
    expect(read(encodeFalseStatement(1, statement, await attesters[1]!.sign(digest)))).toBe('T_NO_FAULT')
    expect(read(encodeFalseStatement(9, statement, await attesters[1]!.sign(digest)))).toBe('T_SIGNER')
    for (let at = 0; at < good.length; at += 7) {
      const changed = good.slice()
      changed[at]! ^= 1
      expect(typeof read(changed), `byte ${at}`).toBe('string')
    }
    for (let length = 0; length < good.length; length += 5) expect(typeof read(good.subarray(0, length))).toBe('string')
    expect(read(Uint8Array.of(...good, 0))).toBe('T_DECODE')
  })

  it('and votes and statements are read back as they were signed, and unknown without a committee', async () => {
    const statement = new World().settle(3).statement()
    const messages: OperatorMessage[] = [
      { type: 'batch', statement, nonce: 9n },
      { type: 'posterVote', turn: 5n },
    ]
    for (const message of messages) {
      const bytes = await signTransaction({ domain: headers, message, sequence: 4n }, digest =>
        accounts[2]!.sign({ hash: digest }),
      )
      expect(read(bytes)).toEqual({ ...message, operator: 3, sequence: 4n })
      expect(readTransaction(bytes, { ...context, posting: undefined })).toEqual({ ok: false, reason: 'T_DECODE' })
      expect(typeof read(Uint8Array.of(...bytes.slice(0, 20), ...bytes.slice(21)))).toBe('string')
    }
    expect(encodeBatchStatement(statement).length).toBe(32 + 40 + 64 + 1 + 32)
    expect(() => encodeFalseStatement(1, statement, '0x0' as Hash)).toThrow(
      expect.objectContaining({ code: 'ENCODING_INVALID' }),
    )
  })
})

describe('a poster’s transaction on L1', () => {
  const context = { domain: headers, window: 16, posting: rules, keys: { operatorOf: () => undefined } }
  const data = { named: '0x01aa', other: '0x01bb' } as const
  const fees = { gas: 100_000n, maxFeePerGas: 10n, maxPriorityFeePerGas: 1n } as const
  const posted = async (id: number, change: Record<string, unknown> = {}) => {
    const transaction = { type: 'eip1559', chainId: 1, nonce: 7, to: batchInbox, data: data.named, ...fees, ...change }
    return hexToBytes(await accounts[id - 1]!.signTransaction(transaction as never))
  }
  const evidence = async (accused: number, raw: Promise<Uint8Array>) => {
    const answer = readTransaction(encodeFalsePosting(accused, await raw), context)
    return answer.ok ? answer.transaction : answer.reason
  }
  const world = () => {
    const made = new World().settle(20)
    return made.next({ transactions: [made.batch({ dataHashes: [keccak256(data.named), hash(5), hash(6)] })] })
  }
  const judge = async (raw: Promise<Uint8Array>, accused = 1) => {
    const transaction = await evidence(accused, raw)
    if (typeof transaction === 'string') return transaction
    return world().next({ transactions: [transaction] }).events[0]
  }

  it('convicts it of what no statement names, and ends its turn', async () => {
    const convicted = { type: 'jailed', operator: 1, reason: 'falsePosting' }
    expect(await judge(posted(1, { data: data.other }))).toEqual(convicted)
    const blobs = { type: 'eip4844', maxFeePerBlobGas: 1n, data: undefined }
    const versioned = (n: number): Hash => `0x01${hash(n).slice(4)}`
    expect(await judge(posted(1, { ...blobs, blobVersionedHashes: [versioned(5)] }))).toEqual(convicted)
    const after = world().next({ transactions: [(await evidence(1, posted(1, { data: data.other }))) as never] })
    expect(after.events.at(-1)).toMatchObject({ type: 'turnOrdered', before: 1, cause: 'conviction' })
  })

  it('convicts nobody who posted what is named, before its word, elsewhere, or for another chain', async () => {
    expect(await judge(posted(1))).toBeUndefined()
    // Of a nonce from before its statement: what it carried may be forgotten.
    expect(await judge(posted(1, { data: data.other, nonce: 6 }))).toBeUndefined()
    const legacy = {
      type: 'legacy',
      data: data.other,
      gasPrice: 1n,
      maxFeePerGas: undefined,
      maxPriorityFeePerGas: undefined,
    }
    expect(await judge(posted(1, legacy))).toMatchObject({ type: 'jailed', operator: 1 })
    // Never a poster, so far.
    expect(await judge(posted(2, { data: data.other }), 2)).toBeUndefined()
    for (const [raw, accused, reason] of [
      [posted(1, { data: data.other }), 2, 'T_NO_FAULT'],
      [posted(1, { data: data.other }), 9, 'T_SIGNER'],
      [posted(1, { data: data.other, to: zeroAddress }), 1, 'T_NO_FAULT'],
      [posted(1, { data: data.other, chainId: 2 }), 1, 'T_DECODE'],
      [posted(1, { ...legacy, chainId: undefined }), 1, 'T_DECODE'],
    ] as const) {
      expect(await evidence(accused, raw as never)).toBe(reason)
    }
    // A deposit of an L1 that is a rollup itself says who sent it, and nobody signed.
    const deposit = encodeDeposit({
      ...{ sourceHash: hash(1), from: accounts[0]!.address, to: batchInbox, mint: 0n, value: 0n, gas: 1n },
      ...{ isSystemTransaction: false, data: Uint8Array.of(1, 2) },
    })
    expect(await evidence(1, Promise.resolve(deposit))).toBe('T_DECODE')
  })

  it('is read from no other bytes', async () => {
    const good = encodeFalsePosting(1, await posted(1))
    for (let at = 5; at < good.length; at += 3) {
      const changed = good.slice()
      changed[at]! ^= 4
      const answer = readTransaction(changed, context)
      // Whoever a changed one recovers to, it is not the poster.
      expect(answer.ok, `byte ${at}`).toBe(false)
    }
    for (let length = 0; length < good.length; length += 7) {
      expect(readTransaction(good.subarray(0, length), context).ok).toBe(false)
    }
    for (const raw of [new Uint8Array(), new Uint8Array(131_073)]) {
      expect(() => encodeFalsePosting(1, raw)).toThrow(expect.objectContaining({ code: 'ENCODING_INVALID' }))
    }
  })
})

it('a committee at genesis is one', () => {
  const member = { id: 1, power: 1n, key: zeroAddress }
  const create = (committee: readonly (typeof member)[]) =>
    createControlState({
      ...{ chainId: 901n, genesis: block(0), members: [{ id: 1, power: 1n }], parameters: defaultParameters },
      posting: { committee, poster: 1, epoch: 0n },
    })
  for (const wrong of [[], [member, member], [{ ...member, power: 0n }], [{ ...member, power: 1n << 96n }]]) {
    expect(() => create(wrong)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  }
  expect(create([member]).posting?.committee.number).toBe(0n)
})
