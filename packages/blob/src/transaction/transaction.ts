import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { RLP } from 'micro-eth-signer/core/rlp.js'
import type { AccessList, Address, Hex } from 'viem'
import { maxBlobsPerTransaction } from '../constants.js'
import { BlobError } from '../errors.js'
import { type BlobSidecar, checkSidecar, proofsPerBlob } from '../sidecar/sidecar.js'

/** The fields of a type-3 transaction (EIP-4844), named as viem names them. Prices in wei per gas, `value` in wei. */
export type BlobTransaction = {
  readonly chainId: number
  readonly nonce: number
  readonly maxPriorityFeePerGas: bigint
  readonly maxFeePerGas: bigint
  readonly gas: bigint
  readonly to: Address
  readonly value: bigint
  readonly data: Hex
  readonly accessList: AccessList
  readonly maxFeePerBlobGas: bigint
  readonly blobVersionedHashes: readonly Hex[]
}

/** A signature as it stands in the transaction. */
export type BlobTransactionSignature = { readonly yParity: 0 | 1; readonly r: Hex; readonly s: Hex }

type Rlp = Uint8Array | readonly Rlp[]

const type = 0x03
const empty = new Uint8Array()

function wrong(field: string, reason: string, value?: unknown): BlobError {
  return new BlobError(`"${field}" ${reason}`, { code: 'TRANSACTION_FIELD', details: { field, value } })
}

function uint(field: string, value: bigint | number, bits: number): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw wrong(field, `expected an integer, got ${value}`)
  const number = BigInt(value)
  if (number < 0n || number >> BigInt(bits) !== 0n) {
    throw wrong(field, `expected 0 to 2^${bits} − 1, got ${number}`, number)
  }
  if (number === 0n) return empty
  const hex = number.toString(16)
  return hexToBytes(hex.length % 2 === 0 ? hex : `0${hex}`)!
}

function bytes(field: string, value: Hex, length?: number): Uint8Array {
  const result = typeof value === 'string' && value.startsWith('0x') ? hexToBytes(value) : undefined
  if (result === undefined || (length !== undefined && result.length !== length)) {
    throw wrong(
      field,
      `expected ${length === undefined ? '' : `${length} `}bytes in hex, got ${String(value).slice(0, 80)}`,
    )
  }
  return result
}

function checkHashes(hashes: readonly Hex[]): Uint8Array[] {
  if (hashes.length === 0) throw new BlobError('a type-3 transaction carries at least one blob', { code: 'NO_BLOBS' })
  if (hashes.length > maxBlobsPerTransaction) throw tooManyBlobs(hashes.length, maxBlobsPerTransaction, 'transaction')
  return hashes.map((hash, i) => {
    const raw = bytes(`blobVersionedHashes[${i}]`, hash, 32)
    if (raw[0] !== 1) throw wrong(`blobVersionedHashes[${i}]`, `expected version byte 0x01, got ${hash}`)
    return raw
  })
}

/** The error of too many blobs for a transaction or a block. */
export function tooManyBlobs(got: number, max: number, scope: 'transaction' | 'block'): BlobError {
  return new BlobError(`${got} blobs: a ${scope} carries at most ${max}`, {
    code: 'TOO_MANY_BLOBS',
    details: { got, max, scope },
  })
}

function body(transaction: BlobTransaction, signature?: BlobTransactionSignature): Rlp[] {
  const { maxFeePerGas, maxPriorityFeePerGas } = transaction
  if (maxPriorityFeePerGas > maxFeePerGas) {
    throw wrong('maxPriorityFeePerGas', `expected at most maxFeePerGas (${maxFeePerGas}), got ${maxPriorityFeePerGas}`)
  }
  const items: Rlp[] = [
    uint('chainId', transaction.chainId, 53),
    uint('nonce', transaction.nonce, 53),
    uint('maxPriorityFeePerGas', maxPriorityFeePerGas, 256),
    uint('maxFeePerGas', maxFeePerGas, 256),
    uint('gas', transaction.gas, 64),
    bytes('to', transaction.to, 20),
    uint('value', transaction.value, 256),
    bytes('data', transaction.data),
    transaction.accessList.map(({ address, storageKeys }, i) => [
      bytes(`accessList[${i}].address`, address, 20),
      storageKeys.map(key => bytes(`accessList[${i}].storageKeys`, key, 32)),
    ]),
    uint('maxFeePerBlobGas', transaction.maxFeePerBlobGas, 256),
    checkHashes(transaction.blobVersionedHashes),
  ]
  if (signature === undefined) return items
  const { yParity, r, s } = signature
  return [...items, uint('yParity', yParity, 1), uint('r', BigInt(r), 256), uint('s', BigInt(s), 256)]
}

function typed(items: Rlp): Uint8Array {
  const rlp = RLP.encode(items as never)
  const result = new Uint8Array(1 + rlp.length)
  result[0] = type
  result.set(rlp, 1)
  return result
}

/** @see serializeBlobTransaction */
export type SerializeBlobTransactionOptions = {
  /** Absent: the bytes whose hash is signed. */
  signature?: BlobTransactionSignature | undefined
  /** Present: the network wrapper, which nodes take; its version is the sidecar's. Needs a signature. */
  sidecar?: BlobSidecar | undefined
}

/**
 * The bytes of a type-3 transaction: unsigned, signed (what blocks hold), or wrapped with its sidecar (what travels to a node).
 * Version 0: `0x03 ‖ rlp([body, blobs, commitments, proofs])`; version 1: `0x03 ‖ rlp([body, 0x01, blobs, commitments, proofs])`.
 *
 * Source: EIP-4844 "Networking", EIP-7594 "Networking".
 *
 * @throws BlobError `TRANSACTION_FIELD`, `NO_BLOBS`, `TOO_MANY_BLOBS`, and for the sidecar as `checkSidecar`
 */
export function serializeBlobTransaction(
  transaction: BlobTransaction,
  options: SerializeBlobTransactionOptions = {},
): Uint8Array {
  const { signature, sidecar } = options
  const items = body(transaction, signature)
  if (sidecar === undefined) return typed(items)
  if (signature === undefined) throw wrong('signature', 'expected with a sidecar: nodes take signed transactions only')
  checkSidecar(sidecar, transaction.blobVersionedHashes)
  const { version, blobs, commitments, proofs } = sidecar
  return typed(
    version === 0 ? [items, blobs, commitments, proofs] : [items, Uint8Array.of(version), blobs, commitments, proofs],
  )
}

/** A type-3 transaction read from the wire. */
export type ParsedBlobTransaction = {
  readonly transaction: BlobTransaction
  /** Absent in bytes that were made for signing. */
  readonly signature: BlobTransactionSignature | undefined
  /** Present in a network wrapper. Its counts and commitments agree with the transaction; its proofs were not verified. */
  readonly sidecar: BlobSidecar | undefined
  /** The transaction hash: of the signed transaction without sidecar. `undefined` when unsigned. */
  readonly hash: Hex | undefined
}

function malformed(reason: string, details: Record<string, unknown> = {}, cause?: unknown): BlobError {
  return new BlobError(`not a type-3 transaction: ${reason}`, { code: 'TRANSACTION_FORMAT', details, cause })
}

function isList(item: Rlp | undefined): item is readonly Rlp[] {
  return Array.isArray(item)
}

function readUint(item: Rlp | undefined, field: string, bits: number): bigint {
  if (!(item instanceof Uint8Array) || item.length * 8 > Math.ceil(bits / 8) * 8 || item[0] === 0) {
    throw malformed(`"${field}" is not an integer of ${bits} bits without leading zeros`, { field })
  }
  const value = item.length === 0 ? 0n : BigInt(bytesToHex(item))
  if (value >> BigInt(bits) !== 0n) throw malformed(`"${field}" does not fit into ${bits} bits`, { field })
  return value
}

function readBytes(item: Rlp | undefined, field: string, length?: number): Uint8Array {
  if (!(item instanceof Uint8Array) || (length !== undefined && item.length !== length)) {
    throw malformed(`"${field}" is not ${length === undefined ? 'a byte string' : `${length} bytes`}`, { field })
  }
  return item
}

function readList(item: Rlp | undefined, field: string, length?: number): readonly Rlp[] {
  if (!isList(item) || (length !== undefined && item.length !== length)) {
    throw malformed(`"${field}" is not a list${length === undefined ? '' : ` of ${length}`}`, { field })
  }
  return item
}

function readBody(item: readonly Rlp[]): { transaction: BlobTransaction; signature?: BlobTransactionSignature } {
  if (item.length !== 11 && item.length !== 14) {
    throw malformed(`its body has ${item.length} fields, not 11 or 14`, { fields: item.length })
  }
  const transaction: BlobTransaction = {
    chainId: Number(readUint(item[0], 'chainId', 53)),
    nonce: Number(readUint(item[1], 'nonce', 53)),
    maxPriorityFeePerGas: readUint(item[2], 'maxPriorityFeePerGas', 256),
    maxFeePerGas: readUint(item[3], 'maxFeePerGas', 256),
    gas: readUint(item[4], 'gas', 64),
    to: bytesToHex(readBytes(item[5], 'to', 20)),
    value: readUint(item[6], 'value', 256),
    data: bytesToHex(readBytes(item[7], 'data')),
    accessList: readList(item[8], 'accessList').map((entry, i) => {
      const [address, keys] = readList(entry, `accessList[${i}]`, 2)
      return {
        address: bytesToHex(readBytes(address, `accessList[${i}].address`, 20)),
        storageKeys: readList(keys, `accessList[${i}].storageKeys`).map(key =>
          bytesToHex(readBytes(key, `accessList[${i}].storageKeys`, 32)),
        ),
      }
    }),
    maxFeePerBlobGas: readUint(item[9], 'maxFeePerBlobGas', 256),
    blobVersionedHashes: readList(item[10], 'blobVersionedHashes').map((hash, i) =>
      bytesToHex(readBytes(hash, `blobVersionedHashes[${i}]`, 32)),
    ),
  }
  if (item.length === 11) return { transaction }
  const yParity = Number(readUint(item[11], 'yParity', 1)) as 0 | 1
  const r = readUint(item[12], 'r', 256)
  const s = readUint(item[13], 's', 256)
  const word = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`
  return { transaction, signature: { yParity, r: word(r), s: word(s) } }
}

function readSidecar(item: readonly Rlp[], hashes: readonly Hex[]): BlobSidecar {
  const version = item.length === 5 ? 1 : 0
  if (version === 1) {
    const byte = readBytes(item[1], 'wrapper version', 1)
    if (byte[0] !== 1) {
      throw new BlobError(`wrapper version expected 1, got ${byte[0]}`, {
        code: 'SIDECAR_VERSION',
        details: { version: byte[0] },
      })
    }
  }
  const parts = item.slice(-3)
  const read = (index: number, field: string): Uint8Array[] =>
    readList(parts[index], field, index < 2 ? hashes.length : hashes.length * proofsPerBlob(version)).map((one, i) =>
      readBytes(one, `${field}[${i}]`),
    )
  const sidecar: BlobSidecar = {
    version,
    blobs: read(0, 'blobs'),
    commitments: read(1, 'commitments'),
    proofs: read(2, 'proofs'),
  }
  checkSidecar(sidecar, hashes)
  return sidecar
}

/**
 * Reads a type-3 transaction in any of its forms: unsigned, signed, wrapped in version 0 or 1. Only the one canonical encoding of a
 * transaction is taken. Proofs are not verified: `verifySidecar` does.
 *
 * @throws BlobError `TRANSACTION_FORMAT`, `TRANSACTION_FIELD`, `NO_BLOBS`, `TOO_MANY_BLOBS`, and for the sidecar as `checkSidecar`
 * @example
 * ```ts
 * import { parseBlobTransaction, serializeBlobTransaction } from '@l2/blob'
 *
 * const bytes = serializeBlobTransaction({
 *   chainId: 1,
 *   nonce: 7,
 *   maxPriorityFeePerGas: 1n,
 *   maxFeePerGas: 30_000_000_000n,
 *   gas: 21_000n,
 *   to: '0x000000000000000000000000000000000000dead',
 *   value: 0n,
 *   data: '0x',
 *   accessList: [],
 *   maxFeePerBlobGas: 1_000_000_000n,
 *   blobVersionedHashes: ['0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014'],
 * })
 * const { transaction, signature } = parseBlobTransaction(bytes)
 * console.log(transaction.nonce, signature) // 7 undefined
 * ```
 */
export function parseBlobTransaction(serialized: Uint8Array | Hex): ParsedBlobTransaction {
  const raw = typeof serialized === 'string' ? hexToBytes(serialized) : serialized
  if (!(raw instanceof Uint8Array) || raw[0] !== type) throw malformed('it does not begin with 0x03')
  let item: Rlp
  try {
    item = RLP.decode(raw.subarray(1)) as Rlp
  } catch (cause) {
    throw malformed('its RLP is broken', {}, cause)
  }
  const outer = readList(item, 'transaction')
  const wrapped = isList(outer[0])
  if (wrapped && outer.length !== 4 && outer.length !== 5) {
    throw malformed(`its wrapper has ${outer.length} parts, not 4 or 5`, { parts: outer.length })
  }
  const { transaction, signature } = readBody(wrapped ? (outer[0] as readonly Rlp[]) : outer)
  checkHashes(transaction.blobVersionedHashes)
  if (wrapped && signature === undefined) throw malformed('its wrapper holds an unsigned body')
  const sidecar = wrapped ? readSidecar(outer, transaction.blobVersionedHashes) : undefined
  // The decoder below is lenient; what does not encode to the same bytes was not canonical.
  const again = serializeBlobTransaction(transaction, { signature, sidecar })
  if (again.length !== raw.length || !again.every((byte, i) => byte === raw[i])) throw malformed('it is not canonical')
  return {
    transaction,
    signature,
    sidecar,
    hash: signature === undefined ? undefined : blobTransactionHash(transaction, signature),
  }
}

/** The hash of a signed type-3 transaction: over the body alone, so it is known before anything is sent and whatever the wrapper. */
export function blobTransactionHash(transaction: BlobTransaction, signature: BlobTransactionSignature): Hex {
  return bytesToHex(keccak256(serializeBlobTransaction(transaction, { signature })))
}
