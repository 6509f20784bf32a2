import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Hash, Hex } from 'viem'
import { refuse } from '../errors.js'
import type { Entropy, SeedProvider } from './seed.js'

const text = new TextEncoder()

function invalid(reason: string, details: Record<string, unknown> = {}): never {
  return refuse('ENTROPY_INVALID', reason, details)
}

function bytesOf(value: Hex, length: number, field: string): Uint8Array {
  const bytes = hexToBytes(value)
  return bytes?.length === length ? bytes : invalid(`${field} expected ${length} bytes`, { field })
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

/**
 * L1's RANDAO at one fixed block per epoch: no L2 operator can bias it, an L1 proposer by one bit. The default.
 *
 * @param anchor The one L1 block whose `prevRandao` counts for an epoch; it must come after the weights were frozen.
 */
export function l1RandaoSeed(
  anchor: (epoch: bigint) => bigint,
): SeedProvider<{ blockNumber: bigint; prevRandao: Hash; finalized: boolean }> {
  return {
    kind: 'l1-randao',
    entropy(epoch, { blockNumber, prevRandao, finalized }) {
      if (blockNumber !== anchor(epoch)) {
        invalid(`block ${anchor(epoch)} counts for epoch ${epoch}, got ${blockNumber}`, { epoch, blockNumber })
      }
      if (!finalized) invalid('the anchor block is not finalized', { blockNumber })
      const bytes = bytesOf(prevRandao, 32, 'prevRandao')
      if (bytes.every(byte => byte === 0)) invalid('prevRandao is zero', { blockNumber })
      return { parts: [bytes], missing: [] }
    },
  }
}

/** What committee members sign for an epoch's seed. */
export function beaconMessage(chainId: bigint, epoch: bigint): Uint8Array {
  return keccak256(concatBytes(text.encode('l2-staking/beacon/v1'), u64(chainId), u64(epoch)))
}

const signatures = () => bls12_381.shortSignatures
/** Domain of beacon signatures in G1 (RFC 9380). */
const beaconDst = 'L2-STAKING-BEACON_BLS12381G1_XMD:SHA-256_SSWU_RO_'

function verifyG1(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array, dst: string): boolean {
  try {
    return signatures().verify(signature, signatures().hash(message, dst), publicKey)
  } catch {
    return false
  }
}

/** A share of a threshold signature: made with {@link signBeacon} by the holder of share `index` (from 1). */
export type BeaconShare = { index: number; signature: Hex }

/** Signs an epoch's beacon with a secret (share): BLS in G1, 48 bytes, unique, so that it cannot be chosen. */
export function signBeacon(secret: Uint8Array, chainId: bigint, epoch: bigint): Hex {
  const point = signatures().sign(signatures().hash(beaconMessage(chainId, epoch), beaconDst), secret)
  return `0x${point.toHex(true)}`
}

/**
 * Joins `threshold` shares into the group's signature by Lagrange interpolation at 0. Which shares are joined does not
 * matter.
 *
 * @throws StakingError `ENTROPY_INVALID` for too few, repeated or malformed shares
 */
export function combineBeaconShares(shares: readonly BeaconShare[], threshold: number): Hex {
  const chosen = [...shares].sort((a, b) => a.index - b.index).slice(0, threshold)
  const indexes = new Set(chosen.map(({ index }) => index))
  if (
    chosen.length < threshold ||
    indexes.size !== chosen.length ||
    chosen.some(({ index }) => !Number.isInteger(index) || index < 1)
  ) {
    invalid(`${threshold} shares with different indexes expected`, { shares: shares.length })
  }
  const { Fr } = bls12_381.fields
  const { Point } = bls12_381.G1
  let sum = Point.ZERO
  for (const { index, signature } of chosen) {
    let coefficient = Fr.ONE
    for (const other of chosen) {
      if (other.index === index) continue
      coefficient = Fr.mul(coefficient, Fr.div(BigInt(other.index), Fr.sub(BigInt(other.index), BigInt(index))))
    }
    try {
      sum = sum.add(Point.fromBytes(bytesOf(signature, 48, 'share')).multiply(coefficient))
    } catch {
      invalid(`share ${index} is no point`, { index })
    }
  }
  return `0x${sum.toHex(true)}`
}

/** A threshold BLS beacon: unique, unpredictable below the threshold; stalls when more than n − t are away. */
export function thresholdBlsSeed(options: { groupPublicKey: Hex; chainId: bigint }): SeedProvider<{ signature: Hex }> {
  const publicKey = bytesOf(options.groupPublicKey, 96, 'groupPublicKey')
  return {
    kind: 'threshold-bls',
    entropy(epoch, { signature }) {
      const bytes = bytesOf(signature, 48, 'signature')
      if (!verifyG1(bytes, beaconMessage(options.chainId, epoch), publicKey, beaconDst)) {
        invalid('not the group’s signature of this epoch', { epoch })
      }
      return { parts: [keccak256(bytes)], missing: [] }
    },
  }
}

/** A drand chain, by default quicknet: unchained, signatures in G1 (RFC 9380). */
export type DrandOptions = {
  publicKey?: Hex
  /** The round whose output counts for an epoch; it must lie after the weights were frozen. */
  round: (epoch: bigint) => bigint
}

/** drand's public randomness. Source: drand quicknet, scheme `bls-unchained-g1-rfc9380`. */
export function drandSeed(options: DrandOptions): SeedProvider<{ round: bigint; signature: Hex }> {
  const publicKey = bytesOf(options.publicKey ?? quicknet.publicKey, 96, 'publicKey')
  return {
    kind: 'drand',
    entropy(epoch, { round, signature }) {
      const expected = options.round(epoch)
      if (round !== expected) invalid(`round ${expected} counts for epoch ${epoch}, got ${round}`, { epoch, round })
      const bytes = bytesOf(signature, 48, 'signature')
      if (!verifyG1(bytes, sha256(u64(round)), publicKey, 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_')) {
        invalid('not drand’s signature of this round', { round })
      }
      return { parts: [sha256(bytes)], missing: [] }
    },
  }
}

/** drand's quicknet chain. Source: api.drand.sh /52db9ba7…84e971/info. */
export const quicknet: { publicKey: Hex; genesisTimeSeconds: bigint; periodSeconds: bigint } = {
  publicKey:
    '0x83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  genesisTimeSeconds: 1_692_803_367n,
  periodSeconds: 3n,
}

/** The first quicknet round that begins at or after a moment (seconds). */
export function drandRoundAt(
  seconds: bigint,
  chain: { genesisTimeSeconds: bigint; periodSeconds: bigint } = quicknet,
): bigint {
  if (seconds <= chain.genesisTimeSeconds) return 1n
  return (seconds - chain.genesisTimeSeconds + chain.periodSeconds - 1n) / chain.periodSeconds + 1n
}

/**
 * Every member signs the epoch; what came is mixed by id. Nobody can choose an output, but the last to reveal can
 * withhold his, so withheld ones are named and k of them give 2^k choices.
 */
export function vrfMixSeed(options: {
  chainId: bigint
  /** BLS public keys in G2, 96 bytes, by sequencer id, of the members of an epoch. */
  members: (epoch: bigint) => ReadonlyMap<number, Hex>
}): SeedProvider<readonly { id: number; proof: Hex }[]> {
  return {
    kind: 'vrf-mix',
    entropy(epoch, proofs) {
      const members = options.members(epoch)
      const byId = new Map(proofs.map(({ id, proof }) => [id, proof]))
      if (byId.size !== proofs.length) invalid('two proofs of one member', { epoch })
      const parts: Uint8Array[] = []
      const missing: number[] = []
      for (const id of byId.keys()) if (!members.has(id)) invalid(`${id} is no member`, { id, epoch })
      for (const [id, key] of [...members].sort(([a], [b]) => a - b)) {
        const proof = byId.get(id)
        if (proof === undefined) {
          missing.push(id)
          continue
        }
        const bytes = bytesOf(proof, 48, 'proof')
        if (!verifyG1(bytes, beaconMessage(options.chainId, epoch), bytesOf(key, 96, 'publicKey'), beaconDst)) {
          invalid(`the proof of ${id} is not its signature of epoch ${epoch}`, { id, epoch })
        }
        parts.push(keccak256(bytes))
      }
      return { parts, missing }
    },
  }
}

/** What a member publishes first: keccak256(secret ‖ id ‖ epoch), id and epoch as u64. */
export function seedCommitment(secret: Hex, id: number, epoch: bigint): Hex {
  return bytesToHex(keccak256(concatBytes(bytesOf(secret, 32, 'secret'), u64(BigInt(id)), u64(epoch))))
}

/** Bonded commit and reveal: who does not open is named, which is an offence (`MISSED_REVEAL`). */
export function commitRevealSeed(): SeedProvider<{
  commitments: readonly { id: number; commitment: Hex }[]
  reveals: readonly { id: number; secret: Hex }[]
}> {
  return {
    kind: 'commit-reveal',
    entropy(epoch, { commitments, reveals }) {
      const committed = new Map(commitments.map(({ id, commitment }) => [id, commitment]))
      const revealed = new Map(reveals.map(({ id, secret }) => [id, secret]))
      if (committed.size !== commitments.length || revealed.size !== reveals.length)
        invalid('a member twice', { epoch })
      const parts: Uint8Array[] = []
      const missing: number[] = []
      for (const id of revealed.keys()) if (!committed.has(id)) invalid(`${id} has not committed`, { id })
      for (const [id, commitment] of [...committed].sort(([a], [b]) => a - b)) {
        const secret = revealed.get(id)
        if (secret === undefined) missing.push(id)
        else if (seedCommitment(secret, id, epoch) !== commitment.toLowerCase())
          invalid(`${id} reveals something else`, { id })
        else parts.push(bytesOf(secret, 32, 'secret'))
      }
      return { parts, missing }
    },
  }
}

/** The same bytes for every epoch: for tests and for nothing else. */
export function fixedSeed(bytes: Uint8Array): SeedProvider<undefined> {
  const part = Uint8Array.from(bytes)
  return { kind: 'fixed', entropy: (): Entropy => ({ parts: [part], missing: [] }) }
}
