import { concatBytes } from '@l2/common'
import { codeOf } from '@l2/common/testing'
import fc from 'fast-check'
import { keccak256, stringToHex } from 'viem'
import { describe, expect, it } from 'vitest'
import { simulatedRollup } from '../testing/l2-simulator.js'
import { applyConfigLogs, configCarriedByBlock } from './config-changes.js'
import type { ForkSchedule } from './fork-schedule.js'
import type { L1Header, L1Log } from './l1.js'
import { l1InfoFor } from './l1-info.js'
import {
  applyConfigUpdate,
  configUpdateTopic,
  decodeConfigUpdate,
  ecotoneScalars,
  encodeConfigUpdate,
  type SystemConfig,
  type SystemConfigUpdate,
} from './system-config.js'
import { uintBe } from './words.js'

const config = simulatedRollup()
const forks: ForkSchedule = { ecotone: 0n }
const start = config.genesis.systemConfig
const address = config.systemConfigContract
const log = (update: SystemConfigUpdate, change: Partial<L1Log> = {}): L1Log => ({
  ...encodeConfigUpdate(update),
  address,
  logIndex: 0,
  ...change,
})
const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })
const someAddress = fc
  .bigInt({ min: 0n, max: (1n << 160n) - 1n })
  .map(n => `0x${n.toString(16).padStart(40, '0')}` as const)
const update: fc.Arbitrary<SystemConfigUpdate> = fc.oneof(
  fc.record({ type: fc.constant('batcher' as const), batcher: someAddress }),
  fc.record({ type: fc.constant('fee-scalars' as const), overhead: uint(256), scalar: uint(256) }),
  fc.record({ type: fc.constant('gas-limit' as const), gasLimit: uint(64) }),
  fc.record({ type: fc.constant('unsafe-block-signer' as const), signer: someAddress }),
  fc
    .record({ type: fc.constant('eip1559' as const), denominator: uint(32), elasticity: uint(32) })
    .filter(({ denominator, elasticity }) => (denominator === 0n) === (elasticity === 0n)),
  fc.record({ type: fc.constant('operator-fee' as const), scalar: uint(32), constant: uint(64) }),
  fc.record({ type: fc.constant('min-base-fee' as const), minBaseFee: uint(64) }),
  fc.record({ type: fc.constant('da-footprint' as const), gasScalar: uint(16) }),
)
describe('decodeConfigUpdate', () => {
  it('knows the event', () => {
    expect(configUpdateTopic).toBe(keccak256(stringToHex('ConfigUpdate(uint256,uint8,bytes)')))
  })

  it('reads every kind of update', () => {
    fc.assert(fc.property(update, value => void expect(decodeConfigUpdate(log(value))).toEqual(value)))
  })

  const gasLimit = encodeConfigUpdate({ type: 'gas-limit', gasLimit: 5n })
  const patched = (at: number): Uint8Array => gasLimit.data.map((byte, i) => (i === at ? 1 : byte))
  it.each<[string, Partial<L1Log>]>([
    ['two topics', { topics: gasLimit.topics.slice(0, 2) }],
    ['another event', { topics: [gasLimit.topics[1]!, ...gasLimit.topics.slice(1)] }],
    ['version 1', { topics: [configUpdateTopic, `0x${'00'.repeat(31)}01`, gasLimit.topics[2]!] }],
    ['an unknown type', { topics: [configUpdateTopic, gasLimit.topics[1]!, `0x${'00'.repeat(31)}08`] }],
    ['a type beyond a byte', { topics: [configUpdateTopic, gasLimit.topics[1]!, `0x01${'00'.repeat(30)}02`] }],
    ['too little data', { data: gasLimit.data.subarray(0, 95) }],
    ['too much data', { data: concatBytes(gasLimit.data, new Uint8Array(32)) }],
    ['another offset', { data: patched(0) }],
    ['another length', { data: patched(33) }],
    ['a gas limit beyond 64 bits', { data: patched(64) }],
  ])('refuses %s', (_, change) => {
    expect(codeOf(() => decodeConfigUpdate(log({ type: 'gas-limit', gasLimit: 5n }, change)))).toBe(
      'SYSTEM_CONFIG_LOG_INVALID',
    )
  })

  it('refuses an address with something in front, and reads low bytes only where op-node does', () => {
    const dirty = (value: SystemConfigUpdate): L1Log => {
      const good = log(value)
      return { ...good, data: good.data.map((byte, i) => (i === 64 ? 1 : byte)) }
    }
    expect(codeOf(() => decodeConfigUpdate(dirty({ type: 'batcher', batcher: start.batcher })))).toBe(
      'SYSTEM_CONFIG_LOG_INVALID',
    )
    const eip1559 = { type: 'eip1559', denominator: 250n, elasticity: 6n } as const
    expect(decodeConfigUpdate(dirty(eip1559))).toEqual(eip1559)
    const operatorFee = { type: 'operator-fee', scalar: 1n, constant: 2n } as const
    expect(decodeConfigUpdate(dirty(operatorFee))).toEqual(operatorFee)
  })

  it('refuses EIP-1559 parameters of which just one is zero', () => {
    const parameters = (denominator: bigint, elasticity: bigint) => log({ type: 'eip1559', denominator, elasticity })
    expect(decodeConfigUpdate(parameters(0n, 0n))).toMatchObject({ denominator: 0n, elasticity: 0n })
    for (const value of [parameters(0n, 5n), parameters(250n, 0n)]) {
      expect(codeOf(() => decodeConfigUpdate(value))).toBe('SYSTEM_CONFIG_LOG_INVALID')
      expect(applyConfigLogs(start, [value], config, 1000n)).toBe(start)
    }
  })
})

describe('applyConfigUpdate', () => {
  it('takes a scalar over as it is before Ecotone, and only a valid one since', () => {
    const apply = (scalar: bigint, schedule: ForkSchedule): SystemConfig =>
      applyConfigUpdate(start, { type: 'fee-scalars', overhead: 9n, scalar }, schedule, 100n)
    expect(apply(1n << 255n, {})).toEqual({ ...start, overhead: 9n, scalar: 1n << 255n })
    const valid = (1n << 248n) | (5n << 32n) | 7n
    // The overhead has no meaning any more, and the activation block must not carry an old one.
    expect(apply(valid, forks)).toEqual({ ...start, overhead: 0n, scalar: valid })
    expect(apply(77n, forks).scalar).toBe(77n)
    for (const invalid of [1n << 32n, (1n << 248n) | (1n << 64n), 2n << 248n]) expect(apply(invalid, forks)).toBe(start)
  })

  it('splits the scalar word', () => {
    expect(ecotoneScalars((1n << 248n) | (5n << 32n) | 7n)).toEqual({ baseFeeScalar: 7n, blobBaseFeeScalar: 5n })
    expect(ecotoneScalars(684_000n)).toEqual({ baseFeeScalar: 684_000n, blobBaseFeeScalar: 0n })
    expect(ecotoneScalars(1n << 40n)).toEqual({ baseFeeScalar: (1n << 32n) - 1n, blobBaseFeeScalar: 0n })
  })
})

describe('applyConfigLogs', () => {
  it('applies what the contract says, in order, and passes over what cannot be read', () => {
    const errors: string[] = []
    const result = applyConfigLogs(
      start,
      [
        log({ type: 'gas-limit', gasLimit: 1n }),
        log({ type: 'gas-limit', gasLimit: 9n }, { data: uintBe(1n, 31) }),
        log({ type: 'gas-limit', gasLimit: 8n }, { address: config.depositContract }),
        log({ type: 'gas-limit', gasLimit: 2n }),
        log({ type: 'min-base-fee', minBaseFee: 3n }),
      ],
      config,
      1000n,
      error => errors.push(error.code),
    )
    expect(result).toEqual({ ...start, gasLimit: 2n, minBaseFee: 3n })
    expect(errors).toEqual(['SYSTEM_CONFIG_LOG_INVALID'])
  })
})

describe('configCarriedByBlock', () => {
  const schedule: ForkSchedule = { regolith: 0n, ecotone: 1010n, holocene: 1020n, isthmus: 1030n, jovian: 1040n }
  const rollup = simulatedRollup({ forks: schedule })
  const full: SystemConfig = {
    ...start,
    overhead: 188n,
    scalar: 684_000n,
    eip1559Denominator: 8n,
    eip1559Elasticity: 2n,
    operatorFeeScalar: 3n,
    operatorFeeConstant: 4n,
    minBaseFee: 5n,
    daFootprintGasScalar: 6n,
  }
  const hash = rollup.genesis.l1.hash
  const origin: L1Header = {
    ...rollup.genesis.l1,
    parentHash: hash,
    timestamp: 1000n,
    mixHash: hash,
    baseFeePerGas: 7n,
    blobBaseFee: 1n,
    parentBeaconBlockRoot: hash,
  }

  it('keeps of every field what a block of that time says', () => {
    for (let time = 1002n; time < 1050n; time += 2n) {
      const carried = configCarriedByBlock(full, time, rollup)
      // What op-node would read back from the block's first transaction.
      const info = l1InfoFor(rollup, full, origin, 0n, time)
      expect(carried.batcher).toBe(info.batcher)
      if (info.layout === 'bedrock') {
        expect(carried).toMatchObject({ overhead: info.overhead, scalar: info.scalar })
      } else {
        const { baseFeeScalar, blobBaseFeeScalar } = info
        expect(ecotoneScalars(carried.scalar)).toEqual({ baseFeeScalar, blobBaseFeeScalar })
        expect(carried.scalar >> 248n).toBe(1n)
        expect(carried.overhead).toBe(0n)
      }
      const fee =
        info.layout === 'isthmus' || info.layout === 'jovian'
          ? [info.operatorFeeScalar, info.operatorFeeConstant]
          : [0n, 0n]
      expect([carried.operatorFeeScalar, carried.operatorFeeConstant]).toEqual(fee)
      expect(carried.daFootprintGasScalar).toBe(info.layout === 'jovian' ? info.daFootprintGasScalar : 0n)
      expect(carried.eip1559Denominator).toBe(time >= 1020n ? 8n : 0n)
      expect(carried.minBaseFee).toBe(time >= 1040n ? 5n : 0n)
      expect(configCarriedByBlock(carried, time, rollup)).toEqual(carried)
    }
  })

  it('turns unset EIP-1559 parameters into those in effect', () => {
    const carried = configCarriedByBlock(start, 1020n, rollup)
    expect([carried.eip1559Denominator, carried.eip1559Elasticity]).toEqual([250n, 6n])
  })
})
