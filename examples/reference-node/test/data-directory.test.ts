import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs } from '@l2/common/testing'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { devMnemonic } from '../src/dev-accounts.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'

const root = mkdtempSync(join(tmpdir(), 'l2-data-'))
const good = join(root, 'good')
const chainId = 59_900
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Heads = Record<'unsafe' | 'safe', { number: string }>
const heads = async (node: RunningNode): Promise<Heads> => (await ask(node.url, 'l2_syncStatus')).result!
const hashAt = async (node: RunningNode, number: number): Promise<string> =>
  (<{ hash: string }>(await ask(node.url, 'eth_getBlockByNumber', [`0x${number.toString(16)}`, false])).result!).hash

/** What the chain was before anything was damaged. */
let before: { head: number; safe: number; hashes: string[] }

beforeAll(async () => {
  const alice = mnemonicToAccount(devMnemonic, { addressIndex: 0 })
  const node = await startNode('--data', good)
  for (let nonce = 0; nonce < 20; nonce++) {
    const fees = { maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n }
    const call = { type: 'eip1559', chainId, nonce, to: alice.address, value: 1n, gas: 21_000n, ...fees } as const
    await ask(node.url, 'eth_sendRawTransaction', [await alice.signTransaction(call)])
  }
  await until(node, 'a safe block', async () => Number((await heads(node)).safe.number) >= 12)
  const { safe, unsafe } = await heads(node)
  const [head, safeHead] = [Number(unsafe.number), Number(safe.number)]
  before = { head, safe: safeHead, hashes: await Promise.all([1, 5, safeHead].map(number => hashAt(node, number))) }
  await node.kill('SIGTERM')
})

/** The files of the directory, one for each kind: of the guards and stores the largest. */
function files(): string[] {
  const largest = (names: string[]): string[] =>
    names.sort((a, b) => statSync(join(good, b)).size - statSync(join(good, a)).size).slice(0, 1)
  const names = readdirSync(good, { recursive: true }) as string[]
  const plain = names.filter(name => statSync(join(good, name)).isFile())
  const folders = new Set(plain.filter(name => name.includes('/')).map(name => name.split('/')[0]!))
  return [
    ...plain.filter(name => !name.includes('/') && !name.startsWith('guard-')),
    ...largest(plain.filter(name => name.startsWith('guard-'))),
    ...[...folders].flatMap(folder => largest(plain.filter(name => name.startsWith(`${folder}/`)))),
  ]
}

const damages: Record<string, (path: string) => void> = {
  deleted: path => rmSync(path),
  cut: path => truncateSync(path, Math.floor(statSync(path).size / 2)),
  flipped: path => {
    const bytes = readFileSync(path)
    // Of a sparse file what is written, and not the last record, which a crash may have torn.
    const end = Math.min(bytes.length, 65_536)
    // Either of a guard's two slots would do for the other.
    for (const at of path.includes('guard-') ? [40, 4136] : [Math.floor(end / 3)]) bytes[at]! ^= 1
    writeFileSync(path, bytes)
  },
}

type Damage = { file: string; kind: string }

/** Starts on a damaged copy: the node that goes on, or what it said at its end. */
async function startOn(found: readonly Damage[]): Promise<{ node?: RunningNode; refusal: string; directory: string }> {
  const directory = mkdtempSync(join(root, 'copy-'))
  cpSync(good, directory, { recursive: true })
  for (const { file, kind } of found) damages[kind]!(join(directory, file))
  try {
    return { node: await startNode('--data', directory), refusal: '', directory }
  } catch (error) {
    return { refusal: (error as Error).message, directory }
  }
}

/** What stands nowhere else: a start names the file and what to do. Everything else is made again, and the chain goes on. */
const irreplaceable: Record<string, string[]> = {
  'chain.json': ['deleted', 'cut', 'flipped'],
  'l1-state.json': ['deleted', 'cut', 'flipped'],
  'sequencer.log': ['deleted', 'cut', 'flipped'],
  'economics.journal': ['flipped'],
  'mempool.journal': ['flipped'],
  posting: ['cut', 'flipped'],
  guard: ['deleted', 'flipped'],
}
const isNamed = ({ file, kind }: Damage): boolean =>
  irreplaceable[file.startsWith('guard-') ? 'guard' : file.split('/')[0]!]?.includes(kind) === true

/** What can be done to each file and is named, or is not: to a file one thing in the suite, which takes turns, and in a soak everything. */
function damagesThat(areNamed: boolean): Damage[] {
  return files().flatMap((file, index) => {
    const possible = Object.keys(damages)
      .map(kind => ({ file, kind }))
      .filter(damage => isNamed(damage) === areNamed)
    const most = runs({ suite: 1, soak: possible.length })
    return Array.from({ length: Math.min(most, possible.length) }, (_, i) => possible[(index + i) % possible.length]!)
  })
}

describe.concurrent('a data directory', () => {
  it('names what is damaged and stands nowhere else, and what to do', { timeout: 900_000 }, async () => {
    const named = damagesThat(true)
    expect(new Set(named.map(({ file }) => file)).size).toBe(Object.keys(irreplaceable).length)
    for (const damage of named) {
      const { node, refusal, directory } = await startOn([damage])
      expect(node, `${damage.file} ${damage.kind}`).toBeUndefined()
      expect(refusal).toContain(join(directory, damage.file))
      expect(refusal).toMatch(/put back a copy|restore no copy/)
      expect(refusal).not.toMatch(/^ {4}at /m)
    }
  })

  it('makes again what is damaged besides, and goes on with the same chain', { timeout: 900_000 }, async () => {
    const replaceable = damagesThat(false)
    expect(replaceable.length).toBeGreaterThan(6)
    // All at once in the suite; one after the other in a soak, which takes a start for each.
    for (const group of runs({ suite: 0, soak: 1 }) === 1 ? replaceable.map(damage => [damage]) : [replaceable]) {
      const what = group.map(({ file, kind }) => `${file} ${kind}`).join(', ')
      const { node, refusal } = await startOn(group)
      expect(refusal, what).toBe('')
      await until(node!, `${what}: goes on`, async () => {
        const { safe, unsafe } = await heads(node!)
        return Number(safe.number) >= before.safe && Number(unsafe.number) > before.head
      })
      const hashes = await Promise.all([1, 5, before.safe].map(number => hashAt(node!, number)))
      expect(hashes, what).toEqual(before.hashes)
      await node!.kill('SIGTERM')
    }
  })
})
