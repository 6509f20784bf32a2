import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { hashSequencerHeader, type SequencerHeader } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import type { TermCause } from '../fold/state.js'
import { encodeEquivocation, type OperatorMessage, readTransaction, signTransaction } from './transaction.js'

const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const accounts = [1, 2].map(n => privateKeyToAccount(hash(n)))
const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
const keys = {
  operatorOf: (signer: string) => {
    const index = accounts.findIndex(({ address }) => address.toLowerCase() === signer)
    return index < 0 ? undefined : index
  },
}
const context = { domain, keys, window: 16 }
const sign = (message: OperatorMessage, who = 0, sequence = 5n) =>
  signTransaction({ domain, message, sequence }, digest => accounts[who]!.sign({ hash: digest }))

const header: SequencerHeader = {
  epochId: 1n,
  term: 3,
  height: 10n,
  parentHash: hash(1),
  txRoot: hash(2),
  stateRoot: hash(3),
  timestamp: 1_700_000_000n,
  l1OriginNumber: 5n,
  l1OriginHash: hash(4),
  forcedUpTo: 0n,
}
async function signed(change: Partial<SequencerHeader> = {}, who = 0) {
  const changed = { ...header, ...change }
  return { header: changed, signature: await accounts[who]!.sign({ hash: hashSequencerHeader(changed, domain) }) }
}

describe('transactions of the control chain', () => {
  const block = { height: 9n, hash: hash(9) }
  const causes: (TermCause | undefined)[] = [
    { type: 'silent' },
    { type: 'l1' },
    { type: 'invalid', header: block },
    { type: 'rollback', to: block },
    undefined,
  ]
  it.each(causes)('carry a vote for %o to whoever knows the key', async cause => {
    const message = { type: 'termVote', view: 7, ...(cause === undefined ? {} : { cause }) } as const
    const read = readTransaction(await sign(message, 1), context)
    expect(read).toEqual({ ok: true, transaction: { ...message, operator: 1, sequence: 5n } })
  })

  it('carry a list', async () => {
    const list = { view: 7, atHeight: 3n, base: block, hashes: [hash(10)] }
    const read = readTransaction(await sign({ type: 'list', list }), context)
    expect(read).toEqual({ ok: true, transaction: { type: 'list', list, operator: 0, sequence: 5n } })
  })

  it('are refused with a stranger’s key, for another rollup, and with any bit changed', async () => {
    const bytes = await sign({ type: 'termVote', view: 7, cause: { type: 'silent' } })
    const nobody = { ...context, keys: { operatorOf: () => undefined } }
    expect(readTransaction(bytes, nobody)).toEqual({ ok: false, reason: 'T_SIGNER' })
    const other = { ...context, domain: { ...domain, chainId: 902n } }
    expect(readTransaction(bytes, other)).toEqual({ ok: false, reason: 'T_SIGNER' })
    const random = seededRandom(testSeed())
    for (let i = 0; i < runs({ suite: 60, soak: 5_000 }); i++) {
      const changed = bytes.slice()
      changed[random.below(bytes.length)]! ^= 1 << random.below(8)
      expect(readTransaction(changed, context).ok, `L2_SEED=${random.seed}`).toBe(false)
    }
  })

  it('of any other bytes are refused, and nothing is thrown', () => {
    const random = seededRandom(testSeed(3))
    for (let i = 0; i < runs({ suite: 500, soak: 50_000 }); i++) {
      const bytes = random.bytes(random.below(1_200))
      if (bytes.length > 0) bytes[0] = random.below(5)
      expect(readTransaction(bytes, context).ok, `L2_SEED=${random.seed}`).toBe(false)
    }
  })
})

describe('two headers at one place', () => {
  it('convict their signer, with one name whoever reports them', async () => {
    const [a, b] = [await signed(), await signed({ stateRoot: hash(99) })]
    const bytes = encodeEquivocation(a, b)
    expect(encodeEquivocation(b, a)).toEqual(bytes)
    const read = readTransaction(bytes, context)
    expect(read).toMatchObject({ ok: true, transaction: { type: 'equivocation', accused: 0 } })
    const shown = read.ok && 'headers' in read.transaction ? read.transaction.headers : undefined
    expect(shown?.map(({ header }) => header.stateRoot).sort()).toEqual(
      [a, b].map(({ header }) => header.stateRoot).sort(),
    )
  })

  it.each([
    ['one header twice', {}, 0, 'T_NO_FAULT'],
    ['another height', { height: 11n }, 0, 'T_NO_FAULT'],
    ['another term', { term: 4 }, 0, 'T_NO_FAULT'],
    ['another epoch', { epochId: 2n }, 0, 'T_NO_FAULT'],
    ['another operator', { stateRoot: hash(99) }, 1, 'T_NO_FAULT'],
  ] as const)('are no fault with %s', async (_, change, who, reason) => {
    const bytes = encodeEquivocation(await signed(), await signed(change, who))
    expect(readTransaction(bytes, context)).toEqual({ ok: false, reason })
  })
})
