import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from '@l2/common/testing'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Programs over the engine that suites start and kill, each as one file in a folder, with the worker that a built engine looks for beside itself. */
export async function childPrograms(folder: string) {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  renameSync(await bundleProgram(here('../src/node/worker.ts'), folder), join(folder, 'worker.js'))
  return {
    /** Builds block after block: arguments are a path, the kind of store, the kind of engine and its file. */
    building: await bundleProgram(here('./crash-child.ts'), folder),
    /** Asks for more memory than there is: a path, the engine's file. */
    hungry: await bundleProgram(here('./memory-child.ts'), folder),
    /** LMDB is found from there. */
    env: { ...process.env, NODE_PATH: here('../node_modules') },
  }
}
