import { createHash } from 'node:crypto'
import { seededRandom } from '@l2/common/testing'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Anvil, startAnvil } from '../../test/anvil.js'
import { anvilBeacon, createBeacon, getBlobs, opCodec, parseBlobTransaction, sendBlobTransaction } from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const to = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

describe('sendBlobTransaction against anvil under Osaka', () => {
  let anvil: Anvil
  beforeAll(async () => {
    anvil = await startAnvil('osaka')
  })
  afterAll(() => anvil?.stop())

  it('posts six blobs in version 1 and reads the same bytes back by REST and by RPC', async () => {
    const payload = seededRandom(1).bytes(opCodec.maxBytes(6))
    const signed = await sendBlobTransaction(anvil.client, { account, to, payload, kzg })
    expect(signed.sidecar.version).toBe(1)
    const receipt = await anvil.client.waitForTransactionReceipt({ hash: signed.hash })
    expect(receipt.status).toBe('success')
    const beacon = createBeacon({ url: anvil.url, ...anvilBeacon })
    const blobs = await getBlobs(beacon, {
      block: { number: receipt.blockNumber },
      versionedHashes: signed.transaction.blobVersionedHashes,
      kzg,
    })
    const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
    expect(sha(opCodec.decode(blobs))).toBe(sha(payload))
    const raw = await anvil.client.request({
      method: 'debug_getRawTransaction' as never,
      params: [signed.hash] as never,
    })
    const parsed = parseBlobTransaction(raw as `0x${string}`)
    expect(parsed.hash).toBe(signed.hash)
    expect(sha(opCodec.decode(parsed.sidecar!.blobs))).toBe(sha(payload))
  })
})
