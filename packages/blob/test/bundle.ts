import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** A file of a browser bundle; the first is the entry, the others are fetched when they are needed. */
export type BundledFile = { name: string; text: string; bytes: number; gzipped: number }

/** Bundles code for a browser from the sources. A `node:` import or a native add-on in it fails. */
export async function bundleForBrowser(code: string, external: string[] = []): Promise<BundledFile[]> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('..', import.meta.url)), loader: 'ts' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    write: false,
    outdir: '/',
    entryNames: 'entry',
    external,
    conditions: ['@l2/source'],
    logLevel: 'silent',
  })
  return outputFiles
    .map(({ path, text, contents }) => ({
      name: path.slice(path.lastIndexOf('/') + 1),
      text,
      bytes: contents.length,
      gzipped: gzipSync(contents).length,
    }))
    .sort((a, b) => Number(b.name === 'entry.js') - Number(a.name === 'entry.js'))
}
