import { createHeaderSigner, createMemoryGuard, headerDomain, type SequencerHeader } from '@l2/sequencer-core/block'
import {
  applyPool,
  createPool,
  createSchedule,
  defaultEvidencePolicy,
  type Evidence,
  type EvidenceContext,
  electionWeights,
  encodeBundle,
  epochSeed,
  evidenceContextOf,
  leaderAt,
  type PoolCommand,
  planEpoch,
  verifyBundle,
} from '@l2/staking'
import { privateKeyToAccount } from 'viem/accounts'
import { expect, it } from 'vitest'

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const word = (byte: string) => `0x${byte.repeat(32)}` as const

it('headers that sequencer-core signed twice convict in staking, without anything in between', async () => {
  const admin = account(0xad)
  const keys = [1, 2, 3].map(n => privateKeyToAccount(`0x${n.toString(16).padStart(64, '0')}`))
  let pool = createPool({ admin })
  const run = (command: PoolCommand) => {
    const { state, events } = applyPool(pool, command)
    pool = state
    return events
  }
  for (const n of [1, 2, 3]) {
    run({ type: 'setWhitelist', by: admin, atSeconds: 1n, owner: account(n), allowed: true })
    const signer = keys[n - 1]!.address
    run({ type: 'lock', by: account(n), atSeconds: 1n, signer, amountWei: BigInt(n) * 20_000n * 10n ** 18n })
  }
  for (const epoch of [1n, 2n, 3n]) run({ type: 'advanceEpoch', by: admin, atSeconds: 1n, epoch })
  const entropy = { parts: [new Uint8Array(32).fill(7)], missing: [] }
  const { seed } = epochSeed({ chainId: 901n, epoch: 3n, previousSeed: word('00'), entropy })
  const candidates = electionWeights(pool, 3n)
  const schedule = planEpoch(createSchedule({ firstEpoch: 3n }), { epoch: 3n, seed, candidates })
  const accused = leaderAt(schedule, 500n)!.id

  const key = keys[accused - 1]!
  const rollup = { chainId: 901n, rollup: admin }
  const header: SequencerHeader = {
    epochId: 3n,
    term: 0,
    height: 500n,
    parentHash: word('00'),
    txRoot: word('01'),
    stateRoot: word('02'),
    timestamp: 10n,
    l1OriginNumber: 1n,
    l1OriginHash: word('03'),
    forcedUpTo: 0n,
  }
  // Two processes with one key, each with a guard of its own.
  const sign = async (message: SequencerHeader) => {
    const signer = createHeaderSigner({ account: key, domain: rollup, guard: createMemoryGuard() })
    return { message, signer: key.address, signature: await signer.sign(message) }
  }
  const evidence: Evidence = {
    type: 'EQUIVOCATION_BLOCK',
    accused,
    a: await sign(header),
    b: await sign({ ...header, stateRoot: word('99') }),
  }
  const context: EvidenceContext = {
    ...evidenceContextOf(pool),
    domain: headerDomain(rollup),
    epochs: [{ epoch: 3n, startAtSeconds: 1n, startHeight: 0n }],
    policy: defaultEvidencePolicy,
  }
  const verdict = verifyBundle(encodeBundle(evidence, context))
  if (!verdict.ok) throw new Error(`${verdict.code}: ${verdict.reason}`)
  const events = run({ type: 'admitOffence', by: admin, atSeconds: 2n, offence: verdict.offence })
  expect(events.map(({ type }) => type)).toEqual(['OffenceAdmitted', 'Jailed'])
})
