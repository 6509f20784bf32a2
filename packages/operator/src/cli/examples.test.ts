import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runCli } from './main.js'

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../examples/operators/${name}`, import.meta.url)), 'utf8')

async function codeOf(argv: readonly string[]): Promise<number> {
  return await runCli(argv, { out: () => {}, error: () => {}, nowMs: () => 0 })
}

it('are run by commands that exist, on homes and addresses of their own', async () => {
  const compose = read('compose.yaml')
  const all = (pattern: RegExp) => [...compose.matchAll(pattern)].map(([, found]) => found!)
  const addresses = all(/ipv4_address: (\S+) /g)
  expect(addresses).toHaveLength(4)
  expect(new Set(addresses).size).toBe(4)
  expect(new Set(all(/volumes: \["\.\/homes\/(operator-\d):/g)).size).toBe(4)
  const [command] = all(/command: \[l2-operator, (.*)\]/g)
  const start = /^ExecStart=\/usr\/bin\/env l2-operator (.*)$/m.exec(read('l2-operator@.service'))![1]!.split(' ')
  // Both reach the home and find none: the command line itself is right.
  for (const argv of [start, command!.split(', ')]) expect(await codeOf(argv)).toBe(1)
  const hosts = /--hosts (\S+)/.exec(read('README.md'))![1]!.split(',')
  expect(hosts).toEqual(addresses)
})
