import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Abi, Hex } from 'viem'
import type { Artifact, Artifacts } from '../artifacts/artifact.js'
import { SettlementError } from '../errors.js'

const packageName = '@eth-optimism/contracts-bedrock'
/** The only version whose artifacts this package knows: later ones come without. */
const version = '0.17.3'

type ImmutableReferences = Record<string, readonly { start: number; length: number }[]>
type ForgeArtifact = {
  abi: Abi
  bytecode: { object: Hex }
  deployedBytecode: { object: Hex; immutableReferences?: ImmutableReferences }
  storageLayout: { storage: readonly { label: string; slot: string; offset: number }[] }
}

/**
 * Compiled contracts of the installed package `@eth-optimism/contracts-bedrock`, version 0.17.3, which is an optional peer of this one. Files are
 * read when they are asked for, and once.
 *
 * @throws SettlementError `ARTIFACT_MISSING` where the package is not installed or is of another version
 * @example
 * ```ts
 * import { openArtifacts } from '@l2/settlement/node'
 *
 * const artifacts = openArtifacts()
 * console.log(artifacts.contract('OptimismPortal2').abi.length) // 49
 * ```
 */
export function openArtifacts(): Artifacts {
  const root = findPackage()
  const contracts = new Map<string, Artifact>()
  let preinstalls: string | undefined
  return {
    contract(name) {
      const known = contracts.get(name)
      if (known !== undefined) return known
      const contract = parseArtifact(name, readText(root, `forge-artifacts/${name}.sol/${name}.json`, name))
      contracts.set(name, contract)
      return contract
    },
    preinstall(name) {
      preinstalls ??= readText(root, 'src/libraries/Preinstalls.sol', 'Preinstalls')
      const found = new RegExp(`bytes internal constant ${name} =\\s*hex"([0-9a-f]+)"`).exec(preinstalls)?.[1]
      if (found === undefined) throw missing(`no code ${name}`)
      return `0x${found}`
    },
  }
}

function findPackage(): string {
  let path: string
  try {
    path = createRequire(import.meta.url).resolve(`${packageName}/package.json`)
  } catch (cause) {
    throw missing('not installed', cause)
  }
  const { version: found } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  if (found !== version) throw missing(`version ${found}`)
  return dirname(path)
}

function readText(root: string, path: string, name: string): string {
  // A name is a name: no way out of the folder.
  if (!/^\w+$/.test(name)) throw missing(`no contract ${JSON.stringify(name)}`)
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch (cause) {
    throw missing(`no contract ${name}`, cause)
  }
}

function parseArtifact(name: string, text: string): Artifact {
  const { abi, bytecode, deployedBytecode, storageLayout } = JSON.parse(text) as ForgeArtifact
  const references = Object.entries(deployedBytecode.immutableReferences ?? {})
  // The keys are numbers of syntax nodes, which grow with the place in the source.
  const immutables = references.sort(([a], [b]) => Number(a) - Number(b)).map(([, at]) => at.map(({ start }) => start))
  const storage = Object.fromEntries(
    storageLayout.storage.map(({ label, slot, offset }) => [label, { slot: Number(slot), offset }]),
  )
  return { name, abi, bytecode: bytecode.object, deployedBytecode: deployedBytecode.object, immutables, storage }
}

function missing(what: string, cause?: unknown): SettlementError {
  return new SettlementError(`${packageName}: ${what}`, {
    code: 'ARTIFACT_MISSING',
    meta: [`try: npm install ${packageName}@${version}`],
    cause,
  })
}
