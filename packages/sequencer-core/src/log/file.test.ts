import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { logConformance } from '../testing/log-conformance.js'
import { openFileLog } from './file.js'
import { emptyLogHash, type LogEntry, logEntryHash, type SequencerLog } from './log.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-log-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const freshPath = () => join(folder, `${files++}.log`)

async function readAll(log: SequencerLog): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of log.read(1n)) entries.push(entry)
  return entries
}

/** A log of `count` entries, one frame each, and where each frame ends. */
async function written(path: string, count: number) {
  const log = await openFileLog({ path })
  const { epoch } = await log.acquire('writer', 1000)
  const ends: number[] = []
  let prevHash = emptyLogHash
  for (let seq = 1n; seq <= BigInt(count); seq++) {
    const payload = new Uint8Array(50 + Number(seq) * 7).fill(Number(seq))
    prevHash = (await log.append({ epoch, seq, prevHash, payload })).hash
    ends.push(statSync(path).size)
  }
  await log.close()
  return { ends, bytes: readFileSync(path) }
}

describe('openFileLog', () => {
  const suite = logConformance(async () => {
    const path = freshPath()
    return {
      durable: true,
      open: monotonicMs => openFileLog({ path, monotonicMs }),
      cleanup: async () => {},
    }
  })
  for (const { name, run } of suite) it(name, run)

  it('gives entries the hash that every implementation gives', async () => {
    const path = freshPath()
    await written(path, 5)
    const log = await openFileLog({ path })
    for (const entry of await readAll(log)) expect(entry.hash).toBe(logEntryHash(entry))
    await log.close()
  })

  it('cuts a torn last frame, wherever it was torn, and goes on', async () => {
    const { ends, bytes } = await written(freshPath(), 4)
    const lastStart = ends[2]!
    for (let cut = lastStart; cut < bytes.length; cut++) {
      const path = freshPath()
      writeFileSync(path, bytes.subarray(0, cut))
      const log = await openFileLog({ path })
      expect(log.recovery.tornBytes).toBe(cut - lastStart)
      expect(await readAll(log)).toHaveLength(3)
      const { epoch } = await log.acquire('writer', 1000)
      const { hash } = await log.head()
      await log.append({ epoch, seq: 4n, prevHash: hash, payload: Uint8Array.of(4) })
      await log.close()
      const again = await openFileLog({ path })
      expect(await readAll(again)).toHaveLength(4)
      await again.close()
      rmSync(path)
    }
  })

  it('loses at most the last frame to any damage in it, and refuses damage before it', async () => {
    const { ends, bytes } = await written(freshPath(), 4)
    const random = seededRandom(testSeed(7))
    const lastStart = ends[2]!
    for (let round = 0; round < runs({ suite: 60, soak: 3_000 }); round++) {
      const damaged = Buffer.from(bytes)
      const at = 24 + random.below(bytes.length - 24)
      damaged[at]! ^= 1 + random.below(255)
      const path = freshPath()
      writeFileSync(path, damaged)
      if (at >= lastStart) {
        const log = await openFileLog({ path })
        expect(await readAll(log)).toHaveLength(3)
        await log.close()
      } else await expect(openFileLog({ path })).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
      rmSync(path)
    }
  })

  it('recovers from a last frame of which single blocks are missing', async () => {
    const path = freshPath()
    const log = await openFileLog({ path })
    const { epoch } = await log.acquire('writer', 1000)
    const first = await log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: new Uint8Array(100).fill(1) })
    await log.append({ epoch, seq: 2n, prevHash: first.hash, payload: new Uint8Array(40_000).fill(2) })
    await log.close()
    const bytes = readFileSync(path)
    for (let hole = 4096; hole + 4096 < bytes.length; hole += 4096) {
      const torn = Buffer.from(bytes)
      torn.fill(0, hole, hole + 4096)
      writeFileSync(path, torn)
      const again = await openFileLog({ path })
      expect(await readAll(again)).toHaveLength(1)
      await again.close()
    }
  })

  it('is not fooled by a payload that imitates a frame of another log', async () => {
    const { bytes } = await written(freshPath(), 2)
    const path = freshPath()
    const log = await openFileLog({ path })
    const { epoch } = await log.acquire('writer', 1000)
    await log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: bytes })
    await log.close()
    writeFileSync(path, readFileSync(path).subarray(0, -10))
    const again = await openFileLog({ path })
    expect(again.recovery.tornBytes).toBeGreaterThan(bytes.length)
    expect(await readAll(again)).toEqual([])
    await again.close()
  })

  it('is open once', async () => {
    const path = freshPath()
    const log = await openFileLog({ path })
    await expect(openFileLog({ path })).rejects.toMatchObject({ code: 'LOG_LOCKED', recovery: 'retry' })
    await log.close()
    await (await openFileLog({ path })).close()
  })

  it('notices a writer that came past the lock, and promises nothing more', async () => {
    const path = freshPath()
    const log = await openFileLog({ path })
    const { epoch } = await log.acquire('writer', 1000)
    const first = await log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: Uint8Array.of(1) })
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('stranger')]))
    const next = { epoch, seq: 2n, prevHash: first.hash, payload: Uint8Array.of(2) }
    await expect(log.append(next)).rejects.toMatchObject({ code: 'LOG_CLOSED', recovery: 'reset' })
    await expect(log.append(next)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    await log.close()
  })

  it('refuses a file that is something else', async () => {
    const path = freshPath()
    writeFileSync(path, 'a file of somebody else, which must stay as it is')
    await expect(openFileLog({ path })).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    expect(readFileSync(path, 'utf8')).toBe('a file of somebody else, which must stay as it is')
  })

  it('starts reading near the entry that is asked for', async () => {
    const path = freshPath()
    const log = await openFileLog({ path })
    const { epoch } = await log.acquire('writer', 1000)
    const pending: Promise<LogEntry>[] = []
    let prevHash = emptyLogHash
    for (let seq = 1n; seq <= 1000n; seq++) {
      const entry = { epoch, seq, prevHash, payload: new Uint8Array(10_000) }
      pending.push(log.append(entry))
      prevHash = logEntryHash(entry)
    }
    await Promise.all(pending)
    for (const from of [1n, 2n, 63n, 64n, 65n, 400n, 999n, 1000n]) {
      for await (const entry of log.read(from)) {
        expect(entry.seq).toBe(from)
        break
      }
    }
    await log.close()
  })
})
