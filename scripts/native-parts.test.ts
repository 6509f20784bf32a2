// Every optional native part of the packages, hidden and broken in every way that users report: what wants it must say so or fall back, and
// the process must live. `L2_NODES` (paths, separated by commas) adds other versions of Node.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'l2-native-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const { L2_NODES: others = '' } = process.env
const nodes = [process.execPath, ...others.split(',').filter(path => path !== '')]

/** Where a package lies, seen from one of ours. */
function packageFolder(name: string, from: string): string {
  const paths = createRequire(`${root}packages/${from}/package.json`).resolve.paths(name)!
  for (const path of paths) {
    try {
      return realpathSync(join(path, name))
    } catch {
      // The next one.
    }
  }
  throw new Error(`${name} is not installed`)
}

/** The optional parts: how they are asked for, where in their package the addon would be, and what that is found with. */
const parts = {
  'c-kzg': { from: 'blob', main: 'lib/kzg.js', addon: 'build/Release/kzg.node', finder: 'bindings' },
  '@crate-crypto/node-eth-kzg': {
    from: 'blob',
    main: 'index.js',
    addon: `node-eth-kzg.${process.platform}-${process.arch}-gnu.node`,
    finder: undefined,
  },
  'secp256k1/bindings.js': {
    from: 'sequencer-core',
    main: 'bindings.js',
    addon: 'build/Release/addon.node',
    finder: 'node-gyp-build',
  },
} as const
type Part = keyof typeof parts
const names = Object.keys(parts) as Part[]

/** A copy of the package without any addon, as a package manager leaves it that runs no install scripts; where its main file is. */
function unbuilt(part: Part, state: string): { main: string; addon: string } {
  const { from, main, addon, finder } = parts[part]
  const name = part.replace('/bindings.js', '')
  const target = join(folder, state, name)
  const source = packageFolder(name, from)
  cpSync(source, target, {
    recursive: true,
    filter: path =>
      !/\.node$/.test(path) && !/[/\\](build|deps|prebuilds|src|dependencies)$/.test(path.slice(source.length)),
  })
  if (finder !== undefined) {
    const beside = createRequire(join(source, 'package.json')).resolve.paths(finder)!
    const found = beside.map(path => join(path, finder)).find(path => tryReal(path) !== undefined)!
    mkdirSync(join(target, 'node_modules'), { recursive: true })
    rmSync(join(target, 'node_modules', finder), { force: true })
    symlinkSync(realpathSync(found), join(target, 'node_modules', finder))
  }
  return { main: join(target, main), addon: join(target, addon) }
}

function tryReal(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function placeAddon(part: Part, state: string, bytes: Uint8Array | string): string {
  const { main, addon } = unbuilt(part, state)
  mkdirSync(dirname(addon), { recursive: true })
  if (typeof bytes === 'string') cpSync(bytes, addon)
  else writeFileSync(addon, bytes)
  return main
}

function placeModule(part: Part, state: string, code: string): string {
  const file = join(folder, state, `${part.replace(/\W/g, '-')}.cjs`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, code)
  return file
}

/** An addon that says that it was built for another version of Node, which no version of Node is. Undefined where there is no compiler. */
function addonForAnotherNode(): string | undefined {
  const source = join(folder, 'other.c')
  const output = join(folder, 'other.node')
  writeFileSync(
    source,
    `struct module { int version; unsigned flags; void *handle; const char *file; void *init; void *context; const char *name; void *data; void *link; };
extern void node_module_register(void *);
static struct module other = { 1, 0, 0, "other.c", 0, 0, "other", 0, 0 };
__attribute__((constructor)) static void start(void) { node_module_register(&other); }
`,
  )
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-o', output, source], { stdio: 'ignore' })
  return status === 0 ? output : undefined
}

const otherNode = addonForAnotherNode()
if (otherNode === undefined) console.log('no compiler: the addon for another Node is not tried')

type State = { name: string; place: (part: Part) => string | null; state: 'absent' | 'broken' }
const states: State[] = [
  { name: 'absent', place: () => null, state: 'absent' },
  { name: 'installed and not built', place: part => unbuilt(part, 'unbuilt').main, state: 'broken' },
  {
    name: 'an addon that is no library of this machine',
    place: part => placeAddon(part, 'garbage', new TextEncoder().encode('\x7fELF nothing of the kind')),
    state: 'broken',
  },
  ...(otherNode === undefined
    ? []
    : [
        {
          name: 'an addon for another Node',
          place: (part: Part) => placeAddon(part, 'other-node', otherNode),
          state: 'broken' as const,
        },
      ]),
  { name: 'another version', place: part => placeModule(part, 'version', 'module.exports = {}'), state: 'broken' },
  { name: 'nothing', place: part => placeModule(part, 'nothing', 'module.exports = null'), state: 'broken' },
  { name: 'a module that throws', place: part => placeModule(part, 'throws', 'throw "no"'), state: 'broken' },
  {
    name: 'a module whose own part is missing',
    place: part => placeModule(part, 'needs', 'require("a-part-that-is-not-there")'),
    state: 'broken',
  },
]

function tryParts(node: string, broken: Partial<Record<Part, string | null>>) {
  const { status, stdout, stderr, error } = spawnSync(
    node,
    [
      '--require',
      join(root, 'scripts/native-parts/redirect.cjs'),
      '--conditions=@l2/source',
      '--import=tsx',
      join(root, 'scripts/native-parts/try.ts'),
    ],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', NODE_PATH: '', L2_PARTS: JSON.stringify(broken) },
    },
  )
  if (status !== 0) throw new Error(`the process ended with ${status}: ${error?.message ?? ''}${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as { results: Record<string, string>; said: string[] }
}

describe.each(nodes.map((path, index) => ({ path, name: index === 0 ? process.version : path })))(
  'optional native parts on $name',
  ({ path }) => {
    it('are used where they are whole, and nothing is said', () => {
      const { results, said } = tryParts(path, {})
      expect(results).toEqual({
        createBlobKzg: 'c-kzg',
        createKzgPool: 'c-kzg',
        cKzg: 'c-kzg',
        ethKzg: 'eth-kzg',
        createNativeRecovery: 'libsecp256k1',
        createRecoveryPool: 'libsecp256k1 on 1 threads',
      })
      expect(said).toEqual([])
    })

    it.each(states)('$name: the next takes over, said once, and what has no next says why', ({ place, state }) => {
      const { results, said } = tryParts(path, Object.fromEntries(names.map(part => [part, place(part)])))
      expect(results).toEqual({
        createBlobKzg: 'noble',
        createKzgPool: 'noble',
        cKzg: `KZG_BACKEND ${state}`,
        ethKzg: `KZG_BACKEND ${state}`,
        createNativeRecovery: `NATIVE_UNAVAILABLE ${state}`,
        createRecoveryPool: `NATIVE_UNAVAILABLE ${state}`,
      })
      expect(said).toHaveLength(2)
      const level = state === 'absent' ? 'debug' : 'warn'
      for (const line of said) {
        expect(line).toMatch(new RegExp(`^${level}: KZG is computed by noble, for a preferred library does not load`))
        expect(line).not.toContain(folder)
      }
    })

    it('c-kzg alone not built: eth-kzg takes over', () => {
      const { results } = tryParts(path, { 'c-kzg': unbuilt('c-kzg', 'alone').main })
      expect(results).toMatchObject({ createBlobKzg: 'eth-kzg', createKzgPool: 'eth-kzg', ethKzg: 'eth-kzg' })
    })
  },
)
