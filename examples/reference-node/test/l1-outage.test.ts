import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CuttableL1, startCuttableL1 } from './cuttable-l1.js'
import { surviveL1Outage } from './outage.js'
import { type RunningNode, startNode } from './running-node.js'

let l1: CuttableL1
let node: RunningNode
beforeAll(async () => {
  l1 = await startCuttableL1()
  node = await startNode('--l1', l1.url, '--da', 'router', '--stall', '6s')
})
afterAll(async () => {
  await node?.kill('SIGTERM')
  await l1?.close()
})

describe('L1 cut off', () => {
  it('the chain goes on, its data goes to Celestia, and everything is safe once L1 is back', {
    timeout: 900_000,
  }, async () => {
    const { blobTransactions, inputs } = await surviveL1Outage(node, l1)
    // The inbox holds both: blobs, and commitments (01) to what Celestia keeps (generic type 01, layer 0c).
    expect(blobTransactions).toBeGreaterThan(0)
    expect(inputs.filter(input => input.startsWith('0x01010c')).length).toBeGreaterThan(0)
  })
})
