// A member that has turned against the others, with libp2p of its own: what it sends is refused, it loses its score and its connection, and
// the others go on.
import { concatBytes, hexToBytes } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import type { GossipLimits, HeaderGossip, PeerFault, ReceivedHeader } from '@l2/gossip'
import { createLibp2pGossip, type Libp2pGossip, networkKeyOf } from '@l2/gossip/libp2p'
import { checkHeader, hashSequencerHeader } from '@l2/sequencer-core/block'
import type { Stream } from '@libp2p/interface'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encodeAnnouncement, payloadHashOf } from '../src/message/announcement.js'
import { encodeAnswer } from '../src/message/exchange.js'
import { defaultGossipLimits } from '../src/port/options.js'
import { idOf, sourceOf, testBlock, testDomain } from '../src/testing/blocks.js'
import { type Attacker, startAttacker } from './attacker.js'

const patience = { interval: 20 }
const secrets = [1, 2, 3].map(byte => new Uint8Array(32).fill(byte))
const keys = await Promise.all(secrets.map(networkKeyOf))
const [leaderKey, , attackerKey] = keys
const leaderAccount = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const attackerAccount = privateKeyToAccount(`0x${'33'.repeat(32)}`)
const random = seededRandom(testSeed())

/** A block that the account signs as the leader of a term, for a chain. */
async function signed(
  height: bigint,
  { account = leaderAccount, term = 1, domain = testDomain, bytes = 200 } = {},
): Promise<ReturnType<typeof testBlock>> {
  const block = testBlock(height, { term, bytes })
  return { ...block, signature: await account.sign({ hash: hashSequencerHeader(block.header, domain) }) }
}

const announcement = (block: ReturnType<typeof testBlock>): Uint8Array =>
  encodeAnnouncement(block, payloadHashOf(block.payload), defaultGossipLimits)

/** Term 1 is in force, and the first operator leads it: what an operator does with a header before it executes the block. */
function judge({ header, signature }: ReceivedHeader) {
  const schedule = { leaderAt: () => ({ sequencer: leaderAccount.address, epoch: 0n, term: 1 }) }
  const verdict = checkHeader(header, signature, { domain: testDomain, schedule, parent: undefined })
  if (verdict.ok) return 'accept'
  // A term that has just ended is nobody's fault; a header of nobody is.
  return verdict.fault === 'wrong-term' ? 'ignore' : 'reject'
}

/** A leader, one who listens to it, and the attacker, connected to the second. */
async function scene(limits: Partial<GossipLimits> = {}, source = sourceOf([])) {
  const attacker = await startAttacker(secrets[2]!)
  onTestFinished(() => attacker[Symbol.asyncDispose]())
  const members = keys.map((key, index) => ({ key, operator: index + 1, addresses: [] as string[] }))
  const all: Libp2pGossip[] = []
  for (const secret of secrets.slice(0, 2)) {
    const options = { domain: testDomain, members, limits, listen: ['/ip4/127.0.0.1/tcp/0'] }
    const gossip = await createLibp2pGossip(options, { networkKey: secret, source })
    onTestFinished(gossip.close)
    all.push(gossip)
  }
  const [leader, victim] = all as [Libp2pGossip, Libp2pGossip]
  members[0]!.addresses.push(leader.addresses()[0]!.replace(/\/p2p\/.*$/, ''))
  victim.setMembers(members)
  const heard: ReceivedHeader[] = []
  victim.subscribe(received => {
    heard.push(received)
    return judge(received)
  })
  await expect.poll(() => standing(victim, leaderKey!).isConnected, patience).toBe(true)
  await attacker.dial(victim.addresses()[0]!)
  let height = 1_000n
  return {
    ...{ attacker, leader, victim, heard },
    /** The leader's next block reaches the victim. */
    async goesOn() {
      const block = await signed(++height)
      await expect
        .poll(
          async () => {
            await leader.publish(block)
            return heard.some(({ id }) => id === idOf(block))
          },
          { ...patience, interval: 500 },
        )
        .toBe(true)
      const leading = standing(victim, leaderKey!)
      expect(Object.values(leading.faults)).toEqual([0, 0, 0, 0, 0])
    },
  }
}

function standing(gossip: HeaderGossip, key: string) {
  return gossip.status().peers.find(peer => peer.key === key)!
}

async function isCutOff(victim: HeaderGossip, attack: () => Promise<void>): Promise<void> {
  await expect
    .poll(async () => {
      // It goes on for as long as it can: publishing into no connection is no error of libp2p's.
      await attack().catch(() => {})
      const { isConnected, bannedForMs } = standing(victim, attackerKey!)
      return !isConnected && bannedForMs > 0
    }, patience)
    .toBe(true)
  expect(standing(victim, attackerKey!).score).toBeLessThan(0)
}

async function ask(attacker: Attacker, bytes: Uint8Array): Promise<void> {
  const stream = await attacker.open()
  stream.send(bytes)
  await stream.close({ signal: AbortSignal.timeout(1_000) })
}
const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

const frame = (bytes: Uint8Array): Uint8Array => concatBytes(u32(bytes.length), bytes)

describe('a member that attacks', () => {
  it('is cut off for garbage on the topic', async () => {
    const { attacker, victim, heard, goesOn } = await scene()
    await isCutOff(victim, () => attacker.publish(random.bytes(1 + random.below(2_000))))
    expect(standing(victim, attackerKey!).faults.garbage).toBeGreaterThan(0)
    expect(heard).toEqual([])
    await goesOn()
  })

  it('is cut off for headers that it signs though another leads, and for those of another chain', async () => {
    for (const made of [{ account: attackerAccount }, { domain: { ...testDomain, chainId: 902n } }]) {
      const { attacker, victim, goesOn } = await scene()
      let height = 0n
      await isCutOff(victim, async () => attacker.publish(announcement(await signed(++height, made))))
      expect(standing(victim, attackerKey!).faults.rejected).toBeGreaterThan(0)
      await goesOn()
    }
  })

  it('hands on headers of old terms, which costs it nothing and shows each once', async () => {
    const { attacker, victim, heard, goesOn } = await scene()
    const old = await signed(5n, { term: 0 })
    for (let time = 0; time < 50; time++) await attacker.publish(announcement(old))
    await expect.poll(() => heard.length, patience).toBe(1)
    await goesOn()
    expect(standing(victim, attackerKey!)).toMatchObject({ score: 0, isConnected: true })
  })

  it('is cut off for a flood of headers, of which few are shown', async () => {
    const { attacker, victim, heard, goesOn } = await scene({ headersPerSecond: 0.1, burstSeconds: 200 })
    const flood = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => announcement(await signed(BigInt(index), { term: 0 }))),
    )
    let at = 0
    await isCutOff(victim, async () => {
      for (let count = 0; count < 100; count++) await attacker.publish(flood[at++ % flood.length]!)
    })
    expect(standing(victim, attackerKey!).faults.limit).toBeGreaterThanOrEqual(100)
    // Twenty at once, and one in ten seconds.
    expect(heard.length).toBeLessThan(40)
    await goesOn()
  })

  it('is cut off for payloads that are not what they say, without a byte decompressed', async () => {
    const block = await signed(7n)
    const bytes = announcement(block)
    const head = bytes.subarray(0, bytes.length - 8 - 200)
    const bombs = [
      // The header says that four gigabytes follow.
      concatBytes(head.subarray(0, -4), u32(0xffff_ffff), bytes.subarray(head.length)),
      // The compressed block says so itself: five bytes of a length that nobody may have.
      concatBytes(head, u32(200), u32(6), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0)),
      // The right payload under another hash.
      concatBytes(head.subarray(0, -36), new Uint8Array(32), bytes.subarray(head.length - 4)),
    ]
    for (const bomb of bombs) {
      const { attacker, victim, heard } = await scene()
      await isCutOff(victim, () => attacker.publish(bomb))
      expect(heard).toEqual([])
    }
  })

  it('is cut off for messages that are longer than any may be', async () => {
    const { attacker, victim, heard, goesOn } = await scene()
    await isCutOff(victim, () => attacker.publish(random.bytes(100_000)))
    expect(heard).toEqual([])
    await goesOn()
  })

  it('loses its connection for megabytes on the topic, and the victim keeps its memory', async () => {
    const { attacker, victim, heard, goesOn } = await scene({ banScore: -40 })
    const before = process.memoryUsage.rss()
    // More than gossipsub reads, and as much as libp2p sends.
    const megabytes = new Uint8Array(3 * 2 ** 20)
    await isCutOff(victim, async () => {
      await attacker.publish(megabytes)
      await attacker.dial(victim.addresses()[0]!)
    })
    expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 2 ** 20)
    expect(heard).toEqual([])
    await goesOn()
  })

  const questions: [string, () => Uint8Array][] = [
    ['that nobody understands', () => concatBytes(u32(9), random.bytes(9))],
    ['of four gigabytes', () => u32(0xffff_fff0)],
    ['that end in their middle', () => concatBytes(u32(33), Uint8Array.of(1), random.bytes(10))],
    ['for blocks that nobody has, too many', () => concatBytes(u32(33), Uint8Array.of(1), random.bytes(32))],
    ['whether anybody is there, too many', () => u32(0)],
  ]
  it.each(questions)('is cut off for questions %s', async (_, question) => {
    const { attacker, victim, goesOn } = await scene({ requestsPerSecond: 5, burstSeconds: 1 })
    await isCutOff(victim, async () => {
      await Promise.allSettled(Array.from({ length: 20 }, () => ask(attacker, question())))
    })
    await goesOn()
  })

  it('keeps streams open without a question, and others are answered meanwhile', async () => {
    const block = await signed(9n)
    const { attacker, leader, victim, goesOn } = await scene({ requestMs: 3_000 }, sourceOf([block]))
    const open = await Promise.allSettled(Array.from({ length: 100 }, () => attacker.open()))
    const [found] = await leader.request({ type: 'block', id: idOf(block) })
    expect(found?.header.height).toBe(9n)
    // None of them is kept: too many at once, or no question in time.
    const ended = () => open.every(one => one.status === 'rejected' || one.value.status !== 'open')
    await expect.poll(ended, patience).toBe(true)
    expect(standing(victim, leaderKey!).isConnected).toBe(true)
    await goesOn()
  })

  const answers: [string, PeerFault, (stream: Stream) => void][] = [
    ['garbage', 'garbage', stream => stream.send(concatBytes(u32(5), random.bytes(5)))],
    [
      'another payload',
      'answer',
      stream => stream.send(frame(encodeAnswer({ type: 'payload', payload: random.bytes(100) }))),
    ],
    ['blocks', 'answer', stream => stream.send(frame(encodeAnswer({ type: 'blocks', blocks: [testBlock(1n)] })))],
    [
      'half an answer',
      'garbage',
      stream => {
        stream.send(concatBytes(u32(50_000), random.bytes(20_000)))
        stream.close().catch(() => {})
      },
    ],
    ['four gigabytes', 'garbage', stream => stream.send(u32(0xffff_ffff))],
    ['nothing', 'timeout', () => {}],
    ['the beginning of an answer', 'timeout', stream => stream.send(concatBytes(u32(50_000), random.bytes(20_000)))],
  ]
  it.each(answers)('answers %s, and the payload comes from another', async (_, fault, answer) => {
    const block = await signed(11n, { account: attackerAccount, bytes: 100_000 })
    // The other is asked when the attacker has failed; who takes its time is only asked less. Only where that is the failure is it waited for.
    const requestMs = fault === 'timeout' ? 2_000 : 50_000
    const { attacker, victim } = await scene({ requestMs, hedgeMs: 60_000 }, sourceOf([block]))
    attacker.serve(answer)
    const payload = await victim.payload({
      ...block,
      id: idOf(block),
      publisher: { key: attackerKey!, operator: 3, addresses: [] },
      payloadHash: payloadHashOf(block.payload),
      payloadLength: block.payload.length,
      payload: undefined,
    })
    expect(payloadHashOf(payload)).toBe(payloadHashOf(block.payload))
    expect(standing(victim, attackerKey!).faults[fault]).toBe(1)
  })
})

describe('a stranger', () => {
  it('is not connected, whoever dials', async () => {
    const { victim, goesOn } = await scene()
    const stranger = await startAttacker(new Uint8Array(32).fill(77))
    onTestFinished(() => stranger[Symbol.asyncDispose]())
    await stranger.connect(victim.addresses()[0]!).catch(() => {})
    await expect.poll(() => stranger.node.getConnections().length, patience).toBe(0)
    await goesOn()
    expect(hexToBytes(victim.self)).toHaveLength(32)
  })
})
