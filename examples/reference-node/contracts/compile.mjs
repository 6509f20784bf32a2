// Compiles the contract into ../src/contracts/*.ts: npx -y -p solc@0.8.30 node contracts/compile.mjs

import { execSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const path = execSync('command -v solcjs', { encoding: 'utf8' }).trim()
const solc = createRequire(path)('solc')
const names = ['DevPortal']
const file = name => new URL(`${name}.sol`, import.meta.url)
const input = {
  language: 'Solidity',
  sources: Object.fromEntries(names.map(name => [`${name}.sol`, { content: readFileSync(file(name), 'utf8') }])),
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: 'cancun',
    metadata: { appendCBOR: false },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
}
const output = JSON.parse(solc.compile(JSON.stringify(input)))
for (const { formattedMessage, severity } of output.errors ?? [])
  if (severity === 'error') throw new Error(formattedMessage)
for (const name of names) {
  const { abi, evm } = output.contracts[`${name}.sol`][name]
  const constant = name[0].toLowerCase() + name.slice(1)
  writeFileSync(
    new URL(`../src/contracts/${name.replace(/(.)([A-Z])/g, '$1-$2').toLowerCase()}.ts`, import.meta.url),
    `// Made by contracts/compile.mjs from contracts/${name}.sol.\nexport const ${constant}Abi = ${JSON.stringify(abi)} as const\n\nexport const ${constant}Bytecode = '0x${evm.bytecode.object}'\n`,
  )
}
