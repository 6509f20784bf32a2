// pnpm peers:newest: what we are held against and what we know by heart, beside what is newest: Go modules, crates, npm packages, and the chains of the
// superchain registry (as the newest op-geth embeds it). Prints a table and says what moved.
//
// Exit code: 0 nothing moved; 1 something did; 2 a registry could not be asked, so that nobody knows.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateRawSync } from 'node:zlib'
import type { RollupConfig } from '../packages/sequencer-core/src/derivation/index.ts'
import { rollupPresets } from '../packages/sequencer-core/src/index.ts'
import { pins } from './go.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
type Row = { what: string; ours: string; newest: string; moved: boolean }
const rows: Row[] = []
const unreachable: string[] = []

function row(what: string, ours: string, newest: string | undefined): void {
  if (newest === undefined) unreachable.push(what)
  else rows.push({ what, ours, newest, moved: ours !== newest })
}

/** The output of a registry's own client, or `undefined` where it fails: it, or the registry, is not there. */
function ask(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    timeout: 60_000,
  })
  return status === 0 ? stdout : undefined
}

/** The newest version of a Go module; one that is no release counts where the version in use is none. */
function newestModule(module: string, inUse: string): string | undefined {
  const versions = ask('go', ['list', '-m', '-versions', module])?.trim().split(' ').slice(1)
  if (versions === undefined || versions.length === 0) return undefined
  const isRelease = (version: string): boolean => !version.includes('-')
  return versions.filter(version => isRelease(version) || !isRelease(inUse)).at(-1)
}

function goRows(): void {
  const newest = new Map<string, string | undefined>()
  for (const { module, version } of Object.values(pins)) {
    if (newest.has(module)) continue
    newest.set(module, newestModule(module, version))
    row(module, version, newest.get(module))
  }
}

/** kona's crates as crates.io has them, beside the version that the release we build them from gives them. */
function crateRows(): void {
  const lock = readFileSync(join(root, 'peers/kona/Cargo.lock'), 'utf8')
  const { crates } = JSON.parse(readFileSync(join(root, 'peers/kona/crates.json'), 'utf8')) as { crates: object }
  for (const name of Object.keys(crates)) {
    const ours = new RegExp(`name = "${name}"\nversion = "([^"]+)"`).exec(lock)?.[1] ?? '?'
    row(`${name} (crates.io)`, ours, /^version: (\S+)/m.exec(ask('cargo', ['info', '--color=never', name]) ?? '')?.[1])
  }
}

/** npm packages that tests hold ours against, or that are one of two ways of doing a thing. */
const packages = [
  '@foundry-rs/anvil',
  'viem',
  'c-kzg',
  '@crate-crypto/node-eth-kzg',
  '@ethereumjs/tx',
  'brotli-dec-wasm',
]

function npmRows(): void {
  const lock = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')
  for (const name of packages) {
    const ours = new RegExp(`^ {2}'?${name}@([^':(]+)`, 'm').exec(lock)?.[1] ?? '?'
    row(`${name} (npm)`, ours, ask('npm', ['view', name, 'version'])?.trim() || undefined)
  }
}

/** The text of one file of a ZIP archive. Source: PKWARE's APPNOTE, sections 4.3.7, 4.3.12, 4.3.16. */
function fileOfZip(zip: Buffer, name: string): string | undefined {
  let at = zip.readUInt32LE(zip.lastIndexOf('PK\x05\x06', undefined, 'latin1') + 16)
  for (; zip.readUInt32LE(at) === 0x02014b50; ) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map(offset => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ]
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20))
      return (zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes)).toString('utf8')
    }
    at += 46 + nameLength + extraLength + commentLength
  }
  return undefined
}

/** What a chain's file says, flat: `genesis.l2.hash` and so on. The files hold tables of plain values, and nothing else of TOML. */
function readToml(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let table = ''
  for (const line of text.split('\n')) {
    const header = /^\s*\[([\w.]+)\]/.exec(line)
    const pair = /^\s*(\w+)\s*=\s*("[^"]*"|[^\s#]+)/.exec(line)
    if (header !== null) table = `${header[1]}.`
    else if (pair !== null) values.set(table + pair[1], pair[2]!.replaceAll('"', ''))
  }
  return values
}

/** A preset in the words of the registry. */
function inWordsOfRegistry(config: RollupConfig): ReadonlyMap<string, string> {
  const { genesis, forks, eip1559 } = config
  const entries: [string, unknown][] = [
    ['chain_id', config.l2ChainId],
    ['batch_inbox_addr', config.batchInbox],
    ['block_time', config.blockTimeSeconds],
    ['seq_window_size', config.sequencingWindowBlocks],
    ['max_sequencer_drift', config.maxSequencerDriftSeconds],
    ['optimism.eip1559_elasticity', eip1559.elasticity],
    ['optimism.eip1559_denominator', eip1559.denominator],
    ['optimism.eip1559_denominator_canyon', eip1559.denominatorCanyon],
    ['genesis.l2_time', genesis.l2TimeSeconds],
    ['genesis.l1.hash', genesis.l1.hash],
    ['genesis.l1.number', genesis.l1.number],
    ['genesis.l2.hash', genesis.l2.hash],
    ['genesis.l2.number', genesis.l2.number],
    ['genesis.system_config.batcherAddress', genesis.systemConfig.batcher],
    ['genesis.system_config.gasLimit', genesis.systemConfig.gasLimit],
    ['addresses.OptimismPortalProxy', config.depositContract],
    ['addresses.SystemConfigProxy', config.systemConfigContract],
    ['hardforks.pectra_blob_schedule_time', config.pectraBlobScheduleTimeSeconds],
    // Regolith is at every genesis, and the registry does not tell of it.
    ...Object.entries(forks).flatMap(([fork, time]): [string, unknown][] =>
      fork === 'regolith' ? [] : [[`hardforks.${fork}_time`, time]],
    ),
  ]
  return new Map(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value).toLowerCase()]])))
}

/** Keys that a preset has nothing of, or says in another way. */
const otherwise =
  /^(name|public_rpc|sequencer_rpc|explorer|superchain_|governed_by|data_availability_type|roles\.|addresses\.(?!OptimismPortal|SystemConfig)|genesis\.system_config\.(overhead|scalar)|.*\.\w*explorer)/

function presetRows(): void {
  const { module, version } = pins['op-geth']!
  const newest = newestModule(module, version)
  const download = newest && ask('go', ['mod', 'download', '-json', `${module}@${newest}`])
  const what = `presets, as ${newest ?? 'the newest op-geth'} embeds the registry`
  if (!download) {
    unreachable.push(what)
    return
  }
  const zip = readFileSync(join((JSON.parse(download) as { Dir: string }).Dir, 'superchain/superchain-configs.zip'))
  for (const [name, path] of [
    ['opMainnet', 'mainnet/op'],
    ['opSepolia', 'sepolia/op'],
  ] as const) {
    const text = fileOfZip(zip, `configs/${path}.toml`)
    if (text === undefined) {
      rows.push({ what: `preset ${name}`, ours: 'a chain', newest: 'not in the registry', moved: true })
      continue
    }
    const ours = inWordsOfRegistry(rollupPresets[name])
    const theirs = new Map([...readToml(text)].filter(([key]) => !otherwise.test(key)))
    const keys = new Set([...ours.keys(), ...theirs.keys()])
    const differing = [...keys].filter(key => ours.get(key) !== theirs.get(key)?.toLowerCase())
    for (const key of differing) {
      rows.push({ what: `${name} ${key}`, ours: ours.get(key) ?? '-', newest: theirs.get(key) ?? '-', moved: true })
    }
    if (differing.length === 0) row(`preset ${name}, ${keys.size} values`, 'as registered', 'as registered')
  }
  const base = fileOfZip(zip, 'configs/mainnet/base.toml')
  const foreign = rollupPresets.base.foreignFork?.name
  row('preset base', `left with ${foreign}`, base === undefined ? `left with ${foreign}` : 'is in the registry again')
}

for (const part of [goRows, crateRows, npmRows, presetRows]) part()
const moved = rows.filter(entry => entry.moved)
if (rows.length === 0 || unreachable.length > rows.length) {
  console.log('offline: the registries cannot be reached, so nothing is known of what is newest')
  process.exit(2)
}
const width = (key: 'what' | 'ours' | 'newest') => Math.max(...rows.map(entry => entry[key].length), key.length)
const line = (entry: Record<'what' | 'ours' | 'newest', string>, mark: string) =>
  `${mark} ${entry.what.padEnd(width('what'))}  ${entry.ours.padEnd(width('ours'))}  ${entry.newest}`
console.log(line({ what: 'what', ours: 'ours', newest: 'newest' }, ' '))
for (const entry of rows) console.log(line(entry, entry.moved ? '*' : ' '))
for (const what of unreachable) console.log(`? ${what}: could not be asked`)
console.log(
  moved.length === 0
    ? `nothing moved (${rows.length} compared)`
    : `${moved.length} of ${rows.length} moved: ${moved.map(({ what }) => what).join(', ')}`,
)
process.exit(unreachable.length > 0 ? 2 : moved.length > 0 ? 1 : 0)
