import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountSmallDisk } from '@l2/common/testing'
import { expect, it } from 'vitest'
import { runComet } from './process.js'

it.for(['failed writing to WAL', 'CONSENSUS FAILURE!!!'])(
  'starts an engine again that says "%s" of a disk that was full for a moment only',
  async (words, context) => {
    const disk = mountSmallDisk(16 << 20)
    if (disk === undefined) return context.skip('no disk can be mounted here')
    const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
    const at = (name: string): string => join(root, name)
    const [program, starts, say, said] = [at('program'), at('starts'), at('say'), at('said')]
    // Says what the engine says, when it is told to, and goes on running.
    writeFileSync(
      program,
      [
        '#!/bin/sh',
        `echo started >> ${starts}`,
        `while [ ! -e ${say} ]; do sleep 0.05; done`,
        `rm ${say}`,
        `echo '${words}' >&2`,
        `echo said > ${said}`,
        'exec sleep 600',
      ].join('\n'),
    )
    chmodSync(program, 0o755)
    const home = join(disk.path, 'home')
    mkdirSync(home)
    const started = (): number => (existsSync(starts) ? readFileSync(starts, 'utf8').trim().split('\n').length : 0)
    const engine = runComet(program, home)
    try {
      await expect.poll(started).toBe(1)
      disk.fill()
      writeFileSync(say, '')
      await expect.poll(() => existsSync(said)).toBe(true)
      disk.free()
      await expect.poll(started).toBe(2)
      await expect.poll(() => engine.down).toBeUndefined()
    } finally {
      await engine.close()
      disk.unmount()
      rmSync(root, { recursive: true, force: true })
    }
  },
)
