// Compiles contracts/ into src/<entry>/index.ts. With --check nothing is written: a module that is not what its source compiles to is an
// error.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { compile, contracts, create2Deployer, groups, link, root } from './sources.mjs'

const check = process.argv.includes('--check')

/** The names of variables by the ids of their declarations, which is how the compiler says where immutables are. */
function declarations(sources) {
  const names = new Map()
  const visit = node => {
    if (node === null || typeof node !== 'object') return
    if (node.nodeType === 'VariableDeclaration' && node.stateVariable) names.set(String(node.id), node.name)
    for (const inner of Object.values(node)) visit(inner)
  }
  for (const { ast } of Object.values(sources)) visit(ast)
  return names
}

const literal = value =>
  JSON.stringify(value)
    .replace(/"([A-Za-z]\w*)":/g, '$1: ')
    .replace(/"([^"]*)"/g, "'$1'")
    .replace(/,(?=\S)/g, ', ')

/** One line an item, so that a change is read as one. */
const list = items => (items.length === 0 ? '[]' : `[\n${items.map(item => `  ${literal(item)},\n`).join('')}]`)

const doc = (text, places = []) => {
  const words = `${text} ${places.join(' ')}`.trim().split(/\s+/)
  const lines = ['']
  for (const word of words) {
    if (lines.at(-1).length + word.length > 110) lines.push('')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines.length === 1 ? `/**${lines[0]} */` : `/**\n${lines.map(line => ` *${line}`).join('\n')}\n */`
}

function moduleOf(path, output, names) {
  const contract = path.slice(path.lastIndexOf('/') + 1)
  const constant = contract[0].toLowerCase() + contract.slice(1)
  const { abi, userdoc, evm } = output.contracts[`${path}.sol`][contract]
  const needed = []
  const bytecode = link(output, evm.bytecode, needed)
  const deployedBytecode = link(output, evm.deployedBytecode, needed)
  const places = Object.entries(evm.deployedBytecode.immutableReferences ?? {})
    .map(([id, at]) => [names.get(id).replace(/_$/, ''), at.map(({ start }) => start)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const isNamed = places.length > 0
  return `// Made from contracts/${path}.sol by scripts/compile.mjs.

${doc(userdoc.notice ?? contract)}
export const ${constant}Abi = ${list(abi)} as const

/** What a transaction without receiver deploys \`${contract}\` with, before the arguments of its constructor. */
export const ${constant}Bytecode: \`0x\${string}\` =
  '0x${bytecode}'

/** The code of a deployed \`${contract}\`${isNamed ? '; its immutables are zero here' : ''}. */
export const ${constant}DeployedBytecode: \`0x\${string}\` =
  '0x${deployedBytecode}'
${
  isNamed
    ? `
/** Where the immutables of \`${contract}\` are in its deployed code: offsets in bytes, each the begin of a 32-byte word. */
export const ${constant}Immutables = {
${places.map(([name, at]) => `  ${name}: [${at.join(', ')}],`).join('\n')}
} as const
`
    : ''
}${
  needed.length === 0
    ? ''
    : `
/**
 * Libraries whose code \`${contract}\` runs, in the order in which they are deployed: each with what the deterministic
 * deployer (${create2Deployer}) makes of a salt of zeros and its bytecode.
 */
export const ${constant}Libraries = [
${needed.map(({ name, address, bytecode }) => `  {\n    name: '${name}',\n    address: '${address}',\n    bytecode:\n      '${bytecode}',\n  },`).join('\n')}
] as const
`
}`
}

let differ = 0
for (const group of groups) {
  const { paths } = group
  const output = compile(group)
  const names = declarations(output.sources)
  for (const [path, entry] of contracts.filter(([path]) => paths.includes(path))) {
    const text = moduleOf(path, output, names)
    const file = join(root, 'src', entry.includes('/contract') ? `${entry}.ts` : `${entry}/index.ts`)
    if (!check) {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
      console.error(
        `${file.slice(root.length)} is not what contracts/${path}.sol compiles to: node packages/contracts/scripts/compile.mjs`,
      )
      differ++
    }
  }
}
process.exitCode = differ > 0 ? 1 : 0
