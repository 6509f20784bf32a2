// Loads every entry of the packed and installed libraries by import and by require, compiles against them, and runs what needs more than loading.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isNodeOnly } from './entry-types.mjs'
import { installWithoutCompiler, libraries, packed, run } from './packed.mjs'

const packages = fileURLToPath(new URL('../packages/', import.meta.url))
const { folder: installed, tarballs } = packed()
const folder = join(installed, `tried-${process.pid}`)
const unbuilt = mkdtempSync(join(tmpdir(), 'l2-unbuilt-'))
mkdirSync(folder)

try {
  for (const { name } of libraries) {
    // The condition of our own repository leads to sources that import what nobody installs.
    if (!readFileSync(join(installed, 'node_modules', name, 'package.json'), 'utf8').includes('@l2/source')) continue
    console.error(`${name} is published with the condition @l2/source`)
    process.exitCode = 1
  }
  const entries = libraries.flatMap(manifest =>
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
  writeFileSync(join(unbuilt, 'package.json'), '{ "private": true }')
  installWithoutCompiler(unbuilt, [tarballs['@l2/blob'], 'viem@2.57.1', `c-kzg@${version}`])
  writeFileSync(
    join(unbuilt, 'unbuilt.mjs'),
    `import { createBlobKzg, createKzgPool } from '@l2/blob/kzg'
const pool = await createKzgPool({ size: 1 })
console.log((await createBlobKzg()).backend, pool.backend)
await pool.close()`,
  )
  const { L2_NODES: others = '' } = process.env
  for (const node of ['node', ...others.split(',').filter(path => path !== '')]) {
    const backends = run(node, ['unbuilt.mjs'], unbuilt).trim()
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

  const importsOf = chosen =>
    chosen.map((entry, i) => `import * as m${i} from '${entry}'\nexport type T${i} = typeof m${i}`).join('\n')
  writeFileSync(join(folder, 'types.ts'), importsOf(entries.filter(entry => !isNodeOnly(entry))))
  writeFileSync(join(folder, 'node-types.ts'), importsOf(entries.filter(isNodeOnly)))
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
  console.log(`${entries.length} entries of ${libraries.length} packages load by import and by require`)
} finally {
  rmSync(folder, { recursive: true, force: true })
  rmSync(unbuilt, { recursive: true, force: true })
}
