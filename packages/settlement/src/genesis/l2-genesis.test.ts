import { isL2Error } from '@l2/common'
import { type Address, parseEther } from 'viem'
import { describe, expect, it } from 'vitest'
import { openArtifacts } from '../node/artifacts.js'
import { type L2GenesisOptions, l2Genesis } from './l2-genesis.js'
import { implementationOf, nativeTokenBridgePredeploy, predeploys } from './predeploys.js'

const artifacts = openArtifacts()
const at = (byte: string): Address => `0x${byte.repeat(20)}`
const [owner, receiver] = [at('a1'), at('b2')]
const recipients = { sequencer: receiver, baseFee: receiver, l1Fee: receiver, operatorFee: receiver }
const options: L2GenesisOptions = {
  ...{ l1ChainId: 900n, l2ChainId: 901n, timestamp: 1_700_000_000n, owner, recipients, reservedPredeploys: 64 },
  l1: { l1CrossDomainMessenger: at('01'), l1StandardBridge: at('02'), l1Erc721Bridge: at('03') },
}
const development: Address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const make = (change: Partial<L2GenesisOptions> = {}) => l2Genesis({ ...options, ...change }, { artifacts })

/** What a genesis is refused for. */
function problemsOf(change: Partial<L2GenesisOptions>): string {
  try {
    make(change)
  } catch (error) {
    if (isL2Error(error, 'ALLOCATION_REFUSED')) return error.metaMessages.join('\n')
    throw error
  }
  return ''
}

describe('l2Genesis', () => {
  it('is the same for the same options, and has no balance that nothing stands behind', () => {
    expect(JSON.stringify(make())).toBe(JSON.stringify(make()))
    for (const { balance } of Object.values(make().alloc)) expect(balance).toBe('0x0')
    expect(Object.keys(make({ reservedPredeploys: 2048 }).alloc).length).toBeGreaterThan(2048)
  })

  it('has the supply of a gas token in the vault, and a passer and an L1 block that know of it', () => {
    const capacityWei = parseEther('10000000')
    const token = { type: 'erc20', token: at('c3'), name: 'Metis', symbol: 'METIS', bridge: at('d4'), capacityWei }
    const [ether, metis] = [make(), make({ gasToken: token as L2GenesisOptions['gasToken'] })]
    expect(BigInt(metis.alloc[nativeTokenBridgePredeploy]!.balance)).toBe(capacityWei)
    expect(metis.alloc[nativeTokenBridgePredeploy]!.code).toContain('d4'.repeat(20))
    expect(ether.alloc[nativeTokenBridgePredeploy]).toBeUndefined()
    const passer = implementationOf(predeploys.l2ToL1MessagePasser)
    expect(metis.alloc[passer]!.code).not.toBe(ether.alloc[passer]!.code)
    expect(Object.values(metis.alloc[predeploys.l1Block]!.storage!).join()).toContain('c3'.repeat(20))
  })

  it('lets no account whose key is public own, get or have anything, unless it is a devnet', () => {
    const gift = { alloc: { [development]: { balance: 1n } } }
    for (const [change, what] of [
      [{ owner: development }, 'owns the predeploys'],
      [{ recipients: { ...recipients, l1Fee: development } }, 'gets fees'],
      [gift, 'has a balance'],
      [{ alloc: { [at('f6')]: { balance: 1n } } }, 'that nothing on L1 stands behind'],
      [
        { alloc: { [at('e5')]: { code: `0x73${development.slice(2).toLowerCase()}` as const } } },
        'is named in the code',
      ],
    ] as const) {
      expect(problemsOf(change)).toContain(what)
      expect(problemsOf({ ...change, isDevnet: true })).toBe('')
    }
  })

  it('refuses fees that nobody could get out, and an account in place of what tools count on', () => {
    const vault = { ...recipients, baseFee: predeploys.sequencerFeeVault }
    expect(problemsOf({ recipients: vault })).toContain('has no way out')
    expect(problemsOf({ recipients: { ...recipients, baseFee: `0x${'00'.repeat(19)}05` } })).toContain(
      'nobody has its key',
    )
    expect(problemsOf({ alloc: { [predeploys.l1Block]: { balance: 0n } } })).toContain('has no code')
    const multicall3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
    expect(problemsOf({ alloc: { [multicall3]: {} } })).toContain('has no code')
  })

  it('refuses options that are none', () => {
    for (const wrong of [{ owner: '0x' }, { reservedPredeploys: 3 }, { alloc: { nobody: {} } }, { timestamp: 1 }]) {
      expect(() => make(wrong as never)).toThrow(expect.objectContaining({ code: 'SETTLEMENT_OPTIONS_INVALID' }))
    }
  })
})
