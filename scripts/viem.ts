// node scripts/ts.mjs scripts/viem.ts [newest|next|<version>]: the packed libraries with another viem than the pinned one.
//
// `newest` is the newest release of the major version that the peer range allows: whatever fails there fails this. `next` is the newest
// prerelease: nobody has to install it, so what fails is reported, for the day on which the range is widened.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAnvil } from '../packages/blob/test/anvil.ts'
import { isNodeOnly } from './entry-types.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const tools = `${root}node_modules/.bin${delimiter}${process.env['PATH']}`
const folder = mkdtempSync(join(tmpdir(), 'l2-viem-'))
const wanted = process.argv[2] ?? 'newest'

function run(command: string, args: string[], cwd: string): { ok: boolean; stdout: string; said: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: tools },
  })
  return { ok: status === 0, stdout, said: `${stdout}${stderr}`.trim() }
}

function versionOf(what: string): string {
  const { ok, stdout, said } = run('npm', ['view', 'viem', 'versions', '--json'], root)
  if (!ok) throw new Error(`the registry does not say which versions of viem there are\n${said}`)
  const versions = JSON.parse(stdout) as string[]
  const found = {
    newest: versions.filter(version => /^2\.\d+\.\d+$/.test(version)).at(-1),
    next: versions.filter(version => version.includes('-')).at(-1),
  }[what]
  return found ?? what
}

/** What a user of viem does with the packages, each by itself. */
const uses: Record<string, string> = {
  'codec and transactions': `
    const { opCodec, parseBlobTransaction, serializeBlobTransaction } = await import('@l2/blob')
    const bytes = serializeBlobTransaction({ chainId: 1, nonce: 7, maxPriorityFeePerGas: 1n, maxFeePerGas: 30n, gas: 21000n,
      to: '0x000000000000000000000000000000000000dead', value: 0n, data: '0x', accessList: [], maxFeePerBlobGas: 1n,
      blobVersionedHashes: ['0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014'] })
    if (parseBlobTransaction(bytes).transaction.nonce !== 7 || opCodec.decode(opCodec.encode(new Uint8Array(9))).length !== 9) throw new Error('other bytes')`,
  'sendBlobTransaction by a client of viem': `
    const viem = await import('viem')
    const { privateKeyToAccount } = viem.privateKeyToAccount ? viem : await import('viem/accounts').catch(() => ({ privateKeyToAccount: viem.Account.fromPrivateKey }))
    const { http } = viem
    const createClient = viem.createPublicClient ?? viem.Client.create
    const { sendBlobTransaction } = await import('@l2/blob')
    const { createBlobKzg } = await import('@l2/blob/kzg')
    const sent = await sendBlobTransaction(createClient({ transport: http(process.env.RPC, { timeout: 120_000 }) }), { account: privateKeyToAccount(process.env.KEY),
      to: '0x000000000000000000000000000000000000dEaD', payload: new Uint8Array(10), kzg: await createBlobKzg() })
    if (sent.sidecar.version !== 1) throw new Error('another wrapper')`,
  'sendTransaction of viem with blobSerializers': `
    const { createWalletClient, defineChain, http } = await import('viem')
    const { privateKeyToAccount } = await import('viem/accounts')
    const { blobSerializers, opCodec } = await import('@l2/blob')
    const { createBlobKzg } = await import('@l2/blob/kzg')
    const kzg = await createBlobKzg()
    const chain = defineChain({ id: 31337, name: 'anvil', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [process.env.RPC] } }, serializers: blobSerializers({ kzg }) })
    const wallet = createWalletClient({ account: privateKeyToAccount(process.env.KEY), chain, transport: http(process.env.RPC, { timeout: 120_000 }) })
    const to = '0x000000000000000000000000000000000000dEaD'
    await wallet.sendTransaction({ to, kzg, blobs: opCodec.encode(new Uint8Array(10)), maxFeePerBlobGas: 10n ** 9n })
    await wallet.sendTransaction({ to, value: 1n })`,
}

try {
  const version = versionOf(wanted)
  console.log(`viem ${version} with the packed libraries`)
  const dependencies: Record<string, string> = { viem: version }
  const entries: string[] = []
  for (const name of readdirSync(`${root}packages`)) {
    const file = `${root}packages/${name}/package.json`
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
      name: string
      private?: boolean
      exports: Record<string, unknown>
      peerDependencies?: Record<string, string>
    }
    if (manifest.private || manifest.peerDependencies?.['viem'] === undefined) continue
    const packed = run('pnpm', ['pack', '--pack-destination', folder], `${root}packages/${name}`)
    if (!packed.ok) throw new Error(packed.said)
    const start = `${manifest.name.slice(1).replace('/', '-')}-`
    dependencies[manifest.name] = `file:${readdirSync(folder).find(found => found.startsWith(start))}`
    // Optional parts, and what runs only in a worker or as a program of its own.
    const optional = /c-kzg|eth-kzg|testing|-worker$|package\.json/
    entries.push(
      ...Object.keys(manifest.exports)
        .filter(entry => !optional.test(entry))
        .map(entry => manifest.name + entry.slice(1)),
    )
  }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies, overrides: dependencies }),
  )
  const strict = run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], folder)
  const installed =
    strict.ok || run('npm', ['install', '--no-audit', '--no-fund', '--legacy-peer-deps', '--loglevel=error'], folder).ok
  const results: [what: string, failure: string | undefined][] = []
  const short = (said: string): string => {
    const lines = said.split('\n').map(line => line.trim())
    const telling = lines.find(line => /^(\w*Error|npm error)\b.*:|does not provide|error TS/.test(line))
    return (telling ?? lines[0] ?? '').slice(0, 200)
  }
  results.push([
    'installs',
    strict.ok ? undefined : `${installed ? 'with --legacy-peer-deps only' : 'not at all'}: ${short(strict.said)}`,
  ])

  const tryScript = (what: string, code: string, env: Record<string, string> = {}): void => {
    writeFileSync(join(folder, 'try.mjs'), code)
    const { status, stderr, stdout } = spawnSync('node', ['try.mjs'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    })
    results.push([what, status === 0 ? undefined : short(`${stderr}${stdout}`)])
  }
  for (const entry of entries) tryScript(`import ${entry}`, `await import('${entry}')`)
  const anvil = await startAnvil('osaka')
  try {
    // The first key of every anvil, of no value anywhere else.
    const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
    for (const [what, code] of Object.entries(uses)) tryScript(what, code, { RPC: anvil.url, KEY })
  } finally {
    await anvil.stop()
  }
  const importsOf = (chosen: string[]): string =>
    chosen.map((entry, i) => `import * as m${i} from '${entry}'\nexport type T${i} = typeof m${i}`).join('\n')
  writeFileSync(join(folder, 'types.ts'), importsOf(entries.filter(entry => !isNodeOnly(entry))))
  writeFileSync(join(folder, 'node-types.ts'), importsOf(entries.filter(isNodeOnly)))
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: 'es2022',
    lib: ['es2022', 'dom', 'esnext.disposable'],
    module: 'nodenext',
    types: [],
    skipLibCheck: false,
  }
  const nodeTypes = [`${root}node_modules/@types`]
  const projects = {
    types: { compilerOptions, files: ['types.ts'] },
    "a node's types": {
      compilerOptions: { ...compilerOptions, types: ['node'], typeRoots: nodeTypes },
      files: ['node-types.ts'],
    },
  }
  for (const [what, project] of Object.entries(projects)) {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    const types = run('node', [`${root}node_modules/typescript/bin/tsc`, '-p', folder], folder)
    const mine = types.said.split('\n').filter(line => /error TS/.test(line))
    results.push([what, types.ok ? undefined : `${mine.length} errors, the first: ${mine[0]?.slice(0, 180)}`])
  }

  for (const [what, failure] of results)
    console.log(`${failure === undefined ? '✓' : '✗'} ${what}${failure === undefined ? '' : `: ${failure}`}`)
  const failed = results.filter(([, failure]) => failure !== undefined).length
  console.log(`${results.length - failed} of ${results.length} work with viem ${version}`)
  if (failed > 0 && wanted !== 'next') process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
