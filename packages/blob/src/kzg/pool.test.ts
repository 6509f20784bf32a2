import { monitorEventLoopDelay } from 'node:perf_hooks'
import { bytesToHex, isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSidecar, opCodec, verifySidecar } from '../index.js'
import { cKzg } from './c-kzg.js'
import * as browser from './index.browser.js'
import { createBlobKzg, createKzgPool, type KzgPool } from './index.js'
import type { KzgBackend } from './kzg.js'
import { inlineLane } from './lane.js'
import { nativeDialect } from './native-dialect.js'
import { poolOf } from './pool.js'
import { workerLane } from './worker-lane.js'

const random = seededRandom(7)
const kzg = cKzg()
const blobs = opCodec.encode(random.bytes(opCodec.maxBytes(3)))

describe.each<KzgBackend>(['c-kzg', 'eth-kzg'])('createKzgPool with %s', backend => {
  let pool: KzgPool
  beforeAll(async () => {
    pool = await createKzgPool({ size: 2, backends: [backend], maxQueued: 8 })
    await pool.load()
  })
  afterAll(() => pool?.close())

  it('says what computes', () => {
    expect(pool.backend).toBe(backend)
    expect(pool.threads).toBe(backend === 'c-kzg' ? 'worker' : 'library')
    expect(pool.size).toBe(2)
  })

  it('returns in order what the calling thread computes, and reports progress', async () => {
    const progress: number[] = []
    const sidecar = await buildSidecar(blobs, { kzg: pool, version: 1, onProgress: done => progress.push(done) })
    expect(progress).toEqual([1, 2, 3])
    expect(sidecar).toEqual(await buildSidecar(blobs, { kzg, version: 1 }))
    await verifySidecar(sidecar, { kzg: pool })
  })

  it('leaves the event loop free while it works', async () => {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await Promise.all(blobs.map(blob => pool.computeCellsAndKzgProofs(blob)))
    delay.disable()
    // No figure is asserted: had the work been done here, not one turn of the loop would have been counted.
    expect(delay.count).toBeGreaterThan(20)
  })

  it('refuses what the calling thread refuses, with the same errors', async () => {
    const blob = new Uint8Array(131_072)
    const point = new Uint8Array(48)
    const codeOf = async (work: () => unknown): Promise<unknown> => {
      try {
        await work()
      } catch (error) {
        return isL2Error(error) ? error.code : error
      }
      return 'none'
    }
    const notCanonical = new Uint8Array(131_072).fill(0xff)
    for (const of of [kzg, pool]) {
      expect(await codeOf(() => of.blobToKzgCommitment(blob.subarray(1)))).toBe('BLOB_LENGTH')
      expect(await codeOf(() => of.blobToKzgCommitment(notCanonical))).toBe('FIELD_ELEMENT')
      expect(await codeOf(() => of.computeBlobKzgProof(blob, point))).toBe('KZG_INPUT')
      expect(await codeOf(() => of.verifyKzgProof(point, new Uint8Array(32), new Uint8Array(32), point))).toBe(
        'KZG_INPUT',
      )
    }
    expect(await pool.verifyBlobKzgProofBatch([], [], [])).toBe(true)
  })

  it('drops waiting calls and abandons running ones when they are aborted', async () => {
    const controller = new AbortController()
    const calls = blobs.concat(blobs).map(blob => pool.computeCellsAndKzgProofs(blob, { signal: controller.signal }))
    controller.abort(new Error('enough'))
    for (const settled of await Promise.allSettled(calls)) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
    }
    await expect(pool.blobToKzgCommitment(blobs[0]!, { signal: controller.signal })).rejects.toThrow('enough')
    expect(bytesToHex(await pool.blobToKzgCommitment(blobs[0]!))).toBe(bytesToHex(kzg.blobToKzgCommitment(blobs[0]!)))
  })

  it('bounds what waits', async () => {
    // Only when the abandoned calls of the test above are through are both threads free.
    await pool.load()
    const calls = Array.from({ length: 11 }, () => pool.computeCells(blobs[0]!))
    const settled = await Promise.allSettled(calls)
    expect(settled.map(result => result.status)).toEqual([...Array(10).fill('fulfilled'), 'rejected'])
    expect(settled[10]).toMatchObject({ reason: { code: 'KZG_POOL_FULL', recovery: 'retry' } })
  })
})

describe('createKzgPool', () => {
  it('rejects what is not done when it is closed, and everything afterwards', async () => {
    const pool = await createKzgPool({ size: 1, backends: ['c-kzg'] })
    const calls = blobs.map(blob => pool.blobToKzgCommitment(blob))
    const settled = Promise.allSettled(calls)
    await pool.close()
    await pool.close()
    for (const result of await settled) expect(result).toMatchObject({ reason: { code: 'KZG_POOL_CLOSED' } })
    await expect(pool.computeCells(blobs[0]!)).rejects.toMatchObject({ code: 'KZG_POOL_CLOSED' })
    await expect(pool.load()).rejects.toMatchObject({ code: 'KZG_POOL_CLOSED' })
  })

  it('computes in the calling thread where there are no workers', async () => {
    await using pool = await browser.createKzgPool()
    expect([pool.backend, pool.threads, pool.size]).toEqual(['noble', 'none', 1])
    const [blob] = blobs
    expect(await pool.blobToKzgCommitment(blob!)).toEqual(kzg.blobToKzgCommitment(blob!))
  })

  it('goes on after a library failed', async () => {
    let broken = true
    const lane = inlineLane(() => {
      if (broken) throw new Error('no setup')
      return { computeCells: () => [new Uint8Array(2048)] }
    })
    await using pool = poolOf(nativeDialect('c-kzg'), 'none', [lane], 4)
    await expect(pool.computeCells(blobs[0]!)).rejects.toMatchObject({ code: 'KZG_BACKEND', recovery: 'retry' })
    await expect(pool.load()).rejects.toMatchObject({ code: 'KZG_BACKEND' })
    broken = false
    expect(await pool.computeCells(blobs[0]!)).toHaveLength(1)
  })

  it('replaces a worker that ended', async () => {
    const lane = await workerLane({ backend: 'c-kzg', precompute: false })
    const running = lane.run({ args: [] })
    await lane.close()
    expect(await running).toHaveProperty('failed')
    expect(await lane.run({ args: [] })).toEqual({ value: undefined })
    await lane.close()
  })

  it('refuses options that cannot be used', async () => {
    for (const options of [{ size: 0 }, { size: 1.5 }, { size: 1e9 }, { maxQueued: 0 }]) {
      await expect(createKzgPool(options)).rejects.toMatchObject({ code: 'OPTION' })
    }
  })
})

describe('createBlobKzg', () => {
  it('takes the first library that can be imported and says which', async () => {
    expect((await createBlobKzg()).backend).toBe('c-kzg')
    expect((await createBlobKzg({ backends: ['eth-kzg', 'c-kzg'] })).backend).toBe('eth-kzg')
    expect((await browser.createBlobKzg()).backend).toBe('noble')
    expect((await browser.createBlobKzg({ backends: ['c-kzg', 'noble'] })).backend).toBe('noble')
  })

  it('says why none can be', async () => {
    await expect(browser.createBlobKzg({ backends: ['c-kzg'] })).rejects.toMatchObject({
      code: 'KZG_BACKEND',
      metaMessages: ['c-kzg: not for this platform'],
    })
  })
})
