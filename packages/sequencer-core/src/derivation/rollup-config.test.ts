import { describe, expect, it } from 'vitest'
import type { SequencerError } from '../errors.js'
import { simulatedRollup } from '../testing/l2-simulator.js'
import { type ForkSchedule, forkNames, isForkActivationBlock, isForkActive } from './fork-schedule.js'
import { allForksAtGenesis, newRollup, rollupPresets } from './presets.js'
import {
  channelTimeoutBlocks,
  checkRollupConfig,
  maxChannelBankBytes,
  maxRlpBytesAt,
  maxSequencerDriftSeconds,
  type RollupConfig,
} from './rollup-config.js'

describe('isForkActive', () => {
  it('is active from its second on, and by any later fork', () => {
    const forks: ForkSchedule = { canyon: 10n, granite: 30n }
    expect(isForkActive(forks, 'canyon', 9n)).toBe(false)
    expect(isForkActive(forks, 'canyon', 10n)).toBe(true)
    expect(isForkActive(forks, 'delta', 29n)).toBe(false)
    expect(isForkActive(forks, 'delta', 30n)).toBe(true)
    expect(isForkActive(forks, 'holocene', 99n)).toBe(false)
    for (const fork of forkNames) expect(isForkActive({ lagoon: 5n }, fork, 5n)).toBe(true)
  })

  it('has one activation block, none when active at genesis', () => {
    const forks: ForkSchedule = { canyon: 11n }
    const found = [8n, 10n, 12n, 14n].filter(time => isForkActivationBlock(forks, 'canyon', time, 2n))
    expect(found).toEqual([12n])
    expect(isForkActivationBlock({ canyon: 0n }, 'canyon', 0n, 2n)).toBe(false)
    expect(isForkActivationBlock({ canyon: 0n }, 'canyon', 2n, 2n)).toBe(false)
    // Active at a genesis that is not second 0.
    expect(isForkActivationBlock({ canyon: 1000n }, 'canyon', 1002n, 2n)).toBe(false)
  })
})

describe('protocol constants', () => {
  const at = (forks: ForkSchedule) => simulatedRollup({ forks })
  it('change with L1 time', () => {
    const config = at({ fjord: 100n, granite: 200n })
    expect(maxSequencerDriftSeconds(config, 99n)).toBe(600n)
    expect(maxSequencerDriftSeconds(config, 100n)).toBe(1800n)
    expect(maxRlpBytesAt(config, 99n)).toBe(10_000_000)
    expect(maxRlpBytesAt(config, 100n)).toBe(100_000_000)
    expect(maxChannelBankBytes(config, 99n)).toBe(100_000_000)
    expect(maxChannelBankBytes(config, 100n)).toBe(1_000_000_000)
    expect(channelTimeoutBlocks(config, 199n)).toBe(10n)
    expect(channelTimeoutBlocks(config, 200n)).toBe(50n)
  })
})

describe('rollupPresets', () => {
  it('are valid and schedule everything that is final', () => {
    for (const preset of Object.values(rollupPresets)) {
      expect(checkRollupConfig(preset)).toBe(preset)
      const last = preset === rollupPresets.base ? 'jovian' : 'karst'
      for (const fork of forkNames.slice(0, forkNames.indexOf(last) + 1)) {
        expect(preset.forks[fork]).toBeTypeOf('bigint')
      }
      expect(preset.forks.lagoon).toBeUndefined()
    }
    expect(rollupPresets.base.forks.karst).toBeUndefined()
  })

  it('have the times of the registry', () => {
    expect(rollupPresets.opMainnet.forks).toEqual({
      regolith: 0n,
      canyon: 1704992401n,
      delta: 1708560000n,
      ecotone: 1710374401n,
      fjord: 1720627201n,
      granite: 1726070401n,
      holocene: 1736445601n,
      isthmus: 1746806401n,
      jovian: 1764691201n,
      karst: 1783526401n,
    })
    expect(rollupPresets.opSepolia.forks.karst).toBe(1781712001n)
    expect(rollupPresets.opSepolia.pectraBlobScheduleTimeSeconds).toBe(1742486400n)
    expect(rollupPresets.opMainnet.genesis.l2.number).toBe(105_235_063n)
    expect(rollupPresets.opMainnet.genesis.l2TimeSeconds).toBe(1_686_068_903n)
    expect(rollupPresets.opMainnet.genesis.l1.number).toBe(17_422_590n)
  })
})

describe('newRollup', () => {
  it('runs every fork from the first block on', () => {
    const config = simulatedRollup()
    expect(config.forks).toBe(allForksAtGenesis)
    expect(checkRollupConfig(config)).toBe(config)
    expect(newRollup({ ...config, batcher: config.batchInbox, gasLimit: 5n }).genesis.systemConfig.gasLimit).toBe(5n)
  })
})

describe('checkRollupConfig', () => {
  it('lists every problem at once', () => {
    const config = {
      ...simulatedRollup(),
      karst_time: 5n,
      batchInbox: '0x12' as const,
      blockTimeSeconds: 0n,
      l2ChainId: 900n,
      forks: { canyon: 10n, delta: 5n, moraine: 7n } as RollupConfig['forks'],
    }
    let error: SequencerError | undefined
    try {
      checkRollupConfig(config)
    } catch (thrown) {
      error = thrown as SequencerError
    }
    expect(error?.code).toBe('ROLLUP_CONFIG_INVALID')
    expect(error?.details['issues']).toEqual([
      '"batchInbox" expected an address, got 0x12',
      '"blockTimeSeconds" expected more than 0, got 0',
      `"l2ChainId" expected another than L1's, got 900`,
      '"karst_time" is no field that is known here',
      '"forks.moraine" is no upgrade that is known here',
      '"forks.delta" expected not before canyon (10), got 5',
    ])
  })
})
