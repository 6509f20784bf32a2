// node scripts/prose.mjs [--check]: wraps the prose of every README and document at 120 signs, or says where it is longer. Tables, code, headings
// and what cannot be broken stay as they are.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const width = 120
const check = process.argv.includes('--check')

// What belongs to the repository or is about to: installed packages and built files are not looked through.
const documents = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter(name => name !== '' && !/^\.|(^|\/)api\/|CHANGELOG/.test(name) && existsSync(`${root}${name}`))
  .sort()

/** Words that stay together: a piece of code with spaces in it, a link with its address, a figure with its mark. */
const wordsOf = text => text.match(/(?:<!--.*?-->[\d.]+ kB|`[^`]*`|\[[^\]]*\]\([^)]*\)|[^\s`[]|\[|`)+/g) ?? []

function filled(text, first, next) {
  const lines = []
  let line = first
  for (const word of wordsOf(text)) {
    const isEmpty = line === first && lines.length === 0 ? true : line === next
    // A line must not begin with what would make it a list or a heading.
    const mayBreak = !isEmpty && !/^(?:[-+*#>|]|\d+[.)])/.test(word)
    if (line.length + (isEmpty ? 0 : 1) + word.length > width && mayBreak) {
      lines.push(line)
      line = next + word
    } else line += (isEmpty ? '' : ' ') + word
  }
  return [...lines, line]
}

/** The document with every paragraph and list item that has a line too long filled anew. */
function wrapped(text) {
  const out = []
  let block = []
  const flush = () => {
    if (block.length === 0) return
    const item = /^(\s*)((?:[-*+]|\d+\.)\s+)?/.exec(block[0])
    const first = item[0]
    const next = ' '.repeat(first.length)
    const isLong = block.some(line => line.length > width)
    const hasBreak = block.some(line => / {2}$|\\$/.test(line))
    if (isLong && !hasBreak) {
      const body = [block[0].slice(first.length), ...block.slice(1).map(line => line.trim())].join(' ')
      out.push(...filled(body, first, next))
    } else out.push(...block)
    block = []
  }
  let fence = ''
  for (const line of text.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== '' || mark !== undefined) {
      flush()
      out.push(line)
      if (fence === '') fence = mark
      else if (mark !== undefined && line.trim().startsWith(fence)) fence = ''
      continue
    }
    if (/^\s*$|^\s*\||^#|^\s*<|^---|^\[[^\]]+\]:|^>/.test(line)) {
      flush()
      out.push(line)
      continue
    }
    if (/^\s*(?:[-*+]|\d+\.)\s/.test(line)) flush()
    block.push(line)
  }
  flush()
  return out.join('\n')
}

const long = []
for (const name of documents) {
  const text = readFileSync(`${root}${name}`, 'utf8')
  const better = wrapped(text)
  if (better === text) continue
  if (check) long.push(name)
  else writeFileSync(`${root}${name}`, better)
}
if (long.length > 0) {
  console.log(
    `prose longer than ${width} signs a line (node scripts/prose.mjs wraps it):\n${long.map(name => `  ${name}`).join('\n')}`,
  )
  process.exit(1)
}
