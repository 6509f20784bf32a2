import type { PublicClient } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DeployedSettlement, deploySettlement } from '../deploy/deploy.js'
import { predeployedAccounts } from '../genesis/allocation.js'
import { implementationOf, predeploys } from '../genesis/predeploys.js'
import { settlementRollup } from '../genesis/rollup.js'
import { openArtifacts } from '../node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../testing/dev-l1.js'
import { checkSettlement } from './check-settlement.js'

const artifacts = openArtifacts()
const [deployer, batcher, recipient] = accounts
const ids = { l1ChainId: 900n, l2ChainId: 901n } as const

let l1: AnvilL1
let l2: AnvilL1
let settlement: DeployedSettlement
beforeAll(async () => {
  ;[l1, l2] = await Promise.all([startL1(), startL1([], 901)])
  const on = { client: l1.client, account: deployer, artifacts }
  settlement = await deploySettlement({ l2ChainId: ids.l2ChainId, batcher: batcher.address }, on)
  const to = recipient.address
  const { l1CrossDomainMessenger, l1StandardBridge, l1Erc721Bridge } = settlement.addresses
  const alloc = predeployedAccounts(
    {
      ...{ ...ids, gasToken: { type: 'ether' }, owner: deployer.address, reserved: 64 },
      recipients: { sequencer: to, baseFee: to, l1Fee: to, operatorFee: to },
      l1: { l1CrossDomainMessenger, l1StandardBridge, l1Erc721Bridge },
    },
    artifacts,
  )
  // What a genesis holds, put where an engine would have it.
  for (const [address, { code, storage = {} }] of Object.entries(alloc)) {
    const at = address as `0x${string}`
    if (code !== undefined) await l2.test.setCode({ address: at, bytecode: code })
    for (const [slot, value] of Object.entries(storage)) {
      await l2.test.setStorageAt({ address: at, index: slot as `0x${string}`, value })
    }
  }
})
afterAll(async () => {
  await Promise.all([l1?.[Symbol.asyncDispose](), l2?.[Symbol.asyncDispose]()])
})

const check = async () => {
  const genesis = await l2.client.getBlock({ blockNumber: 0n })
  const rollup = settlementRollup({ ...ids, settlement, blockTimeSeconds: 1n, l2Genesis: genesis })
  return await checkSettlement({ rollup }, { l1: l1.client, l2: l2.client as PublicClient })
}

it('takes an L2 whose predeploys answer and whose fees have a way out', async () => {
  const { versions, books } = await check()
  expect(versions['l2ToL1MessagePasser']).toMatch(/^\d+\.\d+\.\d+$/)
  expect(books).toBeUndefined()
})

it('refuses one whose fees would stay in a vault for ever', async () => {
  await l2.test.setCode({ address: implementationOf(predeploys.l1FeeVault), bytecode: '0x' })
  await l2.test.setCode({ address: predeploys.operatorFeeVault, bytecode: '0x' })
  // The sequencer's fees go to what takes no value: code that always reverts.
  await l2.test.setCode({ address: recipient.address, bytecode: '0x60006000fd' })
  await expect(check()).rejects.toMatchObject({
    code: 'SETTLEMENT_REFUSED',
    details: {
      problems: [
        expect.stringMatching(/^the vault of the sequencer's fees \(0x4200\w+11\) cannot be emptied/),
        expect.stringMatching(/^the vault of base fees .* cannot be emptied/),
        expect.stringMatching(/^the vault of L1 fees .* does not answer as a vault/),
        expect.stringMatching(/^the vault of operator fees .* has no code/),
      ],
    },
  })
})
