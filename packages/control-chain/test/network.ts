import { toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { ControlChain, ControlChainDependencies, FoldedBlock } from '../src/chain/control-chain.js'
import type { LeaderPlan } from '../src/fold/leaders.js'
import type { ControlState } from '../src/fold/state.js'
import { nameBlocks } from '../src/operator/name-blocks.js'
import { defaultParameters } from '../src/parameters.js'
import type { ControlNetwork, ControlPeer } from '../src/testing/index.js'

const hashOf = (height: bigint) => toHex(height, { size: 32 })
const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const

/** A network for the conformance suite: `open` brings one operator's chain up over a store that outlives it. */
export async function openNetwork<Genesis extends { id: number; power: bigint; header: `0x${string}` }>(
  size: number,
  complete: (operator: { id: number; power: bigint; header: `0x${string}` }) => Genesis,
  open: (
    id: number,
    options: ReturnType<typeof optionsOf<Genesis>>,
    parts: ControlChainDependencies,
  ) => Promise<ControlChain>,
  cleanup: () => Promise<void> = async () => {},
): Promise<ControlNetwork> {
  const ids = Array.from({ length: size }, (_, index) => index + 1)
  const accounts = new Map(ids.map(id => [id, privateKeyToAccount(hashOf(BigInt(id)))]))
  const options = optionsOf(ids.map(id => complete({ id, power: 1n, header: accounts.get(id)!.address })))
  const plan: LeaderPlan = {
    slotAt: height => ({ start: height - (height % 1_000n), end: height - (height % 1_000n) + 999n, leader: 1 }),
    fallback: (_, view, isExcluded) => {
      const allowed = ids.filter(id => !isExcluded(id))
      return allowed[view % allowed.length] ?? 1
    },
  }
  const peers = await Promise.all(
    ids.map(async (id): Promise<ControlPeer> => {
      let executed = 0n
      let saved: Uint8Array | undefined
      const blocks: FoldedBlock[] = []
      const list = (state: ControlState) => {
        const blockAt = (height: bigint) =>
          height > executed ? undefined : { hash: hashOf(height), view: state.view, stored: true, originDepth: 10n }
        return nameBlocks(state, { blockAt }, { nameDepth: 2n })
      }
      const store = {
        load: () => saved,
        save: (bytes: Uint8Array) => {
          saved = bytes
        },
      }
      const bring = () => open(id, options, { plan, list, store, onBlock: ordered => void blocks.push(ordered) })
      let chain = await bring()
      return {
        id,
        sign: hash => accounts.get(id)!.sign({ hash }),
        get chain() {
          return chain
        },
        blocks,
        execute(height) {
          executed = height
        },
        async reopen() {
          await chain.close()
          chain = await bring()
        },
      }
    }),
  )
  return { options, peers, hashOf, close: cleanup }
}

function optionsOf<Genesis>(operators: readonly Genesis[]) {
  return { domain, genesis: { height: 0n, hash: hashOf(0n) }, operators, parameters: defaultParameters }
}
