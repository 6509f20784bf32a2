// npm run build: every library, then the reference node. Of a library each source file becomes a module with its types and maps, so that a
// bundler takes of a package what is used. A part that only a URL names, as a worker, is built beside whoever names it; `@l2/common`, which
// nobody installs, is laid into each package. All in one program, so that each source is read and understood once.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('..', import.meta.url))
const packages = join(root, 'packages')
const common = join(packages, 'common')
const libraries = readdirSync(packages)
  .map(name => join(packages, name))
  .filter(folder => existsSync(join(folder, 'package.json')))
  .map(folder => ({ folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
const sources = folder =>
  readdirSync(join(folder, 'src'), { recursive: true })
    .map(name => join(folder, 'src', name))
    .filter(file => /\.[jt]s$/.test(file) && !file.endsWith('.test.ts'))
    .sort()

/** What a build of everything is made of: the same again needs no building. */
function fingerprint() {
  const hash = createHash('sha256').update(ts.version)
  const files = [
    fileURLToPath(import.meta.url),
    join(root, 'tsconfig.base.json'),
    join(root, 'pnpm-lock.yaml'),
    ...libraries.flatMap(({ folder }) => [join(folder, 'package.json'), ...sources(folder)]),
  ]
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

/** What `package.json` publishes as `./dist/….js`. */
function published(value) {
  if (typeof value === 'string') return /^\.\/dist\/.*\.js$/.test(value) ? [value] : []
  return Object.values(value ?? {}).flatMap(published)
}

/** The source of a module that is written without its ending. */
function sourceOf(stem, who) {
  const found = [`${stem}.ts`, `${stem}.js`].find(file => existsSync(file))
  if (found === undefined) throw new Error(`${who} names ${relative(root, stem)}.js, which nothing builds`)
  return found
}

/** Parts that a module names by a URL beside it, and so no import does. */
const namedByUrl = file =>
  [...file.text.matchAll(/new URL\(\s*'(\.\/[^']+)\.js',\s*import\.meta\.url/g)].map(([, path]) =>
    sourceOf(resolve(dirname(file.fileName), path), relative(root, file.fileName)),
  )

const isOf = folder => file => file.fileName.startsWith(`${folder}/src/`)

function createProgram() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  Object.assign(options, {
    noEmit: false,
    allowJs: true,
    declaration: true,
    declarationMap: true,
    sourceMap: true,
    inlineSources: true,
    allowImportingTsExtensions: false,
    newLine: ts.NewLineKind.LineFeed,
    rootDir: packages,
    // Never written to: where each file goes is said below. TypeScript must only not take it for the place of the sources.
    outDir: join(root, 'dist'),
    // By path and not by name: what is found in `node_modules` TypeScript does not emit.
    paths: { '@l2/common': [`${common}/src/index.ts`], '@l2/common/*': [`${common}/src/*/index.ts`] },
  })
  let roots = libraries.flatMap(({ folder, manifest }) =>
    [...new Set([...published(manifest.exports), ...published(manifest.bin)])].map(file =>
      sourceOf(join(folder, file.replace('./dist/', 'src/').replace(/\.js$/, '')), manifest.name),
    ),
  )
  let program
  for (;;) {
    program = ts.createProgram(roots, options, undefined, program)
    const own = program.getSourceFiles().filter(file => libraries.some(({ folder }) => isOf(folder)(file)))
    const further = own.flatMap(namedByUrl).filter(file => program.getSourceFile(file) === undefined)
    if (further.length === 0) return program
    roots = [...roots, ...further]
  }
}

/** `@l2/common` becomes the copy in the package. A map leads into `src`, which is published; of the copy it carries the source itself. */
function finished(file, text, source, folder) {
  const isCopy = folder !== common && isOf(common)({ fileName: source })
  if (file.endsWith('.map')) {
    const map = JSON.parse(text)
    map.sources = [isCopy ? relative(common, source) : relative(dirname(file), source)]
    if (!isCopy) delete map.sourcesContent
    return JSON.stringify(map)
  }
  if (folder === common) return text
  const mapped = isCopy && file.endsWith('.d.ts') ? text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n') : text
  return mapped.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(['"])@l2\/common(\/[a-z\d/-]+)?\2/g,
    (_, before, quote, path = '') => {
      const to = relative(dirname(file), join(folder, `dist/common${path}/index.js`))
      return `${before}${quote}${to.startsWith('.') ? to : `./${to}`}${quote}`
    },
  )
}

function buildLibraries() {
  const program = createProgram()
  const options = program.getCompilerOptions()
  const cache = ts.createModuleResolutionCache(root, name => name, options)
  const outputs = new Map()
  const diagnostics = []
  /** What the emitted files of a source are. */
  const emitted = source => {
    const known = outputs.get(source)
    if (known !== undefined) return known
    const files = []
    const { diagnostics: found } = program.emit(source, (name, text) => files.push({ name, text }))
    diagnostics.push(...found)
    outputs.set(source, files)
    return files
  }
  for (const { folder } of libraries) {
    const own = program.getSourceFiles().filter(isOf(folder))
    // What of the common code the package reaches, from file to file.
    const parts = new Set(own)
    for (const file of parts) {
      for (const { text: name } of file.imports ?? []) {
        const { resolvedModule } = ts.resolveModuleName(name, file.fileName, options, ts.sys, cache)
        const source = resolvedModule && program.getSourceFile(resolvedModule.resolvedFileName)
        if (source !== undefined && isOf(common)(source)) parts.add(source)
      }
    }
    rmSync(join(folder, 'dist'), { recursive: true, force: true })
    for (const source of parts) {
      const isCopy = folder !== common && isOf(common)(source)
      const place = isCopy
        ? join(folder, 'dist/common', relative(join(common, 'src'), source.fileName))
        : join(folder, 'dist', relative(join(folder, 'src'), source.fileName))
      mkdirSync(dirname(place), { recursive: true })
      for (const { name, text } of emitted(source)) {
        if (isCopy && name.endsWith('.d.ts.map')) continue
        const file = join(dirname(place), name.slice(name.lastIndexOf('/') + 1))
        writeFileSync(file, finished(file, text, source.fileName, folder))
      }
    }
  }
  if (diagnostics.length === 0) return
  const host = { getCanonicalFileName: name => name, getCurrentDirectory: () => root, getNewLine: () => '\n' }
  console.error(ts.formatDiagnostics(diagnostics, host))
  process.exit(1)
}

const stamp = join(packages, 'common/dist/built-of')
const now = fingerprint()
const isBuilt =
  existsSync(stamp) &&
  readFileSync(stamp, 'utf8') === now &&
  libraries.every(({ folder }) => existsSync(join(folder, 'dist/index.js')))
if (!isBuilt) {
  rmSync(stamp, { force: true })
  buildLibraries()
  writeFileSync(stamp, now)
}

const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsup'), [], {
  cwd: join(root, 'examples/reference-node'),
  encoding: 'utf8',
})
if (status !== 0) console.error(stdout + stderr)
process.exit(status ?? 1)
