import { isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { openLogStore } from '../src/store/log.js'
import { type MemorySegments, memoryFolder } from '../src/store/memory.js'
import { packEntries } from '../src/store/store.js'

const key = (n: number) => Uint8Array.of(1, n)
const value = (n: number) => new Uint8Array(30).fill(n)
const batches = 12

async function segmentOf(count: number): Promise<Uint8Array> {
  const segments: MemorySegments = new Map()
  const folder = memoryFolder(segments, () => {})
  const store = await openLogStore(folder)
  for (let n = 0; n < count; n++) {
    store.write(
      packEntries([
        [key(n), value(n)],
        [key(100 + n), value(n)],
      ]),
    )
  }
  const file = await folder.open(1, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  return bytes
}
const whole = await segmentOf(batches)

/** A segment of a log as a disk may give it back: a typed error, or the batches up to somewhere, each whole and as it was written. */
export const target: FuzzTarget = {
  corpus: () => [whole, whole.slice(0, whole.length - 40)],
  async run(input) {
    const folder = memoryFolder(new Map(), () => {})
    ;(await folder.create(1)).append(input)
    let store: Awaited<ReturnType<typeof openLogStore>>
    try {
      store = await openLogStore(folder)
    } catch (error) {
      if (!isL2Error(error)) throw error
      return
    }
    let isOver = false
    for (let n = 0; n < batches; n++) {
      const [a, b] = [store.get(key(n)), store.get(key(100 + n))]
      if (a === undefined || b === undefined) {
        if (a !== b) throw new Error(`half of batch ${n} is there`)
        isOver = true
        continue
      }
      if (isOver) throw new Error(`batch ${n} is there, and one before it is not`)
      for (const found of [a, b]) {
        if (Buffer.compare(found, value(n)) !== 0) throw new Error(`batch ${n} has another value`)
      }
    }
    store.write(packEntries([[key(99), value(99)]]))
    if (store.get(key(99)) === undefined) throw new Error('a store that was opened does not keep what is written')
  },
}
