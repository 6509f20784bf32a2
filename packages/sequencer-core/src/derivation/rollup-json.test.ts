import { describe, expect, it } from 'vitest'
import type { SequencerError } from '../errors.js'
import { simulatedRollup } from '../testing/l2-simulator.js'
import { rollupPresets } from './presets.js'
import type { RollupConfig } from './rollup-config.js'
import { fromRollupJson, toRollupJson } from './rollup-json.js'

const issuesOf = (json: unknown): unknown => {
  try {
    fromRollupJson(json)
  } catch (error) {
    return (error as SequencerError).details['issues']
  }
  return undefined
}

describe('rollup.json', () => {
  const configs: [string, RollupConfig][] = [
    ['OP Mainnet', rollupPresets.opMainnet],
    ['OP Sepolia', rollupPresets.opSepolia],
    ['a new chain', simulatedRollup()],
    [
      'a chain with alt-DA and every field',
      {
        ...simulatedRollup({ forks: { jovian: 0n, karst: 1002n, lagoon: 2000n } }),
        keepKarstUpgradeGas: true,
        altDa: {
          commitmentType: 'generic',
          maxInputBytes: 1_000_000,
          challenge: { contract: `0x${'5c'.repeat(20)}`, windowBlocks: 160n, resolveWindowBlocks: 170n },
        },
        genesis: {
          ...simulatedRollup().genesis,
          systemConfig: {
            ...simulatedRollup().genesis.systemConfig,
            eip1559Denominator: 250n,
            eip1559Elasticity: 6n,
            operatorFeeScalar: 7n,
            operatorFeeConstant: 8n,
            minBaseFee: 9n,
            daFootprintGasScalar: 10n,
          },
        },
      },
    ],
  ]
  it.each(configs)('comes back as it was: %s', (_, config) => {
    expect(fromRollupJson(JSON.parse(JSON.stringify(toRollupJson(config))))).toEqual(config)
  })

  it('refuses keys that it does not know, the time of an upgrade above all, and names every problem', () => {
    const json = toRollupJson(rollupPresets.opMainnet)
    expect(issuesOf({ ...json, moraine_time: 5 })).toEqual([expect.stringContaining('moraine_time')])
    const bad = { ...json, batch_inbox_address: '0x12', block_time: -1, genesis: { ...json.genesis, l2_time: '5' } }
    expect(issuesOf(bad)).toHaveLength(3)
    for (const junk of [undefined, null, 5, 'text', [], {}]) expect(issuesOf(junk)).toBeDefined()
    expect(issuesOf({ ...json, l2_chain_id: 1 })).toEqual([`"l2ChainId" expected another than L1's, got 1`])
  })

  it('reads what older files leave out, and legacy keys', () => {
    const { chain_op_config: _, ...json } = toRollupJson(rollupPresets.opMainnet)
    const { system_config } = json.genesis
    const old = {
      batcherAddr: system_config.batcherAddr,
      overhead: system_config.overhead,
      scalar: system_config.scalar,
      gasLimit: system_config.gasLimit,
    }
    const config = fromRollupJson({
      ...json,
      protocol_versions_address: `0x${'11'.repeat(20)}`,
      genesis: { ...json.genesis, system_config: old },
    })
    expect(config).toEqual(rollupPresets.opMainnet)
  })

  it('guesses nothing that decides about blocks', () => {
    const { chain_op_config: _, ...unknown } = toRollupJson(simulatedRollup())
    expect(issuesOf(unknown)).toEqual([expect.stringContaining('chain_op_config')])
    // Fjord has a drift of its own; before it, a chain without one would take no transactions.
    const { max_sequencer_drift: __, ...fjord } = toRollupJson(simulatedRollup())
    expect(issuesOf(fjord)).toBeUndefined()
    const { max_sequencer_drift: ___, ...mainnet } = toRollupJson(rollupPresets.opMainnet)
    for (const json of [mainnet, { ...mainnet, max_sequencer_drift: 0 }]) {
      expect(issuesOf(json)).toEqual([expect.stringContaining('max_sequencer_drift')])
    }
  })

  it('is not written with numbers that JSON readers round', () => {
    const chain = simulatedRollup()
    for (const config of [
      { ...chain, l2ChainId: 2n ** 53n + 1n },
      {
        ...chain,
        genesis: { ...chain.genesis, systemConfig: { ...chain.genesis.systemConfig, minBaseFee: 2n ** 63n + 1n } },
      },
    ]) {
      expect(() => toRollupJson(config)).toThrow(expect.objectContaining({ code: 'ROLLUP_CONFIG_INVALID' }))
    }
  })

  it('is not written for a chain that op-node cannot follow', () => {
    for (const config of [rollupPresets.base, { ...simulatedRollup(), altDa: true }]) {
      expect(() => toRollupJson(config)).toThrow('no rollup.json')
    }
  })
})
