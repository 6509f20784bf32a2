import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { expect } from 'vitest'
import type { SingularBatch } from '../../batch/types.js'
import { encodeBatcherTransaction } from '../../channel/frame.js'
import type { ExecutionEngine } from '../../engine/engine.js'
import { createL1Simulator } from '../../testing/l1-simulator.js'
import { framesOfBatches, simulatedRollup } from '../../testing/l2-simulator.js'
import { createDerivationDriver } from '../driver.js'
import type { RollupConfig } from '../rollup-config.js'

/**
 * Derives batches with transactions that cannot be in a block, upon a real engine at its genesis: what the engine refuses becomes a block of deposits, and the
 * chain goes on. `key` has ether there.
 */
export async function deriveBadBatches(engine: ExecutionEngine, key: Hex): Promise<void> {
  const first = (await engine.block(0n))!
  const base = simulatedRollup()
  const config: RollupConfig = {
    ...base,
    genesis: { ...base.genesis, l2: { number: 0n, hash: first.hash }, l2TimeSeconds: first.timestamp },
  }
  const l1 = createL1Simulator({ config })
  const account = privateKeyToAccount(key)
  const signed = async (nonce: number): Promise<Uint8Array> =>
    hexToBytes(
      await account.signTransaction({
        type: 'eip1559',
        chainId: 901,
        nonce,
        gas: 21_000n,
        maxFeePerGas: 10n ** 11n,
        maxPriorityFeePerGas: 1n,
        to: account.address,
        value: 1n,
      }),
    )!
  const events: string[] = []
  const driver = createDerivationDriver({ config, engine, l1: l1.source, onEvent: event => events.push(event.type) })
  let channel = 0
  const post = async (transactions: readonly Uint8Array[]): Promise<void> => {
    const { head } = driver.status
    const origin = l1.block(head.l1Origin.number)!
    const batch: SingularBatch = {
      type: 'singular',
      parentHash: head.hash,
      epochNumber: origin.number,
      epochHash: origin.hash,
      timestamp: head.timestamp + 2n,
      transactions,
    }
    const channelId = `0x${(++channel).toString(16).padStart(32, '0')}` as const
    l1.post(encodeBatcherTransaction(framesOfBatches([batch], { config, channelId })))
    l1.mine()
    await driver.sync()
  }
  const inHead = async (): Promise<string[]> => (await engine.block('latest'))!.transactions.slice(1).map(bytesToHex)

  const [a, b] = [await signed(0), await signed(1)]
  await post([a])
  expect(await inHead()).toEqual([bytesToHex(a)])
  for (const bad of [Uint8Array.of(0xff, 1), Uint8Array.of(3, 0xc0), await signed(7), a]) await post([b, bad])
  expect(events.filter(kind => kind === 'block-refused')).toHaveLength(4)
  expect(await inHead()).toEqual([])
  await post([b])
  expect(await inHead()).toEqual([bytesToHex(b)])
  expect(driver.status.safe.number).toBe(6n)
  expect((await engine.block('latest'))!.hash).toBe(driver.status.safe.hash)
}
