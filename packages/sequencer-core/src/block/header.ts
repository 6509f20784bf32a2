import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash, Hex } from 'viem'
import { SequencerError } from '../errors.js'
import type { SigningDomain } from '../ordering/receipt.js'
import { nobleRecovery, type SenderRecovery } from '../transaction/recovery.js'

/**
 * What an elected sequencer signs for each block: bound to its place (chain, epoch, term, height), so that two different ones at one place
 * convict their signer, and a block signed at another place convicts nobody.
 */
export type SequencerHeader = {
  /** Election epoch. */
  readonly epochId: bigint
  /** Counter of re-selections inside the epoch, u32. */
  readonly term: number
  readonly height: bigint
  readonly parentHash: Hash
  readonly txRoot: Hash
  readonly stateRoot: Hash
  /** Seconds. */
  readonly timestamp: bigint
  readonly l1OriginNumber: bigint
  readonly l1OriginHash: Hash
  /** Entries of the L1 queue that the chain has carried up to and with this block. */
  readonly forcedUpTo: bigint
}

/** The rollup that headers are signed for. */
export type HeaderDomain = {
  /** Of the L2. */
  readonly chainId: bigint
  /** The rollup's contract on L1. */
  readonly rollup: Address
}

/** EIP-712 types of the header. */
export const sequencerHeaderTypes = {
  SequencerHeader: [
    { name: 'epochId', type: 'uint64' },
    { name: 'term', type: 'uint32' },
    { name: 'height', type: 'uint64' },
    { name: 'parentHash', type: 'bytes32' },
    { name: 'txRoot', type: 'bytes32' },
    { name: 'stateRoot', type: 'bytes32' },
    { name: 'timestamp', type: 'uint64' },
    { name: 'l1OriginNumber', type: 'uint64' },
    { name: 'l1OriginHash', type: 'bytes32' },
    { name: 'forcedUpTo', type: 'uint64' },
  ],
} as const

/** EIP-712 domain of a rollup's headers: name `L2 Sequencer`, version `1`. */
export function headerDomain(domain: HeaderDomain): SigningDomain {
  return { name: 'L2 Sequencer', version: '1', chainId: domain.chainId, verifyingContract: domain.rollup }
}

const text = (value: string): Uint8Array => keccak_256(new TextEncoder().encode(value))
const headerTypeHash = /*#__PURE__*/ text(
  'SequencerHeader(uint64 epochId,uint32 term,uint64 height,bytes32 parentHash,bytes32 txRoot,bytes32 stateRoot,uint64 timestamp,uint64 l1OriginNumber,bytes32 l1OriginHash,uint64 forcedUpTo)',
)
const domainTypeHash = /*#__PURE__*/ text(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
)
const nameHash = /*#__PURE__*/ text('L2 Sequencer')
const versionHash = /*#__PURE__*/ text('1')

function invalid(field: string, value: unknown): never {
  throw new SequencerError(`header field "${field}" cannot be ${String(value)}`, {
    code: 'HEADER_INVALID',
    details: { field, value },
  })
}

function uintWord(field: string, value: bigint, bits: number): Uint8Array {
  if (value < 0n || value >> BigInt(bits) !== 0n) invalid(field, value)
  const word = new Uint8Array(32)
  for (let i = 31, rest = value; rest > 0n; i--, rest >>= 8n) word[i] = Number(rest & 0xffn)
  return word
}

function fixedBytes(field: string, value: Hex, length: number): Uint8Array {
  const bytes = typeof value === 'string' ? hexToBytes(value) : undefined
  if (bytes === undefined || bytes.length !== length) invalid(field, value)
  return bytes
}

function term(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) invalid('term', value)
  return uintWord('term', BigInt(value), 32)
}

/**
 * The EIP-712 digest of a header: what is signed, and the header's identity.
 *
 * @throws SequencerError `HEADER_INVALID`
 *
 * @example
 * ```ts
 * import { hashSequencerHeader, headerDomain, sequencerHeaderTypes } from '@l2/sequencer-core/block'
 * import { hashTypedData } from 'viem'
 *
 * const zero = `0x${'00'.repeat(32)}` as const
 * const header = {
 *   epochId: 1n, term: 0, height: 10n, parentHash: zero, txRoot: zero, stateRoot: zero,
 *   timestamp: 1_700_000_000n, l1OriginNumber: 5n, l1OriginHash: zero, forcedUpTo: 0n,
 * }
 * const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
 * const same = hashTypedData({
 *   domain: headerDomain(domain), types: sequencerHeaderTypes, primaryType: 'SequencerHeader', message: header,
 * })
 * console.log(hashSequencerHeader(header, domain) === same) // true
 * ```
 */
export function hashSequencerHeader(header: SequencerHeader, domain: HeaderDomain): Hash {
  const domainSeparator = keccak_256(
    concatBytes(
      domainTypeHash,
      nameHash,
      versionHash,
      uintWord('chainId', domain.chainId, 256),
      new Uint8Array(12),
      fixedBytes('rollup', domain.rollup, 20),
    ),
  )
  const structHash = keccak_256(
    concatBytes(
      headerTypeHash,
      uintWord('epochId', header.epochId, 64),
      term(header.term),
      uintWord('height', header.height, 64),
      fixedBytes('parentHash', header.parentHash, 32),
      fixedBytes('txRoot', header.txRoot, 32),
      fixedBytes('stateRoot', header.stateRoot, 32),
      uintWord('timestamp', header.timestamp, 64),
      uintWord('l1OriginNumber', header.l1OriginNumber, 64),
      fixedBytes('l1OriginHash', header.l1OriginHash, 32),
      uintWord('forcedUpTo', header.forcedUpTo, 64),
    ),
  )
  return bytesToHex(keccak_256(concatBytes(Uint8Array.of(0x19, 0x01), domainSeparator, structHash)))
}

/** Half the order of secp256k1: a signature with a greater `s` is the malleable twin of another. */
const halfOrder = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/**
 * Who signed a digest. Only the canonical form counts: 65 bytes r ‖ s ‖ v, v 27 or 28, `s` in the lower half.
 *
 * @returns the address in lower case, `undefined` when it is nobody's signature. Never throws.
 */
export function recoverSigner(
  digest: Hash,
  signature: Hex,
  recovery: SenderRecovery = nobleRecovery,
): Address | undefined {
  const bytes = hexToBytes(signature)
  const hash = hexToBytes(digest)
  if (bytes?.length !== 65 || hash?.length !== 32) return undefined
  const v = bytes[64]!
  if (v !== 27 && v !== 28) return undefined
  if (BigInt(bytesToHex(bytes.subarray(32, 64))) > halfOrder) return undefined
  const signer = recovery.recover(hash, bytes.subarray(0, 64), v === 27 ? 0 : 1)
  return signer === undefined ? undefined : bytesToHex(signer)
}
