import { isL2Error } from '@l2/common'
import { describe, expect, it } from 'vitest'
import {
  applyGovernance,
  createSeatGovernance,
  type GovernanceCommand,
  type SeatGovernance,
  type SeatRules,
} from './seats.js'

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const metis = 10n ** 18n
const seed = `0x${'5a'.repeat(32)}` as const
const week = 7n * 86_400n

function inHand(rules: SeatRules = {}) {
  let state: SeatGovernance = createSeatGovernance(rules)
  return {
    run(command: GovernanceCommand) {
      const result = applyGovernance(state, command)
      state = result.state
      return result.events
    },
    code(command: GovernanceCommand): string {
      try {
        applyGovernance(state, command)
      } catch (error) {
        if (isL2Error(error)) return error.code
        throw error
      }
      return 'none'
    },
  }
}

describe('proposals', () => {
  const vote = (voters: number, wei: bigint, yesShare: number, rules?: SeatRules) => {
    const votes = inHand(rules)
    votes.run({ type: 'propose', atSeconds: 0n, kind: 'admit', candidate: account(9) })
    for (let n = 0; n < voters; n++) {
      votes.run({
        type: 'vote',
        atSeconds: 1n,
        proposal: 0,
        voter: account(1000 + n),
        weightWei: wei,
        approve: n < voters * yesShare,
      })
    }
    return votes.run({ type: 'close', atSeconds: week + 1n, proposal: 0 }).map(({ type }) => type)
  }
  it('need the quorum, the accounts and four fifths', () => {
    expect(vote(500, 100n * metis, 0.8)).toEqual(['ProposalClosed', 'SeatGranted'])
    expect(vote(500, 100n * metis, 0.798)).toEqual(['ProposalClosed'])
    expect(vote(499, 200n * metis, 1)).toEqual(['ProposalClosed'])
    expect(vote(500, 100n * metis - 1n, 1)).toEqual(['ProposalClosed'])
    expect(vote(0, 1n, 1, { quorumWei: 0n, minVoters: 0 })).toEqual(['ProposalClosed'])
  })
  it('refuse double votes, late votes, early closing', () => {
    const votes = inHand({ quorumWei: 1n, minVoters: 1 })
    const propose: GovernanceCommand = { type: 'propose', atSeconds: 0n, kind: 'remove', candidate: account(9) }
    votes.run(propose)
    expect(votes.code(propose)).toBe('GOVERNANCE_INVALID')
    const ballot: GovernanceCommand = {
      type: 'vote',
      atSeconds: 1n,
      proposal: 0,
      voter: account(1),
      weightWei: 1n,
      approve: true,
    }
    expect(votes.code({ ...ballot, weightWei: 0n })).toBe('GOVERNANCE_INVALID')
    expect(votes.code({ ...ballot, voter: '0x1' })).toBe('INPUT_INVALID')
    votes.run(ballot)
    expect(votes.code(ballot)).toBe('GOVERNANCE_INVALID')
    expect(votes.code({ ...ballot, atSeconds: 0n })).toBe('TIME_REVERSED')
    expect(votes.code({ ...ballot, voter: account(2), atSeconds: week + 1n })).toBe('GOVERNANCE_INVALID')
    expect(votes.code({ type: 'close', atSeconds: week, proposal: 0 })).toBe('GOVERNANCE_INVALID')
    expect(votes.run({ type: 'close', atSeconds: week + 1n, proposal: 0 })).toContainEqual({
      type: 'SeatRevoked',
      owner: account(9),
    })
    expect(votes.code({ type: 'close', atSeconds: week + 1n, proposal: 0 })).toBe('GOVERNANCE_INVALID')
    expect(() => createSeatGovernance({ approvalBps: 0 })).toThrow(/approvalBps/)
  })
})

describe('blitz', () => {
  it('gives seats to those with most votes and pairs each with a node of its wish, or by the seed', () => {
    const blitz = inHand({ quorumWei: 4n, minVoters: 1 })
    blitz.run({ type: 'openBlitz', atSeconds: 0n, seats: 2, minPledgeWei: 10n })
    const enter = (n: number, pledgedWei: bigint, nodes: number[]): GovernanceCommand => ({
      type: 'enterBlitz',
      atSeconds: 1n,
      blitz: 0,
      protocol: account(n),
      pledgedWei,
      nodes,
    })
    blitz.run(enter(1, 10n, [7]))
    blitz.run(enter(2, 20n, [7, 9]))
    blitz.run(enter(3, 30n, []))
    expect(blitz.code(enter(3, 30n, []))).toBe('GOVERNANCE_INVALID')
    expect(blitz.code(enter(4, 9n, []))).toBe('GOVERNANCE_INVALID')
    const vote = (voter: number, protocol: number, weightWei: bigint): GovernanceCommand => ({
      type: 'voteBlitz',
      atSeconds: 2n,
      blitz: 0,
      voter: account(voter),
      protocol: account(protocol),
      weightWei,
    })
    blitz.run(vote(11, 1, 5n))
    blitz.run(vote(12, 2, 5n))
    blitz.run(vote(13, 3, 4n))
    expect(blitz.code(vote(13, 2, 4n))).toBe('GOVERNANCE_INVALID')
    expect(blitz.code(vote(14, 9, 4n))).toBe('GOVERNANCE_INVALID')
    const close: GovernanceCommand = { type: 'closeBlitz', atSeconds: week + 1n, blitz: 0, nodes: [9, 7, 8], seed }
    expect(blitz.code({ ...close, atSeconds: week })).toBe('GOVERNANCE_INVALID')
    expect(blitz.code({ ...close, nodes: [7] })).toBe('GOVERNANCE_INVALID')
    // Equal votes: the greater pledge chooses first.
    expect(blitz.run(close)).toEqual([
      { type: 'BlitzClosed', blitz: 0, winners: 2, failed: [] },
      { type: 'SeatGranted', owner: account(2) },
      { type: 'Paired', blitz: 0, protocol: account(2), node: 7, votesWei: 5n },
      { type: 'SeatGranted', owner: account(1) },
      { type: 'Paired', blitz: 0, protocol: account(1), node: expect.any(Number), votesWei: 5n },
    ])
    expect(blitz.code(close)).toBe('GOVERNANCE_INVALID')
    expect(blitz.code({ type: 'openBlitz', atSeconds: week + 1n, seats: 0, minPledgeWei: 0n })).toBe(
      'GOVERNANCE_INVALID',
    )
  })
  it('takes what a proposal takes: quorum, accounts and approval, for every seat', () => {
    const granted = (
      votes: { voters: number; wei: bigint; against?: number }[],
      rules?: SeatRules,
    ): { winners: number; failed: number } => {
      const blitz = inHand(rules)
      blitz.run({ type: 'openBlitz', atSeconds: 0n, seats: 9, minPledgeWei: 0n })
      let voter = 1000
      for (const [n, { voters, wei, against = 0 }] of votes.entries()) {
        const protocol = account(n + 1)
        blitz.run({ type: 'enterBlitz', atSeconds: 1n, blitz: 0, protocol, pledgedWei: 0n, nodes: [] })
        for (let i = 0; i < voters; i++) {
          const ballot = { blitz: 0, protocol, voter: account(voter++), weightWei: wei, approve: i >= against }
          blitz.run({ type: 'voteBlitz', atSeconds: 1n, ...ballot })
        }
      }
      const events = blitz.run({ type: 'closeBlitz', atSeconds: week + 1n, blitz: 0, nodes: [1, 2, 3], seed })
      const seats = events.filter(({ type }) => type === 'SeatGranted').length
      const closed = events[0]
      if (closed?.type !== 'BlitzClosed') throw new Error('a blitz that is closed says so')
      expect(closed.winners).toBe(seats)
      return { winners: seats, failed: closed.failed.length }
    }
    // One wei of one voter, with Metis' own rules.
    expect(granted([{ voters: 1, wei: 1n }])).toEqual({ winners: 0, failed: 1 })
    expect(
      granted([
        { voters: 500, wei: 100n * metis },
        { voters: 1, wei: 1n },
      ]),
    ).toEqual({ winners: 1, failed: 1 })
    expect(granted([{ voters: 499, wei: 200n * metis }])).toEqual({ winners: 0, failed: 1 })
    expect(granted([{ voters: 500, wei: 100n * metis - 1n }])).toEqual({ winners: 0, failed: 1 })
    expect(granted([{ voters: 500, wei: 100n * metis, against: 100 }])).toEqual({ winners: 1, failed: 0 })
    expect(granted([{ voters: 500, wei: 100n * metis, against: 101 }])).toEqual({ winners: 0, failed: 1 })
    expect(granted([{ voters: 0, wei: 1n }], { quorumWei: 0n, minVoters: 0 })).toEqual({ winners: 0, failed: 1 })
  })
})
