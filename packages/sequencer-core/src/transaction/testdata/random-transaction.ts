import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import type { Random } from '@l2/common/testing'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { encodeRlp, type RlpValue } from '../../rlp/rlp.js'

/** How a random transaction is signed; a native signer makes a long run bearable. */
export type TestSigner = (hash: Uint8Array, key: Uint8Array) => { signature: Uint8Array; recovery: number }

/** Signs with noble. */
export const nobleSigner: TestSigner = (hash, key) => {
  const bytes = secp256k1.sign(hash, key, { prehash: false, format: 'recovered' })
  return { signature: bytes.subarray(1), recovery: bytes[0]! }
}

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** What is wrong with a random transaction, if anything. */
export type Flaw =
  | 'none'
  | 'high-s'
  | 'zero-r'
  | 'large-r'
  | 'large-s'
  | 'bad-parity'
  | 'short-address'
  | 'leading-zero'
  | 'trailing-byte'
  | 'extra-field'
  | 'short-key'
  | 'no-tuples'
  | 'create-by-7702'

/** A transaction as some wallet could have made it, with every field where its type has it. */
export type RandomTransaction = {
  readonly raw: Uint8Array
  readonly type: 0 | 1 | 2 | 4
  readonly flaw: Flaw
}

const number = (bytes: Uint8Array): bigint => (bytes.length === 0 ? 0n : BigInt(bytesToHex(bytes)))

/** A random integer of up to `maxBytes` bytes; small ones are as frequent as large ones. */
function integer(random: Random, maxBytes: number): bigint {
  return number(random.bytes(random.below(maxBytes + 1)))
}

/** The minimal bytes of an integer, which an encoder may be given in place of it. */
function integerBytes(value: bigint): Uint8Array {
  const hex = value.toString(16)
  return value === 0n ? new Uint8Array() : hexToBytes(hex.length % 2 === 0 ? hex : `0${hex}`)!
}

/** Makes one of any type, signed for chain 10 (or, type 0, for no chain). */
export function randomTransaction(
  random: Random,
  sign: TestSigner = nobleSigner,
  flawed = random.bool(0.3),
): RandomTransaction {
  const type = random.pick([0, 1, 2, 4] as const)
  const chainId = 10n
  const key = random.bytes(32)
  key[0] = 1
  const flaw: Flaw = flawed
    ? random.pick([
        'high-s',
        'zero-r',
        'large-r',
        'large-s',
        'bad-parity',
        'short-address',
        'leading-zero',
        'trailing-byte',
        'extra-field',
        ...(type === 0 ? [] : (['short-key'] as const)),
        ...(type === 4 ? (['no-tuples', 'create-by-7702'] as const) : []),
      ] as const)
    : 'none'
  const isCreation = flaw === 'create-by-7702' || (type !== 4 && flaw !== 'short-address' && random.bool(0.15))
  const to = isCreation ? new Uint8Array() : random.bytes(flaw === 'short-address' ? 19 : 20)
  const data = random.bytes(random.bool(0.5) ? 0 : random.below(300))
  const cap = integer(random, 11)
  const tip = cap === 0n ? 0n : integer(random, 11) % (cap + 1n)
  // Caps times gas stay below 2^256, as both peers want; nonces below the one that EIP-2681 forbids.
  const nonce: RlpValue = flaw === 'leading-zero' ? Uint8Array.of(0, 1) : integer(random, 6)
  const accessList: RlpValue = Array.from({ length: flaw === 'short-key' ? 1 : random.below(3) }, () => [
    random.bytes(20),
    Array.from({ length: flaw === 'short-key' ? 1 : random.below(3) }, () =>
      random.bytes(flaw === 'short-key' ? 31 : 32),
    ),
  ])
  const tuples: RlpValue = Array.from({ length: flaw === 'no-tuples' ? 0 : 1 + random.below(2) }, () => [
    random.bool() ? 10n : 0n,
    random.bytes(20),
    integer(random, 6),
    BigInt(random.below(2)),
    1n + (number(random.bytes(32)) % (order - 1n)),
    1n + (number(random.bytes(32)) % (order >> 1n)),
  ])
  const tail: RlpValue[] = [integer(random, 6), to, integer(random, 12), data]
  const fields: RlpValue[] =
    type === 0
      ? [nonce, cap, ...tail]
      : type === 1
        ? [chainId, nonce, cap, ...tail, accessList]
        : [chainId, nonce, tip, cap, ...tail, accessList, ...(type === 4 ? [tuples] : [])]

  const isProtected = random.bool(0.8)
  const unsigned =
    type === 0
      ? encodeRlp(isProtected ? [...fields, chainId, 0n, 0n] : fields)
      : concatBytes(Uint8Array.of(type), encodeRlp(fields))
  const { signature, recovery } = sign(keccak_256(unsigned), key)
  let parity = BigInt(recovery)
  let r = number(signature.subarray(0, 32))
  let s = number(signature.subarray(32, 64))
  if (flaw === 'high-s') {
    s = order - s
    parity ^= 1n
  }
  if (flaw === 'zero-r') r = 0n
  if (flaw === 'large-r') r = order + (r % 1_000n)
  if (flaw === 'large-s') s = order + (s % 1_000n)
  if (flaw === 'bad-parity') parity = 2n + BigInt(random.below(5))
  const v =
    type !== 0
      ? parity
      : flaw === 'bad-parity'
        ? 29n + BigInt(random.below(6))
        : isProtected
          ? 35n + 2n * chainId + parity
          : 27n + parity
  const list = encodeRlp([...fields, v, integerBytes(r), integerBytes(s), ...(flaw === 'extra-field' ? [1n] : [])])
  const parts = [...(type === 0 ? [] : [Uint8Array.of(type)]), list]
  return { raw: concatBytes(...parts, ...(flaw === 'trailing-byte' ? [Uint8Array.of(0)] : [])), type, flaw }
}
