/**
 * An operator of a rollup with several sequencers: the pool elects, a leader signs twice at one height, and what convicts it goes into a file that anybody
 * judges without a network (`npx l2-verify-evidence bundle.json`); the pool admits the offence.
 *
 *   pnpm example examples/slashing-bundle/main.ts [bundle.json]
 */
import { writeFileSync } from 'node:fs'
import { createHeaderSigner, createMemoryGuard, headerDomain, type SequencerHeader } from '@l2/sequencer-core/block'
import {
  applyPool,
  createPool,
  createSchedule,
  defaultEvidencePolicy,
  type Evidence,
  electionWeights,
  encodeBundle,
  epochSeed,
  evidenceContextOf,
  leaderAt,
  type PoolCommand,
  planEpoch,
  type SequencerPoolEvent,
  verifyBundle,
  verifyEvidence,
} from '@l2/staking'
import { pad, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const address = (n: number) => pad(toHex(n), { size: 20 })
const word = (n: number) => pad(toHex(n), { size: 32 })
const admin = address(0xad)
const keys = [1, 2, 3].map(n => privateKeyToAccount(word(n)))

// The pool: three seats with stake, weights frozen before the seed of their epoch is known.
let pool = createPool({ admin })
const run = (command: PoolCommand): readonly SequencerPoolEvent[] => {
  const { state, events } = applyPool(pool, command)
  pool = state
  return events
}
for (const [index, key] of keys.entries()) {
  const owner = address(index + 1)
  run({ type: 'setWhitelist', by: admin, atSeconds: 1n, owner, allowed: true })
  run({ type: 'lock', by: owner, atSeconds: 1n, signer: key.address, amountWei: 20_000n * 10n ** 18n })
}
for (const epoch of [1n, 2n, 3n]) run({ type: 'advanceEpoch', by: admin, atSeconds: 1n, epoch })
const entropy = { parts: [new Uint8Array(32).fill(7)], missing: [] }
const { seed } = epochSeed({ chainId: 901n, epoch: 3n, previousSeed: word(0), entropy })
const candidates = electionWeights(pool, 3n)
const schedule = planEpoch(createSchedule({ firstEpoch: 3n }), { epoch: 3n, seed, candidates })
const leader = leaderAt(schedule, 500n)!
const key = keys[leader.id - 1]!
console.log(`sequencer ${leader.id} leads at height 500`)

// One key on two machines, each with a guard of its own: what an operator must never do.
const rollup = { chainId: 901n, rollup: admin }
const header: SequencerHeader = {
  epochId: 3n,
  term: leader.term,
  height: 500n,
  parentHash: word(0),
  txRoot: word(1),
  stateRoot: word(2),
  timestamp: 10n,
  l1OriginNumber: 1n,
  l1OriginHash: word(3),
  forcedUpTo: 0n,
}
const sign = async (message: SequencerHeader) => {
  const signer = createHeaderSigner({ account: key, domain: rollup, guard: createMemoryGuard() })
  return { message, signer: key.address, signature: await signer.sign(message) }
}
const evidence: Evidence = {
  type: 'EQUIVOCATION_BLOCK',
  accused: leader.id,
  a: await sign(header),
  b: await sign({ ...header, stateRoot: word(99) }),
}

// Two signatures prove it; of the chain only the pool's keys and the start of the epoch have to be known.
const context = {
  ...evidenceContextOf(pool),
  domain: headerDomain(rollup),
  epochs: [{ epoch: 3n, startAtSeconds: 1n, startHeight: 0n }],
  policy: defaultEvidencePolicy,
}
const verdict = verifyEvidence(evidence, context)
if (!verdict.ok) throw new Error(`acquitted: ${verdict.code} ${verdict.reason}`)

const bundle = encodeBundle(evidence, context)
const [file = 'bundle.json'] = process.argv.slice(2)
writeFileSync(file, bundle)
console.log(`${file}: ${bundle.length} bytes, ${verifyBundle(bundle).ok ? 'guilty' : 'acquitted'}`)
for (const event of run({ type: 'admitOffence', by: admin, atSeconds: 2n, offence: verdict.offence }))
  console.log(event.type)
