#!/usr/bin/env node
// l2-verify-evidence <bundle.json>: judges one evidence bundle, offline. Exit code 0: guilty; 1: not convicted; 2:
// nothing to judge.
import { open } from 'node:fs/promises'
import { toJson } from '@l2/common'
import { maxBundleBytes, verifyBundle } from '../evidence/bundle.js'

async function main(): Promise<number> {
  const path = process.argv[2]
  if (path === undefined || path.startsWith('-')) {
    process.stderr.write('usage: l2-verify-evidence <bundle.json>\n')
    return 2
  }
  let json: string
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > maxBundleBytes) {
      process.stderr.write(`${path}: ${size} bytes, at most ${maxBundleBytes}\n`)
      return 2
    }
    json = await file.readFile('utf8')
  } catch (error) {
    process.stderr.write(`${path}: ${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
  const verdict = verifyBundle(json)
  process.stdout.write(`${toJson(verdict, 2)}\n`)
  return verdict.ok ? 0 : 1
}

process.exitCode = await main()
