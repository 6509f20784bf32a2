import type { Random } from '@l2/common/testing'
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
import { signedTypes } from '@l2/staking/evidence'
import { bytesToHex, type Hash, type Hex, hexToBytes, numberToHex, parseEther } from 'viem'
import type { PrivateKeyAccount } from 'viem/accounts'
import { l2ChainId, rollup, sequencers, startStake } from './stake.js'

export const domain: SequencerDomain = {
  ...{ name: 'L2 Sequencer', version: '1', chainId: l2ChainId, verifyingContract: rollup },
}
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

export const word = (random: Random): Hash => bytesToHex(random.bytes(32))
export const sign = (
  account: PrivateKeyAccount,
  primaryType: keyof typeof signedTypes,
  message: object,
  of = domain,
): Promise<Hex> => account.signTypedData({ domain: of, types: signedTypes, primaryType, message: message as never })

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

const codes: Readonly<Record<string, string>> = {
  Future: 'E_FUTURE',
  KeyUnknown: 'E_KEY_UNKNOWN',
  SignatureInvalid: 'E_SIG',
  PositionDiffers: 'E_POSITION',
  SameContent: 'E_SAME_CONTENT',
}

/** A pool with three seats in its fourth epoch, and its verifier. */
export async function createVerifierWorld() {
  const stake = await startStake()
  const { l1, pool, verifier } = stake
  for (const [i, owner] of sequencers.entries()) await stake.seat(owner, owner.address, parseEther(`${20_000 + i}`))
  await stake.epochs(4)
  const epoch = await l1.read<bigint>(pool, 'epoch')
  const { timestamp } = await l1.client.getBlock()
  const epochs = await Promise.all(
    [...Array(Number(epoch) + 1).keys()].map(async n => ({
      ...{ epoch: BigInt(n), startHeight: 0n },
      startAtSeconds: await l1.read<bigint>(pool, 'epochStartedAt', [BigInt(n)]),
    })),
  )
  const keys = sequencers.map(({ address }, i) => ({ signer: address, id: i + 1, fromEpoch: 3n }))
  const known: EvidenceContext = {
    ...{ domain, now: { epoch, atSeconds: timestamp }, keys, epochs, seen: [], judgedDowntime: [] },
    ...{ policy: defaultEvidencePolicy, facts: emptyFacts },
  }
  const headerOf = (random: Random): HeaderMessage => ({
    ...{ epochId: epoch, term: random.below(3), height: BigInt(random.below(1_000_000)) },
    ...{ parentHash: word(random), txRoot: word(random), stateRoot: word(random), timestamp: 1_800_000_000n },
    ...{ l1OriginNumber: 7n, l1OriginHash: word(random), forcedUpTo: BigInt(random.below(9)) },
  })
  const receiptOf = (random: Random): ReceiptMessage => ({
    ...{ txHash: word(random), epochId: epoch, term: random.below(3), sequenceNo: BigInt(random.below(1_000_000)) },
    notAfterHeight: 1_000_000n,
  })

  /** One random pair before both judges; the verdict of `verifyEvidence`, which the contract's has to be. */
  async function judge(random: Random): Promise<string> {
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
    const args = [pool.address, accused, first, signatures[0], second, signatures[1]]
    const said = await l1.refusal(verifier, name, args)
    const theirs = said === 'not refused' ? 'guilty' : (codes[said] ?? said)
    if (theirs !== expected) throw new Error(`${name}: ${expected} here, ${theirs} there`)
    if (verdict.ok) {
      const { evidenceId, offenceAtSeconds } = verdict.offence
      const offence = await l1.read<Offence>(verifier, name, args)
      const isAlike = offence.evidenceId === evidenceId && offence.offenceAt === offenceAtSeconds
      if (!isAlike || offence.id !== accused || offence.offenceEpoch !== epoch)
        throw new Error(`${name}: another offence`, { cause: { offence, verdict } })
    }
    return expected
  }

  return {
    ...{ ...stake, headerOf, receiptOf },
    /** So many random pairs before both; how many there were of each verdict. */
    async life(random: Random, operations: number): Promise<Map<string, number>> {
      const tally = new Map<string, number>()
      for (let i = 0; i < operations; i++) {
        const verdict = await judge(random).catch(error => {
          throw new Error(`pair ${i}: ${(error as Error).message}`, { cause: error })
        })
        tally.set(verdict, (tally.get(verdict) ?? 0) + 1)
      }
      return tally
    },
  }
}
type Offence = {
  readonly id: number
  readonly evidenceId: Hash
  readonly offenceAt: bigint
  readonly offenceEpoch: bigint
}

/** So many random pairs of headers and receipts, as one line. */
export async function verifierDifferential(random: Random, operations: number): Promise<string> {
  const world = await createVerifierWorld()
  try {
    const tally = await world.life(random, operations)
    return `${[...tally].map(([verdict, count]) => `${count} ${verdict}`).join(', ')} of ${operations} pairs, 0 differences`
  } finally {
    await world.close()
  }
}
