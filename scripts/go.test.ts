import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goCache, goModule, goProgram, goVersion, pins } from './go.mjs'

const said: string[] = []
const build = () => goModule(source, '.', 'hello', { say: line => said.push(line) })
const folder = mkdtempSync(join(tmpdir(), 'l2-go-'))
const source = join(folder, 'source')
const cacheBefore = process.env['L2_CACHE']
beforeAll(() => {
  process.env['L2_CACHE'] = folder
  mkdirSync(source)
  writeFileSync(join(source, 'go.mod'), 'module hello\n\ngo 1.21\n')
  writeFileSync(join(source, 'main.go'), 'package main\n\nfunc main() { println("hello") }\n')
})
afterAll(() => {
  if (cacheBefore === undefined) delete process.env['L2_CACHE']
  else process.env['L2_CACHE'] = cacheBefore
  rmSync(folder, { recursive: true, force: true })
})

describe('pins', () => {
  it('name a module, a version, its checksum and a package', () => {
    for (const pin of Object.values(pins)) {
      expect(pin.version).toMatch(/^v\d/)
      expect(pin.sum).toMatch(/^h1:[A-Za-z0-9+/]{43}=$/)
      expect(pin.package).toMatch(/^\.\//)
      if (pin.bundle !== undefined) expect(Object.keys(pins)).toContain(pin.bundle.from)
    }
    const own = Object.values(pins).filter(({ prints }) => prints !== undefined)
    for (const { prints, package: dir } of own) {
      expect(prints).toMatch(/^[0-9a-f]{64}$/)
      expect(existsSync(join(import.meta.dirname, '..', dir, 'go.mod'))).toBe(true)
    }
    expect(own.length).toBe(1)
    expect(() => goProgram('nothing')).toThrow('no pin "nothing"')
    expect(goProgram('op-geth', { build: false })).toBeUndefined()
  })
})

describe.skipIf(goVersion() === undefined)('a module of ours', () => {
  const other = () =>
    new Promise<string>(resolve => {
      const script = `import { goModule } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'go.mjs')).href)}
        console.log(goModule(${JSON.stringify(source)}, '.', 'hello'))`
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: process.env })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data))
      child.on('exit', () => resolve(output))
    })

  it('is built once by two who want it, and again only when its sources change', async () => {
    const outputs = await Promise.all([other(), other()])
    const path = build()!
    for (const output of outputs) expect(output.trim().split('\n').at(-1)).toBe(path)
    expect(outputs.filter(output => output.includes('building hello')).length).toBe(1)
    writeFileSync(join(source, 'main_test.go'), 'package main\n')
    expect(build()).toBe(path)
    writeFileSync(join(source, 'more.go'), 'package main\n\nvar More = 1\n')
    const changed = build()!
    expect(changed).not.toBe(path)
    expect(readdirSync(goCache()).length).toBe(2)
  })

  it('takes over from a builder that died, and says in one line what does not build', () => {
    writeFileSync(join(source, 'more.go'), 'package main\n\nvar More = 2\n')
    const path = build()!
    rmSync(path)
    writeFileSync(`${path}.lock`, String(2 ** 22 + 1))
    expect(build()).toBe(path)
    writeFileSync(join(source, 'more.go'), 'package main\n\nvar More = nothing\n')
    expect(build()).toBeUndefined()
    expect(said.at(-1)).toMatch(/^hello cannot be built: .*undefined: nothing$/)
    expect(readdirSync(goCache()).filter(name => name.endsWith('.lock'))).toEqual([])
  })
})
