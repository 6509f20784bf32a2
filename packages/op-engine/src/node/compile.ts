import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OpEngineError } from '../errors.js'

type Compiled = { stamp: string; module: Promise<WebAssembly.Module> }
/** One compilation for all engines and readers of the process: the machine code is shared between its threads. */
const compiled = new Map<string, Compiled>()

/** @throws OpEngineError `ENGINE_MISSING` */
export async function compileEngine(file: string): Promise<{ module: WebAssembly.Module; glueUrl: string }> {
  const glue = join(dirname(file), 'wasm_exec.js')
  try {
    const { mtimeMs, size } = await stat(file)
    await stat(glue)
    const stamp = `${mtimeMs} ${size}`
    let entry = compiled.get(file)
    if (entry?.stamp !== stamp) {
      entry = { stamp, module: readFile(file).then(bytes => WebAssembly.compile(bytes)) }
      compiled.set(file, entry)
    }
    return { module: await entry.module, glueUrl: pathToFileURL(glue).href }
  } catch (cause) {
    compiled.delete(file)
    throw new OpEngineError(`${file}, with wasm_exec.js beside it, cannot be loaded: ${(cause as Error).message}`, {
      code: 'ENGINE_MISSING',
      details: { file },
      cause,
    })
  }
}
