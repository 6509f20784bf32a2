import { createControlState, defaultParameters, encodeEquivocation, readTransaction } from '@l2/control-chain'
import { createControlPlane } from '@l2/node'
import { hashSequencerHeader, type SequencerHeader, type SignedHeader } from '@l2/sequencer-core/block'
import { createSchedule, electionWeights, planEpoch } from '@l2/staking'
import { verifyBundle } from '@l2/staking/evidence'
import { privateKeyToAccount } from 'viem/accounts'
import { expect, it } from 'vitest'
import { createConvictions } from './convictions.js'

const word = (byte: string) => `0x${byte.repeat(32)}` as const
const rollup = `0x${'f0'.repeat(20)}` as const
const accounts = [1, 2, 3, 4].map(n => privateKeyToAccount(`0x${n.toString(16).padStart(64, '0')}`))
const control = createControlPlane({
  domain: { name: 'L2 Sequencer', version: '1', chainId: 901n, verifyingContract: rollup },
  timestamp: 1_000n,
  prevRandao: word('07'),
  operator: rollup,
  holder: rollup,
  sequencers: accounts.map(({ address }) => ({ owner: address, signer: address, amountWei: 20_000n * 10n ** 18n })),
})
const { pool, seed } = control
const domain = { chainId: 901n, rollup }
const empty = createSchedule({ firstHeight: 1n, firstEpoch: pool.epoch, slotBlocks: 20n, slotsPerEpoch: 6 })
const schedule = planEpoch(empty, { epoch: pool.epoch, seed, candidates: electionWeights(pool, pool.epoch) })
const state = createControlState({
  ...{ chainId: 901n, genesis: { height: 0n, hash: word('00') }, parameters: defaultParameters },
  members: { pool, schedule },
})
async function signed(operator: number, change: Partial<SequencerHeader>): Promise<SignedHeader> {
  const header: SequencerHeader = {
    ...{ epochId: pool.epoch, term: 0, height: 7n, timestamp: 1_007n, l1OriginNumber: 1n, forcedUpTo: 0n },
    ...{ parentHash: word('00'), txRoot: word('01'), stateRoot: word('02'), l1OriginHash: word('03') },
    ...change,
  }
  return { header, signature: await accounts[operator - 1]!.sign({ hash: hashSequencerHeader(header, domain) }) }
}
const keys = {
  operatorOf: (signer: string) => {
    const index = accounts.findIndex(({ address }) => address.toLowerCase() === signer.toLowerCase())
    return index < 0 ? undefined : index + 1
  },
}
/** A file in memory. */
function memoryFile(text?: string) {
  return {
    text,
    load() {
      return this.text
    },
    save(next: string) {
      this.text = next
    },
  }
}
const blockOf = (height: bigint, transactions: readonly Uint8Array[] = []) => ({
  height,
  lists: [],
  transactions: transactions.map(bytes => {
    const read = readTransaction(bytes, { domain, keys, window: 64 })
    if (!read.ok) throw new Error(read.reason)
    return read.transaction
  }),
})

it('keeps a bundle that convicts anywhere, and knows it after a restart', async () => {
  const file = memoryFile()
  const convictions = createConvictions(file, control.domain)
  const [a, b] = [await signed(2, {}), await signed(2, { stateRoot: word('99') })]
  const other = [await signed(3, {}), await signed(3, { txRoot: word('99') })] as const
  const transactions = [encodeEquivocation(...other), encodeEquivocation(a, b)]
  const events = [{ type: 'jailed', operator: 2, reason: 'equivocation' }] as const
  convictions.note({ block: blockOf(12n, transactions), events, state })
  const [{ bundle, ...rest }] = convictions.all as [(typeof convictions.all)[number]]
  expect(rest).toEqual({ operator: 2, reason: 'equivocation', controlHeight: '12' })
  expect(verifyBundle(bundle!)).toMatchObject({ ok: true, offence: { id: 2, kind: 'EQUIVOCATION_BLOCK' } })
  // Once more, as after a restart from an older state.
  convictions.note({ block: blockOf(13n, transactions), events, state })
  expect(convictions.all).toHaveLength(1)
  expect(createConvictions(file, control.domain).all).toEqual(convictions.all)
})

it('names those whose proof is the control chain’s own, and takes no file that is none', () => {
  const file = memoryFile()
  const convictions = createConvictions(file, control.domain)
  convictions.note({ block: blockOf(1n), events: [{ type: 'settled', blocks: [] }], state })
  expect(file.text).toBeUndefined()
  const reasons = ['doubleVote', 'invalid', 'falsePosting'] as const
  const events = reasons.map((reason, index) => ({ type: 'jailed', operator: index + 1, reason }) as const)
  convictions.note({ block: blockOf(9n), events, state })
  expect(convictions.all.map(({ reason, bundle }) => [reason, bundle])).toEqual(reasons.map(reason => [reason, null]))
  for (const text of ['', '[', '{}', '[{"operator":1}]', file.text!.replace('invalid', 'unlucky')]) {
    expect(createConvictions(memoryFile(text), control.domain).all).toEqual([])
  }
})
