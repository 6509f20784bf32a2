import { attestedHead, type ControlChain, leaderAt, membersOf, planOf, recordOf } from '@l2/control-chain'
import type { HeaderGossip } from '@l2/gossip'
import type { Check, LabelledMetric, RpcMethod, SequencerLoop } from '@l2/node'
import type { Convictions } from '../core/convictions.js'
import type { OperatorCore } from '../core/core.js'
import type { OperatorEntry } from '../home/genesis.js'
import type { OperatorPosting } from '../home/posting.js'
import type { AttestedOnL1 } from '../posting/attested-on-l1.js'
import type { Duty } from './duty.js'
import type { Machine } from './machine.js'

export type OperatorView = {
  id: number
  operators: readonly OperatorEntry[]
  core: OperatorCore
  chain: ControlChain
  gossip: Pick<HeaderGossip, 'status'>
  sequencer: Pick<SequencerLoop, 'head'>
  convictions: Pick<Convictions, 'all'>
  /** What L1 has accepted of the committee, and what counts of batches, where one attests. */
  onL1: AttestedOnL1 | undefined
  mode: OperatorPosting['mode'] | undefined
  /** Where the operator has several machines: this one. */
  machine?: Pick<Machine, 'name'> | undefined
  duty: Pick<Duty, 'isOn'>
}

/** What a milestone is, wherever one is told: it must not be taken for what L1 says. */
const meaning = 'settled among operators, not yet on L1'

/** What only an operator has: the control chain, who is there, who leads, and what is settled. Integers are decimal strings. */
export function operatorMethods(view: OperatorView): Map<string, RpcMethod> {
  const { id, operators, core, chain, gossip, sequencer, convictions, onL1, mode, machine, duty } = view
  return new Map<string, RpcMethod>([
    [
      'l2_convictions',
      () => convictions.all.map(({ bundle, ...rest }) => ({ ...rest, bundle: bundle && JSON.parse(bundle) })),
    ],
    ['l2_milestone', () => ({ ...core.milestone(), meaning })],
    [
      'l2_attested',
      () => ({
        mode: mode ?? null,
        // A stock op-node follows what the system configuration says, and knows nothing of a committee.
        followedByStockNodes: mode !== 'strict',
        committee: attestedHead(chain.state()) ?? null,
        onL1: onL1?.head ?? null,
        contradicted: onL1?.contradicted ?? null,
      }),
    ],
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
          machine: machine === undefined ? null : { name: machine.name, isOnDuty: duty.isOn },
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
            record: recordOf(state, operator.id),
          })),
          traffic,
        }
      },
    ],
  ])
}

/** What the sentinel of the control chain has seen of each operator, and how the control chain itself does. */
export function operatorMetrics(view: OperatorView): readonly LabelledMetric[] {
  const { id, operators, core, chain, gossip, duty } = view
  type Read = (operator: number) => number | bigint | boolean
  const each = (name: string, help: string, read: () => Read): LabelledMetric => ({
    ...{ name: `l2_operator_${name}`, help, labelNames: ['operator'] },
    read: () => {
      const of = read()
      return operators.map(({ id }) => ({ labels: { operator: String(id) }, value: Number(of(id)) }))
    },
  })
  const one = (name: string, help: string, read: () => number | bigint): LabelledMetric => ({
    ...{ name, help },
    read: () => [{ value: Number(read()) }],
  })
  const record =
    (field: 'led' | 'missed' | 'named' | 'late'): (() => Read) =>
    () => {
      const state = chain.state()
      return operator => recordOf(state, operator)[field]
    }
  return [
    each('led_total', 'Settled blocks that it led', record('led')),
    each(
      'missed_total',
      'Turns that ended because it was silent, or signed what others call invalid',
      record('missed'),
    ),
    each('named_total', 'Milestones that its own list stood behind when they were settled', record('named')),
    each('late_total', 'Milestones that were settled without it', record('late')),
    each('power', 'Its stake in the control chain, in units of power; 0 for no member', () => {
      const members = new Map(membersOf(chain.state()).map(member => [member.id, member.power]))
      return operator => members.get(operator) ?? 0n
    }),
    each('jailed', '1 where the control chain has convicted it', () => {
      const { jailed } = chain.state()
      return operator => jailed.has(operator)
    }),
    each('present', '1 where its word is in the last control block', () => {
      const { present } = chain.status.quorum
      return operator => present.includes(operator)
    }),
    each('connected', '1 where it is a peer of this one', () => {
      const connected = gossip.status().peers.flatMap(peer => (peer.isConnected ? [peer.operator] : []))
      return operator => operator === id || connected.includes(operator)
    }),
    one('l2_operator_on_duty', '1 where this machine leads for its operator, 0 where it stands by', () =>
      duty.isOn ? 1 : 0,
    ),
    one('l2_control_height', 'The last control block that is folded here', () => chain.status.height),
    one('l2_control_silent_seconds', 'Since that block came', () => chain.status.sinceBlockMs / 1000),
    one('l2_control_term', 'Changes of leadership since genesis', () => chain.state().view),
    one('l2_milestone_number', 'The highest settled block that is executed here', () => core.milestone().number),
  ]
}

/** For how long no control block may come. */
const silentMs = 15_000

/** Whether control blocks come: without them nothing is settled, and blocks are made up to a bound only. */
export function controlCheck({ status }: Pick<ControlChain, 'status'>): Check {
  const { sinceBlockMs, waiting, quorum } = status
  if (sinceBlockMs < silentMs && waiting === undefined) return { ok: true }
  const silent = sinceBlockMs < silentMs ? undefined : `no control block for ${Math.round(sinceBlockMs / 1000)} s`
  const reason = [silent, waiting].filter(Boolean).join(': ')
  return {
    ok: false,
    reason: waiting === undefined ? `${reason}; ${quorum.power} of ${quorum.total} voted last` : reason,
  }
}
