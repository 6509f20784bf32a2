import { isL2Error } from '@l2/common'
import { runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { toBlobSidecars } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import { bytesPerBlob, bytesPerCell } from '../constants.js'
import { cKzg } from './c-kzg.js'
import { ethKzg } from './eth-kzg.js'
import type { Kzg, KzgMethod } from './kzg.js'
import { nobleKzg } from './noble.js'

const random = seededRandom(3)
const reference = cKzg()
const others: Kzg[] = [ethKzg()]

/** A blob of random field elements, at the edges of the field as well. */
function randomBlob(): Uint8Array {
  const blob = random.bytes(bytesPerBlob)
  for (let i = 0; i < bytesPerBlob; i += 32) blob[i]! &= 0x3f
  blob.set(Uint8Array.from(Buffer.from('73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000', 'hex')), 320)
  blob.fill(0, 640, 1280)
  return blob
}

function scalar(): Uint8Array {
  const bytes = random.bytes(32)
  bytes[0]! &= 0x3f
  return bytes
}

beforeAll(async () => {
  others.push(await nobleKzg())
})

describe('the backends against each other', () => {
  it('agree on everything they compute from random blobs, and take each other’s proofs', () => {
    const blob = randomBlob()
    const z = scalar()
    const commitment = reference.blobToKzgCommitment(blob)
    const proof = reference.computeBlobKzgProof(blob, commitment)
    const opened = reference.computeKzgProof(blob, z)
    const extended = reference.computeCellsAndKzgProofs(blob)
    const indices = Array.from({ length: 128 }, (_, i) => i).filter(i => i % 2 === 1)
    for (const kzg of others) {
      expect(kzg.blobToKzgCommitment(blob)).toEqual(commitment)
      expect(kzg.computeBlobKzgProof(blob, commitment)).toEqual(proof)
      expect(kzg.computeKzgProof(blob, z)).toEqual(opened)
      expect(kzg.computeCells(blob)).toEqual(extended.cells)
      expect(kzg.verifyBlobKzgProof(blob, commitment, proof)).toBe(true)
      expect(kzg.verifyKzgProof(commitment, z, opened.y, opened.proof)).toBe(true)
      expect(kzg.verifyKzgProof(commitment, z, scalar(), opened.proof)).toBe(false)
      // JavaScript takes seconds for it; the suite has it do so for a published vector.
      if (kzg.backend !== 'noble' || runs({ suite: 0, soak: 1 }) === 1) {
        const half = indices.map(i => extended.cells[i]!)
        expect(kzg.recoverCellsAndKzgProofs(indices, half)).toEqual(extended)
      }
      const some = [3, 3, 127]
      const verify = (cells: Uint8Array[]): boolean =>
        kzg.verifyCellKzgProofBatch(
          some.map(() => commitment),
          some,
          cells,
          some.map(i => extended.proofs[i]!),
        )
      expect(verify(some.map(i => extended.cells[i]!))).toBe(true)
      expect(verify(some.map(i => extended.cells[i ^ 1]!))).toBe(false)
    }
  })

  it('agree on many blobs where they are fast', () => {
    for (let round = 0; round < runs({ suite: 1, soak: 40 }); round++) {
      const blob = randomBlob()
      const commitment = reference.blobToKzgCommitment(blob)
      expect(others[0]!.blobToKzgCommitment(blob)).toEqual(commitment)
      expect(others[0]!.computeCellsAndKzgProofs(blob)).toEqual(reference.computeCellsAndKzgProofs(blob))
    }
  })
})

/** What stands where an argument belongs: the right thing, or anything else that JavaScript can hand over. */
const point = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Uint8Array.from({ length: 48 }, (_, i) => (i === 0 ? 0xc0 : 0))) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 46, maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom(...[undefined, null, 'x', {}, [], -1, new Uint8Array(0)]) },
)
const scalars = fc.oneof(fc.constant(new Uint8Array(32)), fc.constant(new Uint8Array(32).fill(0xff)), point)
const blob = fc.oneof(
  { weight: 3, arbitrary: fc.constant(new Uint8Array(bytesPerBlob)) },
  { weight: 1, arbitrary: fc.constantFrom(new Uint8Array(bytesPerBlob).fill(0xff), new Uint8Array(bytesPerBlob - 1)) },
  { weight: 1, arbitrary: point },
)
const cell = fc.oneof(
  { weight: 3, arbitrary: fc.constant(new Uint8Array(bytesPerCell)) },
  { weight: 1, arbitrary: fc.constantFrom(new Uint8Array(bytesPerCell).fill(0xff), new Uint8Array(1)) },
)
const index = fc.oneof(
  { weight: 3, arbitrary: fc.nat(127) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 128, 0.5, Number.NaN, 2 ** 53, '1', undefined) },
)
const many = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.array(item, { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, 'list', 7) },
  )
const calls: Partial<Record<KzgMethod, fc.Arbitrary<unknown[]>>> = {
  verifyKzgProof: fc.tuple(point, scalars, scalars, point),
  verifyBlobKzgProof: fc.tuple(blob, point, point),
  verifyBlobKzgProofBatch: fc.tuple(many(blob), many(point), many(point)),
  verifyCellKzgProofBatch: fc.tuple(many(point), many(index), many(cell), many(point)),
  recoverCellsAndKzgProofs: fc.tuple(many(index), many(cell)),
  computeBlobKzgProof: fc.tuple(blob, fc.constantFrom<unknown>(undefined, new Uint8Array(48), new Uint8Array(47))),
  computeKzgProof: fc.tuple(blob, fc.constantFrom<unknown>(undefined, new Uint8Array(32).fill(0xff), '0x')),
  blobToKzgCommitment: fc.tuple(
    fc.constantFrom<unknown>(
      undefined,
      'x',
      [],
      new ArrayBuffer(bytesPerBlob),
      new Uint8Array(new SharedArrayBuffer(bytesPerBlob)),
      Object.create(Uint8Array.prototype),
      Object.setPrototypeOf({ length: bytesPerBlob }, Uint8Array.prototype),
      Object.setPrototypeOf(new Uint16Array(bytesPerBlob), Uint8Array.prototype),
      new Proxy(new Uint8Array(bytesPerBlob), {}),
    ),
  ),
}

describe.each(['c-kzg', 'eth-kzg', 'noble'])('malformed input to %s', backend => {
  const kzg = (): Kzg => [reference, ...others].find(one => one.backend === backend)!

  it.each(Object.entries(calls))('%s answers or refuses with a typed error, as the others do', (method, args) => {
    const outcome = (of: Kzg, given: unknown[]): unknown => {
      try {
        return (of[method as KzgMethod] as (...args: unknown[]) => unknown)(...given)
      } catch (error) {
        if (isL2Error(error)) return error.code
        throw error
      }
    }
    fc.assert(
      fc.property(args, given => {
        expect(outcome(kzg(), given)).toEqual(outcome(reference, given))
      }),
      { numRuns: runs({ suite: 15, soak: 800 }), seed: 5 },
    )
  })
})

describe('a Kzg', () => {
  it('can be handed to viem as it is', () => {
    const [sidecar] = toBlobSidecars({ data: random.bytes(1000), kzg: reference })
    expect(reference.verifyBlobKzgProof(sidecar!.blob, sidecar!.commitment, sidecar!.proof)).toBe(true)
  })

  it('returns bytes, not Node buffers', () => {
    const bytes = randomBlob()
    for (const kzg of [reference, ...others]) {
      expect(Object.getPrototypeOf(kzg.blobToKzgCommitment(bytes))).toBe(Uint8Array.prototype)
    }
  })

  it('refuses tables that would not fit into memory', () => {
    for (const precompute of [15, -1, 1.5]) {
      expect(() => cKzg({ precompute })).toThrow(expect.objectContaining({ code: 'OPTION' }))
    }
  })

  it('says when it was made without what cells need', async () => {
    const small = await nobleKzg({ cells: false })
    const bytes = new Uint8Array(bytesPerBlob)
    expect(() => small.computeCells(bytes)).toThrow(expect.objectContaining({ code: 'KZG_BACKEND' }))
    expect(small.verifyKzgProof(infinity, new Uint8Array(32), new Uint8Array(32), infinity)).toBe(true)
  })
})

const infinity = Uint8Array.from({ length: 48 }, (_, i) => (i === 0 ? 0xc0 : 0))
