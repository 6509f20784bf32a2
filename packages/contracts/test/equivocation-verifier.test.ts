import { type Random, runs, seededRandom, testSeed } from '@l2/common/testing'
import {
  defaultEvidencePolicy,
  type Evidence,
  type EvidenceContext,
  emptyFacts,
  type HeaderMessage,
  type ReceiptMessage,
  type SequencerDomain,
  verifyEvidence,
} from '@l2/staking'
import { signedTypes, signingHash, transactionsRoot } from '@l2/staking/evidence'
import {
  bytesToHex,
  concatHex,
  createWalletClient,
  type Hash,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  numberToHex,
  parseEther,
  toHex,
} from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reportEquivocation, type SignedEquivocationHeader } from '../src/equivocation-verifier/index.js'
import { accounts } from './anvil.js'
import { l2ChainId, rollup, sequencers, startStake } from './stake.js'
import { trieProof } from './trie-proof.js'

const domain: SequencerDomain = {
  ...{ name: 'L2 Sequencer', version: '1', chainId: l2ChainId, verifyingContract: rollup },
}
const [admin, watcher, stranger] = accounts
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

let world: Awaited<ReturnType<typeof startStake>>
let epoch: bigint
beforeAll(async () => {
  world = await startStake()
  for (const [i, owner] of sequencers.entries()) await world.seat(owner, owner.address, parseEther(`${20_000 + i}`))
  await world.epochs(4)
  epoch = await world.l1.read<bigint>(world.pool, 'epoch')
})
afterAll(() => world?.close())

const word = (random: Random): Hash => bytesToHex(random.bytes(32))
const headerOf = (random: Random): HeaderMessage => ({
  ...{ epochId: epoch, term: random.below(3), height: BigInt(random.below(1_000_000)) },
  ...{ parentHash: word(random), txRoot: word(random), stateRoot: word(random), timestamp: 1_800_000_000n },
  ...{ l1OriginNumber: 7n, l1OriginHash: word(random), forcedUpTo: BigInt(random.below(9)) },
})
const receiptOf = (random: Random): ReceiptMessage => ({
  ...{ txHash: word(random), epochId: epoch, term: random.below(3), sequenceNo: BigInt(random.below(1_000_000)) },
  notAfterHeight: 1_000_000n,
})

const sign = (account: PrivateKeyAccount, primaryType: keyof typeof signedTypes, message: object, of = domain) =>
  account.signTypedData({ domain: of, types: signedTypes, primaryType, message: message as never })

/** The same signature in another form: the other s, the short v, or one byte off. */
function reformed(random: Random, signature: Hex): Hex {
  const bytes = hexToBytes(signature)
  const roll = random.below(8)
  if (roll === 0) {
    const s = order - BigInt(bytesToHex(bytes.subarray(32, 64)))
    return `${bytesToHex(bytes.subarray(0, 32))}${numberToHex(s, { size: 32 }).slice(2)}${bytes[64] === 27 ? '1c' : '1b'}`
  }
  if (roll === 1) bytes[64]! -= 27
  if (roll === 2) bytes[random.below(65)]! ^= 1
  if (roll === 3) return bytesToHex(bytes.subarray(0, 64))
  return bytesToHex(bytes)
}

async function context(): Promise<EvidenceContext> {
  const { timestamp } = await world.l1.client.getBlock()
  const epochs = await Promise.all(
    [...Array(Number(epoch) + 1).keys()].map(async n => ({
      ...{ epoch: BigInt(n), startHeight: 0n },
      startAt: await world.l1.read<bigint>(world.pool, 'epochStartedAt', [BigInt(n)]),
    })),
  )
  const keys = sequencers.map(({ address }, i) => ({ signer: address, id: i + 1, fromEpoch: 3n }))
  return {
    ...{ domain, now: { epoch, at: timestamp }, keys, epochs, seen: [], judgedDowntime: [] },
    ...{ policy: defaultEvidencePolicy, facts: emptyFacts },
  }
}

const codes: Readonly<Record<string, string>> = {
  Future: 'E_FUTURE',
  KeyUnknown: 'E_KEY_UNKNOWN',
  SignatureInvalid: 'E_SIG',
  PositionDiffers: 'E_POSITION',
  SameContent: 'E_SAME_CONTENT',
}

describe('the verifier beside verifyEvidence', () => {
  it('judges random pairs of headers and receipts alike', async () => {
    const seed = testSeed()
    const random = seededRandom(seed)
    const known = await context()
    const tally = new Map<string, number>()
    for (let i = 0; i < runs({ suite: 120, soak: 10_000 }); i++) {
      const isHeader = random.bool()
      const type = isHeader ? 'SequencerHeader' : 'Receipt'
      const first = isHeader ? headerOf(random) : receiptOf(random)
      const change = random.below(8)
      const second = {
        ...first,
        ...(isHeader ? { stateRoot: word(random) } : { txHash: word(random) }),
        ...(change === 0 ? first : {}),
        ...(change === 1 ? { term: first.term + 1 } : {}),
        ...(change === 2 ? (isHeader ? { height: 5n } : { sequenceNo: 5n }) : {}),
        ...(change === 3 ? { epochId: BigInt(random.below(Number(epoch) + 3)) } : {}),
      }
      const signer = random.pick(sequencers)
      const other = random.bool(0.1) ? random.pick(sequencers) : signer
      const of = random.bool(0.05) ? { ...domain, chainId: 902n } : domain
      const signatures = [await sign(signer, type, first), await sign(other, type, second, of)].map(signature =>
        random.bool(0.2) ? reformed(random, signature) : signature,
      )
      const accused = sequencers.indexOf(signer) + 1
      const [a, b] = [first, second].map((message, n) => ({
        ...{ message, signer: signer.address, signature: signatures[n]! },
      }))
      const evidence = { type: isHeader ? 'EQUIVOCATION_BLOCK' : 'EQUIVOCATION_RECEIPT', accused, a, b } as Evidence
      const verdict = verifyEvidence(evidence, known)
      const expected = verdict.ok ? 'guilty' : verdict.code
      const name = isHeader ? 'judgeHeaders' : 'judgeReceipts'
      const args = [world.pool.address, accused, first, signatures[0], second, signatures[1]]
      const said = await world.l1.refusal(world.verifier, name, args)
      expect(said === 'not refused' ? 'guilty' : (codes[said] ?? said), `seed ${seed}, ${i}: ${expected}`).toBe(
        expected,
      )
      if (verdict.ok) {
        const offence = await world.l1.read<{ evidenceId: Hash; offenceAt: bigint }>(world.verifier, name, args)
        expect(offence).toMatchObject({ evidenceId: verdict.offence.evidenceId, id: accused, offenceEpoch: epoch })
        expect(offence.offenceAt).toBe(verdict.offence.offenceAt)
      }
      tally.set(expected, (tally.get(expected) ?? 0) + 1)
    }
    expect(tally.get('guilty')).toBeGreaterThan(0)
    expect(tally.size).toBeGreaterThanOrEqual(4)
  }, 3_600_000)
})

describe('a proof', () => {
  it('opens a case for anybody, once a fault, and pays the reporter who had committed to it', async () => {
    const { l1, pool, verifier, token } = world
    const random = seededRandom(3)
    const [guilty] = sequencers
    const a = headerOf(random)
    const [b, c] = [1, 2].map(() => ({ ...a, stateRoot: word(random) }))
    const signed = await Promise.all([a, b!, c!].map(message => sign(guilty!, 'SequencerHeader', message)))
    const hashes = [a, b!].map(message => signingHash(domain, 'SequencerHeader', message))
    const evidenceHash = await l1.read<Hash>(verifier, 'evidenceHash', hashes)
    expect(await l1.read(verifier, 'evidenceHash', [...hashes].reverse())).toBe(evidenceHash)
    const salt = word(random)
    await l1.send(pool, 'setWatcher', [watcher.address, true])
    const commitment = keccak256(`${evidenceHash}${watcher.address.slice(2)}${salt.slice(2)}`)
    expect(await l1.refusal(pool, 'commitReport', [commitment], { from: stranger })).toBe('NotAuthorized')
    await l1.send(pool, 'commitReport', [commitment], { from: watcher })
    await l1.pass(12)
    const args = [pool.address, 1, a, signed[0], b, signed[1]]
    const receipt = await l1.send(verifier, 'proveHeaders', args, { from: stranger })
    expect(receipt.gasUsed).toBeLessThan(1_000_000n)
    // Nobody but the verifier can say so, and a third block for the same place is the same fault.
    const { evidenceId } = await l1.read<{ evidenceId: Hash }>(verifier, 'judgeHeaders', args)
    const third = [pool.address, 1, a, signed[0], c, signed[2]]
    expect(await l1.refusal(verifier, 'proveHeaders', third)).toBe('CaseDuplicate')
    const word0 = `0x${'00'.repeat(32)}`
    const offence = { kind: 3, id: 2, evidenceId: word0, evidenceHash: word0, offenceEpoch: 0n, offenceAt: 0n }
    expect(await l1.refusal(pool, 'admitOffence', [{ ...offence, excessOfflineBps: 0 }], { from: stranger })).toBe(
      'NotAuthorized',
    )
    expect(await l1.read(pool, 'seatOf', [1])).toMatchObject({ openCases: 1, jailedUntil: 2n ** 64n - 1n })
    await l1.send(pool, 'revealReport', [evidenceId, salt], { from: watcher })
    expect(await l1.refusal(pool, 'executeCase', [evidenceId])).toBe('CaseStage')
    await l1.pass(6 * 86_400)
    await l1.send(pool, 'executeCase', [evidenceId], { from: stranger })
    // 5 % of 20,000 METIS, and of that a twentieth to the reporter, a quarter to the treasury, the rest to nobody.
    const before = await l1.read<bigint>(token, 'balanceOf', [watcher.address])
    expect(await l1.read(pool, 'owedWei', [watcher.address])).toBe(parseEther('50'))
    await l1.send(pool, 'collect', [watcher.address], { from: stranger })
    expect(await l1.read<bigint>(token, 'balanceOf', [watcher.address])).toBe(before + parseEther('50'))
    expect(await l1.refusal(pool, 'collect', [watcher.address])).toBe('NothingToClaim')
    expect(await l1.read(pool, 'owedWei', [admin.address])).toBe(parseEther('250'))
    const nobody = '0x000000000000000000000000000000000000dEaD'
    await l1.send(pool, 'collect', [nobody])
    expect(await l1.read(token, 'balanceOf', [nobody])).toBe(parseEther('700'))
    expect(await l1.read(pool, 'seatOf', [1])).toMatchObject({ tombstoned: true, unlockingWei: parseEther('19000') })
  })

  it('is brought to L1 by one call, which takes the share if it may and goes on after an interruption', async () => {
    const { l1, pool, verifier } = world
    const random = seededRandom(6)
    const guilty = sequencers[2]!
    const reporter = (account: PrivateKeyAccount) =>
      createWalletClient({ account, chain: l1.client.chain, transport: http(l1.url), pollingInterval: 20 })
    const pair = async () => {
      const first = headerOf(random)
      return Promise.all(
        [first, { ...first, stateRoot: word(random) }].map(async message => ({
          ...{ message, signer: guilty.address, signature: await sign(guilty, 'SequencerHeader', message) },
        })),
      ) as Promise<[SignedEquivocationHeader, SignedEquivocationHeader]>
    }
    const report = async (account: PrivateKeyAccount, [a, b]: Awaited<ReturnType<typeof pair>>, salt: Hash) =>
      reportEquivocation(reporter(account), { pool: pool.address, verifier: verifier.address, a, b, salt })
    const found = await pair()
    const salt = word(random)
    const first = await report(watcher, found, salt)
    expect(first).toMatchObject({ type: 'reported', isReporter: true, transactions: { length: 3 } })
    // Again, and by somebody else: nothing is sent, or nothing is won by it.
    expect(await report(watcher, found, salt)).toMatchObject({ type: 'known', isReporter: false, transactions: [] })
    expect(await report(stranger, found, salt)).toMatchObject({ type: 'known', isReporter: false, transactions: [] })
    // Who may earn nothing convicts all the same.
    expect(await report(stranger, await pair(), salt)).toMatchObject({ type: 'reported', isReporter: false })
    // Stopped after the commitment, and somebody else proves: the share is the first one's.
    const interrupted = await pair()
    const [a, b] = interrupted
    const hashes = [a, b].map(({ message }) => signingHash(domain, 'SequencerHeader', message))
    const evidenceHash = await l1.read<Hash>(verifier, 'evidenceHash', hashes)
    const commitment = keccak256(concatHex([evidenceHash, watcher.address, salt]))
    await l1.send(pool, 'commitReport', [commitment], { from: watcher })
    expect(await report(stranger, interrupted, salt)).toMatchObject({ type: 'reported' })
    expect(await report(watcher, interrupted, salt)).toMatchObject({ type: 'known', isReporter: true })
    const [good] = await pair()
    expect(await report(watcher, [good, good], salt)).toEqual({ type: 'refused', reason: 'SameContent' })
    const foreign = { ...good, signer: stranger.address }
    expect(await report(watcher, [foreign, good], salt)).toEqual({ type: 'refused', reason: 'SequencerUnknown' })
  })

  it('of a promised order that a block reverses fits into a million gas', async () => {
    const { l1, pool, verifier } = world
    const random = seededRandom(4)
    const guilty = sequencers[1]!
    const transactions = Array.from({ length: 200 }, () => random.bytes(110 + random.below(60)))
    const [early, late] = [17, 150]
    const header = { ...headerOf(random), txRoot: transactionsRoot(transactions), term: 1 }
    // The later place was promised to what stands earlier.
    const promise = (index: number, sequenceNo: bigint): ReceiptMessage => ({
      ...{ ...receiptOf(random), term: 1, sequenceNo, txHash: keccak256(transactions[index]!) },
    })
    const inclusion = (index: number) => ({
      ...{ transaction: toHex(transactions[index]!), index: BigInt(index), proof: trieProof(transactions, index) },
    })
    const proof = async (a: ReceiptMessage, b: ReceiptMessage, inA: number, inB: number, of = header) => {
      const signatures = [
        ...[await sign(guilty, 'Receipt', a), await sign(guilty, 'Receipt', b)],
        await sign(guilty, 'SequencerHeader', of),
      ]
      return [pool.address, 2, a, b, of, signatures, inclusion(inA), inclusion(inB)]
    }
    const [a, b] = [promise(late, 4n), promise(early, 5n)]
    const reversed = await proof(a, b, late, early)
    const refused = (args: readonly unknown[]) => l1.refusal(verifier, 'judgeInversion', args)
    expect(await refused(reversed)).toBe('not refused')
    expect(await refused(await proof(b, a, early, late))).toBe('PositionDiffers')
    expect(await refused(await proof({ ...b, sequenceNo: 3n }, a, early, late))).toBe('NoFault')
    expect(await refused(await proof(a, { ...b, term: 2 }, late, early))).toBe('PositionDiffers')
    expect(await refused(await proof({ ...a, notAfterHeight: header.height - 1n }, b, late, early))).toBe('NoFault')
    expect(await refused(await proof(a, b, late + 1, early))).toBe('ProofInvalid')
    const forged = await proof(a, b, late, early)
    forged[6] = { ...inclusion(late), index: 199n }
    expect(await refused(forged)).not.toBe('not refused')
    const empty = await proof(a, b, late, early, { ...header, txRoot: word(random) })
    expect(await refused(empty)).not.toBe('not refused')
    const receipt = await l1.send(verifier, 'proveInversion', reversed, { from: stranger })
    expect(receipt.gasUsed).toBeLessThan(1_000_000n)
    expect(await l1.read(pool, 'seatOf', [2])).toMatchObject({ openCases: 1, jailedUntil: 0n })
  })
})
