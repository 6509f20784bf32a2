import { bytesToHex, hexToBytes } from '@l2/common'
import { codeOf } from '@l2/common/testing'
import fc from 'fast-check'
import type { Hash } from 'viem'
import { toFunctionSelector } from 'viem'
import { describe, expect, it } from 'vitest'
import { simulatedRollup } from '../testing/l2-simulator.js'
import { decodeDeposit, encodeDeposit } from './deposit.js'
import type { ForkSchedule } from './fork-schedule.js'
import type { L1Header } from './l1.js'
import { decodeL1Info, encodeL1Info, encodeL1InfoDeposit, l1InfoFor } from './l1-info.js'
import { rollupPresets } from './presets.js'
import type { RollupConfig } from './rollup-config.js'

/** L1-info calldata of OP Mainnet. Source: kona, `crates/protocol/protocol/src/test_utils.rs`. */
const bedrock =
  '015d8eb9000000000000000000000000000000000000000000000000000000000117c4eb0000000000000000000000000000000000000000000000000000000065280377000000000000000000000000000000000000000000000000000000026d05d953392012032675be9f94aae5ab442de73c5f4fb1bf30fa7dd0d2442239899a40fc00000000000000000000000000000000000000000000000000000000000000040000000000000000000000006887246668a3b87f54deb3b94ba47a6f63f3298500000000000000000000000000000000000000000000000000000000000000bc00000000000000000000000000000000000000000000000000000000000a6fe0'
const ecotone =
  '440a5e2000000558000c5fc5000000000000000500000000661c277300000000012bec20000000000000000000000000000000000000000000000000000000026e9f109900000000000000000000000000000000000000000000000000000000000000011c4c84c50740386c7dc081efddd644405f04cde73e30a2e381737acce9f5add30000000000000000000000006887246668a3b87f54deb3b94ba47a6f63f32985'
const isthmus = `098999be${ecotone.slice(8)}0000abcd000000000000dcba`
const jovian = `3db6be2b${isthmus.slice(8)}0190`

/** The whole first transaction of Base block 50,401,382, under Jovian. */
const baseDeposit =
  '7ef90106a0f7c95944672f72e31ce06a5c4c46557d4fd4163d4b77455fdf09ef5145e4966294deaddeaddeaddeaddeaddeaddeaddeaddead00019442000000000000000000000000000000000000158080830f424080b8b23db6be2b000008dd00101c120000000000000005000000006a8c7d6f00000000018a14c10000000000000000000000000000000000000000000000000000000148b44d7b00000000000000000000000000000000000000000000000000000000105a1b6076a922ba7a2d7a24b78e04f20b2349f94b59f18ab3e746ee2e3ba16999717a8d0000000000000000000000005050f69a9786f081509234f1a7f4684b5e5b76c90000000000000000000000000094'

const bytes = (hex: string): Uint8Array => hexToBytes(hex)!
const ecotoneFields = {
  number: 19_655_712n,
  timestamp: 1_713_121_139n,
  baseFeePerGas: 10_445_852_825n,
  blobBaseFee: 1n,
  hash: '0x1c4c84c50740386c7dc081efddd644405f04cde73e30a2e381737acce9f5add3',
  sequenceNumber: 5n,
  batcher: '0x6887246668a3b87f54deb3b94ba47a6f63f32985',
  baseFeeScalar: 1368n,
  blobBaseFeeScalar: 810_949n,
} as const

describe('decodeL1Info', () => {
  it.each([
    ['bedrock', bedrock],
    ['ecotone', ecotone],
    ['isthmus', isthmus],
    ['jovian', jovian],
  ])('reads and writes the %s layout', (layout, hex) => {
    const info = decodeL1Info(bytes(hex))
    expect(info.layout).toBe(layout)
    expect(bytesToHex(encodeL1Info(info))).toBe(`0x${hex}`)
  })

  it('finds the published values', () => {
    expect(decodeL1Info(bytes(bedrock))).toEqual({
      layout: 'bedrock',
      number: 18_334_955n,
      timestamp: 1_697_121_143n,
      baseFeePerGas: 10_419_034_451n,
      hash: '0x392012032675be9f94aae5ab442de73c5f4fb1bf30fa7dd0d2442239899a40fc',
      sequenceNumber: 4n,
      batcher: '0x6887246668a3b87f54deb3b94ba47a6f63f32985',
      overhead: 188n,
      scalar: 684_000n,
    })
    expect(decodeL1Info(bytes(ecotone))).toEqual({ layout: 'ecotone', ...ecotoneFields })
    expect(decodeL1Info(bytes(isthmus))).toEqual({
      layout: 'isthmus',
      ...ecotoneFields,
      operatorFeeScalar: 43_981n,
      operatorFeeConstant: 56_506n,
    })
    expect(decodeL1Info(bytes(jovian))).toMatchObject({ layout: 'jovian', daFootprintGasScalar: 400n })
  })

  it('has the selectors of the predeploy', () => {
    expect(bedrock.slice(0, 8)).toBe(
      toFunctionSelector('setL1BlockValues(uint64,uint64,uint256,bytes32,uint64,bytes32,uint256,uint256)').slice(2),
    )
    expect(ecotone.slice(0, 8)).toBe(toFunctionSelector('setL1BlockValuesEcotone()').slice(2))
    expect(isthmus.slice(0, 8)).toBe(toFunctionSelector('setL1BlockValuesIsthmus()').slice(2))
    expect(jovian.slice(0, 8)).toBe(toFunctionSelector('setL1BlockValuesJovian()').slice(2))
  })

  it('refuses unknown selectors, every other length, and numbers above 64 bits', () => {
    expect(codeOf(() => decodeL1Info(bytes('deadbeef')))).toBe('L1_INFO_INVALID')
    for (const hex of [bedrock, ecotone, isthmus, jovian]) {
      const data = bytes(hex)
      for (let length = 0; length < data.length; length++) {
        expect(codeOf(() => decodeL1Info(data.subarray(0, length)))).toBe('L1_INFO_INVALID')
      }
      expect(codeOf(() => decodeL1Info(Uint8Array.of(...data, 0)))).toBe('L1_INFO_INVALID')
    }
    for (const at of [4, 36, 132]) {
      expect(codeOf(() => decodeL1Info(bytes(bedrock).map((b, i) => (i === at ? 1 : b))))).toBe('L1_INFO_INVALID')
    }
  })

  it('reads itself back for all values', () => {
    const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })
    const info = fc.record({
      layout: fc.constant('jovian' as const),
      number: uint(64),
      timestamp: uint(64),
      baseFeePerGas: uint(256),
      blobBaseFee: uint(256),
      hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex),
      sequenceNumber: uint(64),
      batcher: fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytesToHex),
      baseFeeScalar: uint(32),
      blobBaseFeeScalar: uint(32),
      operatorFeeScalar: uint(32),
      operatorFeeConstant: uint(64),
      daFootprintGasScalar: uint(16),
    })
    fc.assert(fc.property(info, value => void expect(decodeL1Info(encodeL1Info(value))).toEqual(value)))
  })
})

describe('encodeL1InfoDeposit', () => {
  it('makes the transaction that is on Base', () => {
    const deposit = decodeDeposit(bytes(baseDeposit))
    const info = decodeL1Info(deposit.data)
    if (info.layout !== 'jovian') throw new Error(info.layout)
    const { base } = rollupPresets
    const origin: L1Header = {
      number: info.number,
      hash: info.hash,
      parentHash: info.hash,
      timestamp: info.timestamp,
      mixHash: info.hash,
      baseFeePerGas: info.baseFeePerGas,
      blobBaseFee: info.blobBaseFee,
      parentBeaconBlockRoot: info.hash,
    }
    const systemConfig = {
      ...base.genesis.systemConfig,
      scalar: (1n << 248n) | (info.blobBaseFeeScalar << 32n) | info.baseFeeScalar,
      daFootprintGasScalar: info.daFootprintGasScalar,
    }
    const encoded = encodeL1InfoDeposit(base, systemConfig, origin, info.sequenceNumber, info.timestamp + 10n)
    expect(bytesToHex(encoded)).toBe(`0x${baseDeposit}`)
    expect(encodeDeposit(deposit)).toEqual(encoded)
  })
})

describe('l1InfoFor', () => {
  const forks: ForkSchedule = { regolith: 0n, ecotone: 1010n, isthmus: 1020n, jovian: 1030n }
  const config = simulatedRollup({ forks })
  const hash: Hash = `0x${'11'.repeat(32)}`
  const origin: L1Header = {
    number: 100n,
    hash,
    parentHash: hash,
    timestamp: 1000n,
    mixHash: hash,
    baseFeePerGas: 7n,
    blobBaseFee: undefined,
    parentBeaconBlockRoot: undefined,
  }
  const layout = (timestamp: bigint, schedule = forks): string =>
    l1InfoFor({ ...config, forks: schedule }, config.genesis.systemConfig, origin, 0n, timestamp).layout

  it('changes one block after each fork, because the first block installs the new predeploy', () => {
    expect(layout(1008n)).toBe('bedrock')
    expect(layout(1010n)).toBe('bedrock')
    expect(layout(1012n)).toBe('ecotone')
    expect(layout(1020n)).toBe('ecotone')
    expect(layout(1022n)).toBe('isthmus')
    expect(layout(1030n)).toBe('isthmus')
    expect(layout(1032n)).toBe('jovian')
  })

  it('uses the newest layout at once where a fork is active at genesis', () => {
    expect(layout(1002n, { jovian: 0n })).toBe('jovian')
    expect(layout(1002n, { isthmus: 1000n })).toBe('isthmus')
  })

  it('writes 1 for the blob base fee of an L1 without blobs, and 400 for a DA footprint scalar of 0', () => {
    const info = l1InfoFor({ ...config, forks: { jovian: 0n } }, config.genesis.systemConfig, origin, 0n, 1002n)
    expect(info).toMatchObject({ blobBaseFee: 1n, daFootprintGasScalar: 400n })
  })

  it("states Cancun's blob base fee until the chain's Pectra blob schedule begins", () => {
    const late = { ...config, forks: { jovian: 0n }, pectraBlobScheduleTimeSeconds: 1001n }
    const info = (header: Partial<L1Header>, rollup: RollupConfig = late) =>
      l1InfoFor(rollup, config.genesis.systemConfig, { ...origin, ...header }, 0n, 1002n)
    // OP Sepolia in March 2025: the figure is that of the chain's own blocks, with the excess that L1 had.
    const blobs = { excessBlobGas: 60_000_000n, blobBaseFee: 159_773n }
    expect(info(blobs)).toMatchObject({ blobBaseFee: 63_864_039n })
    expect(info({ ...blobs, timestamp: 1001n })).toMatchObject({ blobBaseFee: 159_773n })
    expect(info(blobs, { ...late, pectraBlobScheduleTimeSeconds: undefined })).toMatchObject({ blobBaseFee: 159_773n })
    expect(info({})).toMatchObject({ blobBaseFee: 1n })
    expect(() => info({ blobBaseFee: 5n })).toThrow('excessBlobGas')
  })

  it('is a system transaction with 150,000,000 gas before Regolith', () => {
    const at = (schedule: ForkSchedule) =>
      decodeDeposit(encodeL1InfoDeposit({ ...config, forks: schedule }, config.genesis.systemConfig, origin, 0n, 1002n))
    expect(at({})).toMatchObject({ gas: 150_000_000n, isSystemTransaction: true })
    expect(at({ regolith: 0n })).toMatchObject({ gas: 1_000_000n, isSystemTransaction: false })
  })
})
