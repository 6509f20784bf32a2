import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lockFile } from './process-lock.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-lock-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a killed holder leaves. */
function leaveBehind(path: string): void {
  const code = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', code, `${path}.lock`])
  expect(existsSync(`${path}.lock`)).toBe(true)
}

describe.skipIf(process.platform === 'win32')('lockFile', () => {
  it('has one holder, who is followed by one other', async () => {
    const path = join(folder, 'free')
    const first = await lockFile(path)
    expect(first).toBeDefined()
    expect(await lockFile(path)).toBeUndefined()
    await first!.release()
    const second = await lockFile(path)
    expect(second).toBeDefined()
    await second!.release()
  })

  it('has one holder when many take it over from one that was killed', async () => {
    for (let round = 0; round < 10; round++) {
      const path = join(folder, `left-${round}`)
      leaveBehind(path)
      const all = await Promise.all(Array.from({ length: 8 }, () => lockFile(path)))
      const holders = all.filter(lock => lock !== undefined)
      expect(holders).toHaveLength(1)
      expect(await lockFile(path)).toBeUndefined()
      for (const holder of holders) await holder.release()
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('is taken over though somebody was killed who was about to', async () => {
    const path = join(folder, 'twice')
    leaveBehind(path)
    mkdirSync(`${path}.lock.takeover`)
    utimesSync(`${path}.lock.takeover`, 0, 0)
    const lock = await lockFile(path)
    expect(lock).toBeDefined()
    await lock!.release()
  })
})
