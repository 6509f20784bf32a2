import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type S3Server, s3Program, startS3Server } from '../../../scripts/s3-server.js'
import { startCuttableL1 } from './cuttable-l1.js'
import { blockNumber, readL1, surviveL1Outage } from './outage.js'
import { ask, runNode, startNode, until } from './running-node.js'
import { createTransfers } from './transfers.js'

// With `pnpm test:peers` alone: three nodes, and an outage of L1. What the layer does with the server by itself is tried in every `npm test`.
const wanted = process.env['L2_PEERS'] !== undefined
if (!wanted) process.stdout.write('skipped: nodes with their batches on S3; pnpm test:peers test/s3, which needs Go\n')

describe.skipIf(!wanted || s3Program === undefined)('batches in a bucket of a real S3 server', () => {
  let s3: S3Server
  beforeAll(async () => {
    s3 = await startS3Server()
    process.env['AWS_ACCESS_KEY_ID'] = s3.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = s3.secretAccessKey
  })
  afterAll(async () => {
    delete process.env['AWS_ACCESS_KEY_ID']
    delete process.env['AWS_SECRET_ACCESS_KEY']
    await s3?.close()
  })
  const objectsIn = (folder: string) => readdirSync(join(s3.directory, folder, 'objects'))

  it('the node posts them there, names them on L1 by their hash, and derives the chain from both', {
    timeout: 900_000,
  }, async () => {
    const l1 = await startCuttableL1()
    onTestFinished(l1.close)
    const node = await startNode('--l1', l1.url, '--da', 's3', '--s3', `${s3.url}/only`)
    onTestFinished(async () => void (await node.kill('SIGTERM')))
    const hash = await createTransfers()(node.url)
    let posted = 0n
    await until(node, 'a receipt', async () => {
      const { result } = await ask(node.url, 'eth_getTransactionReceipt', [hash])
      if (result === null) return false
      posted = BigInt((result as unknown as { blockNumber: string }).blockNumber)
      return true
    })
    await until(node, 'everything safe', async () => (await blockNumber(node, 'safe')) >= posted)
    const { inputs, blobTransactions } = await readL1(l1.directUrl)
    expect(blobTransactions).toBe(0)
    // Version 1, commitment type 0: keccak256 of the batch, which is the name of the object.
    const named = inputs.filter(input => input.startsWith('0x0100')).map(input => input.slice(6))
    expect(named.length).toBeGreaterThan(0)
    expect(objectsIn('only')).toEqual(expect.arrayContaining(named))
    expect(node.events.join(' ')).not.toContain(s3.secretAccessKey)
  })

  it('behind Ethereum: they go there while L1 is cut off, and everything is safe once it is back', {
    timeout: 900_000,
  }, async () => {
    const l1 = await startCuttableL1()
    onTestFinished(l1.close)
    const node = await startNode('--l1', l1.url, '--da', 'router', '--s3', `${s3.url}/behind`, '--stall', '6s')
    onTestFinished(async () => void (await node.kill('SIGTERM')))
    const { inputs, blobTransactions } = await surviveL1Outage(node, l1)
    expect(blobTransactions).toBeGreaterThan(0)
    const named = inputs.filter(input => input.startsWith('0x0100')).map(input => input.slice(6))
    expect(named.length).toBeGreaterThan(0)
    expect(objectsIn('behind')).toEqual(expect.arrayContaining(named))
    expect(node.events.filter(event => event.includes('a batch went to object'))).not.toEqual([])
  })
})

it('the node says what a bucket needs', async () => {
  const { code, output } = await runNode('--da', 's3')
  expect([code, output]).toEqual([1, expect.stringContaining('--s3')])
})
