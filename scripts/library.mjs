// Builds the package it is called in: one module a source file, with its types and maps, so that a bundler takes of a package what is used.
// A part that only a URL names, as a worker, is beside whoever names it; `@l2/common`, which nobody installs, is laid into the package.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const folder = process.cwd()
const common = resolve(folder, '../common')
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The source of what `package.json` publishes as `./dist/….js`. */
function sourceOf(published) {
  const stem = join(folder, published.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, ''))
  const found = [`${stem}.ts`, `${stem}.js`].find(file => existsSync(file))
  if (found === undefined) throw new Error(`${manifest.name}: nothing builds ${published}`)
  return found
}

const built = value =>
  typeof value === 'string'
    ? /^\.\/dist\/.*\.js$/.test(value)
      ? [value]
      : []
    : Object.values(value ?? {}).flatMap(built)
const entries = [...new Set([...built(manifest.exports), ...built(manifest.bin)])].map(sourceOf)

/** Parts that are named by a URL beside the module, and so by no import. */
function namedByUrl(files) {
  return files.flatMap(file => {
    const text = file.text ?? readFileSync(file, 'utf8')
    return [...text.matchAll(/new URL\(\s*'(\.{1,2}\/[^']+)\.js',\s*import\.meta\.url/g)].map(([, path]) => {
      const stem = resolve(dirname(file.fileName), path)
      const found = [`${stem}.ts`, `${stem}.js`].find(existsSync)
      if (found === undefined) throw new Error(`${file.fileName} names ${path}.js, which is not there`)
      return found
    })
  })
}

const { config } = ts.readConfigFile(resolve(folder, '../../tsconfig.base.json'), ts.sys.readFile)
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, folder)
Object.assign(options, {
  noEmit: false,
  allowJs: true,
  declaration: true,
  declarationMap: true,
  sourceMap: true,
  inlineSources: true,
  allowImportingTsExtensions: false,
  newLine: ts.NewLineKind.LineFeed,
  rootDir: resolve(folder, '..'),
  outDir: join(folder, 'dist'),
  // By path and not by name: what is found in `node_modules` TypeScript does not emit.
  paths: { '@l2/common': [`${common}/src/index.ts`], '@l2/common/*': [`${common}/src/*/index.ts`] },
})

const isOwn = file => file.fileName.startsWith(`${folder}/src/`)
const isCommon = file => folder !== common && file.fileName.startsWith(`${common}/src/`)
let roots = entries
let program = ts.createProgram(roots, options)
for (;;) {
  const files = program.getSourceFiles().filter(isOwn)
  const further = namedByUrl(files).filter(file => program.getSourceFile(file) === undefined)
  if (further.length === 0) break
  roots = [...roots, ...further]
  program = ts.createProgram(roots, options, undefined, program)
}

const outputs = new Map()
/** Where the build puts what stands at `packages/<name>/src/<path>`. */
const placeOf = file =>
  join(
    folder,
    'dist',
    isCommon({ fileName: file })
      ? `common/${relative(join(common, 'src'), file)}`
      : relative(join(folder, 'src'), file),
  )
const diagnostics = []
for (const source of program.getSourceFiles()) {
  if (!isOwn(source) && !isCommon(source)) continue
  const place = placeOf(source.fileName)
  const { diagnostics: found } = program.emit(source, (name, text) => {
    if (isCommon(source) && name.endsWith('.d.ts.map')) return
    const at = join(dirname(place), name.slice(name.lastIndexOf('/') + 1))
    outputs.set(at, { text, source: source.fileName })
  })
  diagnostics.push(...found)
}
if (diagnostics.length > 0) {
  console.error(
    ts.formatDiagnostics(diagnostics, {
      getCanonicalFileName: name => name,
      getCurrentDirectory: () => folder,
      getNewLine: () => '\n',
    }),
  )
  process.exit(1)
}

rmSync(join(folder, 'dist'), { recursive: true, force: true })
for (const [file, { text, source }] of outputs) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, finished(file, text, source))
}

/** `@l2/common` becomes the copy in the package. A map leads into `src`, which is published; of the copy it carries the source itself. */
function finished(file, text, source) {
  const isCopy = isCommon({ fileName: source })
  if (file.endsWith('.map')) {
    const map = JSON.parse(text)
    if (isCopy) map.sources = [relative(common, source)]
    else {
      map.sources = [relative(dirname(file), source)]
      delete map.sourcesContent
    }
    return JSON.stringify(map)
  }
  if (folder === common) return text
  const mapped = isCopy && file.endsWith('.d.ts') ? text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n') : text
  return mapped.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(['"])@l2\/common(\/[a-z/]+)?\2/g,
    (_, before, quote, path = '') => {
      const to = relative(dirname(file), join(folder, `dist/common${path}/index.js`))
      return `${before}${quote}${to.startsWith('.') ? to : `./${to}`}${quote}`
    },
  )
}
