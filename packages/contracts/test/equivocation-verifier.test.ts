import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { ReceiptMessage } from '@l2/staking'
import { signingHash, transactionsRoot } from '@l2/staking/evidence'
import { concatHex, createWalletClient, type Hash, http, keccak256, parseEther, toHex } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reportEquivocation, type SignedEquivocationHeader } from '../src/equivocation-verifier/index.js'
import { accounts } from './anvil.js'
import { sequencers } from './stake.js'
import { trieProof } from './trie-proof.js'
import { createVerifierWorld, domain, sign, word } from './verifier-world.js'

const [admin, watcher, stranger] = accounts

let world: Awaited<ReturnType<typeof createVerifierWorld>>
beforeAll(async () => {
  world = await createVerifierWorld()
})
afterAll(() => world?.close())

describe('the verifier beside verifyEvidence', () => {
  it('judges random pairs of headers and receipts alike', { timeout: 3_600_000 }, async () => {
    const seed = testSeed()
    const tally = await world.life(seededRandom(seed), runs({ suite: 120, soak: 10_000 }))
    expect(tally.get('guilty'), `seed ${seed}`).toBeGreaterThan(0)
    expect(tally.size, `seed ${seed}`).toBeGreaterThanOrEqual(4)
  })
})

describe('a proof', () => {
  it('opens a case for anybody, once a fault, and pays the reporter who had committed to it', async () => {
    const { l1, pool, verifier, token } = world
    const random = seededRandom(3)
    const [guilty] = sequencers
    const a = world.headerOf(random)
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
      const first = world.headerOf(random)
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

  it('of an epoch that has not begun, or in which the accused had no key, convicts nobody', async () => {
    const { l1, pool, verifier } = world
    const random = seededRandom(8)
    for (const [epochId, reason] of [
      [100n, 'Future'],
      [1n, 'KeyUnknown'],
    ] as const) {
      const a = { ...world.headerOf(random), epochId }
      const b = { ...a, stateRoot: word(random) }
      const signed = await Promise.all([a, b].map(message => sign(sequencers[0]!, 'SequencerHeader', message)))
      const args = [pool.address, 1, a, signed[0], b, signed[1]]
      expect(await l1.refusal(verifier, 'judgeHeaders', args)).toBe(reason)
    }
  })

  it('of a promised order that a block reverses fits into a million gas', async () => {
    const { l1, pool, verifier } = world
    const random = seededRandom(4)
    const guilty = sequencers[1]!
    const transactions = Array.from({ length: 200 }, () => random.bytes(110 + random.below(60)))
    const [early, late] = [17, 150]
    const header = { ...world.headerOf(random), txRoot: transactionsRoot(transactions), term: 1 }
    // The later place was promised to what stands earlier.
    const promise = (index: number, sequenceNo: bigint): ReceiptMessage => ({
      ...{ ...world.receiptOf(random), term: 1, sequenceNo, txHash: keccak256(transactions[index]!) },
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
    // Each of the four in another epoch or term than the others.
    const earlier = header.epochId - 1n
    expect(await refused(await proof({ ...a, epochId: earlier }, b, late, early))).toBe('PositionDiffers')
    for (const other of [{ epochId: earlier }, { term: 2 }])
      expect(await refused(await proof(a, b, late, early, { ...header, ...other }))).toBe('PositionDiffers')
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
