// Bundles the default entry of each library for the browser: a `node:` import or a native add-on in it is an error.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const packages = fileURLToPath(new URL('../packages/', import.meta.url))
for (const name of readdirSync(packages)) {
  const manifest = JSON.parse(readFileSync(`${packages}${name}/package.json`, 'utf8'))
  // A node and an operator are programs on a machine: files, sockets, processes.
  if (manifest.private || ['@l2/node', '@l2/operator'].includes(manifest.name)) continue
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${manifest.name}'`, resolveDir: `${packages}${name}`, loader: 'js' },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
    loader: { '.node': 'empty' },
    logLevel: 'error',
    plugins: [
      {
        name: 'no-native',
        setup(build) {
          build.onResolve({ filter: /^node:|\.node$/ }, ({ path, importer }) => ({
            errors: [{ text: `${path} imported by ${importer}: not for a browser` }],
          }))
        },
      },
    ],
  })
  const bytes = outputFiles[0].contents
  console.log(`${manifest.name}: ${bytes.length} bytes minified, ${gzipSync(bytes).length} gzipped`)
}
