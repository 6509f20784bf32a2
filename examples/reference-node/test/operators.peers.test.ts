import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createParts, rpcCall } from '@l2/node'
import type { Hash } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { type OperatorNetwork, type OperatorProcess, startOperatorNetwork } from '../src/operators/network.js'
import { type OperatorView, viewOf, viewsOf } from '../src/operators/watch.js'
import { startTraffic, type Traffic } from '../src/traffic/traffic.js'

// Four programs of operators on the real CometBFT: whole minutes, in `pnpm test:peers`.
const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })
if (binary === undefined) process.stdout.write('skipped: four operators; pnpm test:peers operators, which needs Go\n')

const chainId = 59_901
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function until<T>(what: string, find: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 800; tries++) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    await sleep(250)
  }
  throw new Error(`it did not come to this: ${what}`)
}

describe.skipIf(binary === undefined)('four operators who share nothing but the network', () => {
  const parts = createParts()
  let directory: string
  let network: OperatorNetwork
  let traffic: Traffic
  beforeAll(async () => {
    process.env['L2_COMETBFT'] = binary
    directory = mkdtempSync(join(tmpdir(), 'l2-operators-'))
    const config = { data: directory, chainId, operators: 4, engine: undefined, l1: undefined, beacon: undefined }
    network = await startOperatorNetwork({ ...config, latencyMs: undefined }, () => {}, parts)
    await until('a milestone everywhere', async () => {
      const views = await viewsOf(network)
      return views.every(view => view !== undefined && view.milestone > 0n)
    })
    const rpcUrls = network.operators.map(({ rpcUrl }) => rpcUrl)
    traffic = startTraffic({ rpcUrls, chainId, perSecond: 8, onError: () => {} })
  })
  afterAll(async () => {
    await traffic?.stop()
    await parts.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const view = async (operator: OperatorProcess): Promise<OperatorView> =>
    await until(`operator ${operator.id} answers`, () => viewOf(operator))
  const others = (...away: OperatorProcess[]) => network.operators.filter(operator => !away.includes(operator))
  const hashAt = async ({ rpcUrl }: OperatorProcess, height: bigint): Promise<Hash | undefined> =>
    (await rpcCall<{ hash: Hash } | null>(rpcUrl, 'eth_getBlockByNumber', [`0x${height.toString(16)}`, false]))?.hash
  const agreeAt = async (height: bigint): Promise<void> => {
    const hashes = await Promise.all(network.operators.map(operator => hashAt(operator, height)))
    expect(new Set(hashes).size).toBe(1)
    expect(hashes[0]).toBeDefined()
  }
  /** A leader with ten blocks of its turn to go, on a chain that has caught up with the clock. */
  const midTurn = (): Promise<OperatorView & { leader: number }> =>
    until('a leader in the midst of its turn', async () => {
      const { rpcUrl } = network.operators[0]!
      const head = await rpcCall<{ timestamp: string }>(rpcUrl, 'eth_getBlockByNumber', ['latest', false])
      const now = await viewOf(network.operators[0]!)
      if (now === undefined || now.leader === null || Date.now() / 1000 - Number(head.timestamp) > 4) return false
      return now.unsafe % 20n < 10n && { ...now, leader: now.leader }
    })
  const milestoneAbove = async (operators: readonly OperatorProcess[], height: bigint): Promise<void> => {
    await until(`a milestone above ${height}`, async () => {
      const views = await Promise.all(operators.map(viewOf))
      return views.every(now => now !== undefined && now.milestone > height)
    })
  }

  it('take transactions at every door, and settle the same blocks', async () => {
    await until('receipts of the first forty at every operator', async () => {
      const hashes = [...traffic.sent].slice(0, 40)
      if (hashes.length < 40) return false
      for (const { rpcUrl } of network.operators) {
        for (const hash of hashes) {
          if ((await rpcCall(rpcUrl, 'eth_getTransactionReceipt', [hash])) === null) return false
        }
      }
      return true
    })
    const { milestone } = await view(network.operators[0]!)
    await milestoneAbove(network.operators, milestone)
    await agreeAt(milestone)
    const heads = await rpcCall<Record<string, { number: string }>>(network.operators[1]!.rpcUrl, 'l2_syncStatus', [])
    expect(BigInt(heads['milestone']!.number)).toBeLessThanOrEqual(BigInt(heads['unsafe']!.number))
    expect(BigInt(heads['safe']!.number)).toBeLessThanOrEqual(BigInt(heads['milestone']!.number))
    for (const file of [
      'keys/header.key',
      'keys/poster.key',
      'keys/network.key',
      'comet/config/priv_validator_key.json',
    ]) {
      expect(statSync(join(network.operators[0]!.home, file)).mode & 0o777).toBe(0o600)
    }
  })

  it('go on under the next leader when one is killed, and it comes back to where they are', async () => {
    const before = await midTurn()
    const killed = network.operators[before.leader - 1]!
    await killed.signal('SIGKILL')
    const rest = others(killed)
    await milestoneAbove(rest, before.unsafe + 3n)
    const after = await view(rest[0]!)
    expect(after.term).toBeGreaterThan(before.term)
    expect(after.operators.every(({ isJailed }) => !isJailed)).toBe(true)
    killed.start()
    const { milestone } = await view(rest[0]!)
    await milestoneAbove([killed], milestone)
    await agreeAt(milestone)
  })

  it('settle nothing while two of them are down, and go on without a fork', async () => {
    const before = await view(network.operators[0]!)
    const down = network.operators.slice(2)
    await Promise.all(down.map(operator => operator.signal('SIGKILL')))
    // What was under way when they died may still be settled: then nothing is, for as long as some control blocks take.
    const still = await until('nothing is settled', async () => {
      const standing = await view(network.operators[0]!)
      await sleep(4000)
      const later = await view(network.operators[0]!)
      return later.milestone === standing.milestone && later.control.height === standing.control.height && later
    })
    for (const operator of down) operator.start()
    await milestoneAbove(network.operators, still.milestone)
    await agreeAt(before.milestone)
    await agreeAt(still.milestone)
  })

  it('leave a leader that is frozen, and do not convict it', async () => {
    const before = await midTurn()
    const frozen = network.operators[before.leader - 1]!
    await frozen.signal('SIGSTOP')
    const rest = others(frozen)
    await milestoneAbove(rest, before.unsafe + 3n)
    await frozen.signal('SIGCONT')
    const { milestone } = await view(rest[0]!)
    await milestoneAbove(network.operators, milestone)
    await agreeAt(milestone)
    const { operators } = await view(rest[0]!)
    expect(operators.every(({ isJailed }) => !isJailed)).toBe(true)
  })

  it('attest what they post, in the turns of several, and L1 says the same', async () => {
    type Attested = {
      followedByStockNodes: boolean
      committee: { turn: string; height: string }
      onL1: { number: string; hash: Hash; statement: { sequence: string } } | null
      contradicted: object | null
    }
    const attestedBy = ({ rpcUrl }: OperatorProcess): Promise<Attested> => rpcCall<Attested>(rpcUrl, 'l2_attested', [])
    // What was attested after a change of turn, on L1 and derived by every one of them.
    const turned = await until('another turn', async () => {
      const { committee } = await attestedBy(network.operators[0]!)
      return BigInt(committee.turn) > 0n && BigInt(committee.height)
    })
    for (const operator of network.operators) {
      const { onL1, followedByStockNodes } = await until('an attested head behind it', async () => {
        const now = await attestedBy(operator)
        expect(now.contradicted).toBeNull()
        return BigInt(now.onL1?.number ?? 0) > turned && now
      })
      expect(followedByStockNodes).toBe(true)
      expect(await hashAt(operator, BigInt(onL1!.number))).toBe(onL1!.hash)
    }
  })

  it('lose no transaction that was acknowledged', async () => {
    await traffic.stop()
    for (const { rpcUrl } of network.operators) {
      await until(`every receipt at ${rpcUrl}`, async () => {
        for (const hash of traffic.sent) {
          if ((await rpcCall(rpcUrl, 'eth_getTransactionReceipt', [hash]).catch(() => null)) === null) return false
        }
        return true
      })
    }
  })
})
