// pnpm coverage contracts [--from folder]: which ways the suites take at every branch of the contracts of stake and money, into docs/branches.md.
// The suites note each conditional jump of what they send and call (test/coverage.ts); here its place in the code becomes a line. Code is that
// which is deployed, with the optimizer: what it made one of two is counted once. Constructors are not looked at.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile, groups, root } from './sources.mjs'

const suites = [
  ...[
    'committee',
    'equivocation-verifier',
    'erc4626-properties',
    'fee-splitter',
    'liquid-guards',
    'liquid-vault',
    'pool',
  ],
  ...['sequencer-pool', 'sequencer-pool-differential', 'viem-actions'],
].map(name => join(root, 'test', `${name}.test.ts`))
const looked =
  /^(l1\/(BlsCommittee|Committee|CommitteeBase|EquivocationVerifier|FeeSplitter|Pool|Rotation|SequencerPool)|pool\/|liquid\/)/

/** Statements and operators that go two ways, by where they are. */
function branchesOf(sources) {
  const found = new Map()
  const visit = (node, file) => {
    if (node === null || typeof node !== 'object') return
    const isBranch =
      ['IfStatement', 'Conditional', 'ForStatement', 'WhileStatement'].includes(node.nodeType) ||
      (node.nodeType === 'BinaryOperation' && ['&&', '||'].includes(node.operator))
    if (isBranch) {
      const [start, length] = node.src.split(':').map(Number)
      found.set(node.src, { file, src: `${start}:${length}`, start, ways: new Set(), isMet: false })
    }
    for (const inner of Object.values(node)) visit(inner, file)
  }
  for (const [file, { ast }] of Object.entries(sources)) if (looked.test(file)) visit(ast, file)
  return found
}

/** Of each conditional jump of a code: its place in bytes, and the source that it was made of. */
function jumpsOf({ object, sourceMap }) {
  const jumps = []
  const bytes = Buffer.from(object.replace(/[^0-9a-f]/g, '0'), 'hex')
  let fields = ['0', '0', '-1']
  let pc = 0
  for (const entry of sourceMap.split(';')) {
    fields = fields.map((before, at) => entry.split(':')[at] || before)
    const code = bytes[pc]
    if (code === 0x57) jumps.push({ pc, src: fields.join(':') })
    pc += code >= 0x5f && code <= 0x7f ? code - 0x5e : 1
  }
  return jumps
}

/** A code without what is written into it when it is deployed: immutables, and addresses of libraries and of itself. */
function masked(hex, { immutableReferences = {}, linkReferences = {} }) {
  const bytes = Buffer.from(hex.replace(/[^0-9a-f]/g, '0'), 'hex')
  const places = [
    ...Object.values(immutableReferences).flat(),
    ...Object.values(linkReferences).flatMap(names => Object.values(names).flat()),
  ]
  for (const { start, length } of places) bytes.fill(0, start, start + length)
  if (bytes[0] === 0x73) bytes.fill(0, 1, 21)
  return bytes.toString('hex')
}

/** Every code that a suite ran, with the ways that it went. */
function readWays(folder) {
  const codes = new Map()
  for (const name of readdirSync(folder)) {
    for (const { code, ways } of JSON.parse(readFileSync(join(folder, name), 'utf8'))) {
      const known = codes.get(code) ?? new Set()
      for (const way of ways) known.add(way)
      codes.set(code, known)
    }
  }
  return [...codes].map(([code, ways]) => ({ code: code.slice(2), ways }))
}

/** Whether each branch of the sources was gone both ways. */
function judge(output, ran) {
  const branches = branchesOf(output.sources)
  for (const file of Object.values(output.contracts)) {
    for (const { evm } of Object.values(file)) {
      const { deployedBytecode } = evm
      if (deployedBytecode.object === '') continue
      const own = masked(deployedBytecode.object, deployedBytecode)
      const runs = ran.filter(({ code }) => code.length === own.length && masked(code, deployedBytecode) === own)
      for (const { pc, src } of jumpsOf(deployedBytecode)) {
        const branch = branches.get(src)
        if (branch === undefined) continue
        branch.isMet = true
        for (const { ways } of runs) for (const way of ['0', '1']) if (ways.has(`${pc}:${way}`)) branch.ways.add(way)
      }
    }
  }
  return [...branches.values()].filter(({ isMet }) => isMet)
}

function write(branches) {
  const byFile = grouped(branches)
  const rows = []
  const left = []
  for (const [file, list] of [...byFile].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = readFileSync(join(root, 'contracts', file))
    const both = list.filter(({ ways }) => ways.size === 2)
    rows.push(`| \`${file}\` | ${list.length} | ${both.length} |`)
    for (const { start, ways } of list.filter(({ ways }) => ways.size < 2)) {
      const line = text.subarray(0, start).toString().split('\n').length
      const words = text.toString().split('\n')[line - 1].trim().replaceAll('|', '\\|')
      left.push(`| \`${file}\` ${line} | ${ways.size === 0 ? 'never reached' : 'one way'} | \`${words}\` |`)
    }
  }
  const count = branches.filter(({ ways }) => ways.size === 2).length
  const page = `# Branches

Written by \`pnpm coverage contracts\`: the suites of this package, with the counts of \`npm test\`, and of each \`if\`, \`&&\`, \`||\`, \`?:\` and loop in the
code as it is deployed whether they went both ways. ${count} of ${branches.length} did. A row of this table is of one source file.

| source | branches | both ways |
| --- | ---: | ---: |
${rows.join('\n')}

## Not gone both ways

| where | how often | what |
| --- | --- | --- |
${left.join('\n')}
`
  writeFileSync(join(root, 'docs/branches.md'), page)
  console.log(`${count} of ${branches.length} branches went both ways: packages/contracts/docs/branches.md`)
}

function grouped(branches) {
  const byFile = new Map()
  for (const branch of branches) byFile.set(branch.file, [...(byFile.get(branch.file) ?? []), branch])
  return byFile
}

const { values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { from: { type: 'string' } },
})
const folder = values.from ?? mkdtempSync(join(tmpdir(), 'branches-'))
try {
  if (values.from === undefined) {
    const env = { ...process.env, L2_COVERAGE: folder }
    const { status } = spawnSync('npx', ['vitest', 'run', ...suites], { stdio: 'inherit', env })
    if (status !== 0) throw new Error('a suite failed: what it noted is not whole')
  }
  const ran = readWays(folder)
  const judged = groups.filter(({ version }) => version === '0.8.30').flatMap(group => judge(compile(group), ran))
  // A source that is in both groups has each of its branches twice.
  const merged = new Map()
  for (const branch of judged) {
    const key = `${branch.file}:${branch.src}`
    const known = merged.get(key) ?? branch
    for (const way of branch.ways) known.ways.add(way)
    merged.set(key, known)
  }
  write([...merged.values()])
} finally {
  if (values.from === undefined) rmSync(folder, { recursive: true, force: true })
}
