import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openRecordFile } from './record-file.js'

type Item = { n: bigint; durable: boolean; text: string }

const directory = mkdtempSync(join(tmpdir(), 'l2-journal-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let files = 0
const freshPath = (): string => join(directory, String(files++))
const open = (path: string) =>
  openRecordFile<Item>({ path, isDurable: ({ durable }) => durable, remedy: 'put back a copy', sync: () => {} })
const item = (n: bigint, durable: boolean, text = 'äöü\n"'): Item => ({ n, durable, text })

function read(path: string): bigint[] {
  const journal = open(path)
  const found = [...journal.read(0)].map(({ record }) => record.n)
  journal.close()
  return found
}

function fill(path: string, items: readonly Item[]): void {
  const journal = open(path)
  for (const one of items) journal.append(one, one.durable)
  journal.close()
}

describe('openRecordFile', () => {
  it('gives back what was written, from any line on', () => {
    const path = freshPath()
    const items = Array.from({ length: 3000 }, (_, n) => item(BigInt(n), n % 7 === 0, 'x'.repeat(n % 90)))
    fill(path, items)
    const journal = open(path)
    expect(journal.discardedBytes).toBe(0)
    const lines = [...journal.read(0)]
    expect(lines.map(({ record }) => record)).toEqual(items)
    expect(lines.at(-1)!.end).toBe(journal.size)
    expect([...journal.read(lines[1999]!.end)].map(({ record }) => record)).toEqual(items.slice(2000))
    journal.close()
  })

  it('cuts a torn tail at every byte, keeps every whole line before it, and goes on from there', () => {
    const whole = freshPath()
    fill(whole, [item(0n, true), item(1n, false), item(2n, true), item(3n, false)])
    const bytes = readFileSync(whole)
    const ends = [...bytes.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1)
    for (let length = 0; length <= bytes.length; length++) {
      const path = freshPath()
      writeFileSync(path, bytes.subarray(0, length))
      const kept = ends.filter(end => end <= length).length
      expect(read(path)).toEqual([0n, 1n, 2n, 3n].slice(0, kept))
      fill(path, [item(9n, true)])
      expect(read(path)).toEqual([...[0n, 1n, 2n, 3n].slice(0, kept), 9n])
    }
  })

  it('cuts what a power failure may leave behind the last durable record: zeros, garbage, a line amid it', () => {
    for (const tail of [Buffer.alloc(5000), Buffer.alloc(200_000, 120), Buffer.from('\n\n00000000 {}\n')]) {
      const path = freshPath()
      fill(path, [item(0n, true)])
      appendFileSync(path, tail)
      fill(path, [])
      expect(read(path)).toEqual([0n])
    }
    const path = freshPath()
    fill(path, [item(0n, true), item(1n, false), item(2n, false)])
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('"$int":"1"', '"$int":"7"'))
    expect(read(path)).toEqual([0n])
  })

  it('refuses damage before a durable record: no crash explains it, and something that was promised is lost', () => {
    const path = freshPath()
    fill(path, [item(0n, true), item(1n, false), item(2n, true)])
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('"$int":"1"', '"$int":"7"'))
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'DATA_CORRUPT' }))
    expect(readFileSync(path, 'utf8')).toHaveLength(text.length)
  })

  it('says what it cannot open', () => {
    expect(() => open(join(directory, 'nowhere', 'file'))).toThrow(expect.objectContaining({ code: 'DATA_FAILED' }))
    const path = freshPath()
    fill(path, [item(0n, true)])
    truncateSync(path, 0)
    expect(read(path)).toEqual([])
  })
})
