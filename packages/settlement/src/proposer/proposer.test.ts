import { isL2Error } from '@l2/common'
import { createStateProofs, messagePasser, outputRoot } from '@l2/sequencer-core/output'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bondWei, type Court, openCourt, stepUntil } from '../../test/claims.js'
import { disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import { createL1Reader, type SettlementClient } from '../l1/reader.js'
import { createSender, type SenderOptions } from '../l1/sender.js'
import { accounts } from '../testing/dev-l1.js'
import { createProposer, type ProposerDependencies, type ProposerEvent, type ProposerOptions } from './proposer.js'

const [deployer, , , proposerAccount, other] = accounts

let court: Court
beforeAll(async () => {
  court = await openCourt()
})
afterAll(async () => {
  await court?.[Symbol.asyncDispose]()
})

const wholeDepth = { name: 'engine', probe: async () => ({ head: 100n, oldest: 0n, isWhole: true }) }

function propose(
  parts: Partial<ProposerDependencies> & {
    options?: Partial<ProposerOptions>
    client?: SettlementClient
    sending?: SenderOptions
  } = {},
) {
  const events: ProposerEvent[] = []
  const { options, client, sending, ...dependencies } = parts
  const l1 = client === undefined ? court.reader : createL1Reader(client)
  const proposer = createProposer(
    { factory: court.factory, intervalSeconds: 100n, ...options },
    {
      l1,
      sender: createSender({ resubmitMs: 500, ...sending }, { l1, account: proposerAccount }),
      outputs: court.chain,
      proofs: wholeDepth,
      heads: () => ({ safe: 10n, finalized: 5n }),
      onEvent: event => void events.push(event),
      ...dependencies,
    },
  )
  return { proposer, events, typesOf: () => events.map(({ type }) => type) }
}

const gameCount = async (): Promise<bigint> =>
  court.l1.client.readContract({ address: court.factory, abi: disputeGameFactoryAbi, functionName: 'gameCount' })

describe('createProposer', () => {
  it('proposes finalized blocks, one an interval, with the bond that is asked', async () => {
    let finalized = 5n
    const { proposer, typesOf } = propose({ heads: () => ({ safe: 10n, finalized }) })
    const before = await gameCount()
    await stepUntil(proposer, () => proposer.status.last !== undefined)
    expect(proposer.status).toMatchObject({
      rule: 'finalized',
      bondWei,
      last: { number: 5n, root: court.chain.output(5n).root },
      waiting: undefined,
      alarms: [],
      proven: { isWhole: true },
    })
    finalized = 9n
    for (let round = 0; round < 5; round++) expect(await proposer.step()).toBeUndefined()
    expect(await gameCount()).toBe(before + 1n)
    await court.l1.pass(101)
    await stepUntil(proposer, () => proposer.status.last?.number === 9n)
    await court.l1.pass(101)
    for (let round = 0; round < 5; round++) expect(await proposer.step()).toMatch(/no finalized block is above 9/)
    expect(await gameCount()).toBe(before + 2n)
    expect(typesOf()).toEqual(['proposing', 'proposed', 'proposing', 'proposed'])
  })

  it('finds its games after a start, and proposes no block again', async () => {
    const before = await gameCount()
    const finalized = 20n
    const first = propose({ heads: () => ({ safe: 20n, finalized }) })
    await stepUntil(first.proposer, () => first.proposer.status.last?.number === 20n)
    const second = propose({ heads: () => ({ safe: 20n, finalized }) })
    await second.proposer.step()
    expect(second.proposer.status.last).toEqual(first.proposer.status.last)
    await court.l1.pass(500)
    // Its game is older than the interval now, and the chain stands.
    const third = propose({ heads: () => ({ safe: 20n, finalized }) })
    for (let round = 0; round < 5; round++) expect(await third.proposer.step()).toMatch(/block 20 is proposed/)
    expect(await gameCount()).toBe(before + 1n)
  })

  it('begins anew after a crash between sending and mining, and proposes once', async () => {
    await court.l1.pass(500)
    await court.l1.test.setAutomine(false)
    const before = await gameCount()
    try {
      const heads = () => ({ safe: 31n, finalized: 30n })
      const first = propose({ heads })
      await stepUntil(first.proposer, () => first.typesOf().includes('proposing'))
      const second = propose({ heads })
      for (let round = 0; round < 3; round++) expect(await second.proposer.step()).toMatch(/earlier run is not mined/)
      await court.l1.test.mine({ blocks: 1 })
      await stepUntil(second.proposer, () => second.proposer.status.last?.number === 30n)
      // The one before must not count on anything that it remembers.
      await first.proposer.step()
      expect(await gameCount()).toBe(before + 1n)
    } finally {
      await court.l1.test.setAutomine(true)
    }
  })

  it('raises what L1 does not mine', async () => {
    await court.l1.pass(500)
    await court.l1.test.setAutomine(false)
    try {
      const { proposer } = propose({ heads: () => ({ safe: 41n, finalized: 40n }), sending: { resubmitMs: 1 } })
      await stepUntil(proposer, async () => {
        const pool = (await court.l1.client.request({ method: 'txpool_status' } as never)) as { pending: string }
        return BigInt(pool.pending) === 1n && /not mined/.test(proposer.status.waiting ?? '')
      })
      for (let round = 0; round < 3; round++) await proposer.step()
      await court.l1.test.mine({ blocks: 1 })
      await stepUntil(proposer, () => proposer.status.last?.number === 40n)
      expect(proposer.status.alarms).toEqual([])
    } finally {
      await court.l1.test.setAutomine(true)
    }
  })

  it('leaves a block to whoever proposed it first', async () => {
    await court.l1.pass(500)
    await court.create(other, court.chain.output(50n).root, 50n)
    const before = await gameCount()
    const { proposer, events } = propose({ heads: () => ({ safe: 50n, finalized: 50n }) })
    expect(await proposer.step()).toMatch(/block 50 is proposed/)
    expect(events).toMatchObject([{ type: 'proposed-by-another', number: 50n }])
    expect(await gameCount()).toBe(before)
  })

  it('says that its engine has lost old states before it proposes, and waits', async () => {
    await court.l1.pass(500)
    let kept = false
    // A block at every height, and states of the newest alone.
    const word = `0x${'56'.repeat(32)}` as const
    const proofs = createStateProofs(
      { name: 'engine', depthBlocks: 97n },
      {
        request: async ({ method, params }) => {
          if (method === 'eth_getProof') throw Object.assign(new Error('missing trie node'), { code: -32000 })
          return { number: params[0] === 'latest' ? '0x64' : params[0], hash: word, stateRoot: word }
        },
      },
    )
    const probe = async () => (kept ? { head: 100n, oldest: 3n, isWhole: true } : await proofs.probe())
    const before = await gameCount()
    const { proposer, typesOf } = propose({
      proofs: { name: 'engine', probe },
      heads: () => ({ safe: 61n, finalized: 60n }),
      options: { probeMs: 0 },
    })
    for (let round = 0; round < 3; round++) expect(await proposer.step()).toMatch(/no proof of block 3/)
    expect(proposer.status.alarms).toMatchObject([{ type: 'state' }])
    expect(await gameCount()).toBe(before)
    kept = true
    await stepUntil(proposer, () => proposer.status.last?.number === 60n)
    expect(typesOf()).toEqual(['alarm', 'alarm-over', 'proposing', 'proposed'])
    // The probe is old, and the state of the very block is gone: nothing is sent either.
    await court.l1.pass(500)
    const output = propose({
      heads: () => ({ safe: 63n, finalized: 62n }),
      outputs: {
        at: async number =>
          outputRoot(
            { number, hash: word, stateRoot: word },
            await proofs.proof(messagePasser, [], { number, hash: word, stateRoot: word }),
          ),
      },
    })
    expect(await output.proposer.step()).toMatch(/no proof/)
    expect(await gameCount()).toBe(before + 1n)
  })

  it('makes alarms of an empty wallet, a price above its limit and an L1 that is away, and goes on when they are over', async () => {
    await court.l1.pass(500)
    const balance = await court.balance(proposerAccount.address)
    let isAway = false
    const client: SettlementClient = {
      request: async call => {
        if (isAway) throw new Error('fetch failed')
        return await court.l1.client.request(call as never)
      },
    }
    const before = await gameCount()
    const sending = { maxFeePerGasWei: 100_000_000_000n }
    const { proposer, typesOf } = propose({ client, sending, heads: () => ({ safe: 71n, finalized: 70n }) })
    const alarmed = async (type: string) => {
      expect(typeof (await proposer.step())).toBe('string')
      expect(proposer.status.alarms.map(alarm => alarm.type)).toContain(type)
    }
    await court.l1.test.setBalance({ address: proposerAccount.address, value: bondWei })
    await alarmed('funds')
    // The bond, and not the gas for it.
    await court.l1.test.setBalance({ address: proposerAccount.address, value: bondWei + 1000n })
    await alarmed('funds')
    await court.l1.test.setBalance({ address: proposerAccount.address, value: balance })
    await court.l1.test.setNextBlockBaseFeePerGas({ baseFeePerGas: 200_000_000_000n })
    await court.l1.test.mine({ blocks: 1 })
    await alarmed('price')
    isAway = true
    await alarmed('l1')
    isAway = false
    await court.l1.test.setNextBlockBaseFeePerGas({ baseFeePerGas: 1_000_000_000n })
    await court.l1.test.mine({ blocks: 1 })
    expect(await gameCount()).toBe(before)
    await stepUntil(proposer, () => proposer.status.last?.number === 70n)
    expect(proposer.status.alarms).toEqual([])
    expect(typesOf().filter(type => type === 'alarm')).toHaveLength(3)
  })

  it('goes back with an L1 that takes its game back, and proposes again', async () => {
    // The reorg goes no further than these blocks.
    for (let block = 0; block < 4; block++) await court.l1.pass(200)
    const before = await gameCount()
    const { proposer } = propose({ heads: () => ({ safe: 81n, finalized: 80n }) })
    await stepUntil(proposer, () => proposer.status.last?.number === 80n)
    const first = proposer.status.last!
    await court.l1.client.request({ method: 'anvil_reorg', params: [3, []] } as never)
    expect(await gameCount()).toBe(before)
    await court.l1.pass(101)
    await stepUntil(proposer, async () => (await gameCount()) === before + 1n && proposer.status.last !== undefined)
    expect(proposer.status.last).toMatchObject({ number: 80n, index: first.index })
  })

  it('has no proposal that the contracts would refuse: of a type without games, or of what is decided', async () => {
    await court.l1.pass(500)
    const unknown = propose({ options: { gameType: 7 } })
    expect(await unknown.proposer.step()).toMatch(/no games of type 7/)
    const none = propose({ heads: () => ({ safe: 0n, finalized: 0n }) })
    expect(await none.proposer.step()).toMatch(/no finalized block is above 0/)
  })

  it('refuses options that cannot be', () => {
    const codeOf = (options: Partial<ProposerOptions>): unknown => {
      try {
        propose({ options })
        return undefined
      } catch (error) {
        return isL2Error(error) ? error.code : error
      }
    }
    for (const options of [
      { factory: '0x00' as const },
      { gameType: -1 },
      { rule: 'unsafe' as never },
      { probeMs: -1 },
    ]) {
      expect(codeOf(options)).toBe('SETTLEMENT_OPTIONS_INVALID')
    }
  })

  it('makes games whose claims are its own', async () => {
    const { proposer } = propose({ heads: () => ({ safe: 91n, finalized: 90n }), options: { rule: 'safe' } })
    await court.l1.pass(500)
    await stepUntil(proposer, () => proposer.status.last?.number === 91n)
    const game = { address: proposer.status.last!.game, abi: faultDisputeGameAbi } as const
    const creator = await court.l1.client.readContract({ ...game, functionName: 'gameCreator' })
    expect(creator).toBe(proposerAccount.address)
    expect(creator).not.toBe(deployer.address)
  })
})
