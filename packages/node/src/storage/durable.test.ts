import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountSmallDisk } from '@l2/common/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { readDocument, writeDocument, writeFileDurably } from './durable.js'
import { openRecordFile } from './record-file.js'
import { checkSealedJson, writeSealedJson } from './sealed-json.js'

const directory = mkdtempSync(join(tmpdir(), 'l2-durable-'))
const disk = mountSmallDisk(2 ** 20)
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
  disk?.unmount()
})
const path = join(directory, 'file')

/** Every file that one flipped bit or a cut makes of a file. */
function* damagedOnes(stride: number): Generator<Buffer> {
  const whole = readFileSync(path)
  for (let at = 0; at < whole.length; at += stride) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (at % 8)
    yield flipped
    yield whole.subarray(0, at)
  }
}

describe('a document', () => {
  it('is read as it was written, and never otherwise', () => {
    const value = { name: 'ä"}', number: 7, big: 10n ** 30n, bytes: Uint8Array.of(1, 2), nested: { list: [1n, null] } }
    expect(readDocument(path, 'put back a copy')).toBeUndefined()
    writeDocument(path, value)
    expect(readDocument(path, 'put back a copy')).toEqual(value)
    for (const bytes of damagedOnes(1)) {
      writeFileSync(path, bytes)
      let read: object | undefined
      try {
        // White space is nothing that was written.
        read = readDocument(path, 'put back a copy')
      } catch (error) {
        expect(error).toMatchObject({ code: 'DATA_CORRUPT', message: expect.stringMatching(/^\/.*\/file .*a copy$/) })
        continue
      }
      expect(read).toEqual(value)
    }
  })
})

describe('a sealed object', () => {
  it('comes in any pieces, is JSON for its reader, and tells every cut and flip', async () => {
    const object = JSON.stringify({ a: 'x'.repeat(500), b: [1, 2, { c: null }] })
    for (const size of [1, 2, 7, 1000]) {
      const pieces = Array.from({ length: Math.ceil(object.length / size) }, (_, i) =>
        Buffer.from(object.slice(i * size, (i + 1) * size)),
      )
      await writeSealedJson(path, pieces)
      expect(checkSealedJson(path)).toBe('sound')
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject(JSON.parse(object))
    }
    for (const bytes of damagedOnes(3)) {
      writeFileSync(path, bytes)
      expect(checkSealedJson(path)).toBe('damaged')
    }
    expect(checkSealedJson(join(directory, 'nothing'))).toBe('missing')
  })

  it('leaves the old one where the new one is cut off or no longer wanted', async () => {
    await writeSealedJson(path, [Buffer.from('{"old":1}')])
    const old = readFileSync(path)
    await expect(writeSealedJson(path, [Buffer.from('{"ne')])).rejects.toThrow('no JSON object')
    await expect(writeSealedJson(path, [Buffer.from('{"new":1}')], () => false)).rejects.toThrow('taken its place')
    expect(readFileSync(path)).toEqual(old)
    expect(readdirSync(directory)).toEqual(['file'])
  })
})

describe.skipIf(disk === undefined)('a full disk (only root of Linux can mount a small one)', () => {
  it('is named, leaves what was there, and is waited out', async () => {
    const at = (name: string): string => join(disk!.path, name)
    const long = 'x'.repeat(50_000)
    writeFileDurably(at('file'), 'old')
    await writeSealedJson(at('sealed'), [Buffer.from('{"old":1}')])
    const records = openRecordFile<string>({ path: at('records'), isDurable: () => true, remedy: 'none' })
    records.append('first', true)
    disk!.fill()
    const full = { code: 'DISK_FULL', recovery: 'retry', message: expect.stringMatching(/\/(file|records) .*ENOSPC/) }
    expect(() => writeFileDurably(at('file'), long)).toThrow(expect.objectContaining(full))
    expect(() => records.append(long, true)).toThrow(expect.objectContaining(full))
    await expect(writeSealedJson(at('sealed'), [Buffer.from(`{"new":"${long}"}`)])).rejects.toMatchObject({
      code: 'ENOSPC',
    })
    expect(readFileSync(at('file'), 'utf8')).toBe('old')
    expect(checkSealedJson(at('sealed'))).toBe('sound')
    disk!.free()
    writeFileDurably(at('file'), long)
    records.append(long, true)
    records.close()
    expect(readFileSync(at('file'), 'utf8')).toBe(long)
    const again = openRecordFile<string>({ path: at('records'), isDurable: () => true, remedy: 'none' })
    expect([...again.read(0)].map(({ record }) => record)).toEqual(['first', long])
    expect(again.discardedBytes).toBe(0)
    again.close()
  })
})
