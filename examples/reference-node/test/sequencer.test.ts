import { createControlPlane, createFeed, type NodeEngine, NodeError, openSequencer } from '@l2/node'
import type { L1Block } from '@l2/sequencer-core/derivation'
import { firstCome } from '@l2/sequencer-core/ordering'
import { nobleRecovery } from '@l2/sequencer-core/transaction'
import { type Hash, hexToBytes } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { expect, it } from 'vitest'
import { rollupConfig } from '../src/chain/genesis.js'
import { batcherAccount, devMnemonic, holderAccount, sequencerAccounts } from '../src/dev-accounts.js'
import { chainId, startChain } from './engine-chain.js'

it('publishes what is in the log, whichever of its calls the engine did not answer', async () => {
  const chain = await startChain('anvil')
  const { engine } = chain.engine
  /** Calls that fail before one is answered. */
  const failing = new Map<string, number>()
  const answer = async <T>(method: string, call: () => Promise<T>): Promise<T> => {
    const left = failing.get(method) ?? 0
    failing.set(method, left - 1)
    if (left > 0) throw new NodeError(`${method}: no answer`, { code: 'RPC_FAILED', recovery: 'retry' })
    return await call()
  }
  const node: NodeEngine = {
    ...chain.engine,
    engine: {
      ...engine,
      setHead: (...call) => answer('setHead', () => engine.setHead(...call)),
      accounts: (...call) => answer('accounts', () => engine.accounts(...call)),
    },
  }
  const rollup = rollupConfig(chain.identity, chain.blocks[0]!.hash)
  const origin = { number: 1n, hash: rollup.genesis.l1.hash, parentHash: `0x${'00'.repeat(32)}` as Hash }
  const l1Block: L1Block = {
    ...{ ...origin, timestamp: rollup.genesis.l2TimeSeconds, mixHash: `0x${'5a'.repeat(32)}` },
    ...{ baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: `0x${'6b'.repeat(32)}` },
    ...{ transactions: [], logs: [] },
  }
  const accounts = sequencerAccounts(1)
  const booked: { number: bigint; fees: bigint }[] = []
  const headers: bigint[] = []
  const sequencer = await openSequencer({
    ...{
      directory: chain.directory,
      rollup,
      node,
      family: 'anvil',
      accounts,
      policy: firstCome(),
      bookedTo: { position: 0n, block: 0n },
    },
    l1Watch: { number: 1n, readHead: async () => 1n, hashAt: async () => origin.hash },
    l1Confirmations: 0n,
    onRollback: () => {},
    recovery: nobleRecovery,
    feed: createFeed(),
    allowUnprotected: false,
    l1: { block: async number => (number === 1n ? l1Block : undefined) },
    control: createControlPlane({
      domain: { name: 'L2 Sequencer', version: '1', chainId: rollup.l2ChainId, verifyingContract: rollup.batchInbox },
      timestamp: rollup.genesis.l2TimeSeconds,
      prevRandao: l1Block.mixHash,
      operator: batcherAccount().address,
      holder: holderAccount().address,
      sequencers: accounts.map(({ address }) => ({ owner: address, signer: address, amountWei: 20_000n * 10n ** 18n })),
    }),
    daLimits: () => ({ maxBlockBytes: undefined, maxTransactionBytes: undefined }),
    onBlock: ({ ref }, { baseFees, priorityFees }) =>
      booked.push({ number: ref.number, fees: baseFees + priorityFees }),
    onHeader: ({ header }) => headers.push(header.height),
    say: () => {},
  })
  try {
    const alice = mnemonicToAccount(devMnemonic, { addressIndex: 0 })
    const fees = { maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
    const transfer = { chainId, type: 'eip1559', nonce: 0, gas: 21_000n, to: alice.address, ...fees } as const
    await sequencer.submit(hexToBytes(await alice.signTransaction(transfer)))
    for (const method of ['setHead', 'accounts']) {
      failing.set(method, 2)
      let failures = 0
      for (let tries = 0; tries < 4; tries++) {
        const made = await sequencer.produce(Number.MAX_SAFE_INTEGER).catch(() => 'failed' as const)
        if (made === 'failed') failures++
      }
      expect(failures, method).toBe(2)
    }
    const numbers = [1n, 2n, 3n, 4n, 5n, 6n].slice(0, Number(sequencer.head.number))
    expect(numbers.length).toBeGreaterThan(2)
    expect(booked.map(({ number }) => number)).toEqual(numbers)
    expect(headers).toEqual(numbers)
    expect(booked[0]!.fees).toBeGreaterThan(0n)
    expect(sequencer.readable).toBe(sequencer.head.number)
    expect(sequencer.mempool.pendingCount).toBe(0)
  } finally {
    await sequencer.close()
    await chain.close()
  }
})
