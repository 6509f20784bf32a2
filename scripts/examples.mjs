// node scripts/examples.mjs [name…]: the examples as somebody has them who has the packages and not the repository. They are laid beside the packed
// installation, compiled against what is published, and run to their ends. L1 is an anvil; the explorer reads the chain of a reference node; the page
// is built by Vite and opened in Chromium.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { build as vite } from 'vite'
import { packed, run } from './packed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { folder: installed } = packed()
const folder = join(installed, `examples-${process.pid}`)
const scratch = mkdtempSync(join(tmpdir(), 'l2-examples-'))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const children = new Set()

/** A program that is ended with this one, and what it has printed. */
function begin(command, args, env = {}) {
  const child = spawn(command, args, { cwd: scratch, env: { ...process.env, NODE_PATH: '', ...env } })
  const program = { child, text: '', ended: new Promise(resolve => child.once('exit', code => resolve(code))) }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (program.text += data))
  children.add(program)
  void program.ended.then(() => children.delete(program))
  return program
}

const example = (name, args = [], env = {}) =>
  begin(process.execPath, ['--import', tsx, join(folder, name, 'main.ts'), ...args], env)

/** Waits until something is there, a minute and a half at most. @throws with what the program printed */
async function until(program, what, look) {
  for (let tries = 0; tries < 450; tries++) {
    const found = await look()
    if (found) return found
    if (program.child.exitCode !== null) break
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  throw new Error(`${what}:\n${program.text.slice(-4000)}`)
}

/** Runs an example to its end. @throws where it fails, or does not say what it is for */
async function say(name, program, pattern) {
  const code = await Promise.race([
    program.ended,
    new Promise(resolve => setTimeout(resolve, 120_000, 'no end').unref()),
  ])
  const found = pattern.exec(program.text)
  if (code !== 0 || found === null) throw new Error(`${name} ended with ${code}:\n${program.text.slice(-4000)}`)
  console.log(`${name}: ${found[0]}`)
}

async function free() {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

function compile() {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: 'es2022',
    lib: ['es2022', 'dom', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    skipLibCheck: false,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*/*.ts'] }))
  run('node', [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
}

async function tryService() {
  const { anvilBinary } = await import(pathToFileURL(join(installed, 'node_modules/@l2/sequencer-core/dist/node.js')))
  const port = await free()
  const anvil = begin(anvilBinary(pathToFileURL(join(root, 'packages/node/src/index.ts')).href), [
    ...['--port', String(port), '--block-time', '1', '--hardfork', 'osaka'],
  ])
  await until(anvil, 'anvil does not listen', () => anvil.text.includes('Listening'))
  const service = example('service', [], {
    L1_URL: `http://127.0.0.1:${port}`,
    CELESTIA_URL: `http://127.0.0.1:${await free()}`,
    DATA: join(scratch, 'service'),
  })
  const address = await until(service, 'the service does not listen', () =>
    /http:\/\/127\.0\.0\.1:\d+/.exec(service.text),
  )
  const metrics = async () => (await fetch(`${address[0]}/metrics`)).text()
  await until(service, 'nothing was posted', async () => /posted_bytes_total [1-9]/.test(await metrics()))
  const { plan, layers } = await (await fetch(`${address[0]}/plan`)).json()
  if (layers?.length !== 2 || !/failovers_total\{to="ethereum-calldata"\} [1-9]/.test(await metrics())) {
    throw new Error(`no failover: ${JSON.stringify({ plan, layers })}\n${service.text}`)
  }
  service.child.kill('SIGTERM')
  await say('service', service, /batcher: submitted/)
  anvil.child.kill()
  await anvil.ended
}

async function tryExplorer() {
  const data = join(scratch, 'chain')
  const node = begin(process.execPath, [
    join(root, 'examples/reference-node/dist/main.js'),
    ...['--demo', '--json'],
    ...['--data', data, '--port', '0', '--latency', '10s', '--engine', 'anvil', '--da', 'ethereum-calldata'],
  ])
  const port = await until(node, 'the node has no L1', () => {
    const file = join(data, 'l1.port')
    return existsSync(file) && existsSync(join(data, 'rollup.json')) && readFileSync(file, 'utf8').trim()
  })
  const url = `http://127.0.0.1:${port}`
  // The line of an L1 block is the same whenever it is read; until one carries a batch there is nothing to see.
  await until(node, 'the node posted nothing', () => /"safe":\{"number":"?[1-9]/.test(node.text))
  await say('explorer', example('explorer', [join(data, 'rollup.json'), url, url]), /[1-9]\d* batches, .* transactions/)
  node.child.kill('SIGTERM')
  await node.ended
}

async function tryPage() {
  const out = join(scratch, 'page')
  await vite({
    root: join(folder, 'page'),
    configFile: false,
    logLevel: 'silent',
    build: { outDir: out, target: 'es2022' },
  })
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
  if (executablePath === undefined) {
    if (process.env.CI === 'true') throw new Error('no chromium: it belongs to CI')
    return console.log('page: built; no chromium is installed to open it')
  }
  const types = { '.html': 'text/html', '.js': 'text/javascript' }
  const server = createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : new URL(request.url, 'http://page').pathname
    if (!existsSync(join(out, path))) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' })
    response.end(readFileSync(join(out, path)))
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    const faults = []
    page.on('pageerror', error => faults.push(error.message))
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    const shares = async () => Number(await page.textContent('#shares'))
    const before = await shares()
    await page.fill('#amount', '200')
    const [after, rate, apr] = [await shares(), await page.textContent('#rate'), await page.textContent('#apr')]
    if (faults.length > 0 || !(before > 0 && Math.abs(after - 2 * before) < 1e-9) || !(Number(rate) > 1)) {
      throw new Error(`page: ${JSON.stringify({ faults, before, after, rate, apr })}`)
    }
    console.log(`page: rate ${rate}, APR ${apr}`)
  } finally {
    await browser.close()
    await new Promise(resolve => server.close(resolve))
  }
}

async function trySlashing() {
  const bundle = join(scratch, 'bundle.json')
  await say('slashing-bundle', example('slashing-bundle', [bundle]), /OffenceAdmitted/)
  const verifier = join(installed, 'node_modules/@l2/staking/dist/bin/verify-evidence.js')
  await say('l2-verify-evidence', begin(process.execPath, [verifier, bundle]), /"ok": true/)
}

const jobs = {
  'build-a-rollup': () => say('build-a-rollup', example('build-a-rollup'), /12 transfers in 12 blocks/),
  'slashing-bundle': trySlashing,
  service: tryService,
  explorer: tryExplorer,
  page: tryPage,
}
const asked = process.argv.slice(2)

try {
  mkdirSync(folder)
  for (const name of Object.keys(jobs)) cpSync(join(root, 'examples', name), join(folder, name), { recursive: true })
  compile()
  for (const [name, job] of Object.entries(jobs)) if (asked.length === 0 || asked.includes(name)) await job()
} finally {
  for (const { child } of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  rmSync(scratch, { recursive: true, force: true })
}
