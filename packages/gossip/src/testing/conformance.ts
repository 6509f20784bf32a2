import { equalBytes, isL2Error } from '@l2/common'
import type { GossipDependencies } from '../core/gossip.js'
import { GossipError, type GossipErrorCode } from '../errors.js'
import { dataHashOf } from '../message/announcement.js'
import type { ForwardAnswer, GossipBlock, GossipMember, HeaderGossip, ReceivedHeader } from '../port/gossip.js'
import type { GossipOptions } from '../port/options.js'
import { idOf, sourceOf, testBlock, testDomain } from './blocks.js'

/** One check of a contract suite; run it with any test runner. */
export type ConformanceCase = { readonly name: string; run(): Promise<void> }

/** Members of one network, none of them there yet. */
export type GossipHarness = {
  /** Operators 1, 2 and 3, and one that only follows. */
  readonly members: readonly GossipMember[]
  /** Opens the gossip of `members[index]`; the suite closes it. */
  open(index: number, options: GossipOptions, dependencies: GossipDependencies): Promise<HeaderGossip>
  cleanup(): Promise<void>
}

function expectTrue(condition: boolean, message: string): asserts condition {
  if (!condition) throw new GossipError(message, { code: 'CONFORMANCE_FAILED' })
}

async function expectCode(task: Promise<unknown>, code: GossipErrorCode): Promise<void> {
  let error: unknown
  try {
    await task
  } catch (caught) {
    error = caught
  }
  expectTrue(isL2Error(error, code), `expected ${code}, got ${error === undefined ? 'no error' : String(error)}`)
}

const patienceMs = 180_000

/** Waits until it is so; a network takes the time it takes. */
async function eventually(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await test())) {
    expectTrue(performance.now() < end, `${what}: not within ${patienceMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

type Opening = {
  limits?: GossipOptions['limits']
  blocks?: readonly GossipBlock[]
  source?: GossipDependencies['source']
}

/** The members that a case needs, each with what it has heard. */
type Scene = {
  readonly members: readonly GossipMember[]
  open(index: number, opening?: Opening): Promise<HeaderGossip>
  /** Opens several, and waits until each is connected to each. */
  meet(indices: readonly number[], opening?: Opening): Promise<HeaderGossip[]>
}

/** Publishes again until everybody has heard it: a gossip of strangers may still be making its mesh. */
async function publishUntil(
  leader: HeaderGossip,
  block: GossipBlock,
  heard: readonly (readonly ReceivedHeader[])[],
): Promise<void> {
  await eventually(`everyone hears block ${block.header.height}`, async () => {
    await leader.publish(block)
    return heard.every(list => list.some(({ id }) => id === idOf(block)))
  })
}

function listen(gossip: HeaderGossip, verdict: 'accept' | 'ignore' | 'reject' = 'accept'): ReceivedHeader[] {
  const heard: ReceivedHeader[] = []
  gossip.subscribe(received => {
    heard.push(received)
    return verdict
  })
  return heard
}

const isConnectedTo = (gossip: HeaderGossip, key: string): boolean =>
  gossip.status().peers.some(peer => peer.key === key && peer.isConnected)

const cases: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  [
    'a header with a short payload reaches everyone, once, with its publisher',
    async ({ meet }) => {
      const all = await meet([0, 1, 2, 3])
      const heard = all.map(gossip => listen(gossip))
      const block = testBlock(1n, { bytes: 500 })
      await publishUntil(all[0]!, block, heard.slice(1))
      await all[0]!.publish(block)
      expectTrue(heard[0]!.length === 0, 'a publisher hears itself')
      for (const list of heard.slice(1)) {
        const [received] = list
        expectTrue(list.length === 1, `the same header is shown ${list.length} times`)
        expectTrue(received?.publisher.operator === 1, `published by ${received?.publisher.operator}`)
        expectTrue(received.signature === block.signature && received.header.height === 1n, 'another header arrived')
        expectTrue(received.payload !== undefined, 'a short payload did not come with its header')
        expectTrue(equalBytes(received.payload, block.payload), 'another payload arrived')
      }
    },
  ],
  [
    'a long payload is pulled, from the publisher and from whoever has it',
    async ({ meet, open }) => {
      const all = await meet([0, 1, 2], { limits: { inlineBytes: 1_000 } })
      const heard = all.map(gossip => listen(gossip))
      const block = testBlock(2n, { bytes: 300_000 })
      await publishUntil(all[0]!, block, heard.slice(1))
      const [first] = heard[1]!
      expectTrue(
        first!.payload === undefined && first!.payloadLength === 300_000,
        'a long payload came with its header',
      )
      expectTrue(equalBytes(await all[1]!.payload(first!), block.payload), 'another payload was pulled')
      // The publisher goes; the second one has it now.
      await all[0]!.close()
      expectTrue(
        equalBytes(await all[2]!.payload(heard[2]![0]!), block.payload),
        'the second peer gives another payload',
      )
      await all[1]!.close()
      await all[2]!.close()
      const alone = await open(3)
      await expectCode(alone.payload(first!), 'PEER_UNAVAILABLE')
    },
  ],
  [
    'a header that is rejected costs its neighbour the score and the connection',
    async ({ meet, members }) => {
      const limits = { banScore: -50, banMs: 600_000, inlineBytes: 1_000 }
      const [liar, honest] = await meet([0, 1], { limits })
      const heard = listen(honest!, 'reject')
      await eventually('the liar is cut off', async () => {
        await liar!.publish(testBlock(BigInt(heard.length + 1)))
        return !isConnectedTo(honest!, members[0]!.key)
      })
      const status = honest!.status().peers.find(({ key }) => key === members[0]!.key)!
      expectTrue(status.bannedForMs > 0 && status.score < 0, 'a liar keeps its score')
      expectTrue(status.faults.rejected === heard.length, 'a rejected header is no fault')
      const count = heard.length
      await liar!.publish(testBlock(99n))
      await expectCode(liar!.request({ type: 'range', from: 1n, count: 1 }), 'PEER_UNAVAILABLE')
      expectTrue(heard.length === count, 'one that is cut off is still heard')
    },
  ],
  [
    'what is ignored costs nothing, and a subscriber that throws is no fault of anybody',
    async ({ meet }) => {
      const [leader, follower] = await meet([0, 1])
      let calls = 0
      const end = follower!.subscribe(() => {
        calls++
        if (calls % 2 === 0) throw new Error('a bug of the subscriber')
        return 'ignore'
      })
      await eventually('four headers are shown', async () => {
        await leader!.publish(testBlock(BigInt(calls + 1)))
        return calls >= 4
      })
      const [peer] = follower!.status().peers
      expectTrue(peer!.score === 0 && peer!.isConnected, 'an ignored header lowers the score')
      end()
      follower!.subscribe(() => 'accept')
      await expectCode((async () => follower!.subscribe(() => 'accept'))(), 'CONFIG_INVALID')
    },
  ],
  [
    'of one publisher at one place two contents are shown, and no third',
    async ({ meet }) => {
      const [leader, follower] = await meet([0, 1])
      const heard = listen(follower!)
      for (const seed of [1, 2]) await publishUntil(leader!, testBlock(5n, { seed }), [heard])
      for (const seed of [3, 4, 5]) await leader!.publish(testBlock(5n, { seed }))
      await publishUntil(leader!, testBlock(6n), [heard])
      expectTrue(heard.length === 3, `${heard.length - 1} contents of one place are shown`)
    },
  ],
  [
    'one that only follows hears and asks, and what it publishes is not shown',
    async ({ meet }) => {
      const block = testBlock(7n)
      const [operator, follower] = await meet([0, 3], { blocks: [block] })
      const heard = listen(operator!)
      const own = listen(follower!)
      await follower!.publish(testBlock(8n))
      await publishUntil(operator!, block, [own])
      const [found] = await follower!.request({ type: 'block', id: idOf(block) })
      expectTrue(found !== undefined && equalBytes(found.payload, block.payload), 'a follower is not answered')
      expectTrue(heard.length === 0, 'a follower publishes')
    },
  ],
  [
    'blocks are asked for by id and by range',
    async ({ meet }) => {
      const blocks = Array.from({ length: 10 }, (_, index) => testBlock(BigInt(index + 1), { bytes: 2_000 }))
      const [asker] = await meet([0, 1], { blocks, limits: { maxPayloadBytes: 70_000 } })
      const [byId] = await asker!.request({ type: 'block', id: idOf(blocks[3]!) })
      expectTrue(byId?.header.height === 4n, 'another block than the one asked for')
      const some = await asker!.request({ type: 'range', from: 3n, count: 4 })
      expectTrue(some.map(({ header }) => header.height).join() === '3,4,5,6', 'another range than the one asked for')
      const last = await asker!.request({ type: 'range', from: 9n, count: 10 })
      expectTrue(last.length === 2, 'a range does not end where the chain ends')
      await expectCode(asker!.request({ type: 'block', id: `0x${'77'.repeat(32)}` }), 'PEER_UNAVAILABLE')
      await expectCode(asker!.request({ type: 'range', from: 11n, count: 1 }), 'PEER_UNAVAILABLE')
      await expectCode(asker!.request({ type: 'range', from: 1n, count: 0 }), 'CONFIG_INVALID')
      await expectCode(asker!.request({ type: 'range', from: -1n, count: 1 }), 'CONFIG_INVALID')
    },
  ],
  [
    'a block that is judged wrong is asked of another peer, and costs the first one its score',
    async ({ members, open }) => {
      const [right, wrong] = [testBlock(1n, { bytes: 50 }), testBlock(1n, { bytes: 60 })]
      const asker = await open(0)
      await open(1, { blocks: [wrong] })
      await eventually('the first peer is there', () => isConnectedTo(asker, members[1]!.key))
      await open(2, { blocks: [right] })
      await eventually('the second peer is there', () => isConnectedTo(asker, members[2]!.key))
      const judge = (block: GossipBlock) => (block.payload.length === 50 ? 'accept' : 'reject')
      for (let time = 0; time < 6; time++) {
        const [block] = await asker.request({ type: 'block', id: idOf(right) }, { judge })
        expectTrue(block?.payload.length === 50, 'a block that was judged wrong is handed out')
      }
      const status = asker.status().peers.find(({ key }) => key === members[2]!.key)!
      expectTrue(status.faults.answer === 0, 'a right answer is a fault')
      const liar = asker.status().peers.find(({ key }) => key === members[1]!.key)!
      expectTrue(liar.faults.answer > 0, 'a wrong answer is no fault')
    },
  ],
  [
    'data that are not on L1 yet are had by their hash, also of who is not asked first, and nothing else is taken for them',
    async ({ members, open }) => {
      const held = testBlock(7n, { bytes: 5_000 }).payload
      const hash = dataHashOf(held)
      const source = (data: Uint8Array) => ({ ...sourceOf([]), data: async () => data })
      const asker = await open(0)
      await open(1, { source: source(testBlock(8n).payload) })
      await open(2, { source: source(held) })
      for (const index of [1, 2]) await eventually('both are there', () => isConnectedTo(asker, members[index]!.key))
      const found = await asker.data(hash, { operator: members[1]!.operator! })
      expectTrue(equalBytes(found, held), 'other data than those asked for')
      await expectCode(asker.data(dataHashOf(new Uint8Array(3)), { operator: 2 }), 'PEER_UNAVAILABLE')
      await expectCode(asker.data('0x12', { operator: 2 }), 'CONFIG_INVALID')
    },
  ],
  [
    'a peer that never answers does not hold a request up',
    async ({ members, open }) => {
      const block = testBlock(1n)
      const never = new Promise<never>(() => {})
      const asker = await open(0, { limits: { hedgeMs: 50 } })
      await open(1, { source: { block: () => never, range: () => never } })
      await open(2, { blocks: [block] })
      for (const index of [1, 2]) await eventually('both are there', () => isConnectedTo(asker, members[index]!.key))
      for (let time = 0; time < 4; time++) {
        const [found] = await asker.request({ type: 'range', from: 1n, count: 1 })
        expectTrue(found?.header.height === 1n, 'another block than the one asked for')
      }
    },
  ],
  [
    'a request ends with its signal',
    async ({ members, open }) => {
      const never = new Promise<never>(() => {})
      const asker = await open(0)
      await open(1, { source: { block: () => never, range: () => never } })
      await eventually('the peer is there', () => isConnectedTo(asker, members[1]!.key))
      const control = new AbortController()
      const asking = asker.request({ type: 'range', from: 1n, count: 1 }, { signal: control.signal })
      const reason = new Error('no more interest')
      setTimeout(() => control.abort(reason), 20)
      const outcome = await asking.catch((error: unknown) => error)
      expectTrue(outcome === reason, `the reason of the signal expected, got ${String(outcome)}`)
    },
  ],
  [
    'transactions reach the leader, with an answer for each',
    async ({ meet }) => {
      const [leader, other, follower] = await meet([0, 1, 3])
      const answers = await other!.forward(1, [Uint8Array.of(1)])
      expectTrue(answers[0]?.type === 'refused', 'transactions are taken where nobody receives them')
      const taken: string[] = []
      leader!.receive((transaction, from): ForwardAnswer => {
        if (transaction[0] === 9) throw new Error('a bug of the mempool')
        if (transaction[0] === 2) return { type: 'refused', reason: 'NONCE_TOO_LOW é'.padEnd(400, '!') }
        taken.push(`${transaction.join()} of ${from.operator}`)
        return { type: 'taken' }
      })
      const mixed = await other!.forward(
        1,
        [1, 2, 9, 3].map(byte => Uint8Array.of(byte)),
      )
      expectTrue(mixed.map(({ type }) => type).join() === 'taken,refused,refused,taken', 'answers are out of order')
      expectTrue(mixed[1]?.type === 'refused' && /^NONCE_TOO_LOW é!+$/.test(mixed[1].reason), 'a reason is lost')
      await follower!.forward(1, [Uint8Array.of(4)])
      await leader!.forward(1, [Uint8Array.of(5)])
      expectTrue(taken.join(' ') === '1 of 2 3 of 2 4 of undefined 5 of 1', `what arrived: ${taken.join(' ')}`)
      expectTrue((await other!.forward(1, [])).length === 0, 'an answer to nothing')
      await expectCode(other!.forward(3, [Uint8Array.of(1)]), 'PEER_UNAVAILABLE')
      await expectCode(other!.forward(1, [new Uint8Array()]), 'MESSAGE_INVALID')
      await expectCode(other!.forward(1, [new Uint8Array(200_000)]), 'MESSAGE_INVALID')
    },
  ],
  [
    'more transactions than an operator may forward are answered as limited',
    async ({ meet }) => {
      const limits = { transactionsPerSecond: 0.001, burstSeconds: 5_000 }
      const [leader, other] = await meet([0, 1], { limits })
      leader!.receive(() => ({ type: 'taken' }))
      const answers = await other!.forward(
        1,
        Array.from({ length: 8 }, (_, index) => Uint8Array.of(index)),
      )
      const types = answers.map(({ type }) => type)
      expectTrue(types.join() === 'taken,taken,taken,taken,taken,limited,limited,limited', types.join())
    },
  ],
  [
    'whoever is no member any more is cut off, and is heard again when it is',
    async ({ meet, members }) => {
      const [leader, follower] = await meet([0, 1])
      const heard = listen(follower!)
      await publishUntil(leader!, testBlock(1n), [heard])
      follower!.setMembers(members.slice(1))
      await eventually('it is cut off', () => !isConnectedTo(leader!, members[1]!.key))
      await leader!.publish(testBlock(2n))
      await expectCode(follower!.forward(1, [Uint8Array.of(1)]), 'PEER_UNAVAILABLE')
      expectTrue(heard.length === 1, 'one that is no member is heard')
      await expectCode((async () => follower!.setMembers([members[0]!, members[0]!]))(), 'CONFIG_INVALID')
      follower!.setMembers(members)
      await publishUntil(leader!, testBlock(3n), [heard])
    },
  ],
  [
    'what no message can hold is refused, and a closed gossip is closed',
    async ({ open }) => {
      const gossip = await open(0, { limits: { inlineBytes: 10, maxPayloadBytes: 1_000 } })
      await expectCode(gossip.publish(testBlock(1n, { bytes: 1_001 })), 'MESSAGE_INVALID')
      await expectCode(gossip.publish(testBlock(1n, { bytes: 0 })), 'MESSAGE_INVALID')
      await expectCode(gossip.publish({ ...testBlock(1n), signature: '0x12' }), 'MESSAGE_INVALID')
      // Nobody there is no error.
      await gossip.publish(testBlock(1n))
      await gossip.close()
      await gossip.close()
      await expectCode(gossip.publish(testBlock(2n)), 'CLOSED')
      await expectCode(gossip.request({ type: 'range', from: 1n, count: 1 }), 'CLOSED')
    },
  ],
]

/**
 * The contract of {@link HeaderGossip}, for every adapter.
 *
 * @param create a network of its own for each case
 *
 * @example
 * ```ts
 * import { createMemoryNetwork } from '@l2/gossip'
 * import { gossipConformance } from '@l2/gossip/testing'
 *
 * const members = [1, 2, 3, undefined].map((operator, index) => ({
 *   key: `0x${String(index + 1).repeat(64)}` as const, operator, addresses: [],
 * }))
 * const suite = gossipConformance(async () => {
 *   const network = createMemoryNetwork()
 *   return {
 *     members,
 *     open: (index, options, dependencies) => network.join({ ...options, key: members[index]!.key }, dependencies),
 *     cleanup: async () => {},
 *   }
 * })
 * for (const { run } of suite) await run()
 * console.log(suite.length > 10) // true
 * ```
 */
export function gossipConformance(create: () => Promise<GossipHarness>): ConformanceCase[] {
  return cases.map(([name, run]) => ({
    name,
    async run() {
      const harness = await create()
      const opened: HeaderGossip[] = []
      const { members } = harness
      const open: Scene['open'] = async (index, { limits, blocks = [], source = sourceOf(blocks) } = {}) => {
        const gossip = await harness.open(index, { domain: testDomain, members, limits }, { source })
        opened.push(gossip)
        return gossip
      }
      try {
        await run({
          members,
          open,
          async meet(indices, opening) {
            const all: HeaderGossip[] = []
            for (const index of indices) all.push(await open(index, opening))
            await eventually('everyone is connected', () =>
              all.every((gossip, at) =>
                indices.every((index, other) => other === at || isConnectedTo(gossip, members[index]!.key)),
              ),
            )
            return all
          },
        })
      } finally {
        for (const gossip of opened) await gossip.close()
        await harness.cleanup()
      }
    },
  }))
}
