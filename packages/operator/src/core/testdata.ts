import { OrderedMap } from '@l2/common'
import { type ControlState, createControlState, defaultParameters } from '@l2/control-chain'
import type { ReceivedHeader } from '@l2/gossip'
import { hashSequencerHeader, type SequencerHeader, type SignedHeader } from '@l2/sequencer-core/block'
import type { Address, Hash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

/** A word made of one number. */
export const word = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
export const domain: { chainId: bigint; rollup: Address } = { chainId: 901n, rollup: `0x${'f0'.repeat(20)}` }
/** Operators 1 to 4, and a stranger. */
export const accounts: ReturnType<typeof privateKeyToAccount>[] = [1, 2, 3, 4, 5].map(n => privateKeyToAccount(word(n)))
export const addressOf = (operator: number): Address => accounts[operator - 1]!.address.toLowerCase() as Address

/** After so many blocks are settled, in a term. */
export function stateOf({ milestone = 0, view = 0 }: { milestone?: number; view?: number } = {}): ControlState {
  const genesis = { height: 0n, hash: word(0) }
  const members = [1, 2, 3, 4].map(id => ({ id, power: 10n }))
  const state = createControlState({ chainId: 901n, genesis, members, parameters: defaultParameters })
  const block = { height: BigInt(milestone), hash: word(milestone) }
  return {
    ...state,
    view,
    height: 100n,
    milestone: block,
    start: genesis,
    movedAtHeight: 99n,
    listedAtHeight: OrderedMap.from(),
  }
}

export async function signed(
  operator: number,
  height: number,
  change: Partial<SequencerHeader> = {},
): Promise<SignedHeader> {
  const header: SequencerHeader = {
    ...{ epochId: 3n, term: 0, height: BigInt(height), timestamp: 1_000n, l1OriginNumber: 1n, forcedUpTo: 0n },
    ...{ parentHash: word(height - 1), txRoot: word(1), stateRoot: word(2), l1OriginHash: word(3) },
    ...change,
  }
  return { header, signature: await accounts[operator - 1]!.sign({ hash: hashSequencerHeader(header, domain) }) }
}

/** As the gossip gives it, without its payload. */
export const received = ({ header, signature }: SignedHeader): ReceivedHeader => ({
  ...{ header, signature, id: hashSequencerHeader(header, domain) },
  publisher: { key: word(1), operator: 1, addresses: [] },
  ...{ payloadHash: word(9), payloadLength: 0, payload: undefined },
})
