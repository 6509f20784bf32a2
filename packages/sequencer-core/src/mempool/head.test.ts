import { describe, expect, it } from 'vitest'
import { nextBaseFee } from '../fees/base-fee.js'
import { createHashEngine, simulatedRollup, simulatedTransaction } from '../testing/index.js'
import { type PoolHeadContext, poolHeadAfter } from './head.js'

describe('poolHeadAfter', () => {
  const rollup = simulatedRollup()
  const { systemConfig } = rollup.genesis
  const fees = {
    parentGasLimit: 30_000_000n,
    denominator: 250n,
    elasticity: 6n,
    minBaseFeeWei: systemConfig.minBaseFee,
  }

  it('meters what the block puts on L1 from Jovian on, deposits apart, unless the engine does not', async () => {
    const genesis = (await createHashEngine({ config: rollup }).block('latest'))!
    const users = Array.from({ length: 200 }, (_, n) => simulatedTransaction(rollup, BigInt(n)))
    const block = {
      ...genesis,
      baseFeePerGas: 10n ** 9n,
      gasUsed: 21_000n,
      transactions: [Uint8Array.of(0x7e), ...users],
    }
    const metered = (gas: bigint) => nextBaseFee({ ...fees, parentBaseFeeWei: 10n ** 9n, parentGasMetered: gas })
    // 100 bytes of a small transaction, times the default scalar of 400.
    expect(poolHeadAfter(block, { rollup, systemConfig }).baseFeePerGas).toBe(metered(200n * 100n * 400n))
    expect(poolHeadAfter(block, { rollup, systemConfig, metersData: false }).baseFeePerGas).toBe(metered(21_000n))
  })

  it('takes the parameters of the system config before those of the chain', async () => {
    const genesis = (await createHashEngine({ config: rollup }).block('latest'))!
    const block = { ...genesis, baseFeePerGas: 10n ** 9n, gasUsed: 0n }
    const faster = { ...systemConfig, eip1559Denominator: 50n, eip1559Elasticity: 2n, gasLimit: 40_000_000n }
    const head = poolHeadAfter(block, { rollup, systemConfig: faster })
    expect(head.gasLimit).toBe(40_000_000n)
    expect(head.baseFeePerGas).toBe(10n ** 9n - 10n ** 9n / 50n)
  })

  it('has room for as much data as the footprint lets into a block, from Jovian on and where the engine counts it', async () => {
    const genesis = (await createHashEngine({ config: rollup }).block('latest'))!
    const block = { ...genesis, baseFeePerGas: 10n ** 9n, gasUsed: 0n }
    const roomOf = (context: Partial<PoolHeadContext>) =>
      poolHeadAfter(block, { rollup, systemConfig, ...context }).maxDaBytes
    expect(roomOf({})).toBe(75_000n)
    const scaled = { ...systemConfig, gasLimit: 40_000_000n, daFootprintGasScalar: 300n }
    const room = roomOf({ systemConfig: scaled })!
    expect([room * 300n <= 40_000_000n, (room + 1n) * 300n <= 40_000_000n]).toEqual([true, false])
    expect(roomOf({ metersData: false })).toBeUndefined()
    expect(roomOf({ rollup: { ...rollup, forks: { ...rollup.forks, jovian: undefined } } })).toBeUndefined()
  })

  it('knows how fast a chain moved before Canyon', async () => {
    const forks = { regolith: 0n }
    const genesis = (await createHashEngine({ config: rollup }).block('latest'))!
    const block = { ...genesis, baseFeePerGas: 10n ** 9n, gasUsed: 0n }
    const head = poolHeadAfter(block, { rollup: { ...rollup, forks }, systemConfig })
    expect(head.baseFeePerGas).toBe(10n ** 9n - 10n ** 9n / rollup.eip1559.denominator)
  })
})
