// Where builds happen: a folder with a copy of the pinned op-geth, in which files of ours take the place of some of its own, and
// beside it a copy of the engine's sources whose go.mod says `../op-geth`. A path of the machine there would get into what is built.

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { goFolder } from './engine-folder.mjs'

const replaced = {
  // The registry of chains.
  'superchain/chain.go': 'superchain.go.txt',
  'superchain/superchain.go': undefined,
  'superchain/superchain-configs.zip': undefined,
  // Proofs of blobs, but for the precompile.
  'crypto/kzg4844/kzg4844_gokzg.go': 'kzg.go.txt',
  // The curve of the precompiles 0x06 to 0x08.
  'crypto/bn256/bn256_slow.go': 'bn256.go.txt',
  'crypto/bn256/bn256_fast.go': undefined,
}

/** What is replaced besides in a copy with tests. */
const replacedForTests = { 'ethdb/pebble/pebble.go': 'pebble.go.txt', 'ethdb/pebble/pebble_test.go': undefined }

/** Folders of op-geth that no build needs. */
const left = new Set(['cmd', 'docs', 'build', 'graphql', 'oss-fuzz', '.github'])

/**
 * Makes such a folder, or takes the op-geth of one that is there, and calls `use` with the folder of the engine's sources in it,
 * which is gone afterwards.
 *
 * @param {string} folder
 * @param {string} opGeth op-geth in the module cache
 * @param {{ tests?: boolean }} options op-geth with its tests and their data, for WebAssembly
 */
export async function inBuildFolder(folder, opGeth, { tests = false }, use) {
  copyOpGeth(join(folder, 'op-geth'), opGeth, tests)
  const engine = join(folder, `engine-${process.pid}`)
  try {
    cpSync(goFolder, engine, { recursive: true })
    const pinned = readFileSync(join(goFolder, 'go.mod'), 'utf8')
    const pointed = pinned.replace(/^(replace github\.com\/ethereum\/go-ethereum =>) .*$/m, '$1 ../op-geth')
    if (pointed === pinned) throw new Error('go.mod replaces no go-ethereum')
    writeFileSync(join(engine, 'go.mod'), pointed)
    return await use(engine)
  } finally {
    rmSync(engine, { recursive: true, force: true })
  }
}

/** The copy appears whole or not at all. */
function copyOpGeth(to, opGeth, tests) {
  if (existsSync(to)) return
  const aside = `${to}.${process.pid}`
  const patches = tests ? { ...replaced, ...replacedForTests } : replaced
  const copy = inside => {
    mkdirSync(join(aside, inside), { recursive: true })
    for (const entry of readdirSync(join(opGeth, inside), { withFileTypes: true })) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`
      if (path in patches || left.has(path)) continue
      if (!tests && (entry.name === 'testdata' || entry.name.endsWith('_test.go'))) continue
      if (entry.isDirectory()) copy(path)
      // Written, not copied: files of the module cache are read-only.
      else if (entry.isFile()) writeFileSync(join(aside, path), readFileSync(join(opGeth, path)))
    }
  }
  try {
    copy('')
    for (const [path, ours] of Object.entries(patches)) {
      if (ours !== undefined) copyFileSync(join(goFolder, 'patched', ours), join(aside, path))
    }
    renameSync(aside, to)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}
