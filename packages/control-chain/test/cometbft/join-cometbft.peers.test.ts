import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyPool, createPool, createSchedule, electionWeights, type PoolCommand, planEpoch } from '@l2/staking'
import { toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import type { ControlChain } from '../../src/chain/control-chain.js'
import { cometSockets } from '../../src/cometbft/home.js'
import { cometNodeId, createCometKey, openCometBft, writeCometKeys } from '../../src/cometbft/index.js'
import { cometCall } from '../../src/cometbft/rpc.js'
import { membersOf } from '../../src/fold/state.js'
import type { L1Mark } from '../../src/list/list.js'
import { nameBlocks } from '../../src/operator/name-blocks.js'
import { defaultParameters } from '../../src/parameters.js'
import { firstPoolRoot, poolRootOf } from '../../src/stake/pool-commands.js'
import { defaultStakeParameters } from '../../src/stake/stake.js'
import { poolCommandsTransaction } from '../../src/transaction/transaction.js'
import { freePorts, until } from './localnet.js'

const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })

const hashOf = (height: bigint) => toHex(height, { size: 32 })
const account = (n: number) => toHex(n, { size: 20 })
const admin = account(0xad)
const metis = 10n ** 18n
const everybody = [1, 2, 3, 4, 5]
const accounts = everybody.map(n => privateKeyToAccount(hashOf(BigInt(n))))
const lock = (n: number, atSeconds: bigint): PoolCommand[] => [
  { type: 'setWhitelist', by: admin, atSeconds, owner: account(n), allowed: true },
  { type: 'lock', by: account(n), atSeconds, signer: accounts[n - 1]!.address, amountWei: 20_000n * metis },
]
const firstEpoch = 3n
const genesisAt = 1_700_000_000n

function genesisStake() {
  let pool = createPool({ admin, lookaheadEpochs: 2 }, genesisAt)
  const commands = [1, 2, 3, 4].flatMap(n => lock(n, genesisAt))
  for (let epoch = 1n; epoch <= firstEpoch; epoch++) {
    commands.push({ type: 'advanceEpoch', by: admin, atSeconds: genesisAt, epoch })
  }
  for (const command of commands) pool = applyPool(pool, command).state
  const empty = createSchedule({ firstHeight: 1n, firstEpoch, slotBlocks: 20n, slotsPerEpoch: 3, keepEpochs: 8 })
  const candidates = electionWeights(pool, firstEpoch)
  return { pool, schedule: planEpoch(empty, { epoch: firstEpoch, seed: hashOf(7n), candidates }) }
}

/** What the pool of L1 decides, done by the real engine: five homes, of which the fifth comes late. */
describe.skipIf(binary === undefined)('who has stake on L1 is who votes on CometBFT', () => {
  const chains = new Map<number, ControlChain>()
  let root: string
  let bring: (id: number, trust?: { height: bigint; hash: `0x${string}` }) => Promise<ControlChain>
  let blocks: ReturnType<typeof setInterval>
  /** What L1 said so far, and the rollup's height, of which everybody executes all. */
  let mark: L1Mark | undefined
  let executed = 0n
  const say = (commands: readonly PoolCommand[]): void => {
    const number = (mark?.number ?? 0n) + 8n
    const timestamp = BigInt(genesisAt) + 12n * number
    const poolRoot = poolRootOf(mark?.poolRoot ?? firstPoolRoot, commands)
    mark = { number, hash: hashOf(number), timestamp, prevRandao: hashOf(number + 1n), poolRoot }
  }
  const on = (id: number): ControlChain => chains.get(id)!
  const ids = (id: number) => membersOf(on(id).state()).map(member => member.id)
  const told = async (commands: readonly PoolCommand[]): Promise<void> => {
    say(commands)
    await until('the mark is agreed on', () => on(1).state().l1?.number === mark!.number)
    await on(1).submit(poolCommandsTransaction(commands))
    await until('the pool has it', () => on(1).state().stake!.root === mark!.poolRoot)
  }
  const call = <T>(id: number, method: string, params = {}) =>
    cometCall<T>(cometSockets(join(root, String(id))).rpc, method, params, AbortSignal.timeout(5_000))

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'l2-join-'))
    const ports = await freePorts(5)
    const keys = everybody.map(() => ({ validator: createCometKey(), node: createCometKey() }))
    const peers = keys.map(({ node }, at) => `${cometNodeId(node.publicKey)}@127.0.0.1:${ports[at]}`)
    const genesisTimeSeconds = BigInt(Math.floor(Date.now() / 1000))
    const unit = (20_000n * metis) / defaultStakeParameters.powerUnitWei
    const operators = everybody.map(id => ({
      ...{ id, power: id < 5 ? unit : 0n, header: accounts[id - 1]!.address },
      cometKey: keys[id - 1]!.validator.publicKey,
    }))
    bring = async (id, trust) => {
      const home = join(root, String(id))
      writeCometKeys(home, keys[id - 1]!)
      let saved: Uint8Array | undefined
      const chain = await openCometBft(
        {
          ...{ home, binary: binary!, genesisTimeSeconds, operators, stake: genesisStake(), snapshotBlocks: 5 },
          ...{ controlChainId: 'control-901', parameters: defaultParameters },
          domain: { chainId: 901n, rollup: `0x${'01'.repeat(20)}` },
          genesis: { height: 0n, hash: hashOf(0n) },
          network: { listen: `127.0.0.1:${ports[id - 1]}`, peers: peers.filter((_, at) => at !== id - 1) },
          ...(trust === undefined
            ? {}
            : {
                join: { servers: [1, 2].map(other => `unix://${cometSockets(join(root, String(other))).rpc}`), trust },
              }),
        },
        {
          list: state => {
            const blockAt = (height: bigint) =>
              height > executed ? undefined : { hash: hashOf(height), view: state.view, stored: true, originDepth: 10n }
            return nameBlocks(state, { blockAt }, { nameDepth: 2n, l1: mark })
          },
          store: {
            load: () => saved,
            save: bytes => {
              saved = bytes
            },
          },
        },
      )
      chains.set(id, chain)
      return chain
    }
    await Promise.all([1, 2, 3, 4].map(id => bring(id)))
    blocks = setInterval(() => {
      // As a leader does it, which waits for the milestone.
      if (executed < on(1).state().milestone.height + BigInt(defaultParameters.ahead)) executed += 1n
      if (executed % 40n === 0n) say([])
    }, 60)
    await until('the first milestones', () => on(1).state().milestone.height > 5n)
  })
  afterAll(async () => {
    clearInterval(blocks)
    await Promise.all([...chains.values()].map(chain => chain.close()))
    rmSync(root, { recursive: true, force: true })
  })

  it('a fifth locks its stake, joins by the state of others while blocks flow, and votes when its epoch comes', async () => {
    await told(lock(5, genesisAt + 200n))
    const { height } = on(1).state()
    const { block_id: block } = await call<{ block_id: { hash: string } }>(1, 'block', { height: String(height - 1n) })
    const before = on(1).state().milestone.height
    await bring(5, { height: height - 1n, hash: `0x${block.hash.toLowerCase()}` })
    await until('it has the state of others', () => on(5).state().milestone.height >= before)
    const { sync_info: info } = await call<{ sync_info: { earliest_block_height: string } }>(5, 'status')
    expect(Number(info.earliest_block_height)).toBeGreaterThan(Number(height) - 10)
    expect(on(5).state().stake!.pool.sequencers.size).toBe(5)
    await until('it is a member', () => [1, 5].every(id => ids(id).includes(5)))
    const { validators } = await call<{ validators: { voting_power: string }[] }>(1, 'validators')
    expect(validators.map(({ voting_power }) => voting_power)).toHaveLength(5)
    await until('its word is in the blocks', () => on(1).status.quorum.present.includes(5))
  })

  it('one leaves, and the others settle with the fifth where they could not without it', async () => {
    await told([{ type: 'unlock', by: account(2), atSeconds: genesisAt + 300n, id: 2 }])
    await until('the second is no member', () => [1, 3, 4, 5].every(id => !ids(id).includes(2)))
    await until('the engine knows', async () => {
      const { validators } = await call<{ validators: unknown[] }>(1, 'validators')
      return validators.length === 4
    })
    // Three of four: the fifth's power is needed now.
    await on(4).close()
    chains.delete(4)
    const { milestone } = on(5).state()
    await until('milestones without the fourth', () => on(5).state().milestone.height > milestone.height + 20n)
    expect(on(5).state().settled.get(milestone.height)).toBe(milestone.hash)
    expect(on(1).status.quorum.present).toContain(5)
  })
})
