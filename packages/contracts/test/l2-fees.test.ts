import { seededRandom, testSeed } from '@l2/common/testing'
import { type L1Info, l1BlockPredeploy } from '@l2/sequencer-core/derivation'
import {
  estimatedSizeScaled,
  fastLzSize,
  l1FeeBedrock,
  l1FeeEcotoneOfGas,
  l1FeeFjordOfSize,
  l1FeeFjordUpperBound,
  operatorFee,
  rollupDataGas,
} from '@l2/sequencer-core/fees'
import { type Abi, bytesToHex, type Hex, numberToHex, pad, slice, stringToHex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { gasPriceOracleAbi, gasPriceOracleDeployedBytecode } from '../src/gas-price-oracle/index.js'
import { l1BlockAbi, l1BlockDeployedBytecode } from '../src/l1-block/index.js'
import { type At, accounts, type Chain } from './anvil.js'
import { randomData, randomInfo, randomUint, setAttributes } from './attributes.js'
import { startL2 } from './rollup.js'
import { ether } from './settlement.js'
import { stock } from './stock.js'

const l1Block: At = { address: l1BlockPredeploy, abi: l1BlockAbi as unknown as Abi }
const oracle: At = {
  address: '0x420000000000000000000000000000000000000f',
  abi: gasPriceOracleAbi as unknown as Abi,
}
const depositor = '0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001' as const
const random = seededRandom(testSeed())

let l2: Chain
beforeAll(async () => {
  l2 = await startL2()
})
afterAll(() => l2?.close())
beforeEach(async () => {
  await l2.client.setCode({ address: l1Block.address, bytecode: l1BlockDeployedBytecode })
  await l2.client.setCode({ address: oracle.address, bytecode: gasPriceOracleDeployedBytecode })
  for (const slot of [0, 1, 2, 3, 4, 5, 6, 7, 8])
    await l2.client.setStorageAt({ address: l1Block.address, index: slot, value: pad('0x') })
  await rules(0)
})

const stored = async (slot: number): Promise<Hex> =>
  (await l2.client.getStorageAt({ address: l1Block.address, slot: numberToHex(slot) })) ?? '0x'
/** Switches the rules of the first so many forks on: Ecotone, Fjord, Isthmus, Jovian. */
const rules = (count: number) =>
  l2.client.setStorageAt({ address: oracle.address, index: 0, value: pad(`0x${'01'.repeat(count)}`) })
const asDepositor = async (functionName: string): Promise<string> => {
  try {
    await l2.client.simulateContract({ ...oracle, functionName, account: depositor, gasPrice: 0n } as never)
  } catch {
    return l2.refusal(oracle, functionName, [], { from: { address: depositor } as never })
  }
  const hash = await l2.client.writeContract({ ...oracle, functionName, account: depositor, gasPrice: 0n } as never)
  return (await l2.mined(hash)).status
}

describe('L1Block', () => {
  it('keeps the attributes of every layout where engines read them', async () => {
    for (let round = 0; round < 40; round++) {
      const layout = random.pick(['bedrock', 'ecotone', 'isthmus', 'jovian'] as const)
      const before = await Promise.all([5, 6, 3].map(stored))
      const info = randomInfo(random, layout)
      expect((await setAttributes(l2, info)).status).toBe('success')
      const expected: Record<string, unknown> = {
        number: info.number,
        timestamp: info.timestamp,
        basefee: info.baseFeePerGas,
        hash: info.hash,
        sequenceNumber: info.sequenceNumber,
        batcherHash: pad(info.batcher),
      }
      if (info.layout === 'bedrock') Object.assign(expected, { l1FeeOverhead: info.overhead, l1FeeScalar: info.scalar })
      else {
        Object.assign(expected, {
          baseFeeScalar: Number(info.baseFeeScalar),
          blobBaseFeeScalar: Number(info.blobBaseFeeScalar),
          blobBaseFee: info.blobBaseFee,
        })
        expect([await stored(5), await stored(6)]).toEqual(before.slice(0, 2))
      }
      if (info.layout === 'isthmus' || info.layout === 'jovian')
        Object.assign(expected, {
          operatorFeeScalar: Number(info.operatorFeeScalar),
          operatorFeeConstant: info.operatorFeeConstant,
          daFootprintGasScalar: info.layout === 'jovian' ? Number(info.daFootprintGasScalar) : 0,
        })
      const found: Record<string, unknown> = {}
      for (const name of Object.keys(expected)) found[name] = await l2.read(l1Block, name)
      expect(found, `seed ${random.seed} round ${round} ${layout}`).toEqual(expected)

      // As op-geth reads it, core/types/rollup_cost.go: by slot and offset, not by name.
      expect(BigInt(await stored(1))).toBe(info.baseFeePerGas)
      if (info.layout === 'bedrock') {
        expect([BigInt(await stored(5)), BigInt(await stored(6))]).toEqual([info.overhead, info.scalar])
        expect(slice(await stored(3), 8, 24)).toBe(slice(before[2]!, 8, 24))
        continue
      }
      const [scalars, operator] = [await stored(3), await stored(8)]
      expect(BigInt(await stored(7))).toBe(info.blobBaseFee)
      expect(BigInt(slice(scalars, 16, 20))).toBe(info.baseFeeScalar)
      expect(BigInt(slice(scalars, 20, 24))).toBe(info.blobBaseFeeScalar)
      if (info.layout === 'ecotone') continue
      expect(BigInt(slice(operator, 20, 24))).toBe(info.operatorFeeScalar)
      expect(BigInt(slice(operator, 24, 32))).toBe(info.operatorFeeConstant)
    }
  })

  it('is written by the depositor alone', async () => {
    for (const name of ['setL1BlockValuesEcotone', 'setL1BlockValuesIsthmus', 'setL1BlockValuesJovian'])
      expect(await l2.refusal(l1Block, name, [])).toBe('NotDepositor')
    const zero = pad('0x')
    expect(await l2.refusal(l1Block, 'setL1BlockValues', [1n, 1n, 1n, zero, 1n, zero, 1n, 1n])).toBe('NotDepositor')
    expect(await stored(0)).toBe(zero)
  })

  it('names the native token that a genesis set, as the stock contracts of L2 ask for it', async () => {
    const told = () =>
      Promise.all(
        ['gasPayingToken', 'isCustomGasToken', 'gasPayingTokenName', 'gasPayingTokenSymbol'].map(name =>
          l2.read(l1Block, name),
        ),
      )
    expect(await told()).toEqual([[ether, 18], false, 'Ether', 'ETH'])
    // What the stock contract writes there, ours reads.
    await l2.client.setCode({ address: l1Block.address, bytecode: stock('L1Block').deployedBytecode })
    const name = (text: string) => pad(stringToHex(text), { dir: 'right', size: 32 })
    const set = [accounts[1].address, 18, name('Metis'), name('a name of thirty-two characters!')]
    const hash = await l2.client.writeContract({
      address: l1Block.address,
      abi: stock('L1Block').abi,
      functionName: 'setGasPayingToken',
      args: set,
      account: depositor,
      gasPrice: 0n,
    })
    expect((await l2.mined(hash)).status).toBe('success')
    const theirs = await told()
    expect(theirs).toEqual([[accounts[1].address, 18], true, 'Metis', 'a name of thirty-two characters!'])
    await l2.client.setCode({ address: l1Block.address, bytecode: l1BlockDeployedBytecode })
    expect(await told()).toEqual(theirs)
  })
})

describe('GasPriceOracle', () => {
  const fee = (name: string, args: readonly unknown[]) => l2.read<bigint>(oracle, name, args)

  it('computes the fees of every rule as the TypeScript of the sequencer does', async () => {
    for (let round = 0; round < 30; round++) {
      const active = random.below(5)
      const layout = (['bedrock', 'ecotone', 'ecotone', 'isthmus', 'jovian'] as const)[active]!
      const info = randomInfo(random, layout)
      await setAttributes(l2, info)
      await rules(active)
      const data = randomData(random, 3_000)
      const hex = bytesToHex(data)
      const seen = `seed ${random.seed} round ${round}, ${layout}, ${data.length} bytes`
      const gas = rollupDataGas(data) + 68n * 16n
      const size = fastLzSize(data) + 68
      const [l1Fee, gasUsed] = [await fee('getL1Fee', [hex]), await fee('getL1GasUsed', [hex])]
      if (info.layout === 'bedrock') {
        const { overhead, scalar, baseFeePerGas: l1BaseFeeWei } = info
        expect(l1Fee, seen).toBe(l1FeeBedrock(data, { l1BaseFeeWei, overhead, scalar, preRegolith: true }))
        expect(gasUsed, seen).toBe(gas + overhead)
        expect(await fee('overhead', [])).toBe(overhead)
        expect(await fee('scalar', [])).toBe(scalar)
        expect(await l2.refusal(oracle, 'getL1FeeUpperBound', [1n])).toBe('OnlySinceFjord')
      } else {
        const parameters = { ...info, l1BaseFeeWei: info.baseFeePerGas, l1BlobBaseFeeWei: info.blobBaseFee }
        if (active === 1) {
          expect(l1Fee, seen).toBe(l1FeeEcotoneOfGas(gas, parameters))
          expect(gasUsed, seen).toBe(gas)
        } else {
          expect(l1Fee, seen).toBe(l1FeeFjordOfSize(size, parameters))
          expect(gasUsed, seen).toBe((estimatedSizeScaled(size) * 16n) / 1_000_000n)
          const length = random.below(200_000)
          expect(await fee('getL1FeeUpperBound', [BigInt(length)]), seen).toBe(l1FeeFjordUpperBound(length, parameters))
        }
        for (const name of ['overhead', 'scalar']) expect(await l2.refusal(oracle, name, [])).toBe('OnlyBeforeEcotone')
        expect(await l2.read(oracle, 'blobBaseFeeScalar')).toBe(Number(info.blobBaseFeeScalar))
        expect(await l2.read(oracle, 'baseFeeScalar')).toBe(Number(info.baseFeeScalar))
        expect(await fee('blobBaseFee', [])).toBe(info.blobBaseFee)
      }
      expect(await fee('l1BaseFee', [])).toBe(info.baseFeePerGas)
      const used = randomUint(random, 64)
      const operator = await fee('getOperatorFee', [used])
      if (info.layout === 'isthmus' || info.layout === 'jovian') {
        const parameters = { scalar: info.operatorFeeScalar, constant: info.operatorFeeConstant }
        expect(operator, seen).toBe(operatorFee(used, parameters, info.layout))
      } else expect(operator).toBe(0n)
    }
  })

  it('takes the largest scalars and a data size of a whole block', async () => {
    const most = (2n ** 32n - 1n) as bigint
    const info: L1Info = {
      ...(randomInfo(random, 'jovian') as Extract<L1Info, { layout: 'jovian' }>),
      baseFeeScalar: most,
      blobBaseFeeScalar: most,
      operatorFeeScalar: most,
      operatorFeeConstant: 2n ** 64n - 1n,
    }
    await setAttributes(l2, info)
    await rules(4)
    const data = randomData(random, 120_000)
    const parameters = { ...info, l1BaseFeeWei: info.baseFeePerGas, l1BlobBaseFeeWei: info.blobBaseFee }
    expect(await fee('getL1Fee', [bytesToHex(data)])).toBe(l1FeeFjordOfSize(fastLzSize(data) + 68, parameters))
    expect(await fee('getOperatorFee', [2n ** 200n])).toBe(2n ** 200n * most * 100n + 2n ** 64n - 1n)
    // Isthmus saturates, Jovian reverts.
    expect(await l2.refusal(oracle, 'getOperatorFee', [2n ** 256n - 1n])).toBe('17')
    await rules(3)
    expect(await fee('getOperatorFee', [2n ** 256n - 1n])).toBe((2n ** 256n - 1n) / 1_000_000n + 2n ** 64n - 1n)
  })

  it('switches one rule on after the other, for the depositor alone', async () => {
    const flags = () =>
      Promise.all(['isEcotone', 'isFjord', 'isIsthmus', 'isJovian'].map(name => l2.read<boolean>(oracle, name)))
    for (const [count, name] of ['setEcotone', 'setFjord', 'setIsthmus', 'setJovian'].entries()) {
      expect((await flags()).filter(flag => flag)).toHaveLength(count)
      expect(await l2.refusal(oracle, name, [])).toBe('NotDepositor')
      for (const later of ['setFjord', 'setIsthmus', 'setJovian'].slice(count))
        expect(await asDepositor(later)).toBe('PredecessorNotActive')
      expect(await asDepositor(name)).toBe('success')
      expect(await asDepositor(name)).toBe('AlreadyActive')
    }
    expect(await flags()).toEqual([true, true, true, true])
    expect(await l2.client.getStorageAt({ address: oracle.address, slot: '0x0' })).toBe(pad('0x01010101'))
  })
})
