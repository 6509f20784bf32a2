// pnpm api: what each package gives to others, into packages/*/api/*.md, so that a change of the public face is seen in review.
// With --check nothing is written: a report that is not what was built is an error. Either way a type that a public signature names and its
// entry does not export is one; --export adds what is missing to the entries. What names promise is looked at by face-rules.mjs.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { brokenRules } from './face-rules.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv.includes('--check')
const add = process.argv.includes('--export')

const libraries = readdirSync(join(root, 'packages'))
  .map(name => join(root, 'packages', name))
  .filter(folder => existsSync(join(folder, 'package.json')))
  .map(folder => ({ folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
  .filter(({ manifest }) => !manifest.private)
const entries = libraries.flatMap(({ folder, manifest }) =>
  Object.entries(manifest.exports)
    .filter(([, target]) => typeof target.types === 'string')
    .map(([entry, { types }]) => ({ folder, name: manifest.name + entry.slice(1), file: join(folder, types) })),
)

const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile)
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
// What is published is looked at, not the sources.
Object.assign(options, { customConditions: [], noEmit: true })
const program = ts.createProgram(
  entries.map(({ file }) => file),
  options,
)
const checker = program.getTypeChecker()
const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed })

const target = symbol => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
const isType = symbol =>
  (symbol.flags &
    (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class | ts.SymbolFlags.Enum)) !==
  0

/** The types of the package itself that a declaration names. */
function named(declaration, folder) {
  const found = new Set()
  const visit = node => {
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isImportTypeNode(node)
          ? node.qualifier
          : undefined
    const symbol = name && checker.getSymbolAtLocation(name)
    if (symbol !== undefined) {
      const meant = target(symbol)
      const [at] = meant.declarations ?? []
      if (at && isType(meant) && at.getSourceFile().fileName.startsWith(`${folder}/dist/`)) found.add(meant)
    }
    ts.forEachChild(node, visit)
  }
  visit(declaration)
  return found
}

/** Literals of a union in one order: the compiler's own depends on what it met first. */
const inOrder = context => node => {
  const visit = node => {
    const seen = ts.visitEachChild(node, visit, context)
    if (!ts.isUnionTypeNode(seen) || !seen.types.every(ts.isLiteralTypeNode)) return seen
    const text = type => printer.printNode(ts.EmitHint.Unspecified, type, node.getSourceFile())
    return ts.factory.createUnionTypeNode([...seen.types].sort((a, b) => (text(a) < text(b) ? -1 : 1)))
  }
  return visit(node)
}

function report({ name }, symbols) {
  const lines = symbols
    .map(([as, symbol]) => {
      const text = (symbol.declarations ?? []).map(declaration => {
        const whole = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
        const { transformed } = ts.transform(whole, [inOrder])
        return printer.printNode(ts.EmitHint.Unspecified, transformed[0], whole.getSourceFile())
      })
      const renamed = as === symbol.name ? '' : `// as ${as}\n`
      return `${renamed}${[...new Set(text)].join('\n')}`
    })
    .sort()
  return `# ${name}\n\nWritten by \`pnpm api\`.\n\n\`\`\`ts no-run\n${lines.join('\n\n')}\n\`\`\`\n`
}

const problems = []
const written = new Map()
problems.push(...brokenRules({ checker, printer, program, entries }))
for (const entry of entries) {
  const source = program.getSourceFile(entry.file)
  const symbols = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source))
    .map(symbol => [symbol.name, target(symbol)])
  const given = new Set(symbols.map(([, symbol]) => symbol))
  const missing = new Map()
  // What is added names further types: until nothing is missing.
  for (const symbol of given) {
    for (const declaration of symbol.declarations ?? []) {
      if (!declaration.getSourceFile().fileName.startsWith(`${entry.folder}/dist/`)) continue
      for (const type of named(declaration, entry.folder)) {
        if (given.has(type)) continue
        given.add(type)
        missing.set(type, symbol)
      }
    }
  }
  const taken = new Set(symbols.map(([name]) => name))
  const additions = []
  for (const [type, by] of missing) {
    problems.push(`${entry.name}: ${by.name} names ${type.name}, which the entry does not export`)
    if (taken.has(type.name)) problems.push(`${entry.name}: exports another ${type.name}`)
    const file = type.declarations[0].getSourceFile().fileName
    const source = relative(join(entry.folder, 'dist'), file)
    const index = join(entry.folder, 'src', relative(join(entry.folder, 'dist'), entry.file)).replace(/\.d\.ts$/, '.ts')
    const to = source.startsWith('common/')
      ? `@l2/common${dirname(source).slice('common'.length)}`
      : relative(dirname(index), join(entry.folder, 'src', source)).replace(/\.d\.ts$/, '.js')
    additions.push([
      index,
      `export type { ${type.name} } from '${to.startsWith('@') || to.startsWith('.') ? to : `./${to}`}'`,
    ])
  }
  if (add) {
    for (const [index, line] of additions) writeFileSync(index, `${readFileSync(index, 'utf8').trimEnd()}\n${line}\n`)
  }
  const file = join(entry.folder, 'api', `${entry.name.split('/').slice(2).join('-') || 'index'}.md`)
  written.set(file, report(entry, symbols))
}

for (const { folder } of libraries) {
  const place = join(folder, 'api')
  const there = existsSync(place) ? readdirSync(place).map(name => join(place, name)) : []
  for (const file of there.filter(file => !written.has(file))) {
    if (check) problems.push(`${relative(root, file)} is of no entry: pnpm api`)
    else rmSync(file)
  }
}
for (const [file, text] of written) {
  if (!check) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    problems.push(`${relative(root, file)} (${basename(file, '.md')}) is not what is built: pnpm api`)
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
console.log(`${entries.length} entries, each exports every type that it names`)
