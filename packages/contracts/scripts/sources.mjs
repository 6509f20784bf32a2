// The sources of the contracts and how they are compiled: by pinned npm packages, without metadata, so that every machine makes the same
// bytes.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { concatHex, getContractAddress } from 'viem'

export const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

/** Each contract with the entry it becomes. What imports the OP Stack's libraries needs the compiler that these are pinned to. */
export const contracts = [
  ['l1/EquivocationVerifier', 'equivocation-verifier/contract'],
  ['l1/Pool', 'pool'],
  ['l1/Committee', 'committee'],
  ['l1/BlsCommittee', 'bls-committee'],
  ['l1/FeeSplitter', 'fee-splitter/contract'],
  ['l1/SequencerPool', 'sequencer-pool/contract'],
  ['liquid/LiquidVault', 'liquid-vault/contract'],
  ['liquid/RateFeed', 'liquid-vault/rate-feed/contract'],
  ['liquid/RebasingToken', 'liquid-vault/rebasing-token/contract'],
  ['l1/MeteredPortal', 'metered-portal'],
  ['l1/SequencedGame', 'sequenced-game'],
  ['l1/NativeTokenBridgeL1', 'native-token-bridge-l1'],
  ['l2/GasPriceOracle', 'gas-price-oracle'],
  ['l2/L1Block', 'l1-block'],
  ['l2/MessagePasser', 'message-passer'],
  ['l2/NativeTokenBridgeL2', 'native-token-bridge-l2'],
  ['l2/OperatorFeeVault', 'operator-fee-vault'],
  ['testing/DevToken', 'testing/dev-token'],
  ['testing/EnkiModel', 'testing/enki-model'],
  ['testing/LockingModel', 'testing/locking-model'],
  ['testing/OddToken', 'testing/odd-token'],
  ['testing/PoolLens', 'testing/pool-lens'],
  ['testing/Receiver', 'testing/receiver'],
]
const compilers = {
  '0.8.15': { package: 'solc-0.8.15', evmVersion: 'london', metadata: { bytecodeHash: 'none' } },
  '0.8.30': { package: 'solc', evmVersion: 'cancun', metadata: { bytecodeHash: 'none', appendCBOR: false } },
}
/** Contracts whose code would not fit into 24,576 bytes when it is made as fast as it can be. */
const small = ['l1/SequencerPool', 'liquid/LiquidVault', 'testing/PoolLens']

const packageFolder = name => dirname(require.resolve(`${name}/package.json`))
/** What the OP Stack's sources import, by the packages that have it; the versions are those that the stock contracts were built with. */
const libraries = version => [
  ['src/', join(packageFolder('@eth-optimism/contracts-bedrock'), 'src')],
  ['@openzeppelin/contracts/', packageFolder(version === '0.8.15' ? '@openzeppelin/contracts' : 'openzeppelin-5')],
  ['@rari-capital/solmate/', packageFolder('@rari-capital/solmate')],
  ['@solady/', join(packageFolder('solady'), 'src')],
]

/** The text of an import: our own file, or one of a library. Only what is under MIT becomes part of what is published. */
function imported(version, path) {
  const own = join(root, 'contracts', path)
  if (existsSync(own)) return { contents: readFileSync(own, 'utf8') }
  const [prefix, folder] = libraries(version).find(([prefix]) => path.startsWith(prefix)) ?? []
  const file = folder && join(folder, path.slice(prefix.length))
  if (file === undefined || !existsSync(file)) return { error: `${path} is in no package that is known here` }
  const contents = readFileSync(file, 'utf8')
  const isFree = /SPDX-License-Identifier: (MIT|Apache-2.0)\n/.test(contents)
  return isFree ? { contents } : { error: `${path} is not under MIT or Apache-2.0` }
}

/** What a group of {@link groups} compiles to, as the compiler's standard JSON has it. */
export function compile({ version, paths: names, runs }) {
  const { package: name, evmVersion, metadata } = compilers[version]
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(
      names.map(path => [`${path}.sol`, { content: readFileSync(join(root, 'contracts', `${path}.sol`), 'utf8') }]),
    ),
    settings: {
      optimizer: { enabled: true, runs },
      evmVersion,
      metadata,
      outputSelection: {
        '*': {
          '*': ['abi', 'userdoc', 'evm.bytecode.object', 'evm.bytecode.linkReferences', 'evm.deployedBytecode'],
          '': ['ast'],
        },
      },
    },
  }
  const output = JSON.parse(require(name).compile(JSON.stringify(input), { import: path => imported(version, path) }))
  // 2394 reminds of transient storage, which OpenZeppelin's guard clears at the end of the call.
  const found = (output.errors ?? []).filter(({ errorCode }) => errorCode !== '2394')
  if (found.length > 0) throw new Error(found.map(({ formattedMessage }) => formattedMessage).join('\n'))
  return output
}

/** What deploys contracts to addresses that follow from their code alone; it is on every public chain, and in anvil. */
export const create2Deployer = '0x4e59b44847b379578588920cA78FbF26c0B4956C'
const salt = `0x${'00'.repeat(32)}`

/** Sets the addresses of libraries in a code, and adds those libraries to the ones that must be there before it. */
export function link(output, { object, linkReferences }, needed) {
  let code = object
  for (const [file, names] of Object.entries(linkReferences ?? {})) {
    for (const [name, places] of Object.entries(names)) {
      const address = libraryAddress(output, file, name, needed).slice(2).toLowerCase()
      for (const { start } of places) code = code.slice(0, 2 * start) + address + code.slice(2 * start + 40)
    }
  }
  return code
}

function libraryAddress(output, file, name, needed) {
  const known = needed.find(library => library.name === name)
  if (known !== undefined) return known.address
  const bytecode = concatHex(['0x', link(output, output.contracts[file][name].evm.bytecode, needed)])
  const address = getContractAddress({ opcode: 'CREATE2', from: create2Deployer, salt, bytecode })
  needed.push({ name, address, bytecode })
  return address
}

const versionOf = path =>
  /^pragma solidity ([\d.]+);/m.exec(readFileSync(join(root, 'contracts', `${path}.sol`), 'utf8'))[1]
/** What is compiled together: of one compiler, for speed or for size. */
export const groups = Object.keys(compilers)
  .flatMap(version => {
    const paths = contracts.map(([path]) => path).filter(path => versionOf(path) === version)
    return [
      { version, runs: 999_999, paths: paths.filter(path => !small.includes(path)) },
      { version, runs: 200, paths: paths.filter(path => small.includes(path)) },
    ]
  })
  .filter(({ paths }) => paths.length > 0)
