import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram, runs, seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, expect, it } from 'vitest'
import { openFileLog } from './file.js'

const kills = runs({ suite: 24, soak: 250 })
const folder = mkdtempSync(join(tmpdir(), 'l2-kill-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it(`loses nothing acknowledged and signs nothing twice over ${kills} kills`, async () => {
  const child = await bundleProgram(fileURLToPath(new URL('./testdata/sealing-child.ts', import.meta.url)), folder)
  const random = seededRandom(testSeed(11))
  /** By height: the only content that may ever be signed there. */
  const signed = new Map<string, string>()
  const acknowledged = new Map<bigint, string>()
  let resumed = 0
  for (let kill = 0; kill < kills; kill++) {
    // Every third one dies at a random moment, by somebody else's hand; the others at one of their own writes.
    const byHand = kill % 3 === 2
    const killAt = byHand ? -1 : random.below(40)
    const manner = random.pick(['before', 'half', 'after'])
    const run = spawn(process.execPath, [child, folder, String(testSeed() + kill), String(killAt), manner], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let complaints = ''
    run.stdout.on('data', chunk => (output += String(chunk)))
    run.stderr.on('data', chunk => (complaints += String(chunk)))
    const closed = once(run, 'close')
    if (byHand) {
      await Promise.race([once(run.stdout, 'data'), closed])
      await new Promise(resolve => setTimeout(resolve, random.below(40)))
      run.kill('SIGKILL')
    }
    const [, signal] = (await closed) as [number | null, string | null]
    expect(complaints).toBe('')
    expect(signal).toBe('SIGKILL')
    for (const line of output.split('\n').slice(0, -1)) {
      const [what, place, content] = line.split(' ') as [string, string, string]
      if (what === 'signed') {
        if (signed.has(place)) resumed++
        expect(signed.get(place) ?? content).toBe(content)
        signed.set(place, content)
      } else acknowledged.set(BigInt(place), content)
    }
    const log = await openFileLog({ path: join(folder, 'blocks.log') })
    const there = new Map<bigint, string>()
    for await (const entry of log.read(1n)) there.set(entry.seq, entry.hash)
    await log.close()
    for (const [seq, hash] of acknowledged) expect(there.get(seq)).toBe(hash)
    // At most the one that was being written is there without having been acknowledged.
    expect(there.size - acknowledged.size).toBeLessThanOrEqual(kill + 1)
  }
  expect(acknowledged.size).toBeGreaterThan(kills)
  // Kills between signature and entry happened, and were finished with the same content.
  expect(resumed).toBeGreaterThan(0)
}, 600_000)
