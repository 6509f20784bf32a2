import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anvilBeacon, type Beacon, BlobError, bytesPerBlob, createBeacon, getBlobs, opCodec } from '@l2/blob'
import { cKzg } from '@l2/blob/c-kzg'
import type { Hex } from 'viem'
import { describe, expect, it, onTestFinished } from 'vitest'
import { s3Program, startS3Server } from '../../../../scripts/s3-server.js'
import { createBlobDa, parseBlobCommitment } from '../ethereum/blobs.js'
import { createTransactionManager } from '../ethereum/transaction-manager.js'
import { anvilAccounts, startAnvil } from '../internal/anvil.js'
import { createFaultyStore } from '../internal/faulty-store.js'
import { createFileStore } from '../node/file-store.js'
import { createS3Store } from '../object/s3-store.js'
import { createMemoryStore, type Store } from '../store.js'
import { createBlobArchive } from './blob-archive.js'

const kzg = cKzg()
const blobs = [1, 2, 3].map(value => opCodec.encode(new Uint8Array(1000).fill(value))[0]!)
const block = { number: 7n }
/** A node past its retention. */
const pruned: Beacon = {
  blockId: async () => '7',
  fetchBlobs: async () => {
    throw new BlobError('the blobs are past the retention of the node', { code: 'BLOBS_PRUNED' })
  },
}
const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]) =>
  expect(a.map(blob => Buffer.from(blob).toString('base64'))).toEqual(
    b.map(blob => Buffer.from(blob).toString('base64')),
  )

async function keepsBlobs(objects: Store): Promise<void> {
  const archive = createBlobArchive({ objects, kzg })
  const hashes = await archive.put(blobs)
  expect(await archive.put([blobs[0]!])).toEqual([hashes[0]])
  same(await getBlobs(archive, { block, versionedHashes: [hashes[2]!, hashes[0]!], kzg }), [blobs[2]!, blobs[0]!])
  same([(await archive.get(hashes[1]!.toUpperCase().replace('X', 'x') as Hex))!], [blobs[1]!])
  const absent: Hex = `0x01${'00'.repeat(31)}`
  expect(await archive.get(absent)).toBeUndefined()
  await expect(getBlobs(archive, { block, versionedHashes: [hashes[0]!, absent], kzg })).rejects.toMatchObject({
    code: 'BLOBS_PRUNED',
  })
}

describe('createBlobArchive', () => {
  it('keeps blobs in a directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'l2-archive-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    await keepsBlobs(createFileStore(directory))
  })

  it.skipIf(s3Program === undefined)('keeps blobs in a bucket of a real S3 server', async () => {
    const { url, close, accessKeyId, secretAccessKey } = await startS3Server()
    onTestFinished(close)
    await keepsBlobs(createS3Store({ url }, { credentials: () => ({ accessKeyId, secretAccessKey }) }))
  })

  it('does not take a library that fails for blobs that rotted', async () => {
    let full = false
    const failing = {
      ...kzg,
      blobToKzgCommitment: (blob: Uint8Array) => {
        if (full) throw new BlobError('the pool is full', { code: 'KZG_POOL_FULL', recovery: 'retry' })
        return kzg.blobToKzgCommitment(blob)
      },
    }
    const archive = createBlobArchive({ objects: createMemoryStore(), kzg: failing })
    const [hash] = await archive.put([blobs[0]!])
    full = true
    await expect(archive.get(hash!)).rejects.toMatchObject({ code: 'KZG_POOL_FULL' })
  })

  it('believes neither the store nor the node', async () => {
    const objects = createMemoryStore()
    const archive = createBlobArchive({ objects, kzg })
    const [hash] = await archive.put([blobs[0]!])
    const key = `blobs/${hash!.slice(2)}`
    for (const rotten of [blobs[1]!, blobs[0]!.slice(0, -1), new Uint8Array(bytesPerBlob).fill(0xff)]) {
      await objects.put(key, rotten)
      await expect(archive.get(hash!)).rejects.toMatchObject({ code: 'DA_MISMATCH', retry: 'failover' })
      await expect(getBlobs(archive, { block, versionedHashes: [hash!], kzg })).rejects.toMatchObject({
        name: 'BlobError',
      })
    }
    const lying: Beacon = { blockId: async () => '7', fetchBlobs: async () => [blobs[1]!] }
    await expect(archive.copy(lying, { block, versionedHashes: [hash!] })).rejects.toMatchObject({
      code: 'BLOBS_MISMATCH',
    })
    // What rotted is copied again.
    const honest: Beacon = { blockId: async () => '7', fetchBlobs: async () => blobs }
    expect(await archive.copy(honest, { block, versionedHashes: [hash!] })).toBe(1)
    expect(await archive.copy(pruned, { block, versionedHashes: [hash!] })).toBe(0)
    same([(await archive.get(hash!))!], [blobs[0]!])
    await expect(archive.put([new Uint8Array(bytesPerBlob).fill(0xff)])).rejects.toMatchObject({ name: 'BlobError' })
    for (const wrong of ['0x', `0x02${'00'.repeat(31)}`, '../../etc/passwd']) {
      await expect(archive.get(wrong as Hex)).rejects.toMatchObject({ code: 'DA_COMMITMENT_INVALID' })
    }
    expect(await objects.keys('')).toEqual([key])
  })

  it('acknowledges no blob that the store did not take', async () => {
    let failing = true
    const objects = createFaultyStore(createMemoryStore(), ({ operation }) =>
      failing && operation === 'put' ? 'fail' : undefined,
    )
    const archive = createBlobArchive({ objects, kzg })
    await expect(archive.put(blobs)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    failing = false
    const hashes = await archive.put(blobs)
    same(await archive.fetchBlobs('', hashes), blobs)
    const reason = new Error('enough')
    await expect(archive.get(hashes[0]!, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('gives the blob adapter what its nodes have forgotten', async () => {
    const anvil = await startAnvil(['--hardfork', 'osaka'])
    onTestFinished(anvil.close)
    const { client } = anvil
    const transactions = createTransactionManager(
      { confirmations: 1, pollMs: 20 },
      { client, account: anvilAccounts[0]! },
    )
    onTestFinished(async () => transactions.close())
    const inbox: Hex = `0x${'00'.repeat(19)}ff`
    const beacon = createBeacon({ url: anvil.url, ...anvilBeacon })
    const items = [Uint8Array.of(0, 1), Uint8Array.of(0, 2)]
    const { commitments, height } = await createBlobDa(
      { inbox },
      { client, kzg, transactions, beacons: [beacon] },
    ).submit(items)
    const archive = createBlobArchive({ objects: createMemoryStore(), kzg })
    const versionedHashes = commitments.map(commitment => parseBlobCommitment(commitment).versionedHash)
    expect(await archive.copy(beacon, { block: { number: height }, versionedHashes })).toBe(2)
    expect(await archive.copy(pruned, { block: { number: height }, versionedHashes })).toBe(0)
    const later = createBlobDa({ inbox }, { client, kzg, beacons: [pruned, archive] })
    for (const [index, commitment] of commitments.entries()) expect(await later.get(commitment)).toEqual(items[index])
    const nobody = createBlobDa({ inbox }, { client, kzg, beacons: [pruned] })
    await expect(nobody.get(commitments[0]!)).rejects.toMatchObject({ code: 'DA_EXPIRED' })
  })
})
