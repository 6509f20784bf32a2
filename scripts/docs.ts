// Runs every ```ts block of the READMEs and of the @example tags, as a module inside its package. A line that ends in
// `console.log(x) // text` must print that text (`…` at its end: begin with it). A block fenced as ```ts no-run is only type-checked:
// it needs a network, a browser or a key.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { formatWithOptions } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
type Block = { source: string; line: number; code: string; run: boolean }

function blocksOfMarkdown(file: string): Block[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/^```ts( no-run)?\n([\s\S]*?)^```/gm)].map(match => ({
    source: file,
    line: text.slice(0, match.index).split('\n').length,
    code: match[2]!,
    run: match[1] === undefined,
  }))
}

function blocksOfSource(file: string): Block[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm)].flatMap(comment => {
    const plain = comment[0].replace(/^[ \t]*\/?\*+[ \t]?/gm, '').replace(/\*\/\s*$/, '')
    return [...plain.matchAll(/```ts( no-run)?\n([\s\S]*?)```/g)].map(match => ({
      source: file,
      line: text.slice(0, comment.index).split('\n').length,
      code: match[2]!,
      run: match[1] === undefined,
    }))
  })
}

const packages = readdirSync(join(root, 'packages'))
  .map(name => join(root, 'packages', name))
  .filter(folder => existsSync(join(folder, 'README.md')))
const folders: { folder: string; files: string[]; markdown: string[] }[] = packages.map(folder => ({
  folder,
  markdown: [join(folder, 'README.md')],
  files: readdirSync(join(folder, 'src'), { recursive: true })
    .map(String)
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map(file => join(folder, 'src', file)),
}))
folders.push({
  folder: join(root, 'examples'),
  markdown: [
    join(root, 'README.md'),
    ...readdirSync(join(root, 'docs'))
      .filter(name => name.endsWith('.md'))
      .map(name => join(root, 'docs', name)),
  ].filter(file => existsSync(file)),
  files: [],
})

const only = process.argv[2]
const failures: string[] = []
let count = 0
const log = console.log
for (const { folder, files, markdown } of folders) {
  if (only !== undefined && !folder.endsWith(only)) continue
  const blocks = [...markdown.flatMap(blocksOfMarkdown), ...files.sort().flatMap(blocksOfSource)]
  if (blocks.length === 0) continue
  const out = join(folder, '.docs')
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  const names = blocks.map((block, index) => {
    const name = join(out, `example-${String(index).padStart(3, '0')}.ts`)
    writeFileSync(name, `${block.code}\nexport {}\n`)
    return name
  })
  writeFileSync(
    join(out, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ['*.ts'],
    }),
  )
  const where = (index: number) => `${blocks[index]!.source.slice(root.length)}:${blocks[index]!.line}`
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', out, '--pretty', 'false'], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    failures.push(
      stdout.replace(
        /\S*example-(\d+)\.ts/g,
        (_, index: string) => `${where(Number(index))} (example ${Number(index)})`,
      ),
    )
  }
  for (const [index, block] of blocks.entries()) {
    count++
    if (!block.run) continue
    const lines = block.code.split('\n').map((line, at) => {
      const match = /^(\s*)console\.log\((.*)\)\s*\/\/\s?(.+)$/.exec(line)
      return match === null
        ? line
        : `${match[1]}__expect(${JSON.stringify(match[3]!.replace(/^=> /, ''))}, ${at + 1}, ${match[2]})`
    })
    writeFileSync(names[index]!, `${lines.join('\n')}\nexport {}\n`)
    const scope = globalThis as Record<string, unknown>
    scope['__expect'] = (expected: string, line: number, ...values: unknown[]) => {
      const printed = formatWithOptions({ colors: false }, ...values)
      const fits = expected.endsWith('…') ? printed.startsWith(expected.slice(0, -1)) : printed === expected
      if (!fits) failures.push(`${where(index)} line ${line}: printed ${printed}, documented ${expected}`)
    }
    console.log = () => {}
    try {
      await import(pathToFileURL(names[index]!).href)
    } catch (error) {
      failures.push(
        `${where(index)}: ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join('\n') : String(error)}`,
      )
    } finally {
      console.log = log
    }
  }
  rmSync(out, { recursive: true, force: true })
}
if (failures.length > 0) {
  log(failures.join('\n\n'))
  process.exit(1)
}
log(`${count} examples checked`)
process.exit(0)
