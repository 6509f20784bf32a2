import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRpcServer } from '@l2/node'
import { toRollupJson } from '@l2/sequencer-core/derivation'
import { simulatedRollup } from '@l2/sequencer-core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readGenesis } from '../home/genesis.js'
import { openHome } from '../home/home.js'
import { openHomeKeys } from '../keys/home-keys.js'
import { openAccount, openEngineKey, readKeyPlaces } from '../keys/places.js'
import { runCli } from './main.js'

const folder = mkdtempSync(join(tmpdir(), 'cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const chainPath = join(folder, 'chain.json')
const stake = String(20_000n * 10n ** 18n)
/** The program with its two streams caught. */
async function cli(
  ...argv: string[]
): Promise<{ code: number; out: string; error: string; json: () => Record<string, unknown> }> {
  let [out, error] = ['', '']
  const io = { out: (text: string) => void (out += text), error: (text: string) => void (error += text) }
  const code = await runCli(argv, { ...io, nowMs: () => 1_800_000_000_000 })
  return { code, out, error, json: () => JSON.parse(out) }
}
const initOf = (name: string, ...more: string[]) =>
  cli(
    ...['init', '--home', join(folder, name), '--chain', chainPath, '--host', '10.0.0.1', '--name', name],
    ...['--stake', stake, '--l1', 'http://127.0.0.1:8545', '--json', ...more],
  )

beforeAll(() => {
  const chain = {
    version: 1,
    identity: { chainId: 901, l1ChainId: 900 },
    l2Genesis: {},
    rollup: JSON.parse(JSON.stringify(toRollupJson(simulatedRollup()))),
    control: { prevRandao: `0x${'11'.repeat(32)}`, slotBlocks: 20, slotsPerEpoch: 6, originDepth: 1, nameDepth: 1 },
    admin: `0x${'ad'.repeat(20)}`,
  }
  writeFileSync(chainPath, JSON.stringify(chain))
})

describe('l2-operator', () => {
  it('says what there is, and that a command line is wrong', async () => {
    expect(await cli('--help')).toMatchObject({ code: 0, out: expect.stringContaining('export-public') })
    expect(await cli()).toMatchObject({ code: 2, out: '' })
    expect(await cli('dance')).toMatchObject({ code: 2, error: expect.stringContaining('no command "dance"') })
    expect(await cli('toString')).toMatchObject({ code: 2 })
    expect(await cli('init', '--help')).toMatchObject({ code: 0, out: expect.stringContaining('--password-file FILE') })
    expect(await cli('init')).toMatchObject({ code: 2, error: expect.stringContaining('--home is missing') })
    expect(await cli('status', '--home', 'x', '--color')).toMatchObject({ code: 2 })
    expect(await cli('status', '--home', 'x', 'y')).toMatchObject({ code: 2 })
    expect(await cli('run')).toMatchObject({ code: 2 })
    expect(await cli('run', '--home', join(folder, 'nowhere'), '--engine', 'steam')).toMatchObject({ code: 2 })
    const missing = await cli('run', '--home', join(folder, 'nowhere'))
    expect(missing).toMatchObject({ code: 1, error: expect.stringContaining('HOME_INVALID') })
  })

  it('makes several operators of public parts, each with keys that only its own home has', async () => {
    const names = ['ann', 'bob', 'cleo']
    for (const name of names) expect(await initOf(name)).toMatchObject({ code: 0 })
    const homes = names.map(name => join(folder, name))
    const publics = homes.map((home, index) => {
      const path = join(folder, `${names[index]}.public.json`)
      writeFileSync(path, readFileSync(join(home, 'public.json')))
      return path
    })
    const shown = await cli('export-public', '--home', homes[0]!)
    expect(JSON.parse(shown.out)).toEqual(JSON.parse(readFileSync(publics[0]!, 'utf8')))

    const genesis = join(folder, 'genesis.json')
    const collected = await cli(
      'collect',
      '--chain',
      chainPath,
      '--out',
      genesis,
      '--time',
      '1800000000',
      '--json',
      ...publics,
    )
    expect(collected.code).toBe(0)
    const again = join(folder, 'genesis-2.json')
    const reversed = [...publics].reverse()
    await cli('collect', '--chain', chainPath, '--out', again, '--time', '1800000000', ...reversed)
    // Whatever the order, the same bytes: operators compare a fingerprint.
    expect(readFileSync(again, 'utf8')).toBe(readFileSync(genesis, 'utf8'))
    const { operators } = readGenesis(JSON.parse(readFileSync(genesis, 'utf8')), genesis)
    expect(operators.map(({ id }) => id)).toEqual([1, 2, 3])

    const { fingerprint } = collected.json() as { fingerprint: string }
    const wrong = await cli('join', '--home', homes[0]!, '--genesis', genesis, '--fingerprint', 'abcd')
    expect(wrong).toMatchObject({ code: 1, error: expect.stringContaining('CONFIG_INVALID') })
    for (const home of homes) {
      const joined = await cli('join', '--home', home, '--genesis', genesis, '--fingerprint', fingerprint, '--json')
      expect(joined).toMatchObject({ code: 0, error: '' })
      const opened = openHome(home)
      const entry = opened.genesis.operators[opened.config.id - 1]!
      const places = readKeyPlaces(home)!
      const header = await openAccount(home, places, 'header')
      expect(header.address.toLowerCase()).toBe(entry.header)
      const network = await openEngineKey(home, places, 'network')
      expect(`0x${Buffer.from(network.publicKey).toString('hex')}`).toBe(entry.network)
      const keys = await openHomeKeys(opened)
      expect(Buffer.from(keys.comet!.publicKey).toString('hex')).toBe(entry.comet.slice(2))
      expect(keys.network).toEqual(network.secret)
      for (const file of ['password', 'owner.json', 'header.json', 'poster.json', 'comet.json', 'network.json']) {
        expect(statSync(join(home, 'keys', file)).mode & 0o777).toBe(0o600)
      }
      // The engine's own key file holds no validator's key.
      expect(existsSync(join(home, 'comet/config/priv_validator_key.json'))).toBe(false)
    }
    expect(await cli('join', '--home', homes[0]!, '--genesis', genesis)).toMatchObject({ code: 1 })
    // The keys of another home are not this operator's.
    const mixed = openHome(homes[0]!)
    await expect(openHomeKeys({ ...mixed, path: homes[1]! })).rejects.toMatchObject({ code: 'NOT_AN_OPERATOR' })
    const exported = await cli('export', '--home', homes[1]!, '--json')
    expect(exported.json()).toMatchObject({ genesis: fingerprint, control: null })
    const chain = await cli('export', '--home', homes[1]!, '--chain')
    expect(JSON.parse(chain.out)).toEqual(JSON.parse(readFileSync(chainPath, 'utf8')))
  })

  it('refuses public parts that were changed, are of another chain, or come twice', async () => {
    await initOf('dan')
    const path = join(folder, 'dan/public.json')
    const part = JSON.parse(readFileSync(path, 'utf8'))
    const collect = async (content: unknown, ...more: string[]) => {
      const file = join(folder, 'changed.json')
      writeFileSync(file, JSON.stringify(content))
      return await cli('collect', '--chain', chainPath, '--out', join(folder, 'never.json'), file, ...more)
    }
    const flip = (text: string, at: number) =>
      `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`
    for (const at of [30, 80, 120, 190, 220, 400, 700]) {
      const changed = { ...part, registration: flip(part.registration, at) }
      expect(await collect(changed)).toMatchObject({ code: 1, error: expect.stringContaining('registration') })
    }
    for (const content of [
      null,
      [],
      {},
      { ...part, extra: 1 },
      { ...part, stakeWei: '-1' },
      { ...part, name: '\u001b[2J' },
    ]) {
      expect(await collect(content)).toMatchObject({ code: 1, error: expect.stringContaining('CONFIG_INVALID') })
    }
    expect(await collect(part, path)).toMatchObject({ code: 1, error: expect.stringContaining('one owner') })
    expect(await cli('collect', '--chain', chainPath, '--out', join(folder, 'never.json'))).toMatchObject({ code: 2 })
    expect(existsSync(join(folder, 'never.json'))).toBe(false)
  })

  it('never writes over a home, and takes no password that others may read', async () => {
    await initOf('eve')
    const before = readFileSync(join(folder, 'eve/keys/header.json'), 'utf8')
    expect(await initOf('eve')).toMatchObject({ code: 1, error: expect.stringContaining('HOME_INVALID') })
    expect(readFileSync(join(folder, 'eve/keys/header.json'), 'utf8')).toBe(before)
    const password = join(folder, 'words')
    writeFileSync(password, 'known to all', { mode: 0o644 })
    const refused = await initOf('fay', '--password-file', password)
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('0600') })
    expect(`${refused.out}${refused.error}`).not.toContain('known to all')
  })

  it('shows keys, and finds what is wrong with them', async () => {
    await initOf('gus')
    const home = join(folder, 'gus')
    const good = await cli('keys', '--home', home, '--check', '--json')
    expect(good).toMatchObject({ code: 0 })
    expect(good.json()).toMatchObject({ problems: [], keys: [{ role: 'owner' }, {}, {}, { role: 'comet' }, {}] })
    const secret = readFileSync(join(home, 'keys/password'), 'utf8')
    expect(good.out).not.toContain(secret)
    chmodSync(join(home, 'keys/poster.json'), 0o644)
    writeFileSync(join(home, 'keys/comet.json'), readFileSync(join(home, 'keys/network.json')))
    const bad = await cli('keys', '--home', home, '--check')
    expect(bad.code).toBe(1)
    expect(bad.out).toMatch(/others may read .*poster.json/)
    expect(bad.out).toMatch(/problem: comet: the key is 0x[0-9a-f]{64}, registered is/)
  })

  it('makes a test network, which says that one machine held all keys', async () => {
    const out = join(folder, 'net')
    const base = ['testnet', '--chain', chainPath, '--out', out, '--l1', 'http://127.0.0.1:8545']
    expect(await cli(...base, '--n', '4', '--hosts', '127.0.0.1')).toMatchObject({ code: 2 })
    expect(await cli(...base, '--n', '1', '--hosts', 'a b')).toMatchObject({ code: 2 })
    const made = await cli(...base, '--n', '4', '--hosts', '127.0.0.1,127.0.0.2,127.0.0.1,127.0.0.3', '--json')
    expect(made).toMatchObject({ code: 0 })
    const { homes } = made.json() as { homes: string[] }
    expect(made.json()).toMatchObject({ oneMachineHeldAllKeys: true })
    const opened = homes.map(home => openHome(home))
    expect(opened.map(({ config }) => config.cometListen)).toEqual([
      '127.0.0.1:26656',
      '127.0.0.2:26656',
      '127.0.0.1:26657',
      '127.0.0.3:26656',
    ])
    for (const home of homes) expect(existsSync(join(home, 'ONE-MACHINE-HELD-ALL-KEYS'))).toBe(true)
    expect(new Set(opened.map(({ genesis }) => JSON.stringify(genesis))).size).toBe(1)
    expect(await cli(...base, '--n', '1', '--hosts', '127.0.0.1')).toMatchObject({ code: 1 })
  })

  it('shows what a running operator answers, and that one does not run', async () => {
    const home = join(folder, 'net/operator-1')
    const answer = (power: string) => ({
      self: 1,
      control: { height: '12', sinceBlockMs: 300, power, total: '4', waiting: null },
      term: 2,
      leader: 3,
      milestone: { number: '40', meaning: 'settled among operators, not yet on L1' },
      operators: [
        { id: 1, power: '1', isJailed: false, isPresent: true, isConnected: true },
        { id: 2, power: '0', isJailed: true, isPresent: false, isConnected: true },
        { id: 3, power: '1', isJailed: false, isPresent: false, isConnected: false },
      ],
    })
    let power = '3'
    const server = await startRpcServer({
      host: '127.0.0.1',
      port: 0,
      methods: new Map([['l2_operators', () => answer(power)]]),
      pages: new Map(),
    })
    const config = JSON.parse(readFileSync(join(home, 'operator.json'), 'utf8'))
    const port = Number(new URL(server.url).port)
    writeFileSync(join(home, 'operator.json'), JSON.stringify({ ...config, rpc: { host: '0.0.0.0', port } }))
    const shown = await cli('status', '--home', home)
    expect(shown).toMatchObject({ code: 0, error: '' })
    expect(shown.out).toContain('3 of 4 power voted')
    expect(shown.out).toMatch(/2 {2}power 0 {2}jailed/)
    expect(shown.out).toMatch(/3 {2}power 1 {2}down/)
    power = '2'
    expect((await cli('status', '--home', home, '--json')).json()).toMatchObject({ hasQuorum: false })
    expect((await cli('status', '--home', home)).code).toBe(1)
    expect(await cli('evidence', '--home', home)).toMatchObject({ code: 1 })
    await server.close()
    const gone = await cli('status', '--home', home, '--json')
    expect(gone).toMatchObject({ code: 1 })
    expect(gone.json()).toMatchObject({ isRunning: false })
  })

  it('judges evidence offline', async () => {
    expect(await cli('evidence')).toMatchObject({ code: 2 })
    expect(await cli('evidence', join(folder, 'absent'))).toMatchObject({
      code: 1,
      error: expect.stringContaining('absent'),
    })
    const path = join(folder, 'bundle.json')
    writeFileSync(path, '{}')
    const judged = await cli('evidence', path, '--json')
    expect(judged).toMatchObject({ code: 1, error: '' })
    expect(judged.json()).toMatchObject({ ok: false })
    writeFileSync(path, 'x'.repeat(70_000))
    expect(await cli('evidence', path)).toMatchObject({ code: 1, error: expect.stringContaining('70000 bytes') })
  })
})
