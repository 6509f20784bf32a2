import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash, Hex } from 'viem'
import { refuse } from '../errors.js'

/** EIP-712 domain of a rollup: `chainId` is the L2's, so that a signature means nothing on another chain. */
export type SequencerDomain = { name: string; version: string; chainId: bigint; verifyingContract: Address }

/** What a leader signs for every block: bound to its place, so that two of them for one place are a proof. */
export type SequencerHeader = {
  epochId: bigint
  /** How often the leader was re-selected inside the epoch before this one. */
  term: number
  height: bigint
  parentHash: Hash
  txRoot: Hash
  stateRoot: Hash
  /** Seconds. */
  timestamp: bigint
  l1OriginNumber: bigint
  l1OriginHash: Hash
  /** Forced-inclusion queue items below this index are included by this block or an earlier one. */
  forcedUpTo: bigint
}

/** What a poster signs for every batch. */
export type BatchHeader = {
  chainId: bigint
  batchIndex: bigint
  prevHash: Hash
  firstHeight: bigint
  lastHeight: bigint
  headersRoot: Hash
  daCommitment: Hash
}

/** A leader's promise of a place in its order. */
export type Receipt = {
  txHash: Hash
  epochId: bigint
  term: number
  sequenceNo: bigint
  notAfterHeight: bigint
}

type Field = readonly [name: string, type: 'uint32' | 'uint64' | 'uint256' | 'bytes32']

/** Types of the signed objects, in the form viem's `hashTypedData` takes. */
export const signedTypes = {
  SequencerHeader: [
    ['epochId', 'uint64'],
    ['term', 'uint32'],
    ['height', 'uint64'],
    ['parentHash', 'bytes32'],
    ['txRoot', 'bytes32'],
    ['stateRoot', 'bytes32'],
    ['timestamp', 'uint64'],
    ['l1OriginNumber', 'uint64'],
    ['l1OriginHash', 'bytes32'],
    ['forcedUpTo', 'uint64'],
  ],
  BatchHeader: [
    ['chainId', 'uint256'],
    ['batchIndex', 'uint64'],
    ['prevHash', 'bytes32'],
    ['firstHeight', 'uint64'],
    ['lastHeight', 'uint64'],
    ['headersRoot', 'bytes32'],
    ['daCommitment', 'bytes32'],
  ],
  Receipt: [
    ['txHash', 'bytes32'],
    ['epochId', 'uint64'],
    ['term', 'uint32'],
    ['sequenceNo', 'uint64'],
    ['notAfterHeight', 'uint64'],
  ],
} as const satisfies Record<string, readonly Field[]>

/** Name of a signed object and the object that goes with it. */
export type SignedObjects = { SequencerHeader: SequencerHeader; BatchHeader: BatchHeader; Receipt: Receipt }

const text = new TextEncoder()
const keccakText = (value: string): Uint8Array => keccak_256(text.encode(value))
const domainTypeHash = /*#__PURE__*/ keccakText(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
)
const typeHashes = new Map<string, Uint8Array>()

function typeHash(name: keyof SignedObjects): Uint8Array {
  let hash = typeHashes.get(name)
  if (hash === undefined) {
    hash = keccakText(`${name}(${signedTypes[name].map(([field, type]) => `${type} ${field}`).join(',')})`)
    typeHashes.set(name, hash)
  }
  return hash
}

/** A 32-byte word of an unsigned integer. */
function uintWord(value: bigint | number, bits: number, field: string): Uint8Array {
  let rest = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof rest !== 'bigint' || rest < 0n || rest >> BigInt(bits) !== 0n) {
    refuse('INPUT_INVALID', `${field} expected uint${bits}, got ${String(value)}`, { field, value })
  }
  const word = new Uint8Array(32)
  for (let i = 31; rest > 0n; i--, rest >>= 8n) word[i] = Number(rest & 255n)
  return word
}

function bytesWord(value: string, length: number, field: string): Uint8Array {
  const bytes = hexToBytes(value)
  if (bytes?.length !== length) refuse('INPUT_INVALID', `${field} expected ${length} bytes`, { field })
  if (length === 32) return bytes
  const word = new Uint8Array(32)
  word.set(bytes, 32 - length)
  return word
}

const separators = /*#__PURE__*/ new WeakMap<SequencerDomain, { of: string; separator: Uint8Array }>()

/** The separator of a domain object, hashed once as long as its fields stay what they were. */
function cachedSeparator(domain: SequencerDomain): Uint8Array {
  const of = `${domain.chainId} ${domain.verifyingContract} ${JSON.stringify([domain.name, domain.version])}`
  const cached = separators.get(domain)
  if (cached?.of === of) return cached.separator
  const separator = domainSeparator(domain)
  separators.set(domain, { of, separator })
  return separator
}

/** EIP-712 domain separator. @throws StakingError `INPUT_INVALID` */
export function domainSeparator(domain: SequencerDomain): Uint8Array {
  return keccak_256(
    concatBytes(
      domainTypeHash,
      keccakText(domain.name),
      keccakText(domain.version),
      uintWord(domain.chainId, 256, 'chainId'),
      bytesWord(domain.verifyingContract, 20, 'verifyingContract'),
    ),
  )
}

/**
 * EIP-712 hash of a signed object: what is signed, and by which two objects are told apart.
 *
 * @throws StakingError `INPUT_INVALID` for a field out of its range
 */
export function signingHash<Name extends keyof SignedObjects>(
  domain: SequencerDomain,
  name: Name,
  value: SignedObjects[Name],
): Hash {
  const words = signedTypes[name].map(([field, type]) => {
    const item = (value as Record<string, unknown>)[field]
    return type === 'bytes32'
      ? bytesWord(String(item), 32, field)
      : uintWord(item as bigint, Number(type.slice(4)), field)
  })
  const struct = keccak_256(concatBytes(typeHash(name), ...words))
  return bytesToHex(keccak_256(concatBytes(Uint8Array.of(0x19, 0x01), cachedSeparator(domain), struct)))
}

/**
 * The address that made a signature of 65 bytes (r, s, v), or `undefined` when it is none: another length, a high s, r or s out of range,
 * v other than 0, 1, 27, 28, or no point.
 */
export function recoverSigner(hash: Hash, signature: Hex): Address | undefined {
  const bytes = hexToBytes(signature)
  const message = hexToBytes(hash)
  if (bytes?.length !== 65 || message?.length !== 32) return undefined
  const v = bytes[64]! >= 27 ? bytes[64]! - 27 : bytes[64]!
  if (v > 1) return undefined
  try {
    const parsed = secp256k1.Signature.fromBytes(bytes.subarray(0, 64), 'compact')
    if (parsed.hasHighS()) return undefined
    const point = parsed.addRecoveryBit(v).recoverPublicKey(message)
    return bytesToHex(keccak_256(point.toBytes(false).subarray(1)).subarray(12))
  } catch {
    return undefined
  }
}
