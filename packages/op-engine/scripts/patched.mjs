// A copy of the pinned op-geth in which files of ours take the place of some of its own, for builds.

import {
  copyFileSync,
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
 * Copies op-geth from the module cache to `folder`, if it is not there, and writes a `go.mod` beside it that points to the copy.
 *
 * @param {string} folder where the copy goes, whole or not at all
 * @param {string} opGeth op-geth in the module cache
 * @param {{ tests?: boolean }} options with its tests and their data, for WebAssembly
 * @returns the path for `go -modfile`
 */
export function patchedOpGeth(folder, opGeth, { tests = false } = {}) {
  const aside = `${folder}.${process.pid}`
  const modfile = join(folder, 'engine.mod')
  if (existsSync(modfile)) return modfile
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
      if (ours === undefined) continue
      copyFileSync(join(goFolder, 'patched', ours), join(aside, path))
    }
    const pinned = readFileSync(join(goFolder, 'go.mod'), 'utf8')
    const pointed = pinned.replace(
      /^replace github\.com\/ethereum\/go-ethereum => .*$/m,
      `replace github.com/ethereum/go-ethereum => ${folder}`,
    )
    if (pointed === pinned) throw new Error('go.mod replaces no go-ethereum')
    copyFileSync(join(goFolder, 'go.sum'), join(aside, 'engine.sum'))
    writeFileSync(join(aside, 'engine.mod'), pointed)
    renameSync(aside, folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return modfile
}
