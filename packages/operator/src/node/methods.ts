import { type ControlChain, leaderAt, membersOf, planOf } from '@l2/control-chain'
import type { HeaderGossip } from '@l2/gossip'
import type { RpcMethod, SequencerLoop } from '@l2/node'
import type { OperatorCore } from '../core/core.js'
import type { OperatorEntry } from '../home/genesis.js'

export type OperatorView = {
  id: number
  operators: readonly OperatorEntry[]
  core: OperatorCore
  chain: ControlChain
  gossip: Pick<HeaderGossip, 'status'>
  sequencer: Pick<SequencerLoop, 'head'>
}

/** What a milestone is, wherever one is told: it must not be taken for what L1 says. */
const meaning = 'settled among operators, not yet on L1'

/** What only an operator has: the control chain, who is there, who leads, and what is settled. Integers are decimal strings. */
export function operatorMethods(view: OperatorView): Map<string, RpcMethod> {
  const { id, operators, core, chain, gossip, sequencer } = view
  return new Map<string, RpcMethod>([
    ['l2_milestone', () => ({ ...core.milestone(), meaning })],
    [
      'l2_operators',
      () => {
        const state = chain.state()
        const { height, sinceBlockMs, quorum, toleratedPower, waiting } = chain.status
        const members = new Map(membersOf(state).map(member => [member.id, member.power]))
        const { peers, traffic } = gossip.status()
        const connected = new Set(peers.flatMap(peer => (peer.isConnected ? [peer.operator] : [])))
        return {
          self: id,
          control: {
            height,
            sinceBlockMs: Math.round(sinceBlockMs),
            power: quorum.power,
            total: quorum.total,
            toleratedPower,
            waiting: waiting ?? null,
          },
          term: state.view,
          start: state.start,
          leader: leaderAt(state, planOf(state), sequencer.head.number + 1n) ?? null,
          milestone: { ...core.milestone(), meaning },
          lagsMs: core.lags,
          operators: operators.map(operator => ({
            id: operator.id,
            header: operator.header,
            poster: operator.poster,
            power: members.get(operator.id) ?? 0n,
            isJailed: state.jailed.has(operator.id),
            isPresent: quorum.present.includes(operator.id),
            isConnected: operator.id === id || connected.has(operator.id),
            record: state.records.get(operator.id) ?? null,
          })),
          traffic,
        }
      },
    ],
  ])
}
