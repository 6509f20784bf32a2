import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Abi, Hex } from 'viem'

const require = createRequire(import.meta.url)
const folder = dirname(require.resolve('@eth-optimism/contracts-bedrock/package.json'))

/** A contract of the npm package `@eth-optimism/contracts-bedrock`, as the OP Stack built it. */
export function stock(name: string): { abi: Abi; bytecode: Hex; deployedBytecode: Hex } {
  const { abi, bytecode, deployedBytecode } = JSON.parse(
    readFileSync(join(folder, 'forge-artifacts', `${name}.sol`, `${name}.json`), 'utf8'),
  ) as { abi: Abi; bytecode: { object: Hex }; deployedBytecode: { object: Hex } }
  return { abi, bytecode: bytecode.object, deployedBytecode: deployedBytecode.object }
}
