import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@l2/common/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { fileFolder } from '../node/file-folder.js'
import { openLogStore } from './log.js'
import { memoryFolder } from './memory.js'
import type { SegmentFile, SegmentFolder } from './segment.js'
import { packEntries } from './store.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-log-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let places = 0
const place = () => join(folder, String(places++))

const key = (n: number) => Uint8Array.of(n >> 8, n & 255)
const value = (n: number) => new Uint8Array(20 + (n % 50)).fill(n)
const batchOf = (n: number) =>
  packEntries([
    [key(n), value(n)],
    [key(1000 + n), value(n)],
  ])

async function filled(path: string, batches: number, segmentBytes?: number): Promise<void> {
  const store = await openLogStore(fileFolder(path), { segmentBytes })
  for (let n = 0; n < batches; n++) {
    store.write(batchOf(n))
    await store.maintain?.(0)
  }
  await store.close()
}

/** Batches that are whole; a batch of which one entry is there and the other is not fails. */
async function batchesIn(where: string | SegmentFolder, upTo: number): Promise<number> {
  const store = await openLogStore(typeof where === 'string' ? fileFolder(where) : where)
  let count = 0
  for (let n = 0; n < upTo; n++) {
    const [a, b] = [store.get(key(n)), store.get(key(1000 + n))]
    expect(a).toEqual(b)
    if (a === undefined) continue
    expect(new Uint8Array(a)).toEqual(value(n))
    expect(count++).toBe(n)
  }
  await store.close()
  return count
}

describe('openLogStore', () => {
  it('cuts a torn end, wherever the write was cut, and goes on behind what was whole', async () => {
    const path = place()
    await filled(path, 6)
    const whole = readFileSync(join(path, '00000001.log'))
    const before = whole.length - (12 + batchOf(5).length)
    for (let length = 0; length <= whole.length; length++) {
      const torn = memoryFolder(new Map(), () => {})
      const segment = await torn.create(1)
      segment.append(whole.subarray(0, length))
      const left = await batchesIn(torn, 6)
      if (length >= before) expect(left).toBe(length === whole.length ? 6 : 5)
      const store = await openLogStore(torn)
      store.write(batchOf(left))
      await store.close()
      expect(await batchesIn(torn, 7)).toBe(left + 1)
    }
  })

  it('cuts an end of zeros or of anything else that is no record', async () => {
    for (const tail of [new Uint8Array(5000), seededRandom(3).bytes(5000)]) {
      const path = place()
      await filled(path, 4)
      appendFileSync(join(path, '00000001.log'), tail)
      expect(await batchesIn(path, 5)).toBe(4)
    }
  })

  it('takes nothing for a record that a stranger has put into a block', async () => {
    const path = place()
    const image = place()
    await filled(image, 1)
    // A whole record of another log, as a value: behind a torn write it must not look like the next one.
    const record = readFileSync(join(image, '00000001.log')).subarray(16)
    const store = await openLogStore(fileFolder(path))
    store.write(batchOf(0))
    store.write(packEntries([[key(500), record]]))
    await store.close()
    const file = join(path, '00000001.log')
    writeFileSync(file, readFileSync(file).subarray(0, statSync(file).size - 1))
    expect(await batchesIn(path, 2)).toBe(1)
  })

  it('names file and byte of damage that no crash explains, and what to do', async () => {
    const path = place()
    await filled(path, 10)
    const file = join(path, '00000001.log')
    const bytes = readFileSync(file)
    const at = 16 + 12 + batchOf(0).length
    bytes[at + 20]! ^= 1
    writeFileSync(file, bytes)
    await expect(openLogStore(fileFolder(path))).rejects.toMatchObject({
      code: 'ENGINE_STORE_CORRUPT',
      recovery: 'abort',
      details: { file, offset: at },
      message: expect.stringMatching(/00000001\.log at byte \d+.*\ntry: move the folder/s),
    })
    // It changed nothing: what is there can still be looked at.
    expect(readFileSync(file)).toEqual(bytes)
  })

  it('finds damage in a segment that is not the last, and files that are none of ours', async () => {
    const path = place()
    await filled(path, 40, 1000)
    const names = readdirSync(path).sort()
    expect(names.length).toBeGreaterThan(3)
    const first = join(path, names[0]!)
    const bytes = readFileSync(first)
    writeFileSync(first, bytes.subarray(0, bytes.length - 1))
    await expect(openLogStore(fileFolder(path))).rejects.toMatchObject({ code: 'ENGINE_STORE_CORRUPT' })
    writeFileSync(first, 'something else altogether')
    await expect(openLogStore(fileFolder(path))).rejects.toMatchObject({ code: 'ENGINE_STORE_CORRUPT' })
  })

  it('begins again a segment whose header was torn', async () => {
    const path = place()
    await filled(path, 3)
    writeFileSync(join(path, '00000002.log'), 'L2OP')
    expect(await batchesIn(path, 4)).toBe(3)
    const store = await openLogStore(fileFolder(path))
    store.write(batchOf(3))
    await store.close()
    expect(await batchesIn(path, 4)).toBe(4)
  })

  it('keeps everything that counts while it tidies, whichever step is the last', async () => {
    // The same history over and over, ended after one more step each time.
    let removed = 0
    for (let steps = 1; ; steps++) {
      const memory = memoryFolder(new Map(), ({ removed: isRemoval }) => {
        if (isRemoval) removed++
      })
      let left = steps
      const limited = dying(memory, () => {
        if (left-- <= 0) throw new Error('killed')
      })
      let acknowledged = -1
      try {
        const store = await openLogStore(limited, { segmentBytes: 600, minGarbage: 5 })
        for (let n = 0; n < 60; n++) {
          store.write(
            packEntries([
              [key(n % 7), value(n)],
              [key(100 + (n % 5)), n % 2 === 0 ? value(n) : undefined],
            ]),
          )
          acknowledged = n
          if (n % 10 === 9) while (!(await store.maintain?.(1000))) {}
        }
        await store.close()
      } catch (error) {
        expect(String((error as { cause?: unknown }).cause ?? error)).toContain('killed')
      }
      const store = await openLogStore(memory, { segmentBytes: 600, minGarbage: 5 })
      const found = Array.from({ length: 105 }, (_, slot) => {
        const bytes = store.get(key(slot))
        return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
      })
      // What was acknowledged, or that and the batch which was being written.
      expect([stateAfter(acknowledged), stateAfter(acknowledged + 1)]).toContainEqual(found)
      await store.close()
      if (left > 0) break
    }
    expect(removed).toBeGreaterThan(100)
  })

  it('says so when the disk is full, and takes writes again when there is room', async () => {
    const path = place()
    let room = 10_000
    const small = limitedTo(fileFolder(path), bytes => {
      if (bytes > room) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      room -= bytes
    })
    const store = await openLogStore(small)
    let written = 0
    let error: unknown
    while (error === undefined) {
      try {
        store.write(batchOf(written))
        written++
      } catch (caught) {
        error = caught
      }
    }
    expect(error).toMatchObject({
      code: 'ENGINE_STORE_FAILED',
      recovery: 'retry',
      message: expect.stringContaining('ENOSPC'),
    })
    expect(store.isBroken).toBe(false)
    expect(store.get(key(written))).toBeUndefined()
    room = 10_000
    store.write(batchOf(written))
    await store.close()
    expect(await batchesIn(path, written + 5)).toBe(written + 1)
  })

  it('begins a segment after all when there was no room for it the first time', async () => {
    const path = place()
    let fails = false
    const store = await openLogStore(
      limitedTo(fileFolder(path), () => {
        if (fails) throw new Error('ENOSPC')
      }),
      { segmentBytes: 200 },
    )
    for (let n = 0; n < 4; n++) store.write(batchOf(n))
    fails = true
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(store.maintain!(1)).rejects.toMatchObject({ code: 'ENGINE_STORE_FAILED' })
    }
    fails = false
    await store.maintain!(1)
    store.write(batchOf(4))
    await store.close()
    expect(readdirSync(path).sort()).toEqual(['00000001.log', '00000002.log'])
    expect(await batchesIn(path, 6)).toBe(5)
  })

  it('has nothing again that was deleted, though a segment could not be removed', async () => {
    const memory = memoryFolder(new Map(), () => {})
    let fails = true
    const stubborn: SegmentFolder = {
      ...memory,
      remove: async segment => {
        if (fails) throw new Error('EPERM')
        await memory.remove(segment)
      },
    }
    const options = { segmentBytes: 600, minGarbage: 5 }
    const store = await openLogStore(stubborn, options)
    store.write(packEntries([[key(9), value(9)]]))
    const churn = async () => {
      for (let n = 0; n < 60 && !store.isBroken; n++) {
        store.write(packEntries([[key(1), value(n)]]))
        await store.maintain!(1000)
      }
    }
    for (let n = 0; n < 30; n++) store.write(packEntries([[key(1), value(n)]]))
    await store.maintain!(0)
    // In the next segment, whose turn to go comes after that of the first.
    store.write(packEntries([[key(9), undefined]]))
    await expect(churn()).rejects.toMatchObject({ code: 'ENGINE_STORE_FAILED' })
    fails = false
    // Where the host does not open it again, nothing is to be tidied until it does.
    await churn()
    await store.close()
    const again = await openLogStore(memory, options)
    expect(again.get(key(9))).toBeUndefined()
    await again.close()
  })

  it('is read anew by a reader that had read what its writer then took back', async () => {
    const path = place()
    await filled(path, 3)
    const reader = await openLogStore(fileFolder(path), { readOnly: true })
    // A flush that failed: what was appended is cut off, and something else is written in its place.
    const file = join(path, '00000001.log')
    writeFileSync(file, readFileSync(file).subarray(0, 16 + 2 * (12 + batchOf(0).length) + 2))
    const writer = await openLogStore(fileFolder(path))
    for (const n of [7, 8]) {
      writer.write(batchOf(n))
      await reader.refresh!()
      expect(reader.get(key(n))).toEqual(writer.get(key(n)))
      expect(reader.get(key(2))).toBeUndefined()
    }
    await Promise.all([reader.close(), writer.close()])
  })
})

/** Every slot after the batches of the tidying test. */
function stateAfter(last: number): (string | undefined)[] {
  const slots = new Array<string | undefined>(105).fill(undefined)
  for (let n = 0; n <= last; n++) {
    const hex = Buffer.from(value(n)).toString('hex')
    slots[n % 7] = hex
    slots[100 + (n % 5)] = n % 2 === 0 ? hex : undefined
  }
  return slots
}

/** A folder whose every change asks `step` first: the place where a process may end. Half of an append happens before it. */
function dying(under: SegmentFolder, step: () => void): SegmentFolder {
  const wrap = (file: SegmentFile): SegmentFile => ({
    ...file,
    append(bytes) {
      step()
      const half = bytes.length >> 1
      file.append(bytes.subarray(0, half))
      step()
      file.append(bytes.subarray(half))
    },
    truncate(size) {
      step()
      file.truncate(size)
    },
  })
  return {
    ...under,
    open: async (segment, access) => wrap(await under.open(segment, access)),
    create: async segment => {
      step()
      return wrap(await under.create(segment))
    },
    async remove(segment) {
      step()
      await under.remove(segment)
    },
  }
}

/** A folder on a disk of limited size: an append may write a part before it fails. */
function limitedTo(under: SegmentFolder, take: (bytes: number) => void): SegmentFolder {
  const wrap = (file: SegmentFile): SegmentFile => ({
    ...file,
    append(bytes) {
      const half = bytes.length >> 1
      take(half)
      file.append(bytes.subarray(0, half))
      take(bytes.length - half)
      file.append(bytes.subarray(half))
    },
  })
  return {
    ...under,
    open: async (segment, access) => wrap(await under.open(segment, access)),
    create: async segment => wrap(await under.create(segment)),
  }
}
