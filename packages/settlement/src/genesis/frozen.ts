import { isForkActive } from '@l2/sequencer-core/derivation'
import type { GenesisAccount } from '@l2/sequencer-core/engine'
import { type Address, type Hash, pad, toHex } from 'viem'
import * as z from 'zod/mini'
import type { Artifacts } from '../artifacts/artifact.js'
import { SettlementError } from '../errors.js'
import {
  type Allocation,
  adminSlot,
  type FeeRecipients,
  implementationSlot,
  type PredeployOptions,
} from './allocation.js'
import { governanceToken, implementationOf, predeployAt, predeploys } from './predeploys.js'
import { permit2, preinstalledAccounts } from './preinstalls.js'

/** The predeploys of the OP Stack as they were frozen as of a fork: `states[fork]` of what `node scripts/go.mjs op-states` names. */
export type FrozenPredeploys = { fork: 'jovian' | 'karst'; state: unknown }

const stateSchema = /* @__PURE__ */ (() => {
  const hex = z.string().check(z.regex(/^0x([0-9a-fA-F]{2})*$/), z.maxLength(200_000))
  const word = z.string().check(z.regex(/^0x[0-9a-fA-F]{64}$/))
  const quantity = z.string().check(z.regex(/^0x[0-9a-fA-F]{1,64}$/))
  const account = z.object({
    code: z.optional(hex),
    storage: z.optional(z.record(word, word)),
    balance: z.optional(quantity),
    nonce: z.optional(quantity),
  })
  return z.record(z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/)), account)
})()

const invalid = (fork: string, reason: string): never => {
  throw new SettlementError(`the frozen predeploys of ${fork}: ${reason}`, {
    code: 'LEVEL_INVALID',
    details: { fork, reason },
  })
}

function parse({ fork, state }: FrozenPredeploys): Allocation {
  const parsed = stateSchema.safeParse(state)
  if (!parsed.success)
    return invalid(fork, `${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`)
  return Object.fromEntries(
    Object.entries(parsed.data).map(([at, { code, storage, balance = '0x0', nonce = '0x1' }]) => [
      at.toLowerCase(),
      { code, storage, balance: BigInt(balance), nonce: BigInt(nonce) } as GenesisAccount,
    ]),
  )
}

const word = (value: Address | bigint): Hash =>
  pad(typeof value === 'bigint' ? toHex(value) : value, { size: 32 }) as Hash
const slot = (index: number): Hash => toHex(index, { size: 32 })

/** The vault of each kind of fees, and whom the frozen states name there: accounts whose keys are public, and a vault. */
const vaults: Readonly<Record<keyof FeeRecipients, { at: Address; frozen: Address }>> = {
  sequencer: { at: predeploys.sequencerFeeVault, frozen: '0xa0ee7a142d267c1f36714e4a8f75612f20a79720' },
  baseFee: { at: predeploys.baseFeeVault, frozen: '0x14dc79964da2c08b23698b3d3cc7ca32193d9955' },
  l1Fee: { at: predeploys.l1FeeVault, frozen: '0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f' },
  operatorFee: { at: predeploys.operatorFeeVault, frozen: predeploys.baseFeeVault },
}
/** The L1 of the frozen states. */
const frozenL1ChainId = 900n
/** The network byte of a vault that pays on L2, in front of its recipient. */
const paysOnL2 = 1n << 160n

/**
 * The frozen predeploys as those of a chain of one's own: owner, recipients of fees, counterparts on L1 and chain ids are put in the place of those with which they
 * were frozen, and what the states lack is added. Vaults pay on L2 from Karst on; at Jovian the network is in their code, and they pay on L1.
 *
 * @throws SettlementError `LEVEL_INVALID` where the state is not what it should be
 */
export function frozenAccounts(options: PredeployOptions, level: FrozenPredeploys, artifacts: Artifacts): Allocation {
  const { fork } = level
  if (options.gasToken.type !== 'ether') invalid(fork, 'they take ether for gas and nothing else')
  const { [permit2]: _, ...frozen } = parse(level)
  const proxyCode = frozen[predeploys.l1Block]?.code ?? invalid(fork, 'there is no L1Block')
  const alloc: Allocation = { ...preinstalledAccounts(options.l2ChainId, artifacts), ...frozen }
  for (let index = 0; index < options.reserved; index++) {
    const reserved = predeployAt(index)
    if (reserved === governanceToken || reserved in alloc) continue
    alloc[reserved] = { nonce: 1n, code: proxyCode, storage: { [adminSlot]: word(predeploys.proxyAdmin) } }
  }
  const at = (address: Address): GenesisAccount => alloc[address] ?? invalid(fork, `there is no ${address}`)
  const put = (address: Address, index: number, value: Address | bigint): void => {
    const account = at(address)
    alloc[address] = { ...account, storage: { ...account.storage, [slot(index)]: word(value) } }
  }
  /** Changes a word of a code wherever it is pushed. */
  const replace = (address: Address, from: Address | bigint, to: Address | bigint): void => {
    const account = at(address)
    const pushed = (value: Address | bigint): string => `7f${word(value).slice(2)}`
    const code = (account.code ?? '0x').toLowerCase()
    if (!code.includes(pushed(from)))
      invalid(fork, `the code of ${address} has not the ${String(from)} that is to be changed`)
    alloc[address] = { ...account, code: code.replaceAll(pushed(from), pushed(to)) as `0x${string}` }
  }
  const behind = (proxy: Address): Address => {
    const held = at(proxy).storage?.[implementationSlot]
    return held === undefined ? implementationOf(proxy) : `0x${held.slice(26)}`
  }
  const { l1, owner, recipients } = options
  put(predeploys.l2CrossDomainMessenger, 0xcf, l1.l1CrossDomainMessenger)
  put(predeploys.l2StandardBridge, 4, l1.l1StandardBridge)
  put(predeploys.l2Erc721Bridge, 2, l1.l1Erc721Bridge)
  put(predeploys.proxyAdmin, 0, owner)
  const factory = predeploys.optimismMintableErc721Factory
  if (fork === 'jovian') {
    // Nobody may own the code behind the proxy either.
    put(behind(predeploys.proxyAdmin), 0, owner)
    replace(behind(factory), frozenL1ChainId, options.l1ChainId)
  } else {
    put(factory, 2, options.l1ChainId)
  }
  for (const [fees, { at: vault, frozen: named }] of Object.entries(vaults) as [
    keyof FeeRecipients,
    { at: Address; frozen: Address },
  ][]) {
    if (fork === 'jovian') replace(behind(vault), named, recipients[fees])
    else {
      put(vault, 2, paysOnL2 | BigInt(recipients[fees]))
      // However little there is can be withdrawn.
      put(vault, 1, 0n)
    }
  }
  return alloc
}

/** @throws SettlementError `LEVEL_INVALID` for predeploys of before Karst on a chain that begins after it, and the other way round */
export function checkLevel(
  level: FrozenPredeploys | undefined,
  forks: Parameters<typeof isForkActive>[0],
  timestamp: bigint,
): void {
  const isKarst = isForkActive(forks, 'karst', timestamp)
  const fork = level?.fork ?? 'jovian'
  if (isKarst === (fork === 'karst')) return
  invalid(
    fork,
    isKarst ? 'a chain that begins with Karst needs those of Karst' : 'they need a chain that begins with Karst',
  )
}
