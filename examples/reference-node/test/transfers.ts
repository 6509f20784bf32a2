import type { Hash } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { expect } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { ask } from './running-node.js'

/** Sends transfers of the first development account, one nonce after the other, and gives back their hashes. */
export function createTransfers(): (url: string) => Promise<Hash> {
  const alice = mnemonicToAccount(devMnemonic, { addressIndex: 0 })
  let nonce = 0
  return async url => {
    const raw = await alice.signTransaction({
      chainId: 59_900,
      type: 'eip1559',
      nonce: nonce++,
      gas: 21_000n,
      maxFeePerGas: 4_000_000_000n,
      maxPriorityFeePerGas: 1_000_000_000n,
      to: alice.address,
    })
    const { result, error } = await ask(url, 'eth_sendRawTransaction', [raw])
    expect(error).toBeUndefined()
    return result as unknown as Hash
  }
}
