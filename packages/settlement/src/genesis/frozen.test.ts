import { readFileSync } from 'node:fs'
import { isL2Error } from '@l2/common'
import { allForksAtGenesis } from '@l2/sequencer-core/derivation'
import { type Address, pad } from 'viem'
import { describe, expect, it } from 'vitest'
import { goOutput } from '../../../../scripts/go.mjs'
import { openArtifacts } from '../node/artifacts.js'
import { type L2GenesisOptions, l2Genesis } from './l2-genesis.js'
import { predeploys } from './predeploys.js'

const path = goOutput('op-states', { build: process.env['L2_PEERS'] === 'full' })
if (path === undefined)
  process.stdout.write('skipped: no frozen predeploys; node scripts/go.mjs op-states prints them\n')
const artifacts = openArtifacts()
const at = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
const timestamp = 1_700_000_000n
const recipients = { sequencer: at(0x2001), baseFee: at(0x2002), l1Fee: at(0x2003), operatorFee: at(0x2004) }
const l1 = { l1CrossDomainMessenger: at(0x3001), l1StandardBridge: at(0x3002), l1Erc721Bridge: at(0x3003) }
const options: L2GenesisOptions = { l1ChainId: 1n, l2ChainId: 901n, timestamp, owner: at(0x1001), recipients, l1 }

const refusal = (more: Partial<L2GenesisOptions>): unknown => {
  try {
    l2Genesis({ ...options, ...more }, { artifacts })
    return undefined
  } catch (error) {
    return isL2Error(error) ? error.code : error
  }
}

it('refuses what is no state of accounts, and a level that the chain does not begin with', () => {
  const withKarst = { forks: { ...allForksAtGenesis, karst: 0n } }
  for (const state of [
    undefined,
    null,
    7,
    [],
    { no: {} },
    { [at(1)]: { code: 7 } },
    { [at(1)]: { code: '0x1' } },
    {},
  ]) {
    expect(refusal({ level: { fork: 'jovian', state } }), JSON.stringify(state)).toBe('LEVEL_INVALID')
    expect(refusal({ ...withKarst, level: { fork: 'karst', state } })).toBe('LEVEL_INVALID')
  }
  expect(refusal(withKarst)).toBe('LEVEL_INVALID')
  expect(refusal({})).toBeUndefined()
})

describe.skipIf(path === undefined)('frozen predeploys', () => {
  const { states } = path === undefined ? { states: {} } : JSON.parse(readFileSync(path, 'utf8'))
  const levels = {
    jovian: { level: { fork: 'jovian', state: states.jovian } },
    karst: { level: { fork: 'karst', state: states.karst }, forks: { ...allForksAtGenesis, karst: 0n } },
  } as const

  it.each(['jovian', 'karst'] as const)('%s: are told our owner, recipients, counterparts and chains', fork => {
    const { alloc, config } = l2Genesis({ ...options, ...levels[fork] }, { artifacts })
    const text = JSON.stringify(alloc).toLowerCase()
    for (const named of [options.owner, ...Object.values(recipients), ...Object.values(l1)]) {
      expect(text).toContain(pad(named, { size: 20 }).slice(2))
    }
    // What reads op-geth of the upgrade, and of Ethereum's that comes with it.
    expect([config['karstTime'], config['osakaTime']]).toEqual(fork === 'karst' ? [0, 0] : [undefined, undefined])
    expect(Object.keys(alloc).length).toBeGreaterThan(2048)
  })

  it.each(['jovian', 'karst'] as const)('%s: name no account whose key is public', fork => {
    const known: Address = '0x90f79bf6eb2c4f870365e785982e1f101e93b906'
    expect(refusal(levels[fork])).toBeUndefined()
    expect(refusal({ ...levels[fork], owner: known })).toBe('ALLOCATION_REFUSED')
    expect(refusal({ ...levels[fork], owner: known, isDevnet: true })).toBeUndefined()
    expect(refusal({ ...levels[fork], recipients: { ...recipients, l1Fee: known } })).toBe('ALLOCATION_REFUSED')
    // As they were frozen: the owner is one of those.
    const frozen = {
      nonce: 1n,
      code: '0x01' as const,
      storage: { [pad('0x0', { size: 32 })]: pad(known, { size: 32 }) },
    }
    expect(refusal({ ...levels[fork], alloc: { [predeploys.proxyAdmin]: frozen } })).toBe('ALLOCATION_REFUSED')
  })

  it('take another level for what it is not', () => {
    expect(refusal({ level: levels.karst.level })).toBe('LEVEL_INVALID')
    expect(refusal({ level: { fork: 'jovian', state: states.karst } })).toBe('LEVEL_INVALID')
    expect(refusal({ ...levels.karst, level: levels.jovian.level })).toBe('LEVEL_INVALID')
  })
})
