import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gethBinary } from '@l2/sequencer-core/node'
import { afterAll, expect, it } from 'vitest'
import { anvilOf, programsOf } from './hang.js'
import { type RunningNode, startNode, until, withoutBlobs } from './running-node.js'
import { createWatchingUser, headsOf } from './watching-user.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-children-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const isLinux = process.platform === 'linux'
if (gethBinary() === undefined) process.stdout.write('skipped: the death of geth; there is none on PATH\n')

// Who is whose child only Linux tells in files.
it.runIf(isLinux)(
  'goes on when an engine is killed or stands still for a while, and ends in one line with the L1 of its own',
  {
    timeout: 900_000,
  },
  async () => {
    const directory = join(folder, 'anvil')
    const node = await startNode('--engine', 'anvil', '--data', directory, ...withoutBlobs)
    const { goesOn, isServed } = createWatchingUser(node)
    await goesOn('the start')
    for (const name of ['sequencer-engine', 'verifier-engine']) {
      node.events.length = 0
      process.kill(anvilOf(node, directory, name), 'SIGKILL')
      await until(node, `${name} is started again`, async () => node.events.includes('engines goes on'))
      await goesOn(`the death of ${name}`)
      const stopped = anvilOf(node, directory, name)
      process.kill(stopped, 'SIGSTOP')
      // As long as health needs to see it.
      await until(node, `${name} is missed`, async () => (await fetch(`${node.url}/healthz`)).status === 503)
      process.kill(stopped, 'SIGCONT')
      await goesOn(`${name} stood still`)
    }
    await isServed()
    process.kill(anvilOf(node, directory, 'l1'), 'SIGKILL')
    expect(await node.exited).toBe(1)
  },
)

it.runIf(isLinux && gethBinary() !== undefined)(
  'goes on when geth is killed further from its start than geth goes back by itself, and starts again from there',
  { timeout: 900_000 },
  async () => {
    const args = ['--engine', 'geth', '--data', join(folder, 'geth'), ...withoutBlobs]
    const reaches = (node: RunningNode, label: 'unsafe' | 'safe', height: number) =>
      until(node, `block ${height} is ${label}`, async () => (await headsOf(node))[label] >= height)
    let node = await startNode(...args)
    try {
      await reaches(node, 'unsafe', 40)
      const geth = programsOf(node.pid).find(
        ({ name, line }) => name === 'geth' && line.some(word => word.endsWith('sequencer-engine-geth')),
      )!
      process.kill(geth.pid, 'SIGKILL')
      await until(node, 'geth is started again', async () => node.events.includes('engines goes on'))
      const { unsafe } = await headsOf(node)
      await reaches(node, 'unsafe', unsafe + 3)
      await reaches(node, 'safe', unsafe)

      expect(await node.kill('SIGTERM')).toBe(0)
      node = await startNode(...args)
      await reaches(node, 'unsafe', unsafe + 6)
    } finally {
      await node.kill('SIGKILL')
    }
  },
)
