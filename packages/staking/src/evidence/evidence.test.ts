import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toJson } from '@l2/common'
import { bundleProgram, runs } from '@l2/common/testing'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { type Hex, hashTypedData, keccak256, numberToHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { applyPool, createPool } from '../pool/apply.js'
import type { PoolCommand } from '../pool/commands.js'
import { encodeBundle, evidenceContextOf, maxBundleBytes, verifyBundle } from './bundle.js'
import { transactionsRoot } from './merkle.js'
import {
  type HeaderMessage,
  recoverSigner,
  type SequencerDomain,
  type SignedObjects,
  signedTypes,
  signingHash,
} from './typed-data.js'
import type { Evidence, EvidenceContext, Signed, Verdict } from './types.js'
import { evidenceIdOf, verifyEvidence } from './verify.js'

const word = (n: number): Hex => numberToHex(n, { size: 32 })
const domain: SequencerDomain = {
  name: 'L2 Sequencer',
  version: '1',
  chainId: 1088n,
  verifyingContract: `0x${'ab'.repeat(20)}`,
}
const wallets = [1, 2, 3].map(n => privateKeyToAccount(word(n)))
const secretOf = (id: number) => Uint8Array.from(Buffer.from(word(id).slice(2), 'hex'))

function sign<Name extends keyof SignedObjects>(
  id: number,
  name: Name,
  message: SignedObjects[Name],
  on = domain,
): Signed<SignedObjects[Name]> {
  const hash = Buffer.from(signingHash(on, name, message).slice(2), 'hex')
  const bytes = secp256k1.sign(hash, secretOf(id), { prehash: false, format: 'recovered' })
  const signature = `0x${Buffer.from(bytes.subarray(1)).toString('hex')}${(27 + bytes[0]!).toString(16)}` as Hex
  return { message, signer: wallets[id - 1]!.address, signature }
}
const base: HeaderMessage = {
  epochId: 5n,
  term: 0,
  height: 5001n,
  parentHash: word(1),
  txRoot: word(2),
  stateRoot: word(3),
  timestamp: 50_010n,
  l1OriginNumber: 7n,
  l1OriginHash: word(4),
  forcedUpTo: 3n,
}
const context: EvidenceContext = {
  domain,
  now: { epoch: 8n, atSeconds: 80_000n },
  keys: [1, 2, 3].map(id => ({
    id,
    signer: wallets[id - 1]!.address,
    fromEpoch: 2n,
    ...(id === 3 ? { toEpoch: 6n } : {}),
  })),
  epochs: Array.from({ length: 9 }, (_, n) => ({
    epoch: BigInt(n),
    startAtSeconds: BigInt(n) * 10_000n,
    startHeight: BigInt(n * 1000),
  })),
  seen: [],
  judgedDowntime: [],
  policy: {
    evidenceMaxAgeSeconds: 40_000n,
    games: [`0x${'cc'.repeat(20)}`],
    downtime: { windowTurns: 4, minTurns: 2 },
    forcedInclusion: { windowSeconds: 1000n, graceSeconds: 20n },
    ordering: [
      { policy: 'priority', fromHeight: 5000n },
      { policy: 'receipts', fromHeight: 0n },
      { policy: 'committed', fromHeight: 0n },
    ],
  },
  facts: {
    disputes: [],
    turns: [],
    maintenance: [],
    queue: [],
    turnStarts: [],
    inclusions: [],
    finalHeight: 7000n,
    baseFees: [],
    committedOrders: [],
    daChallenges: [],
    reveals: [],
  },
}
const withFacts = (facts: Partial<EvidenceContext['facts']>): EvidenceContext => ({
  ...context,
  facts: { ...context.facts, ...facts },
})
const verdictOf = (verdict: Verdict): string => (verdict.ok ? verdict.offence.kind : verdict.code)
const judge = (evidence: Evidence, given: EvidenceContext = context): string => {
  const verdict = verifyEvidence(evidence, given)
  // What is judged here is judged the same from its JSON bundle.
  if (given.txRoot === undefined) expect(verifyBundle(encodeBundle(evidence, given))).toEqual(verdict)
  return verdictOf(verdict)
}
const header = (change: Partial<HeaderMessage> = {}, id = 1) => sign(id, 'SequencerHeader', { ...base, ...change })
const twice = (a = header(), b = header({ stateRoot: word(9) }), accused = 1): Evidence => ({
  type: 'EQUIVOCATION_BLOCK',
  accused,
  a,
  b,
})

describe('typed data', () => {
  const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const bytes32 = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map(bytes => `0x${Buffer.from(bytes).toString('hex')}` as Hex)
  it('hashes as viem does, for all three objects', () => {
    const fields = {
      uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      uint64,
      uint256: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      bytes32,
    }
    for (const name of Object.keys(signedTypes) as (keyof SignedObjects)[]) {
      const record = fc.record(
        Object.fromEntries(signedTypes[name].map(({ name: field, type }) => [field, fields[type]])) as Record<
          string,
          fc.Arbitrary<unknown>
        >,
      )
      fc.assert(
        fc.property(
          record,
          fc.string({ minLength: 1 }),
          fc.string({ minLength: 1 }),
          fields.uint256,
          (message, label, version, chainId) => {
            const own = { ...domain, name: label, version, chainId }
            // viem leaves an empty name or version out of the domain's type, which is another domain.
            const theirs = hashTypedData({
              domain: own,
              types: signedTypes,
              primaryType: name,
              message,
            } as never)
            expect(signingHash(own, name, message as never)).toBe(theirs)
          },
        ),
        { numRuns: runs({ suite: 40, soak: 800 }) },
      )
    }
  })
  it('recovers what viem signs, and nothing else', async () => {
    const signature = await wallets[0]!.signTypedData({
      domain,
      types: signedTypes,
      primaryType: 'SequencerHeader',
      message: base,
    })
    const hash = signingHash(domain, 'SequencerHeader', base)
    expect(recoverSigner(hash, signature)).toBe(wallets[0]!.address.toLowerCase())
    const s = BigInt(`0x${signature.slice(66, 130)}`)
    const high = (secp256k1.Point.Fn.ORDER - s).toString(16).padStart(64, '0')
    const flipped = signature.endsWith('1b') ? '1c' : '1b'
    for (const bad of [
      '0x',
      `${signature}00`,
      `${signature.slice(0, 66)}${high}${flipped}`,
      `0x${'00'.repeat(65)}`,
      `0x${'ff'.repeat(65)}`,
      `${signature.slice(0, 130)}02`,
    ]) {
      expect(recoverSigner(hash, bad as Hex)).toBeUndefined()
    }
  })
  it('is bound to its chain and contract', () => {
    const hashes = [
      domain,
      { ...domain, chainId: 1n },
      { ...domain, verifyingContract: `0x${'ac'.repeat(20)}` as Hex },
    ].map(d => signingHash(d, 'SequencerHeader', base))
    expect(new Set(hashes).size).toBe(3)
    expect(signingHash({ ...domain, verifyingContract: `0x${'AB'.repeat(20)}` }, 'SequencerHeader', base)).toBe(
      hashes[0],
    )
  })
  it('refuses what is not of its type', () => {
    const broken: Record<string, unknown>[] = [
      { height: -1n },
      { height: 1n << 64n },
      { height: '5' },
      { term: 1.5 },
      { term: 2 ** 32 },
      { stateRoot: '0x00' },
      { stateRoot: undefined },
    ]
    for (const field of broken) {
      expect(() => signingHash(domain, 'SequencerHeader', { ...base, ...field } as never)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      )
    }
    for (const other of [{ name: '' }, { version: '' }, { chainId: -1n }, { verifyingContract: '0x1' }]) {
      expect(() => signingHash({ ...domain, ...other } as never, 'SequencerHeader', base)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      )
    }
  })
})

describe('common checks, in order', () => {
  it('each has its code, and the earlier wins', () => {
    const foreign = sign(1, 'SequencerHeader', base, { ...domain, chainId: 1n })
    expect(judge(twice())).toBe('EQUIVOCATION_BLOCK')
    expect(verdictOf(verifyEvidence({ type: 'NONSENSE' } as never, context))).toBe('E_DECODE')
    expect(verdictOf(verifyEvidence(undefined as never, context))).toBe('E_DECODE')
    expect(verdictOf(verifyEvidence(twice({ ...header(), message: { ...base, height: 2n ** 64n } }), context))).toBe(
      'E_DECODE',
    )
    expect(
      verdictOf(verifyBundle(encodeBundle(twice(), context), { ...context, domain: { ...domain, chainId: 1n } })),
    ).toBe('E_DOMAIN')
    expect(judge(twice(header({ epochId: 9n }), header({ epochId: 9n, stateRoot: word(9) })))).toBe('E_FUTURE')
    expect(judge(twice(header({ epochId: 3n }), header({ epochId: 3n, stateRoot: word(9) })))).toBe('E_EXPIRED')
    const seen = [evidenceIdOf('EQUIVOCATION_BLOCK', 1, { epoch: 5n, term: 0, index: 5001n })]
    expect(judge(twice(), { ...context, seen })).toBe('E_DUPLICATE')
    // A third conflicting block is the same fault; another height is not.
    expect(judge(twice(header({ stateRoot: word(8) })), { ...context, seen })).toBe('E_DUPLICATE')
    expect(
      judge(twice(header({ height: 5002n }), header({ height: 5002n, stateRoot: word(9) })), { ...context, seen }),
    ).toBe('EQUIVOCATION_BLOCK')
    expect(judge(twice(header(), header({ stateRoot: word(9) }), 2))).toBe('E_KEY_UNKNOWN')
    expect(judge(twice(header({}, 3), header({ stateRoot: word(9) }, 3), 3))).toBe('EQUIVOCATION_BLOCK')
    // The key was rotated away from epoch 6 on; what it signed before stays punishable.
    expect(judge(twice(header({ epochId: 6n }, 3), header({ epochId: 6n, stateRoot: word(9) }, 3), 3))).toBe(
      'E_KEY_UNKNOWN',
    )
    expect(judge(twice(foreign, header({ stateRoot: word(9) })))).toBe('E_SIG')
    expect(judge(twice({ ...header(), signature: header({ height: 1n }).signature }))).toBe('E_SIG')
    // Self-made: the accuser signs in the other's name.
    expect(judge(twice({ ...header({}, 2), signer: wallets[0]!.address }))).toBe('E_SIG')
  })
  it('names the offence for the pool', () => {
    const verdict = verifyEvidence(twice(), context)
    expect(verdict).toMatchObject({
      ok: true,
      offence: { kind: 'EQUIVOCATION_BLOCK', id: 1, offenceEpoch: 5n, offenceAtSeconds: 50_000n },
    })
    let pool = createPool({ admin: `0x${'aa'.repeat(20)}` })
    const by = pool.config.admin
    const run = (command: object) => {
      pool = applyPool(pool, { by, atSeconds: 80_000n, ...command } as PoolCommand).state
    }
    run({ type: 'setWhitelist', owner: by, allowed: true })
    run({ type: 'lock', signer: wallets[0]!.address, amountWei: 20_000n * 10n ** 18n })
    for (let epoch = 1n; epoch <= 8n; epoch++) run({ type: 'advanceEpoch', epoch })
    const given = { ...context, ...evidenceContextOf(pool), now: context.now }
    expect(
      verdictOf(verifyEvidence(twice(header({ epochId: 4n }), header({ epochId: 4n, stateRoot: word(9) })), given)),
    ).toBe('EQUIVOCATION_BLOCK')
    if (verdict.ok) run({ type: 'admitOffence', offence: verdict.offence })
    expect(evidenceContextOf(pool)).toMatchObject({
      now: { epoch: 8n, atSeconds: 80_000n },
      keys: [{ id: 1, fromEpoch: 3n, toEpoch: undefined }],
      judgedDowntime: [],
    })
    expect(evidenceContextOf(pool).seen).toHaveLength(1)
  })
})

describe('not a fault', () => {
  it('the same header again, another term, another height, another sequencer', () => {
    expect(judge(twice(header(), header()))).toBe('E_SAME_CONTENT')
    // A leader replaced by time-out that comes back late, while its successor builds the same height.
    expect(judge(twice(header(), header({ term: 1, stateRoot: word(9) })))).toBe('E_POSITION')
    expect(judge(twice(header(), header({ height: 5002n })))).toBe('E_POSITION')
    expect(judge(twice(header(), header({ term: 1, stateRoot: word(9) }, 2)))).toBe('E_KEY_UNKNOWN')
    // Clock skew: a signer's own timestamps neither convict nor acquit.
    expect(judge(twice(header({ timestamp: 99_999_999n }), header({ timestamp: 0n })))).toBe('EQUIVOCATION_BLOCK')
  })
})

describe('batches and receipts', () => {
  const batch = {
    chainId: 1088n,
    batchIndex: 9n,
    prevHash: word(1),
    firstHeight: 5000n,
    lastHeight: 5099n,
    headersRoot: word(2),
    daCommitment: word(3),
  }
  const receipt = { txHash: word(1), epochId: 5n, term: 0, sequenceNo: 4n, notAfterHeight: 5003n }
  const batches = (change: object, other: object = {}): Evidence => ({
    type: 'EQUIVOCATION_BATCH',
    accused: 1,
    a: sign(1, 'BatchHeader', { ...batch, ...other }),
    b: sign(1, 'BatchHeader', { ...batch, ...change }),
  })
  it('judge two batches of one index', () => {
    expect(judge(batches({ headersRoot: word(9) }))).toBe('EQUIVOCATION_BATCH')
    expect(judge(batches({}))).toBe('E_SAME_CONTENT')
    expect(judge(batches({ batchIndex: 10n }))).toBe('E_POSITION')
    expect(judge(batches({ chainId: 1n }))).toBe('E_DOMAIN')
    expect(judge(batches({ firstHeight: 9n ** 9n }))).toBe('EQUIVOCATION_BATCH')
    // Choosing old heights for the false one does not make it expire.
    expect(judge(batches({ firstHeight: 0n }))).toBe('EQUIVOCATION_BATCH')
  })
  it('judge two receipts of one number', () => {
    const receipts = (change: object): Evidence => ({
      type: 'EQUIVOCATION_RECEIPT',
      accused: 1,
      a: sign(1, 'Receipt', receipt),
      b: sign(1, 'Receipt', { ...receipt, ...change }),
    })
    expect(judge(receipts({ txHash: word(9) }))).toBe('EQUIVOCATION_RECEIPT')
    expect(judge(receipts({}))).toBe('E_SAME_CONTENT')
    expect(judge(receipts({ sequenceNo: 5n }))).toBe('E_POSITION')
  })
  it('judge promises of order', () => {
    const [a, b] = [sign(1, 'Receipt', receipt), sign(1, 'Receipt', { ...receipt, txHash: word(2), sequenceNo: 5n })]
    const promise = (withB = true): Evidence => ({
      type: 'ORDERING',
      policy: 'receipts',
      accused: 1,
      a,
      ...(withB ? { b } : {}),
    })
    const turns = [{ epoch: 5n, startHeight: 5000n, leader: 1, produced: 10, l1Stalled: false }]
    const at = (...inclusions: [number, bigint, number][]) =>
      withFacts({ turns, inclusions: inclusions.map(([n, height, index]) => ({ txHash: word(n), height, index })) })
    expect(judge(promise(), at([1, 5002n, 1], [2, 5002n, 0]))).toBe('ORDERING')
    expect(judge(promise(), at([1, 5002n, 0], [2, 5002n, 1]))).toBe('E_NO_FAULT')
    expect(judge(promise(), at([2, 5002n, 1]))).toBe('ORDERING')
    expect(judge(promise(), at([2, 5004n, 1]))).toBe('E_EXCUSED')
    expect(judge(promise(), at([1, 5002n, 1]))).toBe('E_SOURCE')
    expect(
      judge(promise(), {
        ...at([1, 5002n, 1], [2, 5002n, 0]),
        facts: { ...at([1, 5002n, 1], [2, 5002n, 0]).facts, turns: [] },
      }),
    ).toBe('E_EXCUSED')
    expect(judge({ type: 'ORDERING', policy: 'receipts', accused: 1, a: b, b: a }, at())).toBe('E_POSITION')
    expect(judge(promise(false), at())).toBe('ORDERING')
    expect(judge(promise(false), at([1, 5003n, 0]))).toBe('E_NO_FAULT')
    expect(judge(promise(false), { ...at(), facts: { ...at().facts, finalHeight: 5002n } })).toBe('E_NO_FAULT')
    expect(judge(promise(false), { ...at(), facts: { ...at().facts, turns: [{ ...turns[0]!, produced: 3 }] } })).toBe(
      'E_EXCUSED',
    )
    expect(judge(promise(), { ...at(), policy: { ...context.policy, ordering: [] } })).toBe('E_EXCUSED')
  })
})

describe('ordering inside a block', () => {
  const raw = async (id: number, nonce: number, tip: bigint, legacy = false) =>
    wallets[id - 1]!.signTransaction(
      legacy
        ? { chainId: 1088, nonce, gas: 21_000n, to: `0x${'01'.repeat(20)}`, gasPrice: 100n + tip, type: 'legacy' }
        : {
            chainId: 1088,
            nonce,
            gas: 21_000n,
            to: `0x${'01'.repeat(20)}`,
            maxFeePerGas: 1000n,
            maxPriorityFeePerGas: tip,
          },
    )
  const block = (
    transactions: Hex[],
    earlier: number,
    later: number,
    txRoot = transactionsRoot(transactions.map(t => Uint8Array.from(Buffer.from(t.slice(2), 'hex')))),
  ): Evidence => ({
    type: 'ORDERING',
    policy: 'priority',
    accused: 1,
    header: header({ txRoot }),
    transactions,
    earlier,
    later,
  })
  const given = withFacts({ baseFees: [{ height: 5001n, baseFeePerGas: 100n }] })
  it('convicts a better-paying transaction put behind a worse, and nothing less', async () => {
    const [low, high, lowSame, legacyHigh] = await Promise.all([
      raw(2, 0, 5n),
      raw(3, 0, 50n),
      raw(3, 1, 2n),
      raw(3, 0, 60n, true),
    ])
    expect(judge(block([low, high], 0, 1), given)).toBe('ORDERING')
    expect(judge(block([low, legacyHigh], 0, 1), given)).toBe('ORDERING')
    expect(judge(block([high, low], 0, 1), given)).toBe('E_NO_FAULT')
    expect(judge(block([high, lowSame], 0, 1), given)).toBe('E_EXCUSED')
    expect(judge(block([low, high], 1, 0), given)).toBe('E_DECODE')
    expect(judge(block([low, high], 0, 5), given)).toBe('E_DECODE')
    expect(judge(block([low, high], 0, 1, word(1)), given)).toBe('E_PROOF')
    expect(judge(block([low, high], 0, 1))).toBe('E_SOURCE')
    expect(judge(block([low, '0x7edeadbeef'], 0, 1), given)).toBe('E_NO_FAULT')
    expect(
      judge(block([low, high], 0, 1), {
        ...given,
        policy: { ...context.policy, ordering: [{ policy: 'priority', fromHeight: 6000n }] },
      }),
    ).toBe('E_EXCUSED')
  })
  it('excuses a transaction that waited for its sender’s nonce', async () => {
    const [first, blocker, waited] = await Promise.all([raw(2, 0, 30n), raw(3, 0, 1n), raw(3, 1, 90n)])
    expect(judge(block([first, blocker, waited], 0, 2), given)).toBe('E_EXCUSED')
    expect(judge(block([blocker, first, waited], 1, 2), given)).toBe('ORDERING')
  })
  it('judges the order of opened ciphertexts', async () => {
    const transactions = await Promise.all([raw(1, 0, 1n), raw(2, 0, 2n), raw(3, 0, 3n)])
    const txRoot = transactionsRoot(transactions.map(t => Uint8Array.from(Buffer.from(t.slice(2), 'hex'))))
    const evidence: Evidence = {
      type: 'ORDERING',
      policy: 'committed',
      accused: 1,
      header: header({ txRoot }),
      transactions,
    }
    const order = (...places: number[]) =>
      withFacts({ committedOrders: [{ height: 5001n, txHashes: places.map(n => keccak256(transactions[n]!)) }] })
    expect(judge(evidence, order(0, 1, 2))).toBe('E_NO_FAULT')
    expect(judge(evidence, order(0, 2))).toBe('E_NO_FAULT')
    expect(judge(evidence, order(2, 0))).toBe('ORDERING')
    expect(judge(evidence)).toBe('E_SOURCE')
  })
  it('has Ethereum’s roots of empty and real blocks', async () => {
    const root = (...raw: Hex[]) =>
      transactionsRoot(raw.map(item => Uint8Array.from(Buffer.from(item.slice(2), 'hex'))))
    expect(root()).toBe('0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421')
    // What anvil put into the headers of blocks with these transactions of key 1, nonces in a row.
    const blocks: [number, Hex][] = [
      [1, '0xcbc0ecccc4cb77a7de6ac9b3811469e5bdf1353a3685798aea90b7ac4720fef4'],
      [2, '0x09084e284f88e70359970cac87546f433cd60e679c075af9ce5bd2c6607b7ef4'],
      [17, '0xbd4682be6f41ed8480434d7b011be7258116e89f106034b71418761a4a3f032d'],
      [129, '0x93cf32f383622ef259d5de86696c904e84b23ee61162ee99f01a69ac155423cf'],
    ]
    let nonce = 0
    for (const [count, expected] of blocks) {
      const raws: Hex[] = []
      for (let i = 0; i < count; i++) {
        raws.push(
          await wallets[0]!.signTransaction({
            chainId: 31_337,
            nonce: nonce++,
            gas: 21_000n,
            to: `0x${'01'.repeat(20)}`,
            maxFeePerGas: 3_000_000_000n,
            maxPriorityFeePerGas: 1n,
          }),
        )
      }
      expect(root(...raws)).toBe(expected)
    }
  })
  it('the Merkle root binds every transaction and their number', () => {
    const leaf = fc.uint8Array({ maxLength: 40 })
    fc.assert(
      fc.property(
        fc.uniqueArray(leaf, { minLength: 1, maxLength: 9, selector: bytes => bytes.join() }),
        fc.nat(),
        (leaves, n) => {
          const at = n % leaves.length
          expect(transactionsRoot(leaves.filter((_, i) => i !== at))).not.toBe(transactionsRoot(leaves))
          expect(transactionsRoot([...leaves, leaves[at]!])).not.toBe(transactionsRoot(leaves))
          if (leaves.length > 1)
            expect(transactionsRoot([...leaves.slice(1), leaves[0]!])).not.toBe(transactionsRoot(leaves))
        },
      ),
    )
  })
})

describe('downtime', () => {
  const turn = (n: number, leader: number, produced: number, l1Stalled = false) => ({
    epoch: BigInt(Math.min(8, 2 + Math.floor(n / 2))),
    startHeight: BigInt(n * 10),
    leader,
    produced,
    l1Stalled,
  })
  const evidence: Evidence = { type: 'DOWNTIME', accused: 1, lastEpoch: 8n }
  const alternating = (mine: number[], others = 10) =>
    mine.flatMap((produced, n) => [turn(2 * n, 1, produced), turn(2 * n + 1, 2, others)])
  it('counts only own, assigned, unexcused turns', () => {
    expect(judge(evidence, withFacts({ turns: alternating([0, 0, 0, 10]) }))).toBe('DOWNTIME')
    expect(judge(evidence, withFacts({ turns: alternating([0, 0, 10, 10]) }))).toBe('E_NO_FAULT')
    // Just joined.
    expect(judge(evidence, withFacts({ turns: alternating([0, 0, 0]) }))).toBe('E_EXCUSED')
    // A halt of everybody.
    expect(judge(evidence, withFacts({ turns: alternating([0, 0, 0, 10], 0) }))).toBe('E_EXCUSED')
    expect(
      judge(evidence, withFacts({ turns: alternating([0, 0, 0, 10]).map(t => ({ ...t, l1Stalled: true })) })),
    ).toBe('E_EXCUSED')
    expect(
      judge(
        evidence,
        withFacts({ turns: alternating([0, 0, 0, 10]), maintenance: [{ id: 1, fromEpoch: 2n, toEpoch: 3n }] }),
      ),
    ).toBe('E_EXCUSED')
    expect(
      judge(
        evidence,
        withFacts({ turns: alternating([0, 0, 0, 10]), maintenance: [{ id: 2, fromEpoch: 2n, toEpoch: 3n }] }),
      ),
    ).toBe('DOWNTIME')
    // The predecessor's gap is not the successor's.
    expect(judge({ ...evidence, accused: 2 }, withFacts({ turns: alternating([0, 0, 0, 0]) }))).toBe('E_NO_FAULT')
    expect(judge(evidence)).toBe('E_SOURCE')
    // Counted anew after a conviction.
    expect(
      judge(evidence, { ...withFacts({ turns: alternating([0, 0, 0, 10]) }), judgedDowntime: [{ id: 1, epoch: 4n }] }),
    ).toBe('E_EXCUSED')
  })
})

describe('forced inclusion', () => {
  const evidence = (change: Partial<HeaderMessage> = {}, item = 3n): Evidence => ({
    type: 'CENSORSHIP_FORCED',
    accused: 1,
    item,
    header: header({ timestamp: 52_000n, ...change }),
  })
  const facts = (enqueuedAtSeconds: bigint, turnAt = 50_000n, earlier?: bigint) =>
    withFacts({
      queue: [
        ...(earlier === undefined ? [] : [{ index: 2n, enqueuedAtSeconds: earlier }]),
        { index: 3n, enqueuedAtSeconds },
      ],
      turnStarts: [{ epoch: 5n, term: 0, atSeconds: turnAt }],
    })
  it('is a fault when the window and the leader’s own grace have passed', () => {
    expect(judge(evidence(), facts(50_900n))).toBe('CENSORSHIP_FORCED')
    expect(judge(evidence({ forcedUpTo: 4n }), facts(50_900n))).toBe('E_NO_FAULT')
    expect(judge(evidence(), facts(51_000n))).toBe('E_NO_FAULT')
    expect(judge(evidence(), facts(50_985n))).toBe('E_EXCUSED')
    expect(judge(evidence(), facts(40_000n, 51_990n))).toBe('E_EXCUSED')
    expect(judge(evidence({ forcedUpTo: 2n }), facts(50_900n, 50_000n, 51_500n))).toBe('E_EXCUSED')
    expect(judge(evidence())).toBe('E_SOURCE')
  })
})

describe('what L1 says', () => {
  const game = context.policy.games[0]!
  const dispute = {
    game,
    assertion: word(1),
    outcome: 'invalid',
    final: true,
    epoch: 5n,
    poster: wallets[0]!.address,
    cosigners: [wallets[1]!.address],
  } as const
  const evidence = (type: 'INVALID_STATE_ROOT' | 'ATTESTED_INVALID', accused: number): Evidence => ({
    type,
    accused,
    game,
    assertion: word(1),
  })
  it('judges disputed state roots', () => {
    const given = (change: object = {}) => withFacts({ disputes: [{ ...dispute, ...change }] })
    expect(judge(evidence('INVALID_STATE_ROOT', 1), given())).toBe('INVALID_STATE_ROOT')
    expect(judge(evidence('ATTESTED_INVALID', 2), given())).toBe('ATTESTED_INVALID')
    expect(judge(evidence('INVALID_STATE_ROOT', 2), given())).toBe('E_KEY_UNKNOWN')
    expect(judge(evidence('ATTESTED_INVALID', 1), given())).toBe('E_KEY_UNKNOWN')
    expect(judge(evidence('INVALID_STATE_ROOT', 1), given({ outcome: 'withdrawn' }))).toBe('E_EXCUSED')
    expect(judge(evidence('INVALID_STATE_ROOT', 1), given({ outcome: 'valid' }))).toBe('E_NO_FAULT')
    expect(judge(evidence('INVALID_STATE_ROOT', 1), given({ final: false }))).toBe('E_SOURCE')
    expect(judge(evidence('INVALID_STATE_ROOT', 1))).toBe('E_SOURCE')
    expect(judge({ ...evidence('INVALID_STATE_ROOT', 1), game: `0x${'dd'.repeat(20)}` } as Evidence, given())).toBe(
      'E_SOURCE',
    )
  })
  it('judges withheld data and missed reveals', () => {
    const challenge = {
      challenge: word(1),
      poster: wallets[0]!.address,
      epoch: 5n,
      deadlineSeconds: 60_000n,
      congested: false,
    }
    const data = (accused = 1): Evidence => ({ type: 'DATA_WITHHOLDING', accused, challenge: word(1) })
    expect(judge(data(), withFacts({ daChallenges: [challenge] }))).toBe('DATA_WITHHOLDING')
    expect(judge(data(), withFacts({ daChallenges: [{ ...challenge, answeredAtSeconds: 60_001n }] }))).toBe(
      'DATA_WITHHOLDING',
    )
    expect(judge(data(), withFacts({ daChallenges: [{ ...challenge, answeredAtSeconds: 60_000n }] }))).toBe(
      'E_NO_FAULT',
    )
    expect(judge(data(), withFacts({ daChallenges: [{ ...challenge, deadlineSeconds: 80_000n }] }))).toBe('E_NO_FAULT')
    expect(judge(data(), withFacts({ daChallenges: [{ ...challenge, congested: true }] }))).toBe('E_EXCUSED')
    expect(judge(data(2), withFacts({ daChallenges: [challenge] }))).toBe('E_KEY_UNKNOWN')
    expect(judge(data())).toBe('E_SOURCE')
    const reveals = [{ epoch: 5n, deadlineSeconds: 60_000n, committed: [1, 2], revealed: [2] }]
    const reveal = (accused: number): Evidence => ({ type: 'MISSED_REVEAL', accused, epoch: 5n })
    expect([1, 2, 3].map(accused => judge(reveal(accused), withFacts({ reveals })))).toEqual([
      'MISSED_REVEAL',
      'E_NO_FAULT',
      'E_NO_FAULT',
    ])
    expect(judge(reveal(1), withFacts({ reveals: [{ ...reveals[0]!, deadlineSeconds: 80_000n }] }))).toBe('E_NO_FAULT')
    expect(judge(reveal(1))).toBe('E_SOURCE')
  })
})

describe('bundles', () => {
  it('decode or are refused, whatever the bytes', () => {
    const json = encodeBundle(twice(), context)
    for (const bad of [
      '',
      '{',
      'null',
      '[]',
      json.replace('l2-evidence/1', 'l2-evidence/2'),
      json.replace('"5001"', '5001'),
      json.replace('"5001"', `"${'9'.repeat(90)}"`),
      json.replace('"accused": 1', '"accused": 1.5'),
      ' '.repeat(maxBundleBytes + 1),
    ]) {
      expect(verdictOf(verifyBundle(bad))).toBe('E_DECODE')
    }
    fc.assert(
      fc.property(fc.nat({ max: json.length - 1 }), fc.string({ minLength: 1, maxLength: 3 }), (at, text) => {
        const verdict = verifyBundle(json.slice(0, at) + text + json.slice(at + text.length))
        expect(typeof verdict.ok).toBe('boolean')
      }),
      { numRuns: runs({ suite: 100, soak: 2_000 }) },
    )
  })
  it('are verified offline by the command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'l2-evidence-'))
    try {
      const files = {
        guilty: encodeBundle(twice(), context),
        innocent: encodeBundle(twice(header(), header()), context),
        garbage: '{',
      }
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.json`), text)
      const command = await bundleProgram(fileURLToPath(new URL('../bin/verify-evidence.ts', import.meta.url)), folder)
      const run = (name: string) => {
        const { status, stdout } = spawnSync(process.execPath, [command, join(folder, name)], { encoding: 'utf8' })
        return [status, stdout === '' ? '' : JSON.parse(stdout)]
      }
      expect(run('guilty.json')).toMatchObject([0, { ok: true, offence: { kind: 'EQUIVOCATION_BLOCK', id: 1 } }])
      expect(run('innocent.json')).toMatchObject([1, { ok: false, code: 'E_SAME_CONTENT' }])
      expect(run('garbage.json')).toMatchObject([1, { ok: false, code: 'E_DECODE' }])
      expect(run('absent.json')).toEqual([2, ''])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
  it('are plain JSON', () => {
    expect(toJson(JSON.parse(encodeBundle(twice(), context)), 2)).toBe(encodeBundle(twice(), context))
  })
})
