import { applyPool, createPool, type PoolState } from '@l2/staking'
import { createClient, custom, type Hex, parseEther } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accounts } from '../../contracts/test/anvil.js'
import { sequencers, startStake } from '../../contracts/test/stake.js'
import { createL1PoolReader, type L1PoolReader, type L1PoolReaderOptions } from '../src/index.js'

const [admin] = accounts
let world: Awaited<ReturnType<typeof startStake>>
let options: Pick<L1PoolReaderOptions, 'pool' | 'operator' | 'from'>
let begun: PoolState
beforeAll(async () => {
  world = await startStake({ paidByBatches: false })
  const { client } = world.l1
  // The deployment is the newest transaction.
  const deployed = await client.getBlock()
  const before = await client.getBlock({ blockNumber: deployed.number - 1n })
  options = {
    ...{ pool: world.pool.address, operator: admin.address },
    from: { number: before.number, hash: before.hash },
  }
  begun = createPool({ admin: admin.address }, deployed.timestamp)
  for (const [at, owner] of sequencers.entries())
    await world.seat(owner, owner.address, parseEther(String(20_000 + at)))
  await world.epochs(3)
})
afterAll(() => world?.close())

const readerOf = (more: Partial<L1PoolReaderOptions> = {}): L1PoolReader =>
  createL1PoolReader({ ...options, ...more }, { client: world.l1.client })
/** Reads as often as there is something to be read. */
async function readAll(reader: L1PoolReader, state: PoolState): Promise<PoolState> {
  for (let mirrored = state; ; ) {
    const { number } = reader.mark
    for (const command of await reader.next()) mirrored = applyPool(mirrored, command).state
    if (reader.mark.number === number) return mirrored
  }
}
const request = (method: string, ...params: readonly unknown[]): Promise<unknown> =>
  (world.l1.client.request as (args: { method: string; params: readonly unknown[] }) => Promise<unknown>)({
    method,
    params,
  })

it('mirrors stake that L1 has finalised, and none before', async () => {
  const { l1, pool } = world
  const reader = readerOf({ rangeBlocks: 3n })
  expect((await readAll(reader, begun)).sequencers.size).toBe(0)
  await l1.client.mine({ blocks: 64 })
  const mirrored = await readAll(reader, begun)
  const ledger = await l1.read<Record<string, bigint>>(pool, 'ledger')
  for (const [name, wei] of Object.entries(mirrored.ledger)) expect([name, ledger[name]]).toEqual([name, wei])
  expect([...mirrored.sequencers].map(([, { amountWei }]) => amountWei)).toEqual(
    sequencers.map((_, at) => parseEther(String(20_000 + at))),
  )
  expect(mirrored.epoch).toBe(3n)
  // Somebody else, from where it stopped: there is nothing new.
  expect(await readerOf({ from: reader.mark }).next()).toEqual([])
})

it('notices that L1 took back what it read beyond the finalised, and goes on from an older mark', async () => {
  const { l1, pool } = world
  const reader = readerOf({ blockTag: 'latest' })
  const mirrored = await readAll(reader, begun)
  const { mark } = reader
  const snapshot = (await request('evm_snapshot')) as Hex
  await l1.send(pool, 'setPaused', [true])
  expect((await readAll(reader, mirrored)).paused).toBe(true)
  await request('evm_revert', snapshot)
  await l1.pass(5)
  await l1.client.mine({ blocks: 2 })
  await expect(reader.next()).rejects.toMatchObject({ code: 'L1_REORGED', recovery: 'reset' })
  expect((await readAll(readerOf({ blockTag: 'latest', from: mark }), mirrored)).paused).toBe(false)
})

it('says that L1 does not answer, and stays where it is', async () => {
  const request = async (): Promise<never> => {
    throw new Error('gone')
  }
  const client = createClient({ transport: custom({ request }, { retryCount: 0 }) })
  const reader = createL1PoolReader(options, { client })
  await expect(reader.next()).rejects.toMatchObject({ code: 'L1_UNAVAILABLE', recovery: 'retry' })
  expect(reader.mark).toEqual(options.from)
})
