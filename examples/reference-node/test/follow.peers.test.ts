import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { type RunningNode, startNode } from './running-node.js'

// `npm run follow` as a user runs it, beside a node as a user runs that. With `pnpm test:peers` alone: it takes minutes.

const wanted = process.env['L2_PEERS'] !== undefined
const hasPrograms = wanted && goProgram('op-node') !== undefined && goProgram('op-geth') !== undefined
if (!hasPrograms) process.stdout.write('skipped: npm run follow; pnpm test:peers follow, which needs Go\n')
const script = fileURLToPath(new URL('../../../scripts/ts.mjs', import.meta.url))
const follow = fileURLToPath(new URL('../../../scripts/follow.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'l2-followed-'))
let node: RunningNode | undefined
afterEach(async () => {
  await node?.kill('SIGTERM')
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [script, follow, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += String(data)))
  const code = await new Promise<number | null>(resolve => child.once('exit', resolve))
  return { code, output }
}

it.skipIf(!hasPrograms)('stock op-node derives the blocks of a running node', { timeout: 600_000 }, async () => {
  node = await startNode('--data', directory, '--demo')
  const { code, output } = await run(['--data', directory, '--node', node.url, '--blocks', '20', '--for', '400'])
  expect(output).toContain('20 of 20 blocks equal')
  expect(output.match(/^block \d+ 0x[0-9a-f]{64} equal/gm)).toHaveLength(20)
  expect(code).toBe(0)
  // Another node's blocks are others.
  const other = mkdtempSync(join(tmpdir(), 'l2-other-'))
  const stranger = await startNode('--data', other)
  try {
    const refused = await run(['--data', directory, '--node', stranger.url, '--blocks', '3', '--for', '120'])
    expect(refused.output).toContain('block 1 differs')
    expect(refused.code).toBe(1)
  } finally {
    await stranger.kill('SIGTERM')
    rmSync(other, { recursive: true, force: true })
  }
})

it('needs Go, and says so in one line', async () => {
  const { code, output } = await run(['--data', directory], { ...process.env, PATH: '' })
  expect(code).toBe(2)
  expect(output.trim().split('\n')).toEqual([expect.stringContaining('needs Go')])
})
