import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { OpEngineError } from '../errors.js'

/** Which build of the engine: a file that runs in a worker, or a program of its own. */
export type OpEngineKind = 'wasm' | 'native'

const fileNames: Record<OpEngineKind, string> = {
  wasm: 'op-engine.wasm',
  native: process.platform === 'win32' ? 'op-engine.exe' : 'op-engine',
}
const variables: Record<OpEngineKind, string> = { wasm: 'L2_OP_ENGINE', native: 'L2_OP_ENGINE_NATIVE' }

/** The folder of this package, from its sources as from its build. */
const packageFolder = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/**
 * The engine's file: `file` where it is given, else `$L2_OP_ENGINE` or `$L2_OP_ENGINE_NATIVE` (the file or its folder), else the one in the package, else that of
 * the build cache for the Go sources as they are.
 *
 * @returns `undefined` when there is none
 */
export async function findEngineFile(kind: OpEngineKind, file?: string): Promise<string | undefined> {
  const given = file ?? process.env[variables[kind]]
  // What was named is taken or missed, never replaced by something else.
  if (given !== undefined && given !== '') return inFolder(given, kind)
  const folder = packageFolder()
  const built = await cachedFolder(folder)
  // In a checkout the cache knows which build belongs to the Go sources; the copy beside them may be of yesterday's.
  const candidates = isCheckout(folder) ? [built] : [join(folder, 'engine'), built]
  for (const candidate of candidates) {
    const found = candidate === undefined ? undefined : inFolder(candidate, kind)
    if (found !== undefined) return found
  }
  return undefined
}

/** @throws OpEngineError `ENGINE_MISSING` */
export async function requireEngineFile(kind: OpEngineKind, file?: string): Promise<string> {
  const found = await findEngineFile(kind, file)
  if (found !== undefined) return found
  const given = file ?? process.env[variables[kind]]
  const where = given === undefined || given === '' ? 'it was not built' : `${given} is not there`
  throw new OpEngineError(`there is no ${fileNames[kind]}: ${where}`, {
    code: 'ENGINE_MISSING',
    meta: [howToGet(kind)],
    details: { kind, ...(given === undefined ? {} : { file: given }) },
  })
}

/** One line that says how to get the engine. */
export function howToGet(kind: OpEngineKind): string {
  const flag = kind === 'native' ? ' --native' : ''
  return `try: pnpm build:engine${flag} (needs Go 1.26; with --toolchain it gets Go from PyPI first)`
}

function inFolder(path: string, kind: OpEngineKind): string | undefined {
  if (!existsSync(path)) return undefined
  if (!statSync(path).isDirectory()) return path
  const file = join(path, fileNames[kind])
  return existsSync(file) ? file : undefined
}

/** What is published has no build recipe of TypeScript. */
const isCheckout = (folder: string): boolean => existsSync(join(folder, 'tsup.config.ts'))

/** Where the build script keeps what it made of the Go sources as they are. */
async function cachedFolder(folder: string): Promise<string | undefined> {
  const script = join(folder, 'scripts', 'engine-folder.mjs')
  if (!existsSync(script)) return undefined
  const { engineFolder } = (await import(pathToFileURL(script).href)) as { engineFolder(): string }
  return engineFolder()
}
