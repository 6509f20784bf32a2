import type { Hex } from 'viem'
import type { AttestationProof, CommitteeMember, ProofRefusal } from './attestation.js'

/** `3·x > 2·total`, of all stake, in integers. */
export const isMoreThanTwoThirds = (power: bigint, total: bigint): boolean => 3n * power > 2n * total

/** The members of a bitmap, or why there cannot be a proof of them. */
export function membersOfBitmap(
  members: readonly CommitteeMember[],
  bitmap: bigint,
): readonly CommitteeMember[] | ProofRefusal {
  if (bitmap < 0n || bitmap >> BigInt(members.length) !== 0n) return 'malformed'
  const present = members.filter((_, index) => ((bitmap >> BigInt(index)) & 1n) === 1n)
  return isMoreThanTwoThirds(powerOf(present), powerOf(members)) ? present : 'quorum'
}

/** Of those who signed the heaviest, as many as it takes: fewer signatures, less gas. */
export function smallestQuorum(
  members: readonly CommitteeMember[],
  signatures: ReadonlyMap<number, Hex>,
): { bitmap: AttestationProof['bitmap']; signatures: readonly Hex[] } | undefined {
  const total = powerOf(members)
  const heaviest = members
    .filter(({ id }) => signatures.has(id))
    .sort((a, b) => (a.power === b.power ? a.id - b.id : a.power > b.power ? -1 : 1))
  const chosen = new Set<number>()
  let power = 0n
  for (const member of heaviest) {
    if (isMoreThanTwoThirds(power, total)) break
    chosen.add(member.id)
    power += member.power
  }
  if (!isMoreThanTwoThirds(power, total)) return undefined
  let bitmap = 0n
  const parts: Hex[] = []
  for (const [index, { id }] of members.entries()) {
    if (!chosen.has(id)) continue
    bitmap |= 1n << BigInt(index)
    parts.push(signatures.get(id)!)
  }
  return { bitmap, signatures: parts }
}

const powerOf = (members: readonly CommitteeMember[]): bigint => members.reduce((sum, { power }) => sum + power, 0n)
