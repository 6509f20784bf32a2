// Held by `pnpm check`: a file has at most 500 lines and a function 120, outside tests and tables.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const mostFileLines = 500
const mostFunctionLines = 120

const root = fileURLToPath(new URL('..', import.meta.url))
/** Tests and what they are made of, programs that measure, and tables. */
const passedOver = /\.test\.ts$|\/(test|testdata|testing|bench|fuzz|soak)\/|\/engine\/wasm_exec\.js$|\.d\.m?ts$/

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.mjs', '*.js'], { cwd: root })
  .toString()
  .trim()
  .split('\n')
  .filter(path => !passedOver.test(path))

/** Lines of everything that is longer than it may be, by `path` or `path name`. */
const found = new Map()
for (const path of files) {
  const text = readFileSync(`${root}${path}`, 'utf8')
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lines = text.split('\n').length - 1
  if (lines > mostFileLines) found.set(path, lines)
  const lineOf = position => source.getLineAndCharacterOfPosition(position).line
  const visit = node => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const length = lineOf(node.end) - lineOf(node.getStart()) + 1
      const name = node.name?.getText() ?? node.parent.name?.getText() ?? `at line ${lineOf(node.getStart()) + 1}`
      if (length > mostFunctionLines) found.set(`${path} ${name}`, length)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
}

if (found.size > 0) {
  for (const [what, lines] of found) {
    console.log(`${what}: ${lines} lines, at most ${what.includes(' ') ? mostFunctionLines : mostFileLines}`)
  }
  process.exit(1)
}
