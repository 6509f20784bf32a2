import { isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import type { Hex } from 'viem'
import { commitmentToVersionedHash } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type BlobSidecar,
  buildSidecar,
  checkSidecar,
  opCodec,
  sidecarHashes,
  upgradeSidecar,
  verifySidecar,
  versionedHashOf,
} from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const blobs = opCodec.encode(seededRandom(5).bytes(opCodec.maxBytes(2)))
let zero: BlobSidecar
let one: BlobSidecar

beforeAll(async () => {
  zero = await buildSidecar(blobs, { kzg, version: 0 })
  one = await buildSidecar(blobs, { kzg, version: 1 })
})

async function failure(work: Promise<unknown>): Promise<{ code: string; details: Readonly<Record<string, unknown>> }> {
  try {
    await work
  } catch (error) {
    if (isL2Error(error)) return { code: error.code, details: error.details }
    throw error
  }
  throw new Error('it was taken')
}

const replaced = <T>(list: readonly T[], index: number, item: T): T[] =>
  list.map((old, i) => (i === index ? item : old))

describe('buildSidecar', () => {
  it('makes one proof a blob in version 0 and 128 in version 1, both of which hold', async () => {
    expect([zero.version, zero.proofs.length, one.version, one.proofs.length]).toEqual([0, 2, 1, 256])
    for (const sidecar of [zero, one]) {
      await verifySidecar(sidecar, { kzg, versionedHashes: sidecarHashes(sidecar) })
    }
    expect(sidecarHashes(one)).toEqual(
      one.commitments.map(commitment => commitmentToVersionedHash({ commitment, to: 'hex' })),
    )
    expect(versionedHashOf(one.commitments[0]!)).toMatch(/^0x01/)
  })

  it('refuses no blobs and what is no blob', async () => {
    expect((await failure(buildSidecar([], { kzg, version: 1 }))).code).toBe('NO_BLOBS')
    const short = [blobs[0]!, blobs[1]!.subarray(32)]
    expect(await failure(buildSidecar(short, { kzg, version: 1 }))).toMatchObject({
      code: 'BLOB_LENGTH',
      details: { index: 1 },
    })
    const wrong = blobs[0]!.slice()
    wrong.fill(0xff, 320, 352)
    expect(await failure(buildSidecar([wrong], { kzg, version: 0 }))).toMatchObject({
      code: 'FIELD_ELEMENT',
      details: { fieldElement: 10 },
    })
  })

  it('stops between blobs when it is aborted', async () => {
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(new Error('enough'))
    await expect(buildSidecar(blobs, { kzg, version: 0, signal: controller.signal, onProgress })).rejects.toThrow(
      'enough',
    )
  })
})

describe('upgradeSidecar', () => {
  it('makes version 1 of version 0, and nothing of version 1', async () => {
    expect(await upgradeSidecar(zero, { kzg })).toEqual(one)
    expect((await failure(upgradeSidecar(one, { kzg }))).code).toBe('SIDECAR_VERSION')
    const lying = { ...zero, commitments: [...zero.commitments].reverse() }
    expect((await failure(upgradeSidecar(lying, { kzg }))).code).toBe('SIDECAR_COMMITMENT')
  })
})

describe('verifySidecar', () => {
  it('names the blob whose proof does not hold', async () => {
    const wrongProof = { ...zero, proofs: replaced(zero.proofs, 1, zero.proofs[0]!) }
    expect(await failure(verifySidecar(wrongProof, { kzg }))).toMatchObject({
      code: 'SIDECAR_PROOF',
      details: { index: 1, version: 0 },
    })
    const wrongCell = { ...one, proofs: replaced(one.proofs, 200, one.proofs[201]!) }
    expect(await failure(verifySidecar(wrongCell, { kzg }))).toMatchObject({
      code: 'SIDECAR_PROOF',
      details: { index: 1, version: 1 },
    })
    const alone = { version: 0, blobs: [blobs[0]!], commitments: [zero.commitments[0]!], proofs: [zero.proofs[1]!] }
    expect(await failure(verifySidecar(alone as BlobSidecar, { kzg }))).toMatchObject({ details: { index: 0 } })
  })

  it('refuses a sidecar that is not the transaction’s', async () => {
    const versionedHashes = sidecarHashes(one)
    const reversed = [...versionedHashes].reverse()
    expect(await failure(verifySidecar(one, { kzg, versionedHashes: reversed }))).toMatchObject({
      code: 'SIDECAR_COMMITMENT',
      details: { index: 0 },
    })
    const other: Hex[] = [versionedHashes[0]!, `0x01${'00'.repeat(31)}`]
    expect(await failure(verifySidecar(one, { kzg, versionedHashes: other }))).toMatchObject({ details: { index: 1 } })
    expect((await failure(verifySidecar(one, { kzg, versionedHashes: versionedHashes.slice(1) }))).code).toBe(
      'SIDECAR_COUNT',
    )
  })

  it('refuses counts and lengths that do not agree', async () => {
    const broken: [string, Partial<Record<keyof BlobSidecar, unknown>>][] = [
      ['SIDECAR_COUNT', { commitments: one.commitments.slice(1) }],
      ['SIDECAR_COUNT', { proofs: one.proofs.slice(1) }],
      ['SIDECAR_COUNT', { proofs: zero.proofs }],
      ['SIDECAR_COUNT', { blobs: blobs.slice(1) }],
      ['SIDECAR_VERSION', { version: 2 }],
      ['NO_BLOBS', { blobs: [], commitments: [], proofs: [] }],
      ['BLOB_LENGTH', { blobs: replaced(blobs, 1, blobs[1]!.subarray(1)) }],
      ['KZG_INPUT', { commitments: replaced(one.commitments, 0, new Uint8Array(47)) }],
      ['KZG_INPUT', { proofs: replaced(one.proofs, 255, new Uint8Array(49)) }],
    ]
    for (const [code, change] of broken) {
      expect((await failure((async () => checkSidecar({ ...one, ...change } as BlobSidecar))())).code).toBe(code)
    }
  })

  it('refuses points that are none', async () => {
    const noPoint = { ...zero, proofs: replaced(zero.proofs, 0, new Uint8Array(48).fill(1)) }
    expect((await failure(verifySidecar(noPoint, { kzg }))).code).toBe('KZG_INPUT')
  })
})
