import { hexToBytes } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { serializeTransaction } from 'viem/op-stack'
import { isDeposit } from '../derivation/deposit.js'
import type { Eip1559Parameters } from '../engine/eip1559.js'
import type { ExecutedBlock, ExecutionEngine, ExecutionReceipt, PayloadAttributes } from '../engine/engine.js'
import { nextBaseFee } from '../fees/base-fee.js'
import { daFootprint } from '../fees/da-footprint.js'
import { type ConformanceCase, expectCode, expectEqual, expectTrue } from './conformance.js'

/** A fresh engine at its genesis, on which nothing was built. */
export type EngineHarness = {
  engine: ExecutionEngine
  chainId: bigint
  /** Private keys of accounts with at least 10 ether each; at least two. */
  keys: readonly Hex[]
  /** Parameters that the base fee follows where attributes bring none. */
  eip1559: Eip1559Parameters
  /** Whether the engine executes OP Stack deposits. */
  deposits: boolean
  /** Whether attributes may change the gas limit and bring EIP-1559 parameters. */
  opAttributes: boolean
  /** What the attributes of every block must have on this chain: `eip1559Params` from Holocene on, `transactions` that stand in front of every list. */
  attributes?: Partial<PayloadAttributes> | undefined
  /** Whether a block's hash commits to every attribute, as on the OP Stack, and its header's withdrawals root is told. Default: false. */
  opBlocks?: boolean | undefined
  /** Ends the engine and starts it again over the same store; absent where an engine has none. */
  reopen?: (() => Promise<ExecutionEngine>) | undefined
  close(): Promise<void>
}

const zeroHash: Hash = `0x${'00'.repeat(32)}`
const coinbase: Address = '0x4200000000000000000000000000000000000011'
const sink: Address = '0x00000000000000000000000000000000000000aa'
const carol: Address = '0x00000000000000000000000000000000000000c1'
const dave: Address = '0x00000000000000000000000000000000000000d1'
/** Initcode that reverts. */
const reverting: Hex = '0x60006000fd'
const gwei = 1_000_000_000n

/** Attributes of a block two seconds after `parent` with exactly these transactions. */
export function attributesAfter(
  parent: ExecutedBlock,
  transactions: readonly Uint8Array[],
  overrides: Partial<PayloadAttributes> = {},
): PayloadAttributes {
  return {
    timestamp: parent.timestamp + 2n,
    prevRandao: zeroHash,
    suggestedFeeRecipient: coinbase,
    withdrawals: [],
    parentBeaconBlockRoot: zeroHash,
    transactions,
    noTxPool: true,
    gasLimit: parent.gasLimit,
    eip1559Params: undefined,
    minBaseFee: undefined,
    ...overrides,
  }
}

type Transfer = { nonce: number; value?: bigint; gas?: bigint; to?: Address; data?: Hex; maxFeePerGas?: bigint }

async function sign(chainId: bigint, account: PrivateKeyAccount, transfer: Transfer): Promise<Uint8Array> {
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: Number(chainId),
    nonce: transfer.nonce,
    gas: transfer.gas ?? 21_000n,
    maxFeePerGas: transfer.maxFeePerGas ?? 100n * gwei,
    maxPriorityFeePerGas: 1n,
    value: transfer.value ?? 1n,
    ...(transfer.data === undefined ? { to: transfer.to ?? sink } : { data: transfer.data }),
  })
  return hexToBytes(raw)!
}

function deposit(index: number, from: Address, to: Address, mint: bigint, value: bigint): Uint8Array {
  return hexToBytes(
    serializeTransaction({
      type: 'deposit',
      sourceHash: `0x${index.toString(16).padStart(64, '0')}`,
      from,
      to,
      mint,
      value,
      gas: 100_000n,
      isSystemTx: false,
      data: '0x',
    }),
  )!
}

/**
 * What every {@link ExecutionEngine} must do. `create` starts an engine at its genesis; two calls give two engines with the same genesis.
 *
 * @example
 * ```ts no-run
 * import { createAnvilEngine } from '@l2/sequencer-core'
 * import { engineConformance } from '@l2/sequencer-core/testing'
 * import { it } from 'vitest'
 *
 * const create = async () => {
 *   const engine = await createAnvilEngine({ url: 'http://127.0.0.1:8545' })
 *   return {
 *     engine,
 *     chainId: 901n,
 *     keys: ['0x…', '0x…'] as const,
 *     eip1559: { denominator: 250n, elasticity: 6n },
 *     deposits: true,
 *     opAttributes: true,
 *     close: () => engine.close(),
 *   }
 * }
 * for (const { name, run } of engineConformance(create)) it(name, run)
 * ```
 */
export function engineConformance(create: () => Promise<EngineHarness>): ConformanceCase[] {
  type Scene = {
    harness: EngineHarness
    engine: ExecutionEngine
    genesis: ExecutedBlock
    alice: PrivateKeyAccount
    bob: PrivateKeyAccount
    transfer(account: PrivateKeyAccount, transfer: Transfer): Promise<Uint8Array>
    after: typeof attributesAfter
    /** What stands in front of every list. */
    front: readonly Uint8Array[]
  }
  const open = async (): Promise<Scene> => {
    const harness = await create()
    const genesis = await harness.engine.block('latest')
    expectTrue(genesis !== undefined, 'a fresh engine has a head')
    return {
      harness,
      engine: harness.engine,
      genesis,
      alice: privateKeyToAccount(harness.keys[0]!),
      bob: privateKeyToAccount(harness.keys[1]!),
      transfer: (account, transfer) => sign(harness.chainId, account, transfer),
      front: harness.attributes?.transactions ?? [],
      after: (parent, list, overrides) => {
        const { transactions: front = [], ...rest } = harness.attributes ?? {}
        return attributesAfter(parent, [...front, ...list], { ...rest, ...overrides })
      },
    }
  }
  const scene = (name: string, run: (scene: Scene) => Promise<void>): ConformanceCase => ({
    name,
    async run() {
      const opened = await open()
      try {
        await run(opened)
      } finally {
        await opened.harness.close()
      }
    },
  })
  const adopt = (engine: ExecutionEngine, block: ExecutedBlock) =>
    engine.setHead({ head: block.hash, safe: zeroHash, finalized: zeroHash })
  const sameList = (actual: readonly Uint8Array[], expected: readonly Uint8Array[], what: string) => {
    expectEqual(actual.length, expected.length, `${what}: number of transactions`)
    actual.forEach((raw, index) => {
      expectTrue(
        raw.length === expected[index]!.length && raw.every((byte, at) => byte === expected[index]![at]),
        `${what}: transaction ${index} has other bytes`,
      )
    })
  }
  const successes = (s: Scene, receipts: readonly ExecutionReceipt[]): string =>
    receipts
      .slice(s.front.length)
      .map(({ success }) => success)
      .join()

  /** From Jovian on, where attributes have a minimum base fee, the DA footprint counts like gas. */
  const metered = (s: Scene, { gasUsed, transactions }: ExecutedBlock): bigint => {
    if (s.harness.attributes?.minBaseFee === undefined) return gasUsed
    const footprint = daFootprint(transactions.filter(raw => !isDeposit(raw)))
    return footprint > gasUsed ? footprint : gasUsed
  }

  return [
    scene('builds exactly the list, in its order, with the attributes it was given', async s => {
      // Bob pays nothing extra and comes between Alice's two: neither price nor sender may reorder them.
      const list = [
        await s.transfer(s.alice, { nonce: 0 }),
        await s.transfer(s.bob, { nonce: 0, maxFeePerGas: 50n * gwei }),
        await s.transfer(s.alice, { nonce: 1, maxFeePerGas: 200n * gwei }),
      ]
      const attributes = s.after(s.genesis, list)
      const block = await s.engine.build(s.genesis.hash, attributes)
      expectEqual(block.number, s.genesis.number + 1n, 'number')
      expectEqual(block.parentHash, s.genesis.hash, 'parent')
      expectEqual(block.timestamp, attributes.timestamp, 'timestamp')
      expectEqual(block.gasLimit, attributes.gasLimit, 'gas limit')
      if (s.front.length === 0) expectEqual(block.gasUsed, 63_000n, 'gas used')
      sameList(block.transactions, attributes.transactions, 'built')
      await adopt(s.engine, block)
      sameList((await s.engine.block(block.number))!.transactions, attributes.transactions, 'read by number')
      sameList((await s.engine.block(block.hash))!.transactions, attributes.transactions, 'read by hash')
    }),
    scene('builds the same block again, and so does another engine', async s => {
      const other = await open()
      try {
        expectEqual(other.genesis.hash, s.genesis.hash, 'genesis of the second engine')
        let parent = s.genesis
        for (let height = 0; height < 3; height++) {
          const list = [
            await s.transfer(s.alice, { nonce: 2 * height }),
            await s.transfer(s.alice, { nonce: 2 * height + 1, data: reverting, gas: 100_000n, value: 0n }),
          ]
          const attributes = s.after(parent, list)
          const first = await s.engine.build(parent.hash, attributes)
          const again = await s.engine.build(parent.hash, attributes)
          const there = await other.engine.build(parent.hash, attributes)
          for (const block of [again, there]) {
            expectEqual(block.hash, first.hash, 'hash')
            expectEqual(block.stateRoot, first.stateRoot, 'state root')
            expectEqual(block.receiptsRoot, first.receiptsRoot, 'receipts root')
          }
          await adopt(s.engine, first)
          await adopt(other.engine, there)
          parent = first
        }
      } finally {
        await other.harness.close()
      }
    }),
    scene('shows a built block only once it is the head', async s => {
      const block = await s.engine.build(s.genesis.hash, s.after(s.genesis, []))
      expectEqual((await s.engine.block('latest'))!.hash, s.genesis.hash, 'head after build')
      expectEqual(await s.engine.block(block.number), undefined, 'block by number after build')
      await adopt(s.engine, block)
      expectEqual((await s.engine.block('latest'))!.hash, block.hash, 'head after setHead')
      expectEqual((await s.engine.block(block.number))!.hash, block.hash, 'block by number after setHead')
    }),
    scene('names a transaction that cannot be in the block, and builds without it', async s => {
      const good = [await s.transfer(s.alice, { nonce: 0 }), await s.transfer(s.alice, { nonce: 1 })]
      const bad: [string, Uint8Array][] = [
        ['nonce too high', await s.transfer(s.bob, { nonce: 5 })],
        ['nonce too low', await s.transfer(s.alice, { nonce: 0, value: 2n })],
        ['no funds', await s.transfer(s.bob, { nonce: 0, value: 10n ** 30n })],
        ['more gas than a block', await s.transfer(s.bob, { nonce: 0, gas: s.genesis.gasLimit + 1n })],
        ['below the base fee', await s.transfer(s.bob, { nonce: 0, maxFeePerGas: 1n })],
        ['not a transaction', Uint8Array.of(0x02, 0xc0)],
      ]
      for (const [what, raw] of bad) {
        const attributes = s.after(s.genesis, [good[0]!, raw, good[1]!])
        const error = await expectCode(s.engine.build(s.genesis.hash, attributes), 'ENGINE_TRANSACTION_INVALID')
        expectEqual(error.details['index'], s.front.length + 1, `${what}: index`)
        expectTrue((error.details['indices'] as number[]).includes(s.front.length + 1), `${what}: indices`)
        const without = s.after(s.genesis, good)
        const block = await s.engine.build(s.genesis.hash, without)
        sameList(block.transactions, without.transactions, `${what}: the block without it`)
      }
    }),
    scene("imports another engine's block, and refuses one that executes differently", async s => {
      const other = await open()
      try {
        const attributes = s.after(s.genesis, [await s.transfer(s.alice, { nonce: 0 })])
        const block = await s.engine.build(s.genesis.hash, attributes)
        // Whoever made the block up may have left its hash as it is.
        const lies: Partial<ExecutedBlock>[] = [
          ...[{ hash: zeroHash }, { stateRoot: zeroHash }, { transactionsRoot: zeroHash }, { receiptsRoot: zeroHash }],
          ...[{ gasUsed: block.gasUsed + 1n }, { gasLimit: 1n }, { baseFeePerGas: 7n }],
        ]
        for (const lie of lies) {
          await expectCode(other.engine.import({ ...block, ...lie }, attributes), 'ENGINE_BLOCK_MISMATCH')
        }
        expectEqual((await other.engine.import(block, attributes)).hash, block.hash, 'imported hash')
      } finally {
        await other.harness.close()
      }
    }),
    scene('changes to another branch and back', async s => {
      const a1 = await s.engine.build(s.genesis.hash, s.after(s.genesis, [await s.transfer(s.alice, { nonce: 0 })]))
      await adopt(s.engine, a1)
      const a2 = await s.engine.build(a1.hash, s.after(a1, [await s.transfer(s.alice, { nonce: 1 })]))
      await adopt(s.engine, a2)
      const b1 = await s.engine.build(s.genesis.hash, s.after(s.genesis, [await s.transfer(s.bob, { nonce: 0 })]))
      expectEqual(
        (await s.engine.block(2n + s.genesis.number))!.hash,
        a2.hash,
        'canonical block beside the built branch',
      )
      await adopt(s.engine, b1)
      expectEqual((await s.engine.block('latest'))!.hash, b1.hash, 'head on the branch')
      expectEqual(await s.engine.block(a2.number), undefined, 'height of the abandoned block')
      await adopt(s.engine, a2)
      expectEqual((await s.engine.block(a1.number))!.hash, a1.hash, 'block below the head after the way back')
      expectEqual((await s.engine.block('latest'))!.hash, a2.hash, 'head after the way back')
    }),
    scene('refuses a parent and heads that it does not know, or that do not follow one another', async s => {
      const nowhere: Hash = `0x${'77'.repeat(32)}`
      await expectCode(s.engine.build(nowhere, s.after(s.genesis, [])), 'ENGINE_UNKNOWN_BLOCK')
      await expectCode(adopt(s.engine, { ...s.genesis, hash: nowhere }), 'ENGINE_UNKNOWN_BLOCK')
      const a = await s.engine.build(s.genesis.hash, s.after(s.genesis, [await s.transfer(s.alice, { nonce: 0 })]))
      const b = await s.engine.build(s.genesis.hash, s.after(s.genesis, [await s.transfer(s.bob, { nonce: 0 })]))
      await expectCode(s.engine.setHead({ head: a.hash, safe: b.hash, finalized: zeroHash }), 'ENGINE_FORKCHOICE')
      await s.engine.setHead({ head: a.hash, safe: a.hash, finalized: s.genesis.hash })
      expectEqual((await s.engine.block('latest'))!.hash, a.hash, 'head')
    }),
    scene('lets the base fee follow EIP-1559', async s => {
      let parent = s.genesis
      for (let height = 0; height < 4; height++) {
        const list =
          height === 1 ? [await s.transfer(s.alice, { nonce: 0, data: reverting, gas: 90_000n, value: 0n })] : []
        const block = await s.engine.build(parent.hash, s.after(parent, list))
        expectEqual(
          block.baseFeePerGas,
          nextBaseFee({
            parentBaseFeeWei: parent.baseFeePerGas,
            parentGasLimit: parent.gasLimit,
            parentGasMetered: metered(s, parent),
            ...s.harness.eip1559,
          }),
          `base fee of block ${block.number}`,
        )
        await adopt(s.engine, block)
        parent = block
      }
    }),
    scene('tells which transactions reverted', async s => {
      if (s.engine.receipts === undefined) return
      const block = await s.engine.build(
        s.genesis.hash,
        s.after(s.genesis, [
          await s.transfer(s.alice, { nonce: 0 }),
          await s.transfer(s.alice, { nonce: 1, data: reverting, gas: 90_000n, value: 0n }),
        ]),
      )
      await adopt(s.engine, block)
      const receipts = await s.engine.receipts(block.hash)
      expectEqual(successes(s, receipts), 'true,false', 'success')
      expectEqual(
        receipts.reduce((sum, receipt) => sum + receipt.gasUsed, 0n),
        block.gasUsed,
        'gas',
      )
    }),
    scene('reads accounts at the canonical head', async s => {
      if (s.engine.accounts === undefined) return
      const block = await s.engine.build(
        s.genesis.hash,
        s.after(s.genesis, [await s.transfer(s.alice, { nonce: 0, value: 5n })]),
      )
      const before = await s.engine.accounts([s.alice.address, sink])
      expectEqual(before[0]!.nonce, 0n, 'nonce before setHead')
      await adopt(s.engine, block)
      const after = await s.engine.accounts([s.alice.address, sink])
      expectEqual(after[0]!.nonce, 1n, 'nonce')
      expectEqual(after[1]!.balanceWei - before[1]!.balanceWei, 5n, 'received')
      expectEqual(after[0]!.delegated, false, 'delegated')
    }),
    scene('executes deposits: minted, failing inside the block, several of one sender', async s => {
      if (!s.harness.deposits || s.engine.accounts === undefined) return
      const list = [
        deposit(1, carol, sink, 1000n, 10n),
        deposit(2, carol, sink, 0n, 20n),
        deposit(3, dave, sink, 7n, 100n),
        await s.transfer(s.alice, { nonce: 0 }),
      ]
      const block = await s.engine.build(s.genesis.hash, s.after(s.genesis, list))
      await adopt(s.engine, block)
      const [poor, rich] = await s.engine.accounts([dave, carol])
      expectEqual(rich!.balanceWei, 970n, 'balance after two deposits')
      expectEqual(poor!.balanceWei, 7n, 'a failed deposit still mints')
      const receipts = await s.engine.receipts?.(block.hash)
      if (receipts !== undefined) expectEqual(successes(s, receipts), 'true,true,false,true', 'success')
      const again = s.after(block, [deposit(4, carol, sink, 0n, 30n)])
      const second = await s.engine.build(block.hash, again)
      sameList(second.transactions, again.transactions, 'a deposit of the same sender in the next block')
    }),
    scene('keeps a long list in its order while gas limit and fee parameters change', async s => {
      if (!s.harness.opAttributes) return
      let parent = s.genesis
      for (let height = 0; height < 4; height++) {
        // Each sender's own order is its nonces': nothing but the list says which of the two comes first.
        const list = await Promise.all(
          Array.from({ length: 120 }, (_, index) =>
            s.transfer(index % 2 === 0 ? s.alice : s.bob, { nonce: 60 * height + (index >> 1), gas: 25_000n }),
          ),
        )
        const deposits = [deposit(2 * height, carol, sink, 9n, 1n), deposit(2 * height + 1, dave, sink, 9n, 20n)]
        const attributes = s.after(parent, [...(s.harness.deposits ? deposits : []), ...list], {
          gasLimit: s.genesis.gasLimit + [7_000_001n, 7_000_001n, -9_000_000n, 0n][height]!,
          ...(height % 2 === 0 ? {} : { eip1559Params: '0x0000003200000002' as const }),
        })
        const block = await s.engine.build(parent.hash, attributes)
        expectEqual(block.gasLimit, attributes.gasLimit, `gas limit of block ${block.number}`)
        sameList(block.transactions, attributes.transactions, `block ${block.number}`)
        // The parameters of a block hold for the one after it.
        expectEqual(
          block.baseFeePerGas,
          nextBaseFee({
            parentBaseFeeWei: parent.baseFeePerGas,
            parentGasLimit: parent.gasLimit,
            parentGasMetered: metered(s, parent),
            ...(height === 2 ? { denominator: 50n, elasticity: 2n } : s.harness.eip1559),
          }),
          `base fee of block ${block.number}`,
        )
        await adopt(s.engine, block)
        parent = block
      }
    }),
    scene('builds on any block it knows, and moves its head from branch to branch', async s => {
      // A trunk of six, then a twig of one block on every second of them: nothing but setHead says which is canonical.
      const trunk = [s.genesis]
      for (let height = 0; height < 6; height++) {
        const parent = trunk.at(-1)!
        const block = await s.engine.build(
          parent.hash,
          s.after(parent, [await s.transfer(s.alice, { nonce: height, value: 1n })]),
        )
        await adopt(s.engine, block)
        trunk.push(block)
      }
      const twigs: ExecutedBlock[] = []
      for (const height of [0, 2, 4]) {
        const parent = trunk[height]!
        const list = [await s.transfer(s.bob, { nonce: 0, value: 1000n })]
        const twig = await s.engine.build(parent.hash, s.after(parent, list))
        expectEqual(twig.parentHash, parent.hash, `parent of the twig on block ${height}`)
        expectEqual((await s.engine.block('latest'))!.hash, trunk[6]!.hash, 'head beside a built twig')
        twigs.push(twig)
      }
      // One more on a twig that never was the head.
      const leaf = await s.engine.build(
        twigs[1]!.hash,
        s.after(twigs[1]!, [await s.transfer(s.bob, { nonce: 1, value: 1000n })]),
      )
      for (const [head, sent] of [
        [twigs[0]!, 1000n],
        [leaf, 2002n],
        [trunk[6]!, 6n],
        [twigs[2]!, 1004n],
        [trunk[1]!, 1n],
      ] as const) {
        await adopt(s.engine, head)
        expectEqual((await s.engine.block('latest'))!.hash, head.hash, `head at height ${head.number}`)
        expectEqual((await s.engine.block(head.number))!.hash, head.hash, 'block at the height of the head')
        expectEqual(await s.engine.block(head.number + 1n), undefined, 'block above the head')
        const [account] = (await s.engine.accounts?.([sink])) ?? []
        if (account !== undefined) expectEqual(account.balanceWei, sent, `balance at height ${head.number}`)
      }
      const again = await s.engine.build(
        trunk[5]!.hash,
        s.after(trunk[5]!, [await s.transfer(s.alice, { nonce: 5, value: 1n })]),
      )
      expectEqual(again.hash, trunk[6]!.hash, 'a block of the trunk, built again from a twig')
    }),
    scene('still reads old blocks and receipts when finality has passed them', async s => {
      const chain = [s.genesis]
      for (let height = 0; height < 40; height++) {
        const parent = chain.at(-1)!
        const list = height % 8 === 0 ? [await s.transfer(s.alice, { nonce: height / 8 })] : []
        const block = await s.engine.build(parent.hash, s.after(parent, list))
        await s.engine.setHead({ head: block.hash, safe: parent.hash, finalized: chain.at(-2)?.hash ?? s.genesis.hash })
        chain.push(block)
      }
      for (const height of [0, 1, 9, 20, 40]) {
        const block = chain[height]!
        for (const id of [block.hash, block.number]) {
          const read = await s.engine.block(id)
          expectEqual(read?.hash, block.hash, `block ${height} by ${typeof id === 'bigint' ? 'number' : 'hash'}`)
          sameList(read!.transactions, block.transactions, `block ${height}`)
        }
      }
      const receipts = await s.engine.receipts?.(chain[9]!.hash)
      if (receipts !== undefined) expectEqual(receipts.length, chain[9]!.transactions.length, 'receipts of block 9')
    }),
    scene('believes the senders that its caller recovered, and none that come with a block', async s => {
      const list = [
        await s.transfer(s.alice, { nonce: 0 }),
        await s.transfer(s.bob, { nonce: 0 }),
        await s.transfer(s.alice, { nonce: 1 }),
      ]
      const attributes = s.after(s.genesis, list)
      const block = await s.engine.build(s.genesis.hash, attributes)
      const front = s.front.map(() => undefined)
      const [alice, bob] = [s.alice.address, s.bob.address]
      for (const senders of [[alice, bob, alice], [undefined, bob, undefined], []]) {
        if (senders.length === 0) continue
        const given = { ...attributes, senders: [...front, ...senders] }
        expectEqual((await s.engine.build(s.genesis.hash, given)).hash, block.hash, 'hash with senders')
      }
      const lies = { ...attributes, senders: [...front, bob, alice, bob] }
      expectEqual((await s.engine.import(block, lies)).hash, block.hash, 'import with senders that are lies')
    }),
    scene('is as before after attributes that cannot be', async s => {
      const list = [await s.transfer(s.alice, { nonce: 0 })]
      const good = s.after(s.genesis, list)
      const bad: [string, Partial<PayloadAttributes>][] = [
        ['time before the parent', { timestamp: s.genesis.timestamp - 1n }],
      ]
      if (s.harness.opAttributes) bad.push(['half of a parameter', { eip1559Params: '0x00000032' }])
      for (const [what, change] of bad) {
        const error = await expectCode(s.engine.build(s.genesis.hash, { ...good, ...change }), 'ENGINE_ATTRIBUTES')
        expectTrue(error.message.length > 0, `${what}: a reason`)
        expectEqual((await s.engine.block('latest'))!.hash, s.genesis.hash, `${what}: head`)
      }
      const reason = new Error('not wanted any more')
      const aborted = await s.engine
        .build(s.genesis.hash, good, { signal: AbortSignal.abort(reason) })
        .catch((error: unknown) => error)
      expectTrue(aborted === reason, 'a call that was aborted rejects with the reason of its signal')
      sameList((await s.engine.build(s.genesis.hash, good)).transactions, good.transactions, 'the next build')
    }),
    scene('commits to every attribute in the hash of a block', async s => {
      if (s.harness.opBlocks !== true) return
      const base = s.after(s.genesis, [await s.transfer(s.alice, { nonce: 0 })])
      const word: Hash = `0x${'5a'.repeat(32)}`
      const changes: Partial<PayloadAttributes>[] = [
        {},
        { prevRandao: word },
        { parentBeaconBlockRoot: word },
        { timestamp: base.timestamp + 1n },
        { suggestedFeeRecipient: sink },
        { gasLimit: base.gasLimit + 1n },
        { eip1559Params: '0x0000003200000002' },
        ...(base.minBaseFee === undefined ? [] : [{ minBaseFee: base.minBaseFee + 1n }]),
      ]
      const hashes = new Set<Hash>()
      for (const change of changes) {
        const block = await s.engine.build(s.genesis.hash, { ...base, ...change })
        hashes.add(block.hash)
        expectTrue(/^0x[0-9a-f]{64}$/.test(block.withdrawalsRoot ?? ''), 'withdrawals root')
        expectEqual(
          (await s.engine.block(block.hash))?.withdrawalsRoot,
          block.withdrawalsRoot,
          'withdrawals root, read',
        )
      }
      expectEqual(hashes.size, changes.length, 'different blocks')
    }),
    scene('goes on where it was when it is opened again', async s => {
      const { reopen } = s.harness
      if (reopen === undefined) return
      const chain = [s.genesis]
      for (let height = 0; height < 5; height++) {
        const parent = chain.at(-1)!
        const list = [await s.transfer(s.alice, { nonce: height })]
        const block = await s.engine.build(parent.hash, s.after(parent, list))
        await s.engine.setHead({ head: block.hash, safe: chain.at(-1)!.hash, finalized: s.genesis.hash })
        chain.push(block)
      }
      const twig = await s.engine.build(chain[2]!.hash, s.after(chain[2]!, []))
      const again = await reopen()
      expectEqual((await again.block('latest'))!.hash, chain[5]!.hash, 'head')
      for (const block of chain) {
        expectEqual((await again.block(block.number))!.hash, block.hash, `block ${block.number} by number`)
      }
      expectEqual((await again.block(twig.hash))?.hash, twig.hash, 'a block that never was the head')
      const [account] = (await again.accounts?.([s.alice.address])) ?? []
      if (account !== undefined) expectEqual(account.nonce, 5n, 'nonce')
      const attributes = s.after(chain[5]!, [await s.transfer(s.alice, { nonce: 5 })])
      const next = await again.build(chain[5]!.hash, attributes)
      expectEqual(next.number, chain[5]!.number + 1n, 'height of the next block')
      await adopt(again, twig)
      expectEqual((await again.block('latest'))!.hash, twig.hash, 'the way to a branch from before')
    }),
  ]
}
