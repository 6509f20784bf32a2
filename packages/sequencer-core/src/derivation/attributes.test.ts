import { bytesToHex } from '@l2/common'
import { describe, expect, it } from 'vitest'
import type { SequencerError } from '../errors.js'
import { createL1Simulator } from '../testing/l1-simulator.js'
import { simulatedRollup } from '../testing/l2-simulator.js'
import { type AttributesInput, buildAttributes, depositsOnly, sequencerFeeVault } from './attributes.js'
import { decodeDeposit } from './deposit.js'
import type { ForkSchedule } from './fork-schedule.js'
import { decodeL1Info } from './l1-info.js'
import { genesisBlockRef } from './l2.js'
import type { RollupConfig } from './rollup-config.js'

function input(forks: ForkSchedule, change: Partial<AttributesInput> = {}): AttributesInput {
  const rollup: RollupConfig = simulatedRollup({ forks })
  const l1 = createL1Simulator({ config: rollup, blockTimeSeconds: 2n })
  l1.deposit({
    from: rollup.batchInbox,
    to: rollup.batchInbox,
    mint: 3n,
    value: 2n,
    gas: 50_000n,
    data: Uint8Array.of(9),
  })
  l1.updateConfig({ type: 'gas-limit', gasLimit: 12_345n })
  l1.deposit({ from: rollup.batchInbox, to: undefined, mint: 0n, value: 0n, gas: 60_000n, data: new Uint8Array() })
  const origin = l1.mine()
  return {
    rollup,
    parent: genesisBlockRef(rollup),
    systemConfig: rollup.genesis.systemConfig,
    origin,
    logs: origin.logs,
    transactions: [Uint8Array.of(0xc1, 1)],
    ...change,
  }
}
const thrown = (run: () => unknown): SequencerError => {
  try {
    run()
  } catch (error) {
    return error as SequencerError
  }
  throw new Error('nothing was thrown')
}

describe('buildAttributes', () => {
  it('begins a new epoch: L1-info, the deposits of the origin, its config, then the batch', () => {
    const from = input({ jovian: 0n })
    const { attributes, sequenceNumber, systemConfig, depositCount } = buildAttributes(from)
    expect(sequenceNumber).toBe(0n)
    expect(systemConfig.gasLimit).toBe(12_345n)
    expect(depositCount).toBe(3)
    const [info, first, second, user] = attributes.transactions
    expect(decodeL1Info(decodeDeposit(info!).data)).toMatchObject({
      number: 101n,
      sequenceNumber: 0n,
      layout: 'jovian',
    })
    expect(decodeDeposit(first!)).toMatchObject({ mint: 3n, value: 2n })
    expect(decodeDeposit(second!)).toMatchObject({ gas: 60_000n, to: undefined })
    expect(bytesToHex(user!)).toBe('0xc101')
    expect(attributes).toMatchObject({
      timestamp: 1002n,
      prevRandao: from.origin.mixHash,
      suggestedFeeRecipient: sequencerFeeVault,
      withdrawals: [],
      parentBeaconBlockRoot: from.origin.parentBeaconBlockRoot,
      noTxPool: true,
      gasLimit: 12_345n,
      eip1559Params: '0x0000000000000000',
      minBaseFee: 0n,
    })
  })

  it('stays in an epoch: no deposits, no config', () => {
    const from = input({ jovian: 0n })
    const parent = { ...from.parent, l1Origin: from.origin, sequenceNumber: 4n }
    const { attributes, sequenceNumber, depositCount } = buildAttributes({ ...from, parent })
    expect([sequenceNumber, depositCount, attributes.gasLimit]).toEqual([5n, 1, 30_000_000n])
  })

  it('has the fields that each fork brought', () => {
    const at = (forks: ForkSchedule) => buildAttributes({ ...input(forks), upgradeTransactions: {} }).attributes
    expect(at({})).toMatchObject({ withdrawals: undefined, parentBeaconBlockRoot: undefined, eip1559Params: undefined })
    expect(at({ canyon: 0n })).toMatchObject({ withdrawals: [], parentBeaconBlockRoot: undefined })
    expect(at({ ecotone: 0n }).parentBeaconBlockRoot).toMatch(/^0x/)
    expect(at({ ecotone: 0n }).eip1559Params).toBeUndefined()
    expect(at({ holocene: 0n }).minBaseFee).toBeUndefined()
    const from = input({ jovian: 0n })
    const systemConfig = { ...from.systemConfig, eip1559Denominator: 250n, eip1559Elasticity: 6n, minBaseFee: 77n }
    expect(buildAttributes({ ...from, systemConfig }).attributes).toMatchObject({
      eip1559Params: '0x000000fa00000006',
      minBaseFee: 77n,
    })
  })

  it('writes a zero beacon root for an L1 without one', () => {
    const from = input({ ecotone: 0n })
    const origin = { ...from.origin, parentBeaconBlockRoot: undefined }
    expect(buildAttributes({ ...from, origin }).attributes.parentBeaconBlockRoot).toBe(`0x${'00'.repeat(32)}`)
  })

  it('refuses an origin that does not follow, and one that is younger than the block', () => {
    const from = input({ jovian: 0n })
    const bad = [
      { ...from.origin, parentHash: from.origin.hash },
      { ...from.origin, number: 102n },
      { ...from.origin, number: 100n },
      { ...from.origin, timestamp: 1003n },
    ]
    for (const origin of bad) {
      const error = thrown(() => buildAttributes({ ...from, origin }))
      expect([error.code, error.recovery]).toEqual(['DERIVATION_RESET', 'reset'])
    }
  })

  it('gives the activation block of Karst more gas, in that block alone, and no users', () => {
    const forks: ForkSchedule = { jovian: 0n, karst: 1002n }
    const from = input(forks, { transactions: [], upgradeTransactions: { karst: [Uint8Array.of(0x7e, 1)] } })
    const { attributes, systemConfig, depositCount } = buildAttributes(from)
    expect([attributes.gasLimit, systemConfig.gasLimit, depositCount]).toEqual([55_383_002n, 12_345n, 4])
    const user = { ...from, transactions: [Uint8Array.of(0xc1, 1)] }
    expect(thrown(() => buildAttributes(user)).code).toBe('UPGRADE_BLOCK_TRANSACTIONS')
    expect(thrown(() => buildAttributes({ ...from, upgradeTransactions: {} })).code).toBe(
      'UPGRADE_TRANSACTIONS_MISSING',
    )
    expect(buildAttributes(input({ jovian: 0n, karst: 1000n })).attributes.gasLimit).toBe(12_345n)
  })

  it("ends where the chain's own upgrade begins", () => {
    const from = input({ jovian: 0n })
    const at = (timeSeconds: bigint) => ({
      ...from,
      rollup: { ...from.rollup, foreignFork: { name: 'Azul', timeSeconds } },
    })
    expect(buildAttributes(at(1003n)).depositCount).toBe(3)
    const error = thrown(() => buildAttributes(at(1002n)))
    expect([error.code, error.recovery, error.details['fork']]).toEqual(['FORK_WITHOUT_RULES', 'abort', 'Azul'])
  })

  it('puts the transactions of an upgrade behind the deposits, and refuses to leave them out silently', () => {
    const forks: ForkSchedule = { granite: 0n, holocene: 1002n, isthmus: 1002n }
    const from = input(forks)
    expect(thrown(() => buildAttributes(from)).code).toBe('UPGRADE_TRANSACTIONS_MISSING')
    const upgrade = Uint8Array.of(0x7e, 0xaa)
    const { attributes, depositCount } = buildAttributes({ ...from, upgradeTransactions: { isthmus: [upgrade] } })
    expect(attributes.transactions[3]).toBe(upgrade)
    expect(depositCount).toBe(4)
    expect(buildAttributes({ ...from, upgradeTransactions: { isthmus: [] } }).depositCount).toBe(3)
  })
})

describe('depositsOnly', () => {
  it('leaves what L1 and the protocol put there', () => {
    const built = buildAttributes(input({ jovian: 0n }))
    const only = depositsOnly(built)
    expect(only.attributes.transactions).toEqual(built.attributes.transactions.slice(0, 3))
    expect(only.attributes.timestamp).toBe(built.attributes.timestamp)
  })
})
