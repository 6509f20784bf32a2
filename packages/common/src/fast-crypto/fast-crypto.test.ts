import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { afterEach, describe, expect, it } from 'vitest'
import { cryptoBackend, keccak256, type Secp256k1, setCrypto, sha256 } from '../crypto/backend.js'
import { curveInUse, nobleSecp256k1, recoverPublicKey } from '../secp256k1/index.js'
import { initFastCrypto, nativeSecp256k1, wasmKeccak256, wasmSecp256k1 } from './index.js'

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const field = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn

const word = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * (31 - i))) & 0xffn))
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]))
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

const native = nativeSecp256k1(import.meta.url)
if (native.state !== 'ready') throw new Error(`the add-on of the suites is not there: ${native.reason}`)
const curves: readonly Secp256k1[] = [nobleSecp256k1, await wasmSecp256k1(), native.module]

const before = cryptoBackend()
afterEach(() => {
  setCrypto(before)
})

/** What all of them answer, or what they differ in. */
function agreed<T>(ask: (curve: Secp256k1) => T): T {
  const [first, ...others] = curves.map(ask)
  for (const other of others) expect(other).toEqual(first)
  return first!
}
const recovered = (hash: Uint8Array, signature: Uint8Array, recoveryId: number) =>
  agreed(curve => text(curve.recover(hash, signature, recoveryId)))

describe('secp256k1', () => {
  it('is signed with and recovered alike by noble, in WebAssembly and by the add-on', () => {
    const random = seededRandom(testSeed(22))
    for (let i = 0; i < runs({ suite: 12, soak: 2_000 }); i++) {
      const [hash, key] = [random.bytes(32), random.bytes(32)]
      const signed = agreed(curve => {
        const { signature, recoveryId } = curve.sign(hash, key)!
        return { signature: text(signature)!, recoveryId }
      })
      const signature = new Uint8Array(Buffer.from(signed.signature, 'hex'))
      const mine = recovered(hash, signature, signed.recoveryId)
      expect(mine).toMatch(/^04[0-9a-f]{128}$/)
      // The twin with the high s is one, and is the same signer's by the other parity.
      const s = order - BigInt(`0x${text(signature.subarray(32))}`)
      expect(recovered(hash, join(signature.subarray(0, 32), word(s)), signed.recoveryId ^ 1)).toBe(mine)
      const damaged = signature.slice()
      damaged[random.below(64)]! ^= 1 << random.below(8)
      for (const id of [0, 1, 2, 3]) recovered(hash, damaged, id)
      for (const id of [0, 1, 2, 3].filter(other => other !== signed.recoveryId))
        expect(recovered(hash, signature, id)).not.toBe(mine)
    }
  })

  it('has no signer for numbers that are none', () => {
    const hash = new Uint8Array(32).fill(7)
    const edges = [
      0n,
      1n,
      2n,
      5n,
      order - 1n,
      order,
      order + 1n,
      field - order - 1n,
      field - order,
      field,
      2n ** 256n - 1n,
    ]
    const results = edges.flatMap(r =>
      [0n, 1n, order >> 1n, (order >> 1n) + 1n, order - 1n, order, 2n ** 256n - 1n].flatMap(s =>
        [0, 1, 2, 3].map(id => recovered(hash, join(word(r), word(s)), id)),
      ),
    )
    // Both kinds are among them, and a hash of zero or above the order is a hash like others.
    expect(new Set(results.map(result => result === undefined))).toEqual(new Set([true, false]))
    for (const odd of [0n, order, order + 5n, 2n ** 256n - 1n])
      for (const id of [0, 1]) recovered(word(odd), join(word(1n), word(1n)), id)
  })

  it('signs with no key that is none', () => {
    for (const none of [0n, order, order + 1n, 2n ** 256n - 1n])
      expect(agreed(curve => curve.sign(new Uint8Array(32), word(none)))).toBeUndefined()
    for (const one of [1n, order - 1n]) expect(agreed(curve => curve.sign(word(order - 1n), word(one)))).toBeDefined()
  })

  it('takes no other lengths and no other recovery ids, whichever is set', () => {
    const hash = new Uint8Array(32).fill(1)
    const { signature, recoveryId } = nobleSecp256k1.sign(hash, new Uint8Array(32).fill(2))!
    for (const curve of curves) {
      setCrypto({ secp256k1: curve })
      expect(curveInUse()).toBe(curve.name)
      expect(recoverPublicKey(hash, signature, recoveryId)).toHaveLength(65)
      for (const id of [-1, 4, 0.5, Number.NaN, 2 ** 32]) expect(recoverPublicKey(hash, signature, id)).toBeUndefined()
      for (const length of [0, 31, 33, 64, 65]) {
        const other = new Uint8Array(length).fill(1)
        expect(recoverPublicKey(other, signature, 0)).toBeUndefined()
        if (length !== 64) expect(recoverPublicKey(hash, other, 0)).toBeUndefined()
      }
    }
  })
})

describe('hashes', () => {
  it('are the same of every length, each in an array of its own', async () => {
    const random = seededRandom(testSeed(23))
    const fast = await wasmKeccak256()
    await initFastCrypto()
    // Around the blocks of both functions, and around the 16 kB that WebAssembly takes at once.
    const lengths = [0, 1, 55, 56, 63, 64, 65, 135, 136, 137, 271, 272, 16_383, 16_384, 16_385, 70_000]
    for (const length of [
      ...lengths,
      ...Array.from({ length: runs({ suite: 20, soak: 5_000 }) }, () => random.below(2_000)),
    ]) {
      const data = random.bytes(length + 3).subarray(3)
      expect(text(fast(data))).toBe(text(keccak_256(data)))
      expect(text(keccak256(data))).toBe(text(keccak_256(data)))
      expect(text(sha256(data))).toBe(createHash('sha256').update(data).digest('hex'))
    }
    const first = keccak256(Uint8Array.of(1))
    const copy = text(first)
    keccak256(Uint8Array.of(2))
    expect(text(first)).toBe(copy)
    expect(Object.getPrototypeOf(sha256(first))).toBe(Uint8Array.prototype)
  })
})

describe('initFastCrypto', () => {
  it('is asked for: before it everything is noble, after it what is installed', async () => {
    setCrypto(undefined)
    expect(curveInUse()).toBe('noble')
    expect(cryptoBackend()).toEqual({})
    const names = await initFastCrypto()
    expect(names).toEqual({ keccak256: 'hash-wasm', sha256: 'node:crypto', secp256k1: 'libsecp256k1', reasons: [] })
    expect(curveInUse()).toBe('libsecp256k1')
    const set = cryptoBackend()
    await initFastCrypto()
    expect(cryptoBackend()).toBe(set)
    expect(setCrypto(undefined)).toBe(set)
    expect(curveInUse()).toBe('noble')
  })

  it('takes an injected port, and gives back what was set', () => {
    const mine = { keccak256: () => new Uint8Array(32) }
    const old = setCrypto(mine)
    expect(keccak256(Uint8Array.of(1))).toEqual(new Uint8Array(32))
    expect(text(sha256(Uint8Array.of(1)))).toBe(createHash('sha256').update(Uint8Array.of(1)).digest('hex'))
    expect(setCrypto(old)).toBe(mine)
  })

  it('reaches WebAssembly by no static import', () => {
    const source = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')
    for (const name of ['index.ts', 'fast.ts', 'native.ts', 'wasm.ts', '../crypto/backend.ts', '../secp256k1/index.ts'])
      expect(source(name)).not.toMatch(/^(?:import|export) .* from '.*(?:wasm-|libauth)/m)
  })
})
