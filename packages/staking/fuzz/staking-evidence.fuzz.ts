import type { FuzzTarget } from '@l2/common/testing'
import type { Hex } from 'viem'
import { type EvidenceContext, encodeBundle, type HeaderMessage, verifyBundle } from '../src/index.js'

const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const signer: Hex = `0x${'11'.repeat(20)}`
const message: HeaderMessage = {
  epochId: 1n,
  term: 0,
  height: 5n,
  parentHash: word(1),
  txRoot: word(2),
  stateRoot: word(3),
  timestamp: 1n,
  l1OriginNumber: 1n,
  l1OriginHash: word(4),
  forcedUpTo: 0n,
}
const context: EvidenceContext = {
  domain: { name: 'L2', version: '1', chainId: 1088n, verifyingContract: signer },
  now: { epoch: 2n, atSeconds: 100n },
  keys: [{ signer, id: 1, fromEpoch: 0n }],
  epochs: [{ epoch: 1n, startAtSeconds: 50n, startHeight: 0n }],
  seen: [],
  judgedDowntime: [],
  policy: {
    evidenceMaxAgeSeconds: 1000n,
    games: [signer],
    downtime: { windowTurns: 2, minTurns: 1 },
    forcedInclusion: { windowSeconds: 1n, graceSeconds: 1n },
    ordering: [{ policy: 'priority', fromHeight: 0n }],
  },
  facts: {
    disputes: [
      { game: signer, assertion: word(5), outcome: 'invalid', final: true, epoch: 1n, poster: signer, cosigners: [] },
    ],
    turns: [{ epoch: 1n, startHeight: 1n, leader: 1, produced: 0, l1Stalled: false }],
    maintenance: [],
    queue: [{ index: 1n, enqueuedAtSeconds: 1n }],
    turnStarts: [{ epoch: 1n, term: 0, atSeconds: 1n }],
    inclusions: [],
    finalHeight: 9n,
    baseFees: [{ height: 5n, baseFeePerGas: 1n }],
    committedOrders: [],
    daChallenges: [],
    reveals: [{ epoch: 1n, deadlineSeconds: 1n, committed: [1], revealed: [] }],
  },
}
const signed = { message, signer, signature: `0x${'22'.repeat(64)}1b` as Hex }
const text = new TextEncoder()

/** Evidence bundles: whatever the bytes, a verdict. */
export const target: FuzzTarget = {
  corpus: () =>
    [
      encodeBundle(
        {
          type: 'EQUIVOCATION_BLOCK',
          accused: 1,
          a: signed,
          b: { ...signed, message: { ...message, stateRoot: word(9) } },
        },
        context,
      ),
      encodeBundle({ type: 'INVALID_STATE_ROOT', accused: 1, game: signer, assertion: word(5) }, context),
      encodeBundle({ type: 'DOWNTIME', accused: 1, lastEpoch: 2n }, context),
      encodeBundle({ type: 'MISSED_REVEAL', accused: 1, epoch: 1n }, context),
      encodeBundle(
        {
          type: 'ORDERING',
          policy: 'priority',
          accused: 1,
          header: signed,
          transactions: ['0x02c0', '0x02c0'],
          earlier: 0,
          later: 1,
        },
        context,
      ),
    ].map(json => text.encode(json)),
  run(input) {
    const verdict = verifyBundle(new TextDecoder().decode(input))
    if (typeof verdict.ok !== 'boolean') throw new Error('no verdict')
  },
}
