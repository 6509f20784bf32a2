import { bytesToHex } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { describe, expect, it } from 'vitest'
import { createAltDa } from '../alt-da/client.js'
import { type Commitment, commitmentToBatcherData, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { createMemoryDa } from '../memory/memory.js'
import type { DaGetOptions } from '../port.js'
import { createCommitmentSource, type SkippedCommitment } from './commitment-source.js'

const data = Uint8Array.of(0, 1, 2)
const inInbox = (commitment: Commitment) => bytesToHex(commitmentToBatcherData(commitment).subarray(1))
const block = { number: 100n }

describe('createCommitmentSource', () => {
  it('tells the layer which L1 block names a commitment', async () => {
    const seen: (DaGetOptions | undefined)[] = []
    const memory = createMemoryDa()
    const layer = {
      name: 'layer',
      reads: memory.reads,
      verify: memory.verify,
      get: async (_: Commitment, call?: DaGetOptions) => {
        seen.push(call)
        return data
      },
    }
    const commitment = { layer: daLayer.memory, payload: keccak_256(data) }
    await createCommitmentSource({}, { layers: [layer] }).getCommitted(inInbox(commitment), block)
    expect(seen).toMatchObject([{ l1InclusionBlock: 100n }])
  })

  it('skips what is malformed, not accepted or dead, and says so', async () => {
    const skipped: SkippedCommitment[] = []
    const dead = createMemoryDa(
      {},
      { inject: () => ({ type: 'fail', error: new DaError('void', { code: 'DA_COMMITMENT_DEAD' }) }) },
    )
    const source = createCommitmentSource(
      { accept: [daLayer.memory] },
      { layers: [dead], onSkipped: commitment => skipped.push(commitment) },
    )
    const inputs = [
      '0x',
      '0x00',
      '0x02aa',
      '0x01',
      '0x016d',
      '0x016d1234',
      '0x01ad1234',
      `0x016d${'00'.repeat(20_000)}`,
      '0x0100aa',
      '0xzz',
      inInbox({ layer: daLayer.memory, payload: new Uint8Array(32) }),
    ]
    for (const input of inputs) expect(await source.getCommitted(input, block), input.slice(0, 20)).toBeUndefined()
    const reasons = skipped.map(({ reason }) => reason)
    expect(reasons).toEqual([...Array(8).fill('malformed'), 'not-accepted', 'malformed', 'dead'])
    // What is told of a commitment is no larger than a log takes.
    expect(Math.max(...skipped.map(({ commitment }) => commitment.length))).toBeLessThan(300)
  })

  it('stops for what others may take: a layer without an adapter, and data that is not there', async () => {
    const memory = createMemoryDa()
    const commitment = inInbox({ layer: daLayer.memory, payload: new Uint8Array(32) })
    await expect(
      createCommitmentSource({}, { layers: [memory] }).getCommitted(commitment, block),
    ).rejects.toMatchObject({
      code: 'DA_NOT_FOUND',
    })
    const foreign = createCommitmentSource({ accept: [daLayer.celestia] }, { layers: [memory] })
    await expect(foreign.getCommitted(`0x010c${'00'.repeat(40)}`, block)).rejects.toMatchObject({
      code: 'DA_UNVERIFIABLE',
    })
    expect(() => createCommitmentSource({ accept: [256] }, { layers: [] })).toThrow('layer bytes')
  })

  it('asks the next layer when one fails, whatever it says', async () => {
    const failing = createMemoryDa(
      {},
      { inject: () => ({ type: 'fail', error: new DaError('who are you', { code: 'DA_UNAUTHORIZED' }) }) },
    )
    const memory = createMemoryDa()
    const { commitments } = await memory.submit([data])
    const source = createCommitmentSource({}, { layers: [failing, memory] })
    expect(await source.getCommitted(inInbox(commitments[0]!), block)).toEqual(data)
  })

  it('skips what one layer declares dead, whichever other one has the data or can be reached', async () => {
    const memory = createMemoryDa()
    const { commitments } = await memory.submit([data])
    const error = new DaError('void', { code: 'DA_COMMITMENT_DEAD' })
    const judge = createMemoryDa({}, { inject: () => ({ type: 'fail', error }) })
    const source = createCommitmentSource({}, { layers: [judge, memory] })
    expect(await source.getCommitted(inInbox(commitments[0]!), block)).toBeUndefined()
  })

  it('goes by the challenge contract: what expired is void for those who have the data, what was resolved is on L1', async () => {
    let has = true
    const store: typeof fetch = async () => new Response(has ? data : null, { status: has ? 200 : 404 })
    const layer = createAltDa({ url: 'http://store', commitments: 'keccak' }, { fetch: store })
    const l1: { head: bigint; found: { challengedAtBlock?: bigint; resolvedAtBlock?: bigint; data?: Uint8Array } } = {
      head: 101n,
      found: {},
    }
    const asked: unknown[] = []
    const deps = {
      layers: [layer],
      challenges: {
        source: {
          head: async () => l1.head,
          find: async (...question: unknown[]) => {
            asked.push(question)
            return l1.found
          },
        },
        windows: { challengeBlocks: 10n, resolveBlocks: 5n },
      },
    } as const
    const source = createCommitmentSource({ openWindows: 'take' }, deps)
    const waiting = createCommitmentSource({}, deps)
    const hash = keccak_256(data)
    const named = inInbox({ layer: daLayer.keccak, payload: hash })
    const get = () => source.getCommitted(named, block)
    expect(await get()).toEqual(data)
    expect(asked).toEqual([[hash, 100n, expect.objectContaining({ untilBlock: 101n })]])
    // However late: only what can still count is asked for, as nodes give no logs of years.
    l1.head = 5_000_000n
    expect(await get()).toEqual(data)
    expect(asked[1]).toMatchObject([hash, 100n, { untilBlock: 115n }])
    // A node that lags behind the inbox has not been asked about it, and is not believed.
    l1.head = 99n
    await expect(waiting.getCommitted(named, block)).rejects.toMatchObject({ code: 'DA_NOT_YET' })
    expect(asked).toHaveLength(2)
    l1.head = 101n
    has = false
    await expect(get()).rejects.toMatchObject({ code: 'DA_NOT_FOUND' })
    l1.found = { challengedAtBlock: 105n, resolvedAtBlock: 107n, data }
    l1.head = 108n
    expect(await get()).toEqual(data)
    l1.found = { challengedAtBlock: 105n }
    await expect(get()).rejects.toMatchObject({ code: 'DA_NOT_FOUND' })
    l1.head = 111n
    expect(await get()).toBeUndefined()
    has = true
    expect(await get()).toBeUndefined()

    // By default nothing is taken that a challenge could still make void.
    const later = () => waiting.getCommitted(named, block)
    const notYet = { code: 'DA_NOT_YET', recovery: 'retry', details: { deadlineBlock: 110n } }
    Object.assign(l1, { found: {}, head: 110n })
    await expect(later()).rejects.toMatchObject(notYet)
    l1.found = { challengedAtBlock: 105n }
    await expect(later()).rejects.toMatchObject({ ...notYet, details: { status: 'active' } })
    l1.head = 111n
    expect(await later()).toBeUndefined()
    l1.found = {}
    expect(await later()).toEqual(data)
    l1.found = { challengedAtBlock: 105n, resolvedAtBlock: 106n, data }
    has = false
    expect(await later()).toEqual(data)
  })
})
