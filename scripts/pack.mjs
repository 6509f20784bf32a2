// Packs each library as it would be published, installs the tarballs where no compiler answers, and loads every entry by import and require.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../packages/', import.meta.url))
// pnpm is a dependency of the workspace.
const tools = fileURLToPath(new URL('../node_modules/.bin', import.meta.url)) + delimiter + process.env.PATH
const folder = mkdtempSync(join(tmpdir(), 'l2-pack-'))
const hidden = join(folder, 'hidden')
mkdirSync(hidden)
for (const tool of ['cc', 'gcc', 'g++', 'c++', 'clang', 'make', 'python', 'python3', 'cmake', 'node-gyp']) {
  writeFileSync(
    join(hidden, tool),
    `#!/bin/sh\necho "${tool} was called: installing must not need a compiler" >&2\nexit 1\n`,
  )
  chmodSync(join(hidden, tool), 0o755)
}

function run(command, args, cwd, path = tools) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    // pnpm's launcher puts the workspace's own packages on NODE_PATH; what is tried here must find only what it was installed with.
    env: { ...process.env, PATH: path, NODE_PATH: '' },
  })
  if (status === 0) return stdout
  console.error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  rmSync(folder, { recursive: true, force: true })
  process.exit(1)
}

try {
  const manifests = readdirSync(packages)
    .map(name => ({
      name,
      ...JSON.parse(readFileSync(`${packages}${name}/package.json`, 'utf8')),
      folder: `${packages}${name}`,
    }))
    .filter(manifest => !manifest.private)
  const dependencies = { viem: '2.57.1' }
  for (const manifest of manifests) {
    run('pnpm', ['pack', '--pack-destination', folder], manifest.folder)
    const tarball = readdirSync(folder).find(
      file => file.startsWith(`${manifest.name.slice(1).replace('/', '-')}-`) && file.endsWith('.tgz'),
    )
    dependencies[manifest.name] = `file:${tarball}`
  }
  // The packages depend on each other by version, which no registry has yet: overrides point them at the tarballs.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, overrides: dependencies }))
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--omit=optional', '--prefer-offline', '--loglevel=error'],
    folder,
    hidden + delimiter + tools,
  )

  const entries = manifests.flatMap(manifest =>
    Object.keys(manifest.exports)
      .filter(entry => !entry.endsWith('.json'))
      // Entries named after an optional peer need that peer.
      .filter(
        entry =>
          !Object.keys(manifest.peerDependenciesMeta ?? {}).some(
            peer => peer.endsWith(entry.slice(2)) && entry !== '.' && entry !== './kzg',
          ),
      )
      .filter(entry => !entry.startsWith('./testing'))
      // The code of a worker runs in one, and nowhere else.
      .filter(entry => !entry.endsWith('-worker'))
      .map(entry => manifest.name + entry.slice(1)),
  )
  writeFileSync(
    join(folder, 'esm.mjs'),
    entries
      .map(
        entry => `if (Object.keys(await import('${entry}')).length === 0) throw new Error('${entry} exports nothing')`,
      )
      .join('\n'),
  )
  writeFileSync(
    join(folder, 'cjs.cjs'),
    entries
      .map(entry => `if (Object.keys(require('${entry}')).length === 0) throw new Error('${entry} exports nothing')`)
      .join('\n'),
  )
  run('node', ['esm.mjs'], folder)
  run('node', ['--disable-warning=ExperimentalWarning', 'cjs.cjs'], folder)

  // Installed and not built, as every package manager leaves what it runs no install scripts for.
  const { version } = JSON.parse(readFileSync(`${packages}blob/node_modules/c-kzg/package.json`, 'utf8'))
  run(
    'npm',
    [
      'install',
      '--no-save',
      '--ignore-scripts',
      '--omit=optional',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      `c-kzg@${version}`,
    ],
    folder,
    hidden + delimiter + tools,
  )
  writeFileSync(
    join(folder, 'unbuilt.mjs'),
    `import { createBlobKzg, createKzgPool } from '@l2/blob/kzg'
const pool = await createKzgPool({ size: 1 })
console.log((await createBlobKzg()).backend, pool.backend)
await pool.close()`,
  )
  const { L2_NODES: others = '' } = process.env
  for (const node of ['node', ...others.split(',').filter(path => path !== '')]) {
    const backends = run(node, ['unbuilt.mjs'], folder).trim()
    if (backends === 'noble noble') continue
    console.error(`c-kzg installed and not built: expected noble, got ${backends} (${node})`)
    process.exitCode = 1
  }
  // The engine runs as it is published: its file in the package, its worker beside the code, a store that needs no native part.
  if (existsSync(`${packages}op-engine/engine/op-engine.wasm`)) {
    writeFileSync(
      join(folder, 'engine.mjs'),
      `import { opGenesis } from '@l2/sequencer-core'
      import { createOpEngine } from '@l2/op-engine/node'
      const genesis = opGenesis({ chainId: 901n, timestamp: 1_700_000_000n })
      for (const start of [1, 2]) {
        const engine = await createOpEngine({ genesis, store: { path: 'engine-store' } })
        const { result } = await engine.reader().request({ method: 'eth_chainId' })
        if (engine.info.head.number !== 0n || result !== '0x385') throw new Error(\`start \${start}: \${result}\`)
        await engine.close()
      }`,
    )
    run('node', ['engine.mjs'], folder)
  } else console.log('the engine was not built: that its package runs is not checked')

  // A node's types are Node's; every other entry must do without them.
  const nodeOnly = entry => entry.startsWith('@l2/node')
  const importsOf = chosen =>
    chosen.map((entry, i) => `import * as m${i} from '${entry}'\nexport type T${i} = typeof m${i}`).join('\n')
  writeFileSync(join(folder, 'types.ts'), importsOf(entries.filter(entry => !nodeOnly(entry))))
  writeFileSync(join(folder, 'node-types.ts'), importsOf(entries.filter(nodeOnly)))
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
  const compilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    target: 'es2022',
    lib: ['es2022', 'dom', 'esnext.disposable'],
    module: 'nodenext',
    types: [],
    skipLibCheck: false,
  }
  const typeRoots = [fileURLToPath(new URL('../node_modules/@types', import.meta.url))]
  for (const project of [
    { compilerOptions, files: ['types.ts'] },
    { compilerOptions: { ...compilerOptions, types: ['node'], typeRoots }, files: ['node-types.ts'] },
  ]) {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    run('node', [tsc, '-p', folder], folder)
  }
  console.log(`${entries.length} entries of ${manifests.length} packages load by import and by require`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
