import { isL2Error } from '@l2/common'
import { runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type BlobColumn,
  type BlobSidecar,
  blobOfCells,
  buildColumns,
  buildSidecar,
  cellsOfColumns,
  custodyColumns,
  extendBlob,
  missedSampleProbability,
  opCodec,
  recoverCells,
  sampleColumns,
  verifyCells,
} from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const random = seededRandom(9)
const blobs = opCodec.encode(random.bytes(opCodec.maxBytes(2)))
let sidecars: BlobSidecar[]
let columns: BlobColumn[]

beforeAll(async () => {
  sidecars = await Promise.all(blobs.map(blob => buildSidecar([blob], { kzg, version: 1 })))
  columns = await buildColumns(
    sidecars,
    Array.from({ length: 128 }, (_, i) => i),
    { kzg },
  )
})

async function code(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    error => (isL2Error(error) ? error.code : error),
  )
}

describe('cells', () => {
  it('carry the blob in their first half', async () => {
    const cells = await extendBlob(blobs[0]!, { kzg })
    expect(cells.length).toBe(128)
    expect(Buffer.compare(blobOfCells(cells), blobs[0]!)).toBe(0)
    expect(() => blobOfCells(cells.slice(0, 63))).toThrow(expect.objectContaining({ code: 'KZG_INPUT' }))
    expect(() => blobOfCells(cells.map((cell, i) => (i === 3 ? new Uint8Array(2048).fill(0xff) : cell)))).toThrow(
      expect.objectContaining({ code: 'FIELD_ELEMENT' }),
    )
  })

  it('give the blob and every proof back from any 64 of them, in any order', async () => {
    const all = columns.map(({ index, cells, proofs }) => ({ index, cell: cells[0]!, proof: proofs[0]! }))
    const choices = [
      all.slice(64),
      all.filter((_, i) => i % 2 === 0),
      sampleColumns(64, random.below)
        .map(i => all[i]!)
        .reverse(),
      all,
    ]
    for (const some of choices) {
      const { cells, proofs } = await recoverCells(some, { kzg })
      expect(Buffer.compare(blobOfCells(cells), blobs[0]!)).toBe(0)
      expect(cells).toEqual(all.map(({ cell }) => cell))
      expect(proofs).toEqual(all.map(({ proof }) => proof))
    }
    expect(await code(recoverCells(all.slice(65), { kzg }))).toBe('KZG_INPUT')
    expect(await code(recoverCells([...all.slice(64), all[64]!], { kzg }))).toBe('KZG_INPUT')
  })

  it('are verified in one batch, and those at fault named', async () => {
    const cells = cellsOfColumns(columns.filter(({ index }) => index % 8 === 0))
    expect(cells.length).toBe(32)
    expect(await verifyCells(cells, { kzg })).toEqual([])
    expect(await verifyCells([], { kzg })).toEqual([])
    const bad = cells.map((cell, i) => (i === 5 || i === 30 ? { ...cell, cell: cells[0]!.cell } : cell))
    expect(await verifyCells(bad, { kzg })).toEqual([5, 30])
  })
})

describe('buildColumns', () => {
  it('takes the proofs of the sidecars, blob after blob', () => {
    expect(columns[77]!.commitments).toEqual(sidecars.flatMap(sidecar => sidecar.commitments))
    expect(columns[77]!.proofs).toEqual(sidecars.map(sidecar => sidecar.proofs[77]))
  })

  it('refuses version 0, a column that is none, and columns whose parts differ in number', async () => {
    const zero = await buildSidecar(blobs, { kzg, version: 0 })
    expect(await code(buildColumns([zero], [1], { kzg }))).toBe('SIDECAR_VERSION')
    expect(await code(buildColumns(sidecars, [128], { kzg }))).toBe('KZG_INPUT')
    expect(() => cellsOfColumns([{ ...columns[0]!, proofs: [] }])).toThrow(
      expect.objectContaining({ code: 'SIDECAR_COUNT' }),
    )
  })
})

describe('custodyColumns', () => {
  it('is a growing, fixed choice of distinct columns', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 256n - 1n), fc.nat(128), (nodeId, count) => {
        const chosen = custodyColumns(nodeId, count)
        expect(new Set(chosen).size).toBe(count)
        expect(chosen.every((column, i) => column >= 0 && column < 128 && (i === 0 || column > chosen[i - 1]!))).toBe(
          true,
        )
        // Who takes on more groups keeps those it had.
        const more = custodyColumns(nodeId, Math.min(128, count + 3))
        expect(chosen.every(column => more.includes(column))).toBe(true)
      }),
      { numRuns: runs({ suite: 50, soak: 1_000 }), seed: 1 },
    )
  })

  it('goes round at the end of the id space', () => {
    expect(custodyColumns(2n ** 256n - 1n, 128).length).toBe(128)
    // sha256 of 32 zero bytes begins with 0x66, and 0x66 mod 128 is 102.
    expect(custodyColumns(0n, 1)).toEqual([102])
  })

  it('refuses ids and counts that are none', () => {
    for (const [id, count] of [
      [-1n, 4],
      [2n ** 256n, 4],
      [0n, 129],
      [0n, 1.5],
    ] as const) {
      expect(() => custodyColumns(id, count)).toThrow(expect.objectContaining({ code: 'OPTION' }))
    }
  })
})

describe('sampleColumns', () => {
  it('draws distinct columns, all of them alike', () => {
    const hits = new Array<number>(128).fill(0)
    for (let round = 0; round < 4000; round++) for (const column of sampleColumns(8, random.below)) hits[column]!++
    // 250 expected each; a uniform draw strays by more than 6 sigma practically never.
    expect(Math.min(...hits)).toBeGreaterThan(155)
    expect(Math.max(...hits)).toBeLessThan(345)
    expect(new Set(sampleColumns(128, random.below)).size).toBe(128)
    expect(() => sampleColumns(1, () => 128)).toThrow(expect.objectContaining({ code: 'OPTION' }))
  })

  it('leaves little to chance', () => {
    expect(missedSampleProbability(0)).toBe(1)
    expect(missedSampleProbability(16)).toBeLessThan(1e-5)
    expect(missedSampleProbability(64)).toBe(0)
  })
})
