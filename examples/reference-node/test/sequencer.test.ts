import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createControlPlane,
  createFeed,
  findOpEngine,
  type NodeEngine,
  NodeError,
  openSequencer,
  type SequencerOptions,
  startEngine,
  type WatchedHeader,
} from '@l2/node'
import type { L1Block } from '@l2/sequencer-core/derivation'
import { firstCome } from '@l2/sequencer-core/ordering'
import { nobleRecovery, toJsonRpcError } from '@l2/sequencer-core/transaction'
import { bytesToHex, type Hash, type Hex, hexToBytes, keccak256 } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { expect, it, onTestFinished } from 'vitest'
import { rollupConfig } from '../src/chain/genesis.js'
import { batcherAccount, devMnemonic, holderAccount, sequencerAccounts } from '../src/dev-accounts.js'
import { chainId, type EngineChain, startChain } from './engine-chain.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const alice = mnemonicToAccount(devMnemonic, { addressIndex: 0 })

async function transfer(nonce: number, data?: Hex): Promise<Uint8Array> {
  const fees = { maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
  const gas = data === undefined ? 21_000n : 6_000_000n
  const call = { chainId, type: 'eip1559', nonce, gas, to: alice.address, ...fees, ...(data && { data }) } as const
  return hexToBytes(await alice.signTransaction(call))
}

const rollupOf = (chain: EngineChain) => rollupConfig(chain.identity, chain.blocks[0]!.hash)

/** L1 as far as the chain stands on it; `second` is the hash of a block behind its genesis. */
function l1Of(chain: EngineChain, second?: Hash): L1Block[] {
  const { genesis } = rollupOf(chain)
  const first: L1Block = {
    ...{ number: 1n, hash: genesis.l1.hash, parentHash: zeroHash },
    ...{ timestamp: genesis.l2TimeSeconds, mixHash: `0x${'5a'.repeat(32)}` },
    ...{ baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: `0x${'6b'.repeat(32)}` },
    ...{ transactions: [], logs: [] },
  }
  if (second === undefined) return [first]
  const timestamp = first.timestamp + 2n
  return [first, { ...first, number: 2n, hash: second, parentHash: first.hash, timestamp }]
}

type Told = Partial<Pick<SequencerOptions, 'onBlock' | 'onHeader' | 'onRollback' | 'family' | 'daLimits'>>

/** A sequencer over a data directory, an engine and an L1 that the caller may change. */
async function openOn(chain: EngineChain, directory: string, node: NodeEngine, l1: L1Block[], told: Told) {
  const rollup = rollupOf(chain)
  const accounts = sequencerAccounts(1)
  const at = (number: bigint): L1Block | undefined => l1.find(block => block.number === number)
  return await openSequencer({
    ...{
      directory,
      rollup,
      node,
      family: told.family ?? 'anvil',
      accounts,
      policy: firstCome(),
      recovery: nobleRecovery,
    },
    bookedTo: { position: 0n, block: 0n },
    l1: { block: async number => at(number) },
    l1Watch: {
      get number() {
        return l1.at(-1)!.number
      },
      readHead: async () => l1.at(-1)!.number,
      hashAt: async number => at(number)?.hash,
    },
    l1Confirmations: 0n,
    feed: createFeed(),
    allowUnprotected: false,
    control: createControlPlane({
      domain: { name: 'L2 Sequencer', version: '1', chainId: rollup.l2ChainId, verifyingContract: rollup.batchInbox },
      timestamp: rollup.genesis.l2TimeSeconds,
      prevRandao: `0x${'5a'.repeat(32)}`,
      operator: batcherAccount().address,
      holder: holderAccount().address,
      sequencers: accounts.map(({ address }) => ({ owner: address, signer: address, amountWei: 20_000n * 10n ** 18n })),
    }),
    daLimits: told.daLimits ?? (() => ({ maxBlockBytes: undefined, maxTransactionBytes: undefined })),
    onBlock: told.onBlock ?? (() => {}),
    onHeader: told.onHeader ?? (() => {}),
    onRollback: told.onRollback ?? (() => {}),
    say: () => {},
  })
}

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
  const booked: { number: bigint; fees: bigint }[] = []
  const headers: bigint[] = []
  const sequencer = await openOn(chain, chain.directory, node, l1Of(chain), {
    onBlock: ({ ref }, { baseFees, priorityFees }) =>
      booked.push({ number: ref.number, fees: baseFees + priorityFees }),
    onHeader: ({ header }) => headers.push(header.height),
  })
  try {
    await sequencer.submit(await transfer(0))
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

const { isThere: hasOpEngine, howToGet } = await findOpEngine('wasm')
if (!hasOpEngine) process.stdout.write(`skipped: data that fits in no block; ${howToGet}\n`)
it.skipIf(!hasOpEngine)('refuses data that fits in no block, and keeps what only the throttle holds back', async () => {
  const chain = await startChain('op-engine')
  let maxTransactionBytes: number | undefined = 20_000
  const sequencer = await openOn(chain, chain.directory, chain.engine, l1Of(chain), {
    family: 'op',
    daLimits: () => ({ maxBlockBytes: undefined, maxTransactionBytes }),
  })
  try {
    // What cannot be compressed, of any value.
    const noise = async (bytes: number) => await transfer(0, bytesToHex(randomBytes(bytes)))
    const refused = await sequencer.submit(await noise(120_000)).catch((error: unknown) => error)
    expect(toJsonRpcError(refused)).toMatchObject({
      code: -32000,
      message: expect.stringMatching(/^exceeds block DA footprint limit: estimated DA size \d+, limit 75000$/),
    })
    expect(sequencer.mempool.pendingCount).toBe(0)

    await sequencer.submit(await noise(70_000))
    for (let blocks = 0; blocks < 2; blocks++) await sequencer.produce(Number.MAX_SAFE_INTEGER)
    expect(sequencer.mempool.pendingCount).toBe(1)
    maxTransactionBytes = undefined
    await sequencer.produce(Number.MAX_SAFE_INTEGER)
    expect(sequencer.mempool.pendingCount).toBe(0)
  } finally {
    await sequencer.close()
    await chain.close()
  }
})

it('ends anywhere within a rollback, and the next one has every transaction once and signs nothing twice', async () => {
  const chain = await startChain('anvil')
  const copies = mkdtempSync(join(tmpdir(), 'l2-rollback-'))
  onTestFinished(() => {
    for (const path of [copies, chain.directory]) rmSync(path, { recursive: true, force: true })
  })
  /** The data directory as a kill would leave it, by the step that comes next. */
  const taken: Record<string, string> = {}
  const take = (step: string): string => {
    const copy = join(copies, step)
    // Whom locks are held for has gone.
    cpSync(chain.directory, copy, { recursive: true, filter: path => !path.endsWith('.lock') })
    taken[step] = copy
    return copy
  }
  let isGoingBack = false
  const { engine } = chain.engine
  const node: NodeEngine = {
    ...chain.engine,
    engine: {
      ...engine,
      setHead: async (...call) => {
        if (isGoingBack && taken['engine'] === undefined) take('engine')
        await engine.setHead(...call)
      },
      accounts: async (...call) => {
        if (isGoingBack && taken['pool'] === undefined) take('pool')
        return await engine.accounts(...call)
      },
    },
  }
  const l1 = l1Of(chain, `0x${'b1'.repeat(32)}`)
  /** What was signed, by height and term. */
  const signed = new Map<string, string>()
  const note = ({ header }: WatchedHeader): void => {
    const place = `${header.height} in term ${header.term}`
    const hash = header.parentHash + header.txRoot + header.stateRoot + header.l1OriginHash
    expect(signed.get(place) ?? hash, place).toBe(hash)
    signed.set(place, hash)
  }
  const sequencer = await openOn(chain, chain.directory, node, l1, {
    onHeader: note,
    onRollback: () => {
      const copy = take('books')
      // Between journal and log: the one is written, the other not yet.
      cpSync(taken['pool']!, join(copies, 'log'), { recursive: true })
      taken['log'] = join(copies, 'log')
      cpSync(join(copy, 'mempool.journal'), join(taken['log'], 'mempool.journal'))
    },
  })
  const hashes: Hash[] = []
  let before = new Map<string, string>()
  try {
    const produce = () => sequencer.produce(Number.MAX_SAFE_INTEGER)
    for (let nonce = 0; nonce < 4; nonce++) {
      hashes.push(await sequencer.submit(await transfer(nonce)))
      expect(await produce()).toBe(true)
    }
    expect(sequencer.head.l1Origin.number).toBe(2n)
    // Another block takes the place of the second.
    l1[1] = l1Of(chain, `0x${'b2'.repeat(32)}`)[1]!
    isGoingBack = true
    before = new Map(signed)
    await sequencer.followL1()
    await produce()
  } finally {
    await sequencer.close()
    await chain.engine.close()
  }
  expect(Object.keys(taken).sort()).toEqual(['books', 'engine', 'log', 'pool'])
  for (const [step, directory] of Object.entries(taken)) {
    // Each copy is a future of its own, behind what was signed before its end.
    signed.clear()
    for (const [place, hash] of before) signed.set(place, hash)
    const started = await startEngine({ ...chain.options, directory })
    const next = await openOn(chain, directory, started, l1, { onHeader: note })
    try {
      await next.followL1()
      for (let blocks = 0; blocks < 6; blocks++) await next.produce(Number.MAX_SAFE_INTEGER)
      const numbers = Array.from({ length: Number(next.head.number) }, (_, index) => BigInt(index + 1))
      const blocks = numbers.map(number => next.block(number)!)
      const found = blocks.flatMap(({ executed }) => executed.transactions.slice(1).map(raw => keccak256(raw)))
      expect(found, step).toEqual(hashes)
      expect(next.mempool.pendingCount, step).toBe(0)
      const origin = next.head.l1Origin
      expect(origin, step).toEqual({ number: 2n, hash: l1[1]!.hash })
      expect(blocks.filter(({ ref }) => ref.l1Origin.number === 2n && ref.l1Origin.hash !== origin.hash)).toEqual([])
    } finally {
      await next.close()
      await started.close()
    }
  }
})
