import { type Address, getAddress, pad, zeroAddress } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { poolAbi, poolBytecode } from '../src/pool/index.js'
import { type At, accounts, type Chain, startAnvil } from './anvil.js'
import { proxy, systemConfigAt } from './settlement.js'

const [deployer, operator, leader, stranger] = accounts
const chainId = 901n
const delaySeconds = 3600n

let l1: Chain
let config: At
let pool: At
beforeAll(async () => {
  l1 = await startAnvil(900)
  const at = await proxy(l1)
  pool = await l1.deploy({ abi: poolAbi, bytecode: poolBytecode }, [
    at.address,
    operator.address,
    chainId,
    delaySeconds,
  ])
  config = await systemConfigAt(l1, at, pool.address, zeroAddress, zeroAddress)
})
afterAll(() => l1?.close())

const rotate = (number: bigint, poster: Address) => [chainId, number, poster]
const as = (from: (typeof accounts)[number]) => ({ from })

describe('the pool that owns the system configuration', () => {
  it('sets who posts by growing numbers, and nothing else changes', async () => {
    const settings = async () =>
      Promise.all(
        ['owner', 'gasLimit', 'overhead', 'scalar', 'basefeeScalar', 'blobbasefeeScalar', 'unsafeBlockSigner'].map(
          name => l1.read(config, name),
        ),
      )
    const before = await settings()
    expect(before[0]).toBe(pool.address)
    const { logs } = await l1.send(pool, 'rotate', rotate(1n, leader.address), as(operator))
    // The event of the stock contract, from which derivation takes it, beside the pool's own.
    expect(logs.map(({ address }) => getAddress(address))).toEqual([pool.address, config.address])
    expect(await l1.read(config, 'batcherHash')).toBe(pad(leader.address).toLowerCase())
    await l1.send(pool, 'rotate', rotate(7n, stranger.address), as(operator))
    expect(await l1.read(config, 'batcherHash')).toBe(pad(stranger.address).toLowerCase())
    expect(await l1.read(pool, 'poster')).toBe(stranger.address)
    expect(await l1.read(pool, 'sequenceNumber')).toBe(7n)
    expect(await settings()).toEqual(before)
  })

  it('refuses strangers, other chains, old numbers and nobody, and stays as it was', async () => {
    const before = await l1.read(config, 'batcherHash')
    for (const [args, from, reason] of [
      [rotate(8n, leader.address), deployer, 'NotTheOperator'],
      [[902n, 8n, leader.address], operator, 'WrongChain'],
      [rotate(7n, leader.address), operator, 'NotGrowing'],
      [rotate(6n, leader.address), operator, 'NotGrowing'],
      [rotate(8n, zeroAddress), operator, 'NoAddress'],
    ] as const) {
      expect(await l1.refusal(pool, 'rotate', args, as(from))).toBe(reason)
      expect((await l1.attempt(pool, 'rotate', args, as(from))).status).toBe('reverted')
    }
    expect(await l1.read(config, 'batcherHash')).toBe(before)
    expect(await l1.read(pool, 'sequenceNumber')).toBe(7n)
    // The deployer has no way around it.
    for (const [name, args] of [
      ['setBatcherHash', [pad(leader.address)]],
      ['setGasLimit', [40_000_000n]],
      ['setGasConfigEcotone', [1, 1]],
      ['setUnsafeBlockSigner', [leader.address]],
      ['transferOwnership', [leader.address]],
    ] as const)
      expect(await l1.refusal(config, name, args)).toMatch(/not the owner/)
  })

  it('hands over to an announced successor once everybody had time to see it', async () => {
    expect(await l1.refusal(pool, 'handOver', [])).toBe('NothingAnnounced')
    expect(await l1.refusal(pool, 'announceSuccessor', [leader.address])).toBe('NotTheOperator')
    await l1.send(pool, 'announceSuccessor', [stranger.address], as(operator))
    await l1.pass(Number(delaySeconds))
    // Another announcement begins the delay anew.
    await l1.send(pool, 'announceSuccessor', [leader.address], as(operator))
    expect(await l1.refusal(pool, 'handOver', [])).toBe('TooEarly')
    await l1.send(pool, 'announceSuccessor', [zeroAddress], as(operator))
    await l1.pass(Number(delaySeconds))
    expect(await l1.refusal(pool, 'handOver', [])).toBe('NothingAnnounced')
    await l1.send(pool, 'announceSuccessor', [leader.address], as(operator))
    await l1.pass(Number(delaySeconds))
    await l1.send(pool, 'handOver', [], as(stranger))
    expect(await l1.read(config, 'owner')).toBe(leader.address)
    expect(await l1.refusal(pool, 'handOver', [])).toBe('NothingAnnounced')
    expect(await l1.refusal(pool, 'rotate', rotate(9n, operator.address), as(operator))).toMatch(/not the owner/)
    await l1.send(config, 'setBatcherHash', [pad(operator.address)], as(leader))
  })
})
