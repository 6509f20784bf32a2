import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { logConformance } from '../testing/log-conformance.js'
import { type FileLog, openFileLog } from './file.js'
import { emptyLogHash, type LogEntry, type SequencerLog } from './log.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-sealed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const freshPath = () => join(folder, `${files++}.log`)
const fileBytes = 1000

async function collect(log: SequencerLog, from = 1n): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of log.read(from)) entries.push(entry)
  return entries
}
async function append(log: FileLog, count: number): Promise<void> {
  const { epoch } = await log.acquire('writer', 60_000)
  for (let { seq, hash } = await log.head(), left = count; left > 0; left--) {
    const entry = await log.append({ epoch, seq: seq + 1n, prevHash: hash, payload: new Uint8Array(100).fill(left) })
    seq = entry.seq
    hash = entry.hash
  }
}
async function written(count: number): Promise<string> {
  const path = freshPath()
  const log = await openFileLog({ path, fileBytes })
  await append(log, count)
  await log.close()
  return path
}
const namesBeside = (path: string) => readdirSync(folder).filter(name => name.startsWith(`${basename(path)}.`))

describe('a log in several files', () => {
  const suite = logConformance(async () => {
    const path = freshPath()
    return {
      durable: true,
      open: monotonicMs => openFileLog({ path, monotonicMs, fileBytes: 300 }),
      cleanup: async () => {},
    }
  })
  for (const { name, run } of suite) it(name, run)

  it('is one unbroken chain, from any entry on, and a start reads the newest file only', async () => {
    const path = await written(60)
    expect(namesBeside(path).length).toBeGreaterThan(5)
    const log = await openFileLog({ path, fileBytes })
    const entries = await collect(log)
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 }, (_, index) => BigInt(index + 1)))
    let before = emptyLogHash
    for (const { prevHash, hash } of entries) {
      expect(prevHash).toBe(before)
      before = hash
    }
    for (const from of [2n, 7n, 31n, 59n, 60n])
      expect(await collect(log, from)).toEqual(entries.slice(Number(from) - 1))
    expect([log.first, (await log.head()).seq]).toEqual([1n, 60n])
    await log.close()
    // Older files have their damage found when they are read, and only then.
    const [oldest] = namesBeside(path).sort()
    writeFileSync(join(folder, oldest!), readFileSync(join(folder, oldest!)).subarray(0, -9))
    const again = await openFileLog({ path, fileBytes })
    expect(await collect(again, 31n)).toEqual(entries.slice(30))
    await expect(collect(again)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    await again.close()
  })

  it('is read while it is written, over the ends of files', async () => {
    const log = await openFileLog({ path: freshPath(), fileBytes })
    const stop = new AbortController()
    const seen: bigint[] = []
    const reading = (async () => {
      for await (const { seq } of log.read(1n, { follow: true, signal: stop.signal })) {
        seen.push(seq)
        if (seq === 80n) return
      }
    })()
    await append(log, 80)
    await reading
    expect(seen).toEqual(Array.from({ length: 80 }, (_, index) => BigInt(index + 1)))
    await log.close()
  })

  it('forgets whole files below an entry, and says so to who asks for one of them', async () => {
    const path = await written(60)
    const log = await openFileLog({ path, fileBytes })
    const entries = await collect(log)
    log.prune(31n)
    const { first } = log
    expect(first).toBeGreaterThan(1n)
    expect(first).toBeLessThanOrEqual(31n)
    expect(await collect(log, first)).toEqual(entries.slice(Number(first) - 1))
    await expect(collect(log, first - 1n)).rejects.toMatchObject({ code: 'LOG_PRUNED' })
    await log.close()
    const again = await openFileLog({ path, fileBytes })
    expect(again.first).toBe(first)
    again.prune(1000n)
    expect(await collect(again, again.first)).toEqual(entries.slice(Number(again.first) - 1))
    await append(again, 1)
    expect((await again.head()).seq).toBe(61n)
    await again.close()
  })

  it('goes on after a crash in the midst of beginning a file', async () => {
    const path = await written(60)
    // Before the new file took its place.
    renameSync(path, `${path}.next`)
    const log = await openFileLog({ path, fileBytes })
    expect(await collect(log)).toHaveLength(60)
    await log.close()
    // Before the old one was sealed, and while one was packed.
    writeFileSync(`${path}.next`, 'half')
    writeFileSync(`${path}.0000000000000001.gz.new`, 'half')
    const again = await openFileLog({ path, fileBytes })
    expect(await collect(again)).toHaveLength(60)
    await again.close()
    expect(existsSync(`${path}.next`)).toBe(false)
    // The newest file lost, or another one's copy in its place: promises would be forgotten.
    const content = readFileSync(path)
    rmSync(path)
    await expect(openFileLog({ path, fileBytes })).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    writeFileSync(path, content)
    const newest = namesBeside(path).sort().at(-1)!
    renameSync(join(folder, newest), `${path}.9999999999999999.gz`)
    await expect(openFileLog({ path, fileBytes })).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  })
})
