import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { mountSmallDisk } from '@l2/common/testing'
import { type Hex, hexToBytes, keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFileGuard } from '../guard/file.js'
import { openFileLog } from '../log/file.js'
import { emptyLogHash } from '../log/log.js'
import { openFileJournal } from '../mempool/file-journal.js'
import { createDurableMempool } from '../mempool/journal.js'
import { createMempool } from '../mempool/mempool.js'
import { decodeTransaction } from '../transaction/decode.js'

const disk = mountSmallDisk(2 ** 22)
afterAll(() => disk?.unmount())

let folders = 0
let folder = ''
beforeEach(() => {
  folder = join(disk?.path ?? '', String(folders++))
  if (disk !== undefined) mkdirSync(folder)
})
afterEach(() => disk?.free())

const full = (path: string) => ({
  code: 'DISK_FULL',
  recovery: 'retry',
  message: `${path} cannot be written: ENOSPC, no space left on the disk`,
})
const bytes = new Uint8Array(20_000).fill(7)

describe.skipIf(disk === undefined)('a full disk (only root of Linux can mount a small one)', () => {
  it('the log names it, ends where it ended, and takes the same entries when there is room', async () => {
    const path = join(folder, 'log')
    const log = await openFileLog({ path })
    const { epoch } = await log.acquire('a', 60_000)
    const first = await log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: bytes })
    disk!.fill()
    const second = { epoch, seq: 2n, prevHash: first.hash, payload: bytes }
    const both = [log.append(second), log.append(second)]
    for (const result of await Promise.allSettled(both)) {
      expect(result).toMatchObject({ status: 'rejected', reason: full(path) })
    }
    expect(await log.head()).toMatchObject({ seq: 1n, hash: first.hash, epoch })
    disk!.free()
    const appended = await log.append(second)
    await log.append({ epoch, seq: 3n, prevHash: appended.hash, payload: bytes })
    await log.close()
    const again = await openFileLog({ path })
    expect(again.recovery.tornBytes).toBe(0)
    expect((await again.head()).seq).toBe(3n)
    await again.close()
  })

  it('the mempool journal acknowledges nothing, and keeps what it had acknowledged', async () => {
    const path = join(folder, 'mempool')
    const account = { nonce: 0n, balanceWei: 10n ** 30n, delegated: false }
    const signer = privateKeyToAccount(`0x${'11'.repeat(32)}`)
    const sign = async (gasPrice: bigint, data: Hex, nonce = 0) =>
      decodeTransaction(
        hexToBytes(
          await signer.signTransaction({ chainId: 1, nonce, gas: 10_000_000n, gasPrice, to: signer.address, data }),
        ),
      )
    const long: Hex = `0x${'ff'.repeat(20_000)}`
    const { journal } = await openFileJournal({ path, hashOf: keccak256 })
    const pool = createMempool()
    const mempool = createDurableMempool(pool, journal)
    const first = await sign(10n ** 9n, '0x')
    await mempool.submit(first, { nowMs: 0, account })
    disk!.fill()
    const dearer = await sign(2n * 10n ** 9n, long)
    await expect(mempool.submit(dearer, { nowMs: 0, account })).rejects.toMatchObject(full(path))
    // The one that it would have replaced waits as before.
    expect(pool.get(first.hash)).toBeDefined()
    expect(pool.get(dearer.hash)).toBeUndefined()
    await expect(journal.compact(() => ({ entries: [], nextArrival: 9 }))).rejects.toMatchObject({ code: 'DISK_FULL' })
    disk!.free()
    const next = await sign(10n ** 9n, long, 1)
    await mempool.submit(next, { nowMs: 0, account })
    await journal.close()
    const again = await openFileJournal({ path, hashOf: keccak256 })
    expect(again.discardedBytes).toBe(0)
    expect(again.recovered.map(({ raw }) => keccak256(raw))).toEqual([first.hash, next.hash])
    await again.journal.close()
  })

  it('the guard reserves nothing that the disk does not have, and goes on', async () => {
    const path = join(folder, 'guard')
    const identity = { path, signer: `0x${'01'.repeat(20)}`, chainId: 901n, seen: [] } as const
    const guard = await openFileGuard(identity)
    const at = (height: bigint, digest: string) =>
      ({ epoch: 1n, term: 0, height, digest: `0x${digest.repeat(32)}`, payload: bytes }) as const
    await guard.reserve(at(1n, 'aa'))
    disk!.fill()
    await expect(guard.reserve(at(2n, 'bb'))).rejects.toMatchObject(full(path))
    expect(guard.watermark?.height).toBe(1n)
    disk!.free()
    expect(await guard.reserve(at(2n, 'cc'))).toBe('new')
    await guard.close()
    const again = await openFileGuard(identity)
    expect(await again.pending()).toMatchObject(at(2n, 'cc'))
    await again.close()
  })
})
