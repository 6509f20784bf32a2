import { isL2Error } from '@l2/common'
import { keccak256, toFunctionSelector } from 'viem'
import { describe, expect, it } from 'vitest'
import { openArtifacts } from './artifacts.js'

const codeOf = (act: () => unknown): unknown => {
  try {
    act()
    return undefined
  } catch (error) {
    return isL2Error(error) ? error.code : error
  }
}

describe('openArtifacts', () => {
  const artifacts = openArtifacts()

  it('reads contracts by their name, and once', () => {
    const portal = artifacts.contract('OptimismPortal2')
    expect(portal.abi.some(item => item.type === 'function' && item.name === 'proveWithdrawalTransaction')).toBe(true)
    expect(portal.bytecode.length).toBeGreaterThan(portal.deployedBytecode.length)
    expect(artifacts.contract('OptimismPortal2')).toBe(portal)
  })

  it('finds immutables in the order of the source', () => {
    // FeeVault: MIN_WITHDRAWAL_AMOUNT, RECIPIENT, WITHDRAWAL_NETWORK; a vault is 2000 bytes, and none stands twice at one place.
    const { immutables, deployedBytecode } = artifacts.contract('SequencerFeeVault')
    expect(immutables).toHaveLength(3)
    const places = immutables.flat()
    expect(new Set(places).size).toBe(places.length)
    for (const at of places) expect(deployedBytecode.slice(2 + at * 2, 2 + at * 2 + 64)).toBe('0'.repeat(64))
  })

  it('reads the code of preinstalls', () => {
    // The code of Multicall3 on Ethereum, whose aggregate3 everybody calls.
    const code = artifacts.preinstall('MultiCall3Code')
    expect(code).toContain(toFunctionSelector('aggregate3((address,bool,bytes)[])').slice(2))
    expect(keccak256(code)).toBe('0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891')
  })

  it('says what is not there', () => {
    expect(codeOf(() => artifacts.contract('NoSuchContract'))).toBe('ARTIFACT_MISSING')
    expect(codeOf(() => artifacts.contract('../../package'))).toBe('ARTIFACT_MISSING')
    expect(codeOf(() => artifacts.preinstall('NoSuchCode'))).toBe('ARTIFACT_MISSING')
  })
})
