import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { openFileLog } from '../src/log/file.js'
import { emptyLogHash, logEntryHash } from '../src/log/log.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-fuzz-log-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A log of three entries, made once: its file id is random, so the corpus must come from one file. */
const original = await (async () => {
  const path = join(folder, 'original')
  const log = await openFileLog({ path })
  const { epoch } = await log.acquire('fuzz', 1000)
  let prevHash = emptyLogHash
  for (let seq = 1n; seq <= 3n; seq++) {
    prevHash = (await log.append({ epoch, seq, prevHash, payload: new Uint8Array(40).fill(Number(seq)) })).hash
  }
  await log.close()
  return new Uint8Array(readFileSync(path))
})()

/** A damaged log opens to an unbroken chain of entries, or is refused; it is never read as something else. */
export const target: FuzzTarget = {
  corpus: () => [original],
  async run(input) {
    const path = join(folder, 'mutated')
    writeFileSync(path, input)
    try {
      const log = await openFileLog({ path })
      let prevHash = emptyLogHash
      for await (const entry of log.read(1n)) {
        if (entry.prevHash !== prevHash || entry.hash !== logEntryHash(entry)) throw new RangeError('a broken chain')
        prevHash = entry.hash
      }
      await log.close()
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
