import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hexToBytes } from '@l2/common'
import type { Address, Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeDeposit } from '../derivation/deposit.js'
import { type AnvilEngine, createAnvilEngine } from '../engine/anvil.js'
import { type AnvilProcess, anvilBinary, spawnAnvil } from '../engine/anvil-process.js'
import type { ExecutedBlock } from '../engine/engine.js'
import { writeTestGenesis } from '../engine/testdata/genesis.js'
import { nextBaseFee } from '../fees/base-fee.js'
import { type QueueEntry, verifyForced } from '../forced/queue.js'
import { openFileGuard } from '../guard/file.js'
import { createMemoryGuard } from '../guard/guard.js'
import { createMempool, type Mempool } from '../mempool/mempool.js'
import { firstCome } from '../ordering/first-come.js'
import { judgeBlock } from '../ordering/universal.js'
import { attributesAfter } from '../testing/engine-conformance.js'
import { decodeTransaction } from '../transaction/decode.js'
import type { Transaction } from '../transaction/types.js'
import { type BlockBuilderOptions, createBlockBuilder, resumeBlock, sealBlock } from './builder.js'
import { checkHeader, type LeaderSchedule } from './leader.js'
import type { BuildRequest } from './request.js'
import { decodeSealedBlock, encodeSealedBlock } from './sealed-block.js'
import { createHeaderSigner } from './sign.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-builder-'))
const keys = Array.from({ length: 6 }, (_, index): Hex => `0x${(0xa0 + index).toString(16).repeat(32)}`)
const accounts = keys.map(key => privateKeyToAccount(key))
const poor = privateKeyToAccount(`0x${'ee'.repeat(32)}`)
const sink: Address = '0x00000000000000000000000000000000000000aa'
const reverting: Hex = '0x60006000fd'
const forcedRule = { windowSeconds: 100n, maxBufferSeconds: 100n, delayThresholdSeconds: 10n, replenishBps: 500n }
const author = privateKeyToAccount(`0x${'51'.repeat(32)}`)
const domain = { chainId: 901n, rollup: `0x${'0f'.repeat(20)}` } as const
const schedule: LeaderSchedule = { leaderAt: () => ({ sequencer: author.address, epoch: 1n, term: 0 }) }

let anvil: AnvilProcess
let engine: AnvilEngine
let genesis: ExecutedBlock
beforeAll(async () => {
  anvil = await spawnAnvil({
    binary: anvilBinary(import.meta.url)!,
    chainId: 901n,
    genesisPath: writeTestGenesis(folder, keys),
  })
  engine = await createAnvilEngine({ url: anvil.url })
  genesis = (await engine.block('latest'))!
})
afterAll(async () => {
  await anvil.close()
  rmSync(folder, { recursive: true, force: true })
})

type Fields = { nonce?: number; gas?: bigint; value?: bigint; data?: Hex; to?: Address | null }
async function sign(account: typeof poor, fields: Fields = {}): Promise<Transaction> {
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: 901,
    nonce: fields.nonce ?? 0,
    gas: fields.gas ?? 21_000n,
    maxFeePerGas: 100_000_000_000n,
    maxPriorityFeePerGas: 1n,
    value: fields.value ?? 1n,
    ...(fields.to === null ? {} : { to: fields.to ?? sink }),
    ...(fields.data === undefined ? {} : { data: fields.data }),
  })
  return decodeTransaction(hexToBytes(raw)!)
}

/** A pool whose door believes that everybody is rich, so that what fails must fail in the engine. */
function poolOf(
  transactions: readonly Transaction[],
  context: { mayRevert?: boolean; readyAtMs?: number } = {},
): Mempool {
  const pool = createMempool()
  transactions.forEach((transaction, nowMs) => {
    pool.add(transaction, { nowMs, account: { nonce: 0n, balanceWei: 10n ** 30n, delegated: false }, ...context })
  })
  return pool
}

function requestOn(
  parent: ExecutedBlock,
  deposits: readonly Uint8Array[] = [],
  overrides: Partial<BuildRequest> = {},
): BuildRequest {
  return {
    parent,
    attributes: attributesAfter(parent, deposits),
    baseFeePerGas: nextBaseFee({
      parentBaseFeeWei: parent.baseFeePerGas,
      parentGasLimit: parent.gasLimit,
      parentGasMetered: parent.gasUsed,
      denominator: 250n,
      elasticity: 6n,
    }),
    l1Origin: { number: 7n, hash: `0x${'07'.repeat(32)}` },
    turn: { epoch: 1n, term: 0 },
    forcedUpTo: 0n,
    forced: [],
    ...overrides,
  }
}

const build = (pool: Mempool, request: BuildRequest = requestOn(genesis), options: Partial<BlockBuilderOptions> = {}) =>
  createBlockBuilder({ engine, pool, policy: firstCome(), forcedRule, timeBudgetMs: 20_000, ...options }).build(request)

const hashes = (transactions: readonly Transaction[]) => transactions.map(transaction => transaction.hash)

describe('createBlockBuilder', () => {
  it('fills a block behind its deposits in the order of the policy, and its judge agrees', async () => {
    const transactions = await Promise.all(accounts.flatMap(account => [sign(account), sign(account, { nonce: 1 })]))
    const pool = poolOf(transactions)
    const deposit = encodeDeposit({
      sourceHash: `0x${'01'.repeat(32)}`,
      from: sink,
      to: sink,
      mint: 5n,
      value: 0n,
      gas: 100_000n,
      isSystemTransaction: false,
      data: new Uint8Array(),
    })
    const request = requestOn(genesis, [deposit])
    const built = await build(pool, request)
    expect(built.rounds).toBe(1)
    expect(built.leftOut).toEqual([])
    expect(built.block.executed.transactions).toEqual([deposit, ...transactions.map(transaction => transaction.raw)])
    expect(built.block.executed.baseFeePerGas).toBe(request.baseFeePerGas)
    const violations = judgeBlock(
      firstCome(),
      {
        height: built.block.header.height,
        timestamp: built.block.header.timestamp,
        baseFeePerGas: request.baseFeePerGas,
        gasLimit: built.block.executed.gasLimit,
        deposits: [`0x${'01'.repeat(32)}`],
        transactions: built.entries.map(entry => entry.transaction),
      },
      { nonceOf: () => 0n },
    )
    expect(violations).toEqual([])
  })

  it('names a deposit that fits in no block: it can neither be left out nor built upon', async () => {
    const deposit = encodeDeposit({
      sourceHash: `0x${'02'.repeat(32)}`,
      from: sink,
      to: sink,
      mint: 0n,
      value: 0n,
      gas: genesis.gasLimit + 1n,
      isSystemTransaction: false,
      data: new Uint8Array(),
    })
    const refused = build(poolOf([await sign(accounts[0]!)]), requestOn(genesis, [deposit]))
    await expect(refused).rejects.toMatchObject({
      code: 'DEPOSIT_BLOCK_REFUSED',
      recovery: 'abort',
      message: `deposit 0 of L1 block 7 fits in no block of ${genesis.gasLimit} gas: it asks for ${genesis.gasLimit + 1n}; nobody can derive the chain beyond it`,
    })
  })

  it('leaves out what fails, and what only fails because of it is not blamed', async () => {
    const broke = [await sign(poor), await sign(poor, { nonce: 1 })]
    const fine = await Promise.all(accounts.map(account => sign(account)))
    const built = await build(poolOf([fine[0]!, ...broke, ...fine.slice(1)]))
    expect(built.entries.map(entry => entry.transaction.hash)).toEqual(hashes(fine))
    expect(built.leftOut).toEqual([{ hash: broke[0]!.hash, reason: 'invalid' }])
    expect(built.rounds).toBe(2)
  })

  it('includes a transaction that reverts, unless its sender asked not to', async () => {
    const revert = await sign(accounts[0]!, { to: null, data: reverting, gas: 90_000n, value: 0n })
    const after = await sign(accounts[0]!, { nonce: 1 })
    const other = await sign(accounts[1]!)
    const paid = await build(poolOf([revert, after, other]))
    expect(paid.entries).toHaveLength(3)
    const protectedBuild = await build(poolOf([revert, after, other], { mayRevert: false }))
    expect(protectedBuild.entries.map(entry => entry.transaction.hash)).toEqual([other.hash])
    expect(protectedBuild.leftOut).toEqual([{ hash: revert.hash, reason: 'reverted' }])
    expect(protectedBuild.receipts?.every(receipt => receipt.success)).toBe(true)
  })

  it('takes a bundle whole or not at all', async () => {
    const good = [await sign(accounts[0]!), await sign(accounts[1]!)]
    const bad = [
      await sign(accounts[2]!),
      await sign(accounts[3]!, { to: null, data: reverting, gas: 90_000n, value: 0n }),
    ]
    const single = await sign(accounts[4]!)
    const pool = poolOf([single])
    pool.addBundle(bad, { nowMs: 10 })
    pool.addBundle(good, { nowMs: 20 })
    const built = await build(pool)
    const included = built.entries.map(entry => entry.transaction.hash)
    expect(included).toEqual(expect.arrayContaining(hashes([...good, single])))
    expect(included).toHaveLength(3)
    expect(built.leftOut).toEqual([{ hash: bad[1]!.hash, reason: 'reverted' }])
  })

  it('keeps to the limits on gas, bytes and data availability', async () => {
    const transactions = await Promise.all(accounts.map(account => sign(account)))
    const size = transactions[0]!.raw.length
    const bytes = await build(poolOf(transactions), requestOn(genesis), {
      limits: { maxBytes: 3 * size + 2, maxDaBytes: undefined, maxDaBytesPerTransaction: undefined },
    })
    expect(bytes.entries.length).toBeLessThanOrEqual(3)
    expect(bytes.entries.length).toBeGreaterThanOrEqual(2)
    const da = await build(poolOf(transactions), requestOn(genesis), {
      limits: { maxBytes: 1e6, maxDaBytes: 250n, maxDaBytesPerTransaction: undefined },
    })
    expect(da.entries).toHaveLength(2)
    const none = await build(poolOf(transactions), requestOn(genesis), {
      limits: { maxBytes: 1e6, maxDaBytes: undefined, maxDaBytesPerTransaction: 50n },
    })
    expect(none.entries).toHaveLength(0)
    const gas = requestOn(genesis)
    const small = await build(poolOf(transactions), { ...gas, attributes: { ...gas.attributes, gasLimit: 50_000n } })
    expect(small.entries).toHaveLength(2)
  })

  it('fills again by gas used what gas limits had filled', async () => {
    const generous = await Promise.all(accounts.map(account => sign(account, { gas: 12_000_000n })))
    const built = await build(poolOf(generous))
    expect(built.entries).toHaveLength(6)
    expect(built.rounds).toBe(3)
  })

  it('seals without those who are not ready when time is up', async () => {
    const now = Date.now()
    const ready = await sign(accounts[0]!)
    const soon = await sign(accounts[1]!)
    const late = await sign(accounts[2]!)
    const pool = poolOf([ready])
    const account = { nonce: 0n, balanceWei: 10n ** 30n, delegated: false }
    pool.add(soon, { nowMs: now, account, readyAtMs: now + 30 })
    pool.add(late, { nowMs: now, account, readyAtMs: now + 3_600_000 })
    const built = await build(pool, requestOn(genesis), { timeBudgetMs: 5_000 })
    expect(built.entries.map(entry => entry.transaction.hash)).toEqual([ready.hash, soon.hash])
  })

  it('builds with no time at all, without what failed', async () => {
    const transactions = [await sign(poor), ...(await Promise.all(accounts.map(account => sign(account))))]
    const built = await build(poolOf(transactions), requestOn(genesis), { timeBudgetMs: 0.001 })
    expect(built.entries.map(entry => entry.transaction.hash)).not.toContain(transactions[0]!.hash)
    expect(built.block.executed.number).toBe(genesis.number + 1n)
  })

  it('puts the L1 queue first, whatever the limits on bytes, and counts an entry that cannot execute', async () => {
    const forcedOk = await sign(accounts[0]!)
    const forcedBroke = await sign(poor)
    const forcedLast = await sign(accounts[1]!)
    const others = await Promise.all(accounts.slice(2).map(account => sign(account)))
    const forced = [forcedOk, forcedBroke, forcedLast].map(
      (transaction, index): QueueEntry => ({
        index: BigInt(index + 4),
        enqueuedAtSeconds: genesis.timestamp - 200n,
        bufferSeconds: 100n,
        hash: transaction.hash,
        gasLimit: transaction.gasLimit,
        transaction,
      }),
    )
    const request = requestOn(genesis, [], { forced, forcedUpTo: 4n })
    const built = await build(poolOf(others), request, {
      limits: { maxBytes: 1, maxDaBytes: undefined, maxDaBytesPerTransaction: undefined },
    })
    expect(built.entries.map(entry => entry.transaction.hash)).toEqual(hashes([forcedOk, forcedLast]))
    expect(built.block.header.forcedUpTo).toBe(7n)
    const roomy = await build(poolOf(others), request)
    const order = roomy.entries.map(entry => entry.transaction.hash)
    expect(order).toEqual(hashes([forcedOk, forcedLast, ...others]))
    const judged = {
      timestamp: roomy.block.header.timestamp,
      gasLimit: roomy.block.executed.gasLimit,
      transactions: order,
      forcedBefore: 4n,
      forcedUpTo: roomy.block.header.forcedUpTo,
    }
    const excused = new Set(roomy.leftOut.map(each => each.hash))
    expect(verifyForced(judged, forcedRule, { waiting: forced, excused })).toEqual([])
    expect(verifyForced(judged, forcedRule, { waiting: forced })).toMatchObject([{ rule: 'forced/missing' }])
  })

  it('passes on an error that no leaving out can mend', async () => {
    const nowhere = { ...genesis, hash: `0x${'99'.repeat(32)}` as const }
    await expect(build(poolOf([]), requestOn(nowhere))).rejects.toMatchObject({ code: 'ENGINE_UNKNOWN_BLOCK' })
    const badDeposit = requestOn(genesis, [Uint8Array.of(0x02, 0xc0)])
    await expect(build(poolOf([]), badDeposit)).rejects.toMatchObject({ code: 'ENGINE_TRANSACTION_INVALID' })
    expect(() =>
      createBlockBuilder({ engine, pool: poolOf([]), policy: firstCome(), forcedRule, maxRounds: 1 }),
    ).toThrow(expect.objectContaining({ code: 'BUILDER_OPTIONS' }))
  })
})

describe('sealBlock', () => {
  it("signs what others accept as the leader's block", async () => {
    const built = await build(poolOf([await sign(accounts[0]!)]))
    const signer = createHeaderSigner({ account: author, domain, guard: createMemoryGuard() })
    const sealed = await sealBlock(built.block, signer, schedule)
    const received = decodeSealedBlock(encodeSealedBlock(sealed))
    expect(checkHeader(received.header, received.signature, { domain, schedule, parent: undefined })).toMatchObject({
      ok: true,
    })
    expect((await engine.import(received.executed, received.attributes)).hash).toBe(built.block.executed.hash)
  })

  it('does not sign out of turn', async () => {
    const built = await build(poolOf([]))
    const signer = createHeaderSigner({ account: accounts[0]!, domain, guard: createMemoryGuard() })
    await expect(sealBlock(built.block, signer, schedule)).rejects.toMatchObject({ code: 'NOT_LEADER' })
    const nobody: LeaderSchedule = { leaderAt: () => undefined }
    const authorised = createHeaderSigner({ account: author, domain, guard: createMemoryGuard() })
    await expect(sealBlock(built.block, authorised, nobody)).rejects.toMatchObject({ code: 'NOT_LEADER' })
  })
})

describe('resumeBlock', () => {
  it('finishes the very block that a crash interrupted, because no other can be signed there', async () => {
    const options = { path: join(folder, 'watermark'), signer: author.address, chainId: 901n, seen: [] }
    const guard = await openFileGuard(options)
    const first = await build(poolOf([await sign(accounts[0]!)]))
    const sealed = await sealBlock(first.block, createHeaderSigner({ account: author, domain, guard }), schedule)
    await guard.close()

    await using reopened = await openFileGuard(options)
    const signer = createHeaderSigner({ account: author, domain, guard: reopened })
    const second = await build(poolOf([await sign(accounts[1]!)]))
    await expect(sealBlock(second.block, signer, schedule)).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
    // What an engine tells beyond what a block is made of is not kept.
    const kept = { ...sealed, executed: { ...sealed.executed, withdrawalsRoot: undefined } }
    expect(await resumeBlock(reopened, signer)).toEqual(kept)
  })
})
