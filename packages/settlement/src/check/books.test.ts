import type { Address } from 'viem'
import { expect, it } from 'vitest'
import { type BooksClient, readBridgeBooks } from './books.js'

const bridge: Address = `0x${'0b'.repeat(20)}`
const token: Address = `0x${'0c'.repeat(20)}`
const capacity = 1000n

/** A chain that makes a block at every look: what was moved in or out grows by one a block. */
function movingChain(tell: (name: string, block: bigint) => unknown): BooksClient {
  let head = 100n
  const at = (blockNumber: bigint | undefined) => blockNumber ?? ++head
  const client = {
    getBlockNumber: async () => ++head,
    getBalance: async ({ blockNumber }: { blockNumber?: bigint }) => tell('balance', at(blockNumber)),
    readContract: async (call: { functionName: string; blockNumber?: bigint }) =>
      tell(call.functionName, at(call.blockNumber)),
  }
  return client as unknown as BooksClient
}

it('reads a side at one block, so that what moves meanwhile is never missing', async () => {
  // Deposits credited on L2, a wei a block: the vault is lower at every look.
  const l2 = movingChain((name, block) => (name === 'balance' ? capacity - block : block))
  // Withdrawals paid on L1, a wei a block: less is held at every look.
  const locked = (block: bigint) => 1000n - block
  const l1 = movingChain((name, block) => ({ capacity, token, locked: locked(block), balanceOf: locked(block) })[name])
  const books = await readBridgeBooks({ bridge }, { l1, l2 })
  expect(books).toEqual({
    ...{ lockedWei: 899n, heldWei: 899n, releasedWei: 101n, outOfVaultWei: 101n, inFlightWei: 798n, isExact: true },
  })
})
