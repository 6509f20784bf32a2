// node scripts/errors.mjs: every code that a package can throw stands in its docs/errors.md, and no other.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../packages/', import.meta.url))
let wrong = 0
const say = line => {
  console.log(line)
  wrong++
}
for (const name of readdirSync(packages)) {
  const source = `${packages}${name}/src/errors.ts`
  if (!existsSync(source)) continue
  const union = /^export type \w+ErrorCode =\n((?: {2}(?:\||\/[/*]).*\n)+)/m.exec(readFileSync(source, 'utf8'))?.[1]
  if (union === undefined) continue
  const codes = [...union.matchAll(/^ {2}\| '([A-Z0-9_]+)'/gm)].map(match => match[1])
  const page = `${packages}${name}/docs/errors.md`
  if (!existsSync(page)) {
    say(`${name}: ${codes.length} codes, and no docs/errors.md`)
    continue
  }
  // The first column of the first table has the codes; those of another package's port may be named beside it.
  const text = readFileSync(page, 'utf8')
  const table = /(?:^\|.*\n?)+/m.exec(text)?.[0] ?? ''
  const cells = table.split('\n').map(row => row.split('|')[1] ?? '')
  const rows = cells.flatMap(cell => [...cell.matchAll(/`([A-Z0-9_]+)`/g)].map(match => match[1]))
  for (const code of codes) if (!text.includes(`\`${code}\``)) say(`${name}: ${code} is not in docs/errors.md`)
  for (const code of rows) if (!codes.includes(code)) say(`${name}: docs/errors.md has ${code}, which nothing throws`)
}
process.exit(wrong === 0 ? 0 : 1)
