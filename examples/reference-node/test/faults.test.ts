import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { verifyBundle } from '@l2/staking'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, type RunningNode, startNode, withoutBlobs } from './running-node.js'

type Seat = { id: number; signer: string; status: string; stakeWei: string; jailed: boolean; tombstoned: boolean }
type Slot = { leader: string; firstBlock: string; lastBlock: string; term: number }

const stakeWei = 20_000n * 10n ** 18n
const directory = mkdtempSync(join(tmpdir(), 'l2-faults-'))
const args = ['--data', directory, '--sequencers', '4', '--faults', ...withoutBlobs]
let node: RunningNode

const pool = async (): Promise<Seat[]> =>
  ((await ask(node.url, 'l2_pool')).result as unknown as { sequencers: Seat[] }).sequencers
const rate = async (): Promise<bigint> =>
  BigInt(((await ask(node.url, 'l2_lst')).result as unknown as { rate: string }).rate)
const height = async (): Promise<bigint> => BigInt((await ask(node.url, 'eth_blockNumber')).result!)
const schedule = async (): Promise<Slot[]> => (await ask(node.url, 'l2_leaderSchedule')).result as unknown as Slot[]

async function until<T>(what: string, find: () => Promise<T | undefined>, seconds = 200): Promise<T> {
  for (let tries = 0; tries < seconds * 4; tries++) {
    const found = await find()
    if (found !== undefined) return found
    await new Promise(resolve => setTimeout(resolve, 250))
  }
  throw new Error(`${what}: not within ${seconds} s; the node said: ${node.events.join(' | ')}`)
}

beforeAll(async () => {
  node = await startNode(...args)
})
afterAll(async () => {
  await node?.kill('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
})

describe('a leader that stops', () => {
  it('is passed over by vote, and the chain goes on in a new term', async () => {
    const { leader } = (await schedule())[1]!
    await ask(node.url, 'l2dev_halt', [leader])
    const header = await until('a header of a later term', async () => {
      for (let number = await height(); number > 0n; number--) {
        const found = (await ask(node.url, 'l2_header', [`0x${number.toString(16)}`])).result as unknown as {
          header: { term: number }
        } | null
        if (found !== null && found.header.term > 0) return found.header
        if (number < (await height()) - 8n) break
      }
      return undefined
    })
    expect(header.term).toBeGreaterThan(0)
    const before = await height()
    await until('further blocks', async () => ((await height()) > before + 3n ? true : undefined))
    await ask(node.url, 'l2dev_resume', [leader])
    // Late is no offence: nobody has lost anything.
    expect((await pool()).every(seat => BigInt(seat.stakeWei) === stakeWei && !seat.jailed)).toBe(true)
  })
})

describe('a leader that signs twice', () => {
  it('is jailed, slashed and out, and only its holders lose by it', async () => {
    // The last seat is that of the eMETIS holders.
    const seat = (await pool()).at(-1)!
    const before = await rate()
    await ask(node.url, 'l2dev_equivocate', [seat.signer])
    // Seconds lie between the two, which a machine that stands still for a moment makes up for at once.
    await until('jail', async () => (await pool()).find(({ id, jailed }) => id === seat.id && jailed))
    const slashed = await until('the slash', async () =>
      (await pool()).find(({ id, tombstoned }) => id === seat.id && tombstoned),
    )
    expect(slashed.jailed).toBe(true)
    expect(BigInt(slashed.stakeWei)).toBeLessThan(stakeWei)
    for (const other of await pool()) if (other.id !== seat.id) expect(BigInt(other.stakeWei)).toBe(stakeWei)
    // A report at the next epoch books the loss.
    await until('a lower rate', async () => ((await rate()) < before ? true : undefined))
  })

  it('and the evidence convicts offline, with the command that the package ships', async () => {
    const [bundle] = (await ask(node.url, 'l2_evidence')).result as unknown as object[]
    const json = JSON.stringify(bundle)
    expect(verifyBundle(json)).toMatchObject({ ok: true })
    const file = join(directory, 'evidence.json')
    writeFileSync(file, json)
    const command = fileURLToPath(new URL('../../../packages/staking/dist/bin/verify-evidence.js', import.meta.url))
    const { status, stdout } = spawnSync(process.execPath, [command, file], { encoding: 'utf8' })
    expect(stdout).toContain('EQUIVOCATION_BLOCK')
    expect(status).toBe(0)
  })

  it('and the same again after a restart: the pool follows from the blocks', async () => {
    const before = await pool()
    await node.kill('SIGKILL')
    node = await startNode(...args)
    const after = await pool()
    expect(after.map(({ id, tombstoned, status }) => ({ id, tombstoned, status }))).toEqual(
      before.map(({ id, tombstoned, status }) => ({ id, tombstoned, status })),
    )
  })
})
