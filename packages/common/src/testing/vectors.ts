import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/**
 * Every file below one folder of the conformance data, sorted, or `undefined` when the data is not there: the suite then skips,
 * or fails under `CI=true`. The data lies in the directory `L2_VECTORS`, by default `../shared/vectors` beside the repository.
 */
export function vectorFiles(format: string): string[] | undefined {
  const directory = join(resolve(root, process.env['L2_VECTORS'] ?? '../shared/vectors'), format)
  if (!existsSync(directory)) {
    if (process.env['CI'] === 'true') throw new Error(`no conformance data at ${directory}`)
    process.stdout.write(`skipped: no conformance data at ${directory}\n`)
    return undefined
  }
  const walk = (folder: string): string[] =>
    readdirSync(folder)
      .sort()
      .map(name => join(folder, name))
      .flatMap(path => (statSync(path).isDirectory() ? walk(path) : [path]))
  return walk(directory)
}
