import { basename, join } from 'node:path'

/**
 * A program that a suite starts again and again, as one file in a folder, from its source: it starts in a tenth of a second, which would be more than
 * one if it was compiled each time.
 */
export async function bundleProgram(source: string, folder: string): Promise<string> {
  const { build } = await import('esbuild')
  const outfile = join(folder, `${basename(source, '.ts')}.mjs`)
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@l2/source'],
    logLevel: 'error',
    // For what in it is no ES module. Native parts it finds where `NODE_PATH` says.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'\nconst require = requireFrom(import.meta.url)",
    },
  })
  return outfile
}
