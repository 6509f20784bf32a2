import { type Address, encodeFunctionData, type Hash } from 'viem'
import * as z from 'zod/mini'
import type { Artifacts } from '../artifacts/artifact.js'
import { SettlementError } from '../errors.js'
import { address, checkOptions, hash, uint } from '../internal/options.js'
import { cannonGameType, type SettlementAddresses } from './deploy.js'
import { type L1Sender, type SendOptions, sendPlan } from './send.js'

/** Options of {@link anchorSettlement}. */
export type AnchorSettlementOptions = {
  addresses: Pick<SettlementAddresses, 'proxyAdmin' | 'anchorStateRegistry' | 'disputeGameFactory'>
  /**
   * The L2 block that disputes begin from, and its output root: the genesis block, or the first whose state the engine can prove, where it cannot prove that of the
   * genesis, as anvil.
   */
  output: { root: Hash; number: bigint }
  /** Who may upgrade the contracts from now on. Defaults to who sends this. */
  owner?: Address | undefined
}

const schema = /* @__PURE__ */ (() =>
  z.object({ output: z.object({ root: hash, number: uint(2n ** 64n - 1n) }), owner: z.optional(address) }))()

/** Where a proxy keeps its implementation. Source: EIP-1967. */
const implementationSlot = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'

/**
 * Tells the contracts the output root that the L2 begins with, which they could not know before it was made: no game can be created before this. Where it was
 * done already, nothing is sent. The account must own the proxy admin, as who deployed does until then.
 *
 * @returns whether something was sent
 * @throws SettlementError `ANCHOR_DIFFERS` where another chain's root is there, and as `deploySettlement`
 */
export async function anchorSettlement(
  options: AnchorSettlementOptions,
  dependencies: L1Sender & { artifacts: Artifacts },
  sending?: SendOptions,
): Promise<boolean> {
  const { output, owner } = options
  checkOptions(schema, { output, owner }, 'anchorSettlement')
  const { client, account, artifacts } = dependencies
  const { proxyAdmin, anchorStateRegistry, disputeGameFactory } = options.addresses
  const { abi } = artifacts.contract('AnchorStateRegistry')
  const implementation = await client.getStorageAt({ address: anchorStateRegistry, slot: implementationSlot })
  if (BigInt(implementation ?? 0n) !== 0n) {
    const call = { address: anchorStateRegistry, abi, functionName: 'anchors', args: [cannonGameType] }
    const [root, l2BlockNumber] = (await client.readContract(call)) as [Hash, bigint]
    // Later it is the root of a game that the chain's own roots have won.
    if (l2BlockNumber > output.number || root === output.root) return false
    throw new SettlementError('the contracts begin with another L2 genesis', {
      code: 'ANCHOR_DIFFERS',
      details: { there: root, here: output.root },
    })
  }
  await sendPlan(
    dependencies,
    plan => {
      const admin = { address: proxyAdmin, abi: artifacts.contract('ProxyAdmin').abi }
      const registry = plan.create(artifacts.contract('AnchorStateRegistry'), [disputeGameFactory])
      const anchors = [{ gameType: cannonGameType, outputRoot: { root: output.root, l2BlockNumber: output.number } }]
      const data = encodeFunctionData({ abi, functionName: 'initialize', args: [anchors] })
      plan.call('AnchorStateRegistry', admin, 'upgradeAndCall', [anchorStateRegistry, registry, data])
      if (owner !== undefined && owner.toLowerCase() !== account.address.toLowerCase()) {
        plan.call('ProxyAdmin', admin, 'transferOwnership', [owner])
      }
    },
    sending,
  )
  return true
}
