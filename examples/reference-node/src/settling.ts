import { redactUrls } from '@l2/common'
import {
  engineOutputs,
  engineTransport,
  isL2Error,
  l1Wallet,
  openSettling,
  type Settling,
  type Supervision,
  type Verifier,
} from '@l2/node'
import { anchorSettlement, checkSettlement } from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { type Address, createPublicClient } from 'viem'
import { verifierStates } from './chain/parameters.js'
import { ownerAccount, proposerAccount } from './dev-accounts.js'
import type { Ground } from './ground.js'

/**
 * Whether the chain may go on with what is on L1: its contracts, and, where it has deposits, predeploys and the books of the bridge. The engine is where the record ends
 * by then. Whether it proves as far back as it promises is asked before every proposal: a chain that proposes nothing still serves.
 */
export async function checkStart({ identity, rollup, family, executing, l1 }: Ground): Promise<void> {
  const onL1 = l1Wallet(l1, ownerAccount())
  if (family === 'geth') await checkSettlement({ rollup }, { l1: onL1 })
  else {
    // The engine may have begun a moment ago, and what it does not answer counts as missing.
    const l2 = createPublicClient({ transport: engineTransport(executing.read, 6) })
    await checkSettlement({ rollup, bridge: identity.contracts['nativeTokenBridge'] as Address }, { l1: onL1, l2 })
  }
}

/** Between two proposals: short, so that a withdrawal of the demonstration finds one. */
const intervalSeconds = 15n

/**
 * Proposals of what was derived from L1, and disputes of what is false, in devnet windows. They begin once L1 knows which block of L2 is the first. A plain geth has no
 * deposits, and so no money that could leave.
 */
export function settle(ground: Ground, verifier: Verifier): Settling | undefined {
  const { identity, rollup, family, executing, verifying, l1, say, config } = ground
  const [deriving] = verifying.parts
  if (family === 'geth' || deriving === undefined) return undefined
  const { history } = config
  const account = proposerAccount()
  const derived = engineOutputs(deriving, { family, history, rollup, maxStates: verifierStates })
  const { contracts } = identity
  const at = (name: string): Address => contracts[name] as Address
  const settling = openSettling(
    {
      factory: at('disputeGameFactory'),
      proposer: { account, intervalSeconds, rule: 'safe' },
      challenger: { account },
      bridge: at('nativeTokenBridge'),
    },
    { l1, verifier, derived, users: engineOutputs(executing, { family, history, rollup }), read: executing.read, say },
  )
  const addresses = {
    proxyAdmin: at('proxyAdmin'),
    anchorStateRegistry: at('anchorStateRegistry'),
    disputeGameFactory: at('disputeGameFactory'),
  }
  const owner = ownerAccount()
  const sender = { client: l1Wallet(l1, owner), account: owner, artifacts: openArtifacts() }
  let isAnchored = false
  return {
    get status() {
      return settling.status
    },
    check: () => settling.check(),
    readBooks: () => settling.readBooks(),
    run(supervision: Pick<Supervision, 'run'>) {
      supervision.run('anchor', { pauseMs: 1000, patience: 5 }, async () => {
        if (isAnchored) return undefined
        // The state of anvil's genesis cannot be proven.
        const output = await derived.outputs.at(family === 'op' ? 0n : 1n).catch(error => {
          // The chain is older than the states that its engine keeps, and was anchored when it was young.
          if (isL2Error(error, 'PROOFS_UNAVAILABLE')) return 'forgotten' as const
          throw error
        })
        if (output === undefined) return 'the first block has not been derived from L1 yet'
        try {
          if (output !== 'forgotten') await anchorSettlement({ addresses, output }, sender)
        } catch (error) {
          // An L1 that does not answer passes.
          if (isL2Error(error) && error.recovery === 'abort') throw error
          return redactUrls((error as Error).message.split('\n', 1)[0]!)
        }
        isAnchored = true
        settling.run(supervision)
        return undefined
      })
    },
  }
}
