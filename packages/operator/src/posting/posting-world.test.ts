import { receiptOf } from '@l2/common/testing'
import { committeeAbi, committeeBytecode } from '@l2/contracts/committee'
import { poolAbi } from '@l2/contracts/pool'
import {
  applyControlBlock,
  type ControlState,
  type ControlTransaction,
  createControlState,
  createEcdsaAttester,
  defaultParameters,
  ecdsaAttestation,
  encodeFalsePosting,
  type LeaderPlan,
  membersOf,
  type OperatorList,
  type PostingRules,
  readTransaction,
  scheduleMembers,
} from '@l2/control-chain'
import type { PublishedBlock } from '@l2/node'
import { encodeBatcherTransaction, toSpanBatch } from '@l2/sequencer-core/batch'
import { toBatcherBlock, type UnpostedChannel } from '@l2/sequencer-core/batcher'
import { createMemoryGuard } from '@l2/sequencer-core/block'
import {
  createL1Simulator,
  createSequencerSimulator,
  framesOfBatches,
  simulatedRollup,
  simulatedTransaction,
} from '@l2/sequencer-core/testing'
import { nobleRecovery } from '@l2/sequencer-core/transaction'
import {
  bytesToHex,
  createTestClient,
  encodeAbiParameters,
  type Hash,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  numberToHex,
  publicActions,
  walletActions,
  zeroAddress,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAnvil } from '../../../contracts/test/anvil.js'
import { createAttestedOnL1 } from './attested-on-l1.js'
import { createAttesting } from './attesting.js'
import { checkCommittee, openCommitteeOnL1 } from './committee-on-l1.js'
import { createInboxWatch } from './inbox-watch.js'
import { createPoster } from './poster.js'

// The fold, four members with keys, guards and chains of their own, their poster, and the committee on an L1. The control chain is driven by hand.

const admin = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const epochBlocks = 10n
const accounts = [1, 2, 3, 4, 5].map(n => privateKeyToAccount(keccak256(numberToHex(n))))
const posters = [1, 2, 3, 4, 5].map(n => privateKeyToAccount(keccak256(numberToHex(100 + n))))
const everybody = accounts.map((account, at) => ({ id: at + 1, power: 10n, key: createEcdsaAttester(account).key }))
/** The committee that L1 begins with: the fifth comes later. */
const members = everybody.slice(0, 4)

let anvil: Awaited<ReturnType<typeof startAnvil>>
let client: ReturnType<typeof clientOf>
const clientOf = (url: string) =>
  createTestClient({ mode: 'anvil', account: admin, pollingInterval: 5, transport: http(url) })
    .extend(publicActions)
    .extend(walletActions)
beforeAll(async () => {
  // By itself anvil forgets a transaction now and then: a block every two seconds takes it, too.
  anvil = await startAnvil(900, ['--block-time', '2', '--mixed-mining'])
  client = clientOf(anvil.url)
})
afterAll(async () => {
  await anvil?.close()
})

const nameOf = (block: Pick<PublishedBlock, 'ref'>): Hash => keccak256(block.ref.hash)
const outputOf = (hash: Hash): Hash => keccak256(`${hash}01`)

/** A system configuration that takes what it is told, a committee that owns its pool, and everything that stands on it. */
async function world() {
  const systemConfig = '0x5c00000000000000000000000000000000000001'
  await client.setCode({ address: systemConfig, bytecode: '0x00' })
  const send = async (to: Hex | undefined, data: Hex): Promise<Hex | null | undefined> => {
    const hash = await client.sendTransaction({ to, data, chain: null, gas: 10_000_000n } as never)
    const receipt = await receiptOf(client, hash)
    return receipt.contractAddress
  }
  const args = encodeAbiParameters(committeeAbi[0].inputs, [
    ...[systemConfig, 901n, 3600n, zeroAddress, 604_800n, 0n, ecdsaAttestation.encodeMembers(members)],
  ] as never)
  const committee = (await send(undefined, `${committeeBytecode}${args.slice(2)}`))!.toLowerCase() as Hex
  const rollup = simulatedRollup({ sequencingWindowBlocks: 500n })
  const l1Simulated = createL1Simulator({ config: rollup, sign: false })
  const simulated = createSequencerSimulator({ config: rollup, l1: l1Simulated })
  const l1Block = await client.getBlock()
  await client.mine({ blocks: 1 })
  // Its origins are simulated, and what the committee is told of them must be a block of the L1 that it lives on.
  const origin = { number: l1Block.number, hash: l1Block.hash }
  const blocks: PublishedBlock[] = []
  const grow = (to: number): void => {
    while (blocks.length < to) {
      if (simulated.build([simulatedTransaction(rollup, BigInt(blocks.length), 90)]) === undefined) l1Simulated.mine()
      else {
        const { ref, executed } = simulated.blocks.at(-1)!
        blocks.push({ ref: { ...ref, l1Origin: origin }, executed } as unknown as PublishedBlock)
      }
    }
  }
  const domain = { l1ChainId: 900n, committee }
  const rules: PostingRules = {
    ...{ attestation: ecdsaAttestation, domain, batchInbox: rollup.batchInbox },
    epochOf: height => height / epochBlocks,
    attestationKey: id => everybody[id - 1]?.key,
    posterAccount: id => posters[id - 1]?.address,
  }
  const plan: LeaderPlan = {
    slotAt: height => ({ start: height, end: height, leader: 1 }),
    fallback: (_, __, isExcluded) => [2, 3, 4, 1].find(id => !isExcluded(id)) ?? 1,
  }
  let state: ControlState = createControlState({
    ...{ chainId: 901n, genesis: { height: 0n, hash: rollup.genesis.l2.hash }, parameters: defaultParameters },
    members: members.map(({ id, power }) => ({ id, power })),
    posting: { committee: members, poster: 1, epoch: 0n },
  })
  const waiting: ControlTransaction[] = []
  let sequence = 0n
  const said: string[] = []
  const onL1 = openCommitteeOnL1(anvil.url, domain)
  const block = (height: bigint): PublishedBlock | undefined => blocks[Number(height) - 1]
  const posterOf = (id: number) =>
    createPoster({
      ...{ id, rules, account: posters[id - 1]!.address, l2ChainId: 901n, committee: onL1, block },
      state: () => state,
      l1Number: () => 0n,
      send,
      async submit(message) {
        if (message.type === 'batch') waiting.push({ ...message, operator: id, sequence: ++sequence })
        return true
      },
      outputRoot: async height => outputOf(block(height)!.ref.hash),
      say: message => said.push(message),
    })
  const operators = everybody.map(({ id }) => {
    const poster = posterOf(id)
    const own = { isLying: false }
    const attesting = createAttesting({
      ...{ id, account: accounts[id - 1]!, domain, rollup, nameOf, block },
      guards: { batch: createMemoryGuard(), turn: createMemoryGuard() },
      outputRoot: async height => (own.isLying ? keccak256('0x0bad') : outputOf(block(height)!.ref.hash)),
      data: async (hash, from) => operators[from - 1]?.poster.data(hash),
      say: message => said.push(message),
    })
    return { id, poster, attesting, own }
  })
  const next = (hashes: readonly Hash[] = []): void => {
    const { view, height: atHeight, milestone: base } = state
    // Only members have a vote that a list rides in.
    const present = new Set(membersOf(state).map(({ id }) => id))
    const voters = operators.filter(({ id }) => present.has(id))
    const lists = voters.map(({ id, attesting }): { operator: number; list: OperatorList } => ({
      operator: id,
      list: { view, atHeight, base, hashes, ...attesting.shares(state) },
    }))
    const transactions = waiting.splice(0)
    state = applyControlBlock(state, { height: state.height + 1n, lists, transactions }, plan, rules).state
  }
  return {
    ...{ committee, onL1, operators, said, next, posterOf, domain, outputOf, block, rules, waiting },
    state: () => state,
    /** Other members, from two control blocks on. */
    change(ids: readonly number[]): void {
      const fromHeight = state.height + 2n
      state = scheduleMembers(state, { fromHeight, members: ids.map(id => ({ id, power: 10n })) })
      for (let at = 0; at < 3; at++) next()
    },
    get posting() {
      return state.posting!
    },
    settle(to: number): void {
      grow(to)
      while (state.milestone.height < BigInt(to)) {
        const from = Number(state.milestone.height)
        next(blocks.slice(from, Math.min(to, from + 16)).map(nameOf))
      }
    },
    /** What a batcher would have closed. */
    channel(id: number, first: number, last: number): UnpostedChannel {
      const own = blocks.slice(first - 1, last).map(({ ref, executed }) => toBatcherBlock(ref, executed.transactions))
      const batch = toSpanBatch(own, { genesisTimeSeconds: rollup.genesis.l2TimeSeconds })
      const channelId = numberToHex(id, { size: 16 })
      const frames = framesOfBatches([batch], { config: rollup, channelId, frameBytes: 200 })
      const items = frames.map(frame => encodeBatcherTransaction([frame]))
      return { channelId, firstBlock: BigInt(first), lastBlock: BigInt(last), items }
    },
    /** Every member looks at what is open. */
    async sign(): Promise<void> {
      for (const { attesting } of operators) await attesting.step(state)
      next()
    },
  }
}

it('a channel is posted after more than two thirds have attested it on L1, and one with blocks of nobody never', async () => {
  const all = await world()
  await checkCommittee(all.onL1, ecdsaAttestation, members)
  const strangers = members.map(member => ({ ...member, power: 11n }))
  await expect(checkCommittee(all.onL1, ecdsaAttestation, strangers)).rejects.toMatchObject({ code: 'HOME_INVALID' })
  all.settle(8)
  const [{ poster }, second] = all.operators as [(typeof all.operators)[0], (typeof all.operators)[1]]
  const channels = [all.channel(1, 1, 3), all.channel(2, 4, 6)]
  // It is not the second one's turn.
  expect(await second.poster.approved(channels)).toBe(0)
  expect(await poster.approved(channels)).toBe(0)
  all.next()
  expect(all.posting.open?.statement).toMatchObject({ sequence: 1n, first: 1n, last: 6n })
  // A member whose execution says otherwise does not sign, and the three others are enough.
  all.operators[3]!.own.isLying = true
  await all.sign()
  expect(all.posting.open).toBeUndefined()
  expect([...all.posting.attested!.signatures].map(([id]) => id)).toEqual([1, 2, 3])
  expect(all.said).toContainEqual(expect.stringMatching(/batch 1 .* says other than was executed here/))
  // L1 is told; from there on both channels may go, and a third one has to be attested itself.
  expect(await poster.approved(channels)).toBe(0)
  await expect.poll(async () => (await all.onL1.progress()).lastSequence).toBe(1n)
  expect(await poster.approved(channels)).toBe(2)
  expect(await poster.approved([...channels, all.channel(3, 7, 8)])).toBe(2)

  const watched = (root: (hash: Hash) => Hash) =>
    createAttestedOnL1({
      ...{ l1Url: anvil.url, committee: all.committee, genesisL1: 0n },
      derived: () => ({ ...derived, finalizedL1: undefined }),
      outputAt: async height => ({ hash: all.block(height)!.ref.hash, root: root(all.block(height)!.ref.hash) }),
      say: message => all.said.push(message),
    })
  const derived = { l1Number: await client.getBlockNumber(), safe: 5n }
  const [here, elsewhere] = [watched(all.outputOf), watched(() => keccak256('0x0bad'))]
  await here.step()
  // Not derived yet: L1 alone is not believed.
  expect([here.head, here.contradicted]).toEqual([undefined, undefined])
  derived.safe = 6n
  for (const view of [here, elsewhere]) await view.step()
  expect(here.head).toMatchObject({ number: 6n, hash: all.block(6n)!.ref.hash, statement: { sequence: 1n, first: 1n } })
  expect(elsewhere.head).toBeUndefined()
  expect(elsewhere.contradicted).toMatchObject({ sequence: 1n, last: 6n })

  // Data of other blocks under the name of these: nobody signs.
  const lie = { ...all.channel(4, 1, 6), firstBlock: 7n, lastBlock: 8n }
  expect(await poster.approved([lie])).toBe(0)
  all.next()
  expect(all.posting.open?.statement).toMatchObject({ sequence: 2n, first: 7n, last: 8n })
  await all.sign()
  expect(all.posting.open?.signatures.size).toBe(0)
  expect(all.said).toContainEqual(expect.stringMatching(/batch 2 .* has data of other blocks/))
  expect(await poster.approved([lie])).toBe(0)
})

it('a change of turn comes to L1 by the next poster, or by others in its place, and a reorganisation of L1 takes it back for a while', async () => {
  const all = await world()
  all.settle(11)
  expect(all.posting.turn).toMatchObject({ sequence: 1n, poster: 2 })
  const [first, second, third] = all.operators as [
    (typeof all.operators)[0],
    (typeof all.operators)[1],
    (typeof all.operators)[2],
  ]
  expect([first.poster.isTurn, second.poster.isTurn]).toEqual([false, true])
  await second.poster.stepTurn()
  expect((await all.onL1.progress()).lastTurn).toBe(0n)
  await all.sign()
  expect(all.posting.openTurn).toBeUndefined()
  const pool = await client.readContract({ address: all.committee, abi: committeeAbi, functionName: 'pool' })
  const posterOnL1 = () => client.readContract({ address: pool, abi: poolAbi, functionName: 'poster' })
  const snapshot = await client.snapshot()
  // The third waits for the one whose turn it is.
  await third.poster.stepTurn()
  expect(await posterOnL1()).toBe(zeroAddress)
  await second.poster.stepTurn()
  await expect.poll(posterOnL1).toBe(posters[1]!.address)
  expect((await all.onL1.progress()).lastTurn).toBe(1n)
  expect(await all.onL1.refusal('0x12345678')).toBeDefined()
  // What the old poster would post is asked of nobody any more.
  expect(await first.poster.approved([all.channel(1, 1, 3)])).toBe(0)
  all.next()
  expect(all.posting.open).toBeUndefined()
  await client.revert({ id: snapshot })
  await client.mine({ blocks: 1 })
  expect(await posterOnL1()).toBe(zeroAddress)
  await expect
    .poll(async () => {
      await second.poster.stepTurn()
      return await posterOnL1()
    })
    .toBe(posters[1]!.address)
})

it('one joins and one leaves: the committee hands over at the end of an epoch, and L1 takes the word of the next one', async () => {
  const all = await world()
  all.settle(9)
  all.change([1, 2, 3, 5])
  // Until the epoch ends those have the word whom L1 knows: of them, three are left.
  const [first] = all.operators as [(typeof all.operators)[0]]
  const early = [all.channel(1, 1, 9)]
  expect(await first.poster.approved(early)).toBe(0)
  all.next()
  await all.sign()
  expect([...all.posting.attested!.signatures].map(([id]) => id)).toEqual([1, 2, 3])
  expect(await first.poster.approved(early)).toBe(0)
  await expect.poll(async () => (await all.onL1.progress()).lastSequence).toBe(1n)

  all.settle(12)
  expect(all.posting).toMatchObject({
    turn: { sequence: 1n, poster: 2 },
    committee: { number: 0n },
    next: { number: 1n },
  })
  await all.sign()
  const next = everybody.filter(({ id }) => id !== 4)
  expect(all.posting.committee).toEqual({ number: 1n, members: next })
  const second = all.operators[1]!
  // What the next committee says counts on L1 as soon as it was handed over to there.
  await second.poster.stepTurn()
  await expect.poll(async () => (await all.onL1.progress()).lastTurn).toBe(1n)
  expect(await all.onL1.members(1n)).toBe(ecdsaAttestation.encodeMembers(next))
  expect((await all.onL1.progress()).committee).toBe(0n)
  const late = [all.channel(2, 10, 12)]
  expect(await second.poster.approved(late)).toBe(0)
  all.next()
  await all.sign()
  expect([...all.posting.attested!.signatures].map(([id]) => id)).toEqual([1, 2, 3, 5])
  // It is told as soon as the call before it is done with.
  await expect.poll(async () => await second.poster.approved(late)).toBe(1)
  expect(await all.onL1.progress()).toMatchObject({ lastSequence: 2n, committee: 1n })
  // The one before it has no word any more.
  expect(await all.onL1.members(0n)).toBe('0x')
})

it('a poster that puts data on L1 which no statement names is convicted by its own transaction, and nobody else is', async () => {
  const all = await world()
  all.settle(4)
  const [{ poster }] = all.operators as [(typeof all.operators)[0]]
  const channel = all.channel(1, 1, 4)
  await poster.approved([channel])
  all.next()
  expect(all.posting.open?.statement.dataHashes).toEqual(channel.items.map(item => keccak256(item)))
  const post = async (account: (typeof posters)[0], nonce: number, data: Hex, to: Hex = all.rules.batchInbox) => {
    const fees = { gas: 100_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n }
    const raw = await account.signTransaction({ chainId: 900, type: 'eip1559', to, nonce, data, ...fees })
    return { raw: hexToBytes(raw) }
  }
  const lie = await post(posters[0]!, 1, '0x00ff')
  const l1 = new Map([
    [11n, [await post(posters[0]!, 0, bytesToHex(channel.items[0]!)), await post(admin, 0, '0x00ee')]],
    [12n, [lie, await post(posters[1]!, 0, '0x00dd', all.committee)]],
  ])
  const accused: Uint8Array[] = []
  let derivedL1 = 10n
  const watch = createInboxWatch({
    ...{ rules: all.rules, operators: [1, 2, 3, 4], recovery: nobleRecovery, state: all.state },
    source: { block: async number => ({ transactions: l1.get(number as bigint) ?? [] }) as never },
    derivedL1: () => derivedL1,
    accuse: async transaction => void accused.push(transaction),
    say: message => all.said.push(message),
  })
  await watch.step()
  derivedL1 = 12n
  await watch.step()
  // The own control chain may be behind.
  expect(accused).toEqual([])
  for (let at = 0; at < 8; at++) all.next()
  await watch.step()
  await watch.step()
  expect(accused).toEqual([encodeFalsePosting(1, lie.raw)])
  const keys = { operatorOf: () => undefined }
  const headers = { chainId: 901n, rollup: all.rules.batchInbox }
  const read = readTransaction(accused[0]!, { domain: headers, keys, window: 16, posting: all.rules })
  if (!read.ok) throw new Error(read.reason)
  all.waiting.push(read.transaction)
  all.next()
  expect([...all.state().jailed].map(([id]) => id)).toEqual([1])
  expect(all.posting.turn.poster).not.toBe(1)
})
