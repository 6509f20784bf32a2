import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { committeeAbi, committeeBytecode } from '@l2/contracts/committee'
import { type CommitteeMember, createEcdsaAttester, ecdsaAttestation, hashTurnStatement } from '@l2/control-chain'
import { createBatcher, createDerivationDriver, createEngineApi } from '@l2/sequencer-core'
import {
  type Batcher,
  type BatcherBlock,
  type BatcherEvent,
  createSystemConfigTurn,
  toBatcherBlock,
} from '@l2/sequencer-core/batcher'
import {
  allForksAtGenesis,
  buildAttributes,
  configCarriedByBlock,
  createRpcL1Source,
  genesisBlockRef,
  type L2BlockRef,
  l2BlockRef,
  loadUpgradeTransactions,
  nextOrigin,
  type RollupConfig,
  type SystemConfig,
  toRollupJson,
  type UpgradeTransactions,
} from '@l2/sequencer-core/derivation'
import type { EngineApi } from '@l2/sequencer-core/engine'
import { createNodeBrotliCompressor, type GethProcess, nodeDecompressors, spawnOpGeth } from '@l2/sequencer-core/node'
import {
  type Abi,
  type Address,
  bytesToHex,
  encodeFunctionData,
  type Hash,
  hexToBytes,
  keccak256,
  type LocalAccount,
  numberToHex,
  parseAbi,
  zeroAddress,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goOutput, goProgram } from '../../../scripts/go.mjs'
import { ask, startStockFollower } from '../../../scripts/stock-follower.js'
import { implementationSlot } from '../src/genesis/allocation.js'
import { l2Genesis } from '../src/genesis/l2-genesis.js'
import { predeploys } from '../src/genesis/predeploys.js'
import { settlementRollup } from '../src/genesis/rollup.js'
import { deploySettlement, type Settlement } from '../src/index.js'
import { openArtifacts } from '../src/node/index.js'
import { type AnvilL1, accounts, startL1 } from '../src/testing/dev-l1.js'

// A chain whose contracts are the real ones, with deposits, withdrawals, changes of its configuration, the upgrade to Karst, posters that take turns by the word of
// committees, each of which hands over to the next, and a reorganisation of L1, made by ours on op-geth and followed by stock op-node. With `pnpm test:peers` alone: it takes minutes.

const wanted = process.env['L2_PEERS'] !== undefined
const opNode = wanted ? goProgram('op-node') : undefined
const opGeth = wanted ? goProgram('op-geth') : undefined
const statesPath = wanted ? goOutput('op-states') : undefined
const hasPrograms = opNode !== undefined && opGeth !== undefined && statesPath !== undefined
if (!hasPrograms) {
  process.stdout.write('skipped: a chain with real contracts before op-node; pnpm test:peers stock-follower, with Go\n')
}

const [deployer, first, second, stranger, user] = accounts
/** Two committees, which take turns as posters do: each attests for one epoch. */
const committees = [1, 5].map(from => {
  const signers = [0, 1, 2, 3].map(n => createEcdsaAttester(privateKeyToAccount(keccak256(numberToHex(from + n)))))
  const members = signers.map(
    ({ key }, index): CommitteeMember => ({ id: from + index, power: BigInt(1 + index), key }),
  )
  return { signers, members, bytes: ecdsaAttestation.encodeMembers(members) }
})
const l1ChainId = 900n
const l2ChainId = 901n
const l1BlockSeconds = 4n
const blockTimeSeconds = 2n
const karstBlock = 12n
/** The predeploys that the chain begins with: frozen ones, or those of the installed package and ours. `karst` begins after that upgrade, the others come to it. */
const levels =
  process.env['L2_PEERS'] === 'full' ? (['installed', 'jovian', 'karst'] as const) : (['installed'] as const)
const before = 30
const after = 62
const artifacts = openArtifacts()
const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n }
const nobody = (n: number): Address => `0x${(0x1000 + n).toString(16).padStart(40, '0')}`
const recipients = { sequencer: nobody(1), baseFee: nobody(2), l1Fee: nobody(3), operatorFee: nobody(4) }
const owner = nobody(5)
const passerAbi = parseAbi(['function initiateWithdrawal(address target, uint256 gasLimit, bytes data) payable'])
const versioned = [predeploys.l2CrossDomainMessenger, predeploys.l2StandardBridge, predeploys.sequencerFeeVault]
const versionAbi = parseAbi(['function version() view returns (string)'])

describe.skipIf(!hasPrograms).each(levels)('a chain with real contracts, predeploys: %s', level => {
  const isUpgraded = level !== 'karst'
  let folder: string
  const started: GethProcess[] = []
  let l1: AnvilL1
  let settlement: Settlement
  let committee: Address
  let pool: Address
  let config: RollupConfig
  let genesisPath: string
  let upgradeTransactions: UpgradeTransactions
  let karst: Readonly<Record<Address, { storage?: Readonly<Record<string, Hash>> }>>
  let turns = 0n

  type Execution = { engine: EngineApi; geth: GethProcess }
  const execute = async (): Promise<Execution> => {
    const dataDir = join(folder, `op-geth-${started.length}`)
    const geth = await spawnOpGeth({ binary: opGeth!, dataDir, genesisPath, chainId: l2ChainId, states: 0 })
    started.push(geth)
    const { engineUrl, rpcUrl, jwtSecret } = geth
    return { engine: await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' }), geth }
  }

  /** While batches are posted an L1 block takes a second, so that the chain's origins come to what happens then. */
  const mine = async (seconds = 1n): Promise<void> => {
    const { timestamp } = await l1.client.getBlock({ blockTag: 'latest' })
    await l1.test.setNextBlockTimestamp({ timestamp: timestamp + seconds })
    await l1.test.mine({ blocks: 1 })
  }
  const call = async (account: LocalAccount, to: Address, data: `0x${string}`, value = 0n): Promise<Hash> =>
    await l1.wallet(account).sendTransaction({ account, chain: null, to, data, value, gas: 1_500_000n, ...fees })
  const systemConfig = (functionName: string, args: readonly unknown[]): Promise<Hash> => {
    const data = encodeFunctionData({ abi: artifacts.contract('SystemConfig').abi as Abi, functionName, args })
    return call(deployer, settlement.addresses.systemConfig, data)
  }
  /** The committee of the epoch says who posts in the next one, and which committee comes; whoever sends it. */
  const rotate = async (poster: LocalAccount): Promise<Hash> => {
    const [speaks, comes] = [committees[Number(turns % 2n)]!, committees[Number((turns + 1n) % 2n)]!]
    const statement = {
      ...{ chainId: l2ChainId, sequence: turns + 1n, committee: turns, poster: poster.address, lastAttested: 0n },
      nextMembers: keccak256(comes.bytes),
    }
    const digest = hashTurnStatement(statement, { l1ChainId, committee })
    const signatures = await Promise.all(
      // Three of four have nine tenths of the stake.
      [1, 2, 3].map(async n => [speaks.members[n]!.id, await speaks.signers[n]!.sign(digest)] as const),
    )
    const { bitmap, signature } = ecdsaAttestation.combine(speaks.members, new Map(signatures))!
    const args = [{ ...statement, l2ChainId }, comes.bytes, bitmap, signature] as const
    turns++
    return call(stranger, committee, encodeFunctionData({ abi: committeeAbi, functionName: 'turn', args }))
  }
  const deposit = (value: bigint): Promise<Hash> => {
    const args = [user.address, value, 100_000n, false, '0x']
    const { abi } = artifacts.contract('OptimismPortal2')
    const data = encodeFunctionData({ abi: abi as Abi, functionName: 'depositTransaction', args })
    return call(stranger, settlement.addresses.optimismPortal, data, value)
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'l2-stock-follower-'))
    const timestamp = Math.floor(Date.now() / 1000) - 3600
    l1 = await startL1(['--order', 'fifo', '--timestamp', String(timestamp), '--slots-in-an-epoch', '8'])
    settlement = await deploySettlement(
      { l2ChainId, batcher: first.address },
      { client: l1.client, account: deployer, artifacts },
    )
    const { systemConfig } = settlement.addresses
    const args = [systemConfig, l2ChainId, 86_400n, zeroAddress, 0n, 0n, committees[0]!.bytes] as const
    // Mined when it is told to, and not by itself, which anvil forgets now and then.
    await l1.test.setAutomine(false)
    const shared = { account: deployer, chain: null, gas: 3_000_000n, ...fees } as const
    const contract = { abi: committeeAbi, bytecode: committeeBytecode }
    const hash = await l1.wallet(deployer).deployContract({ ...contract, args, ...shared, gas: 5_000_000n })
    await mine()
    committee = (await l1.client.getTransactionReceipt({ hash })).contractAddress!
    pool = await l1.client.readContract({ address: committee, abi: committeeAbi, functionName: 'pool' })
    const { states, bundles } = JSON.parse(readFileSync(statesPath!, 'utf8'))
    karst = states.karst
    upgradeTransactions = await loadUpgradeTransactions({ fork: 'karst', bundle: bundles.karst })
    const { timestamp: begin } = settlement.l1Origin
    const forks = { ...allForksAtGenesis, karst: isUpgraded ? begin + karstBlock * blockTimeSeconds : 0n }
    const genesis = l2Genesis(
      {
        ...{ l1ChainId, l2ChainId, timestamp: begin, owner, recipients, forks },
        ...{ l1: settlement.addresses, gasLimit: settlement.systemConfig.gasLimit },
        ...(level === 'installed' ? {} : { level: { fork: level, state: states[level] } }),
      },
      { artifacts },
    )
    genesisPath = join(folder, 'genesis.json')
    writeFileSync(genesisPath, JSON.stringify(genesis))
    const probe = await execute()
    const { hash: l2Hash } = (await probe.engine.block(0n))!
    await probe.engine.close()
    config = settlementRollup({
      ...{ l1ChainId, l2ChainId, settlement, l2Genesis: { hash: l2Hash, timestamp: begin }, forks, blockTimeSeconds },
      ...{ sequencingWindowBlocks: 200n, channelTimeoutBlocks: 50n },
    })
    writeFileSync(join(folder, 'rollup.json'), JSON.stringify(toRollupJson(config)))
  }, 300_000)
  afterAll(async () => {
    for (const geth of started) await geth.close()
    await l1?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What happens on L1 while the chain grows, by the L1 blocks since its begin. */
  const events: Readonly<Record<number, () => Promise<unknown>>> = {
    1: () => deposit(3n * 10n ** 18n),
    2: () => systemConfig('setGasLimit', [40_000_000n]),
    3: () => systemConfig('setGasConfigEcotone', [2000, 700_000]),
    4: () => deposit(10n ** 18n),
    5: () => systemConfig('transferOwnership', [pool]),
    6: () => rotate(second),
    9: () => deposit(10n ** 18n),
    14: () => deposit(10n ** 17n),
    20: () => deposit(10n ** 17n),
  }

  /** Our sequencer: goes on until the chain has so many blocks, and mines L1 where it needs the next block of it. */
  function sequencer({ engine }: Execution) {
    const source = createRpcL1Source({ client: l1.client, config })
    const chain: BatcherBlock[] = []
    const depositCounts: number[] = []
    let head: L2BlockRef = genesisBlockRef(config)
    let carried: SystemConfig = config.genesis.systemConfig
    let nonce = 0
    const transaction = async (): Promise<Uint8Array> => {
      const withdraws = nonce % 3 === 0
      const data = encodeFunctionData({
        abi: passerAbi,
        functionName: 'initiateWithdrawal',
        args: [user.address, 50_000n, '0x'],
      })
      const raw = await user.signTransaction({
        ...{ type: 'eip1559', chainId: Number(l2ChainId), nonce: nonce++, gas: 300_000n, value: 1000n },
        ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1000n },
        ...(withdraws ? { to: predeploys.l2ToL1MessagePasser, data } : { to: nobody(99) }),
      })
      return hexToBytes(raw)
    }
    const grow = async (count: number): Promise<void> => {
      while (chain.length < count) {
        const current = (await source.block(head.l1Origin.number))!
        const next = await source.block(head.l1Origin.number + 1n)
        if (next === undefined) {
          await events[Number(head.l1Origin.number + 1n - config.genesis.l1.number)]?.()
          await mine(l1BlockSeconds)
          continue
        }
        const choice = nextOrigin(config, head, current, next)
        if (choice.type !== 'build') throw new Error(choice.type)
        const { origin } = choice
        const isKarst = isUpgraded && BigInt(chain.length + 1) === karstBlock
        // Its first deposit is credited by then.
        const isRich = chain.length > 8
        const transactions = choice.noTxPool || isKarst || !isRich ? [] : [await transaction(), await transaction()]
        const built = buildAttributes({
          ...{ rollup: config, parent: head, systemConfig: carried, origin, logs: origin.logs },
          ...{ transactions, upgradeTransactions },
        })
        const block = await engine.build(head.hash, built.attributes)
        const { hash: genesis } = config.genesis.l2
        await engine.setHead({ head: block.hash, safe: genesis, finalized: genesis })
        head = l2BlockRef(block, config)
        carried = configCarriedByBlock(built.systemConfig, block.timestamp, config)
        chain.push(toBatcherBlock(head, block.transactions))
        depositCounts.push(built.depositCount)
      }
    }
    return { chain, depositCounts, grow }
  }

  type Poster = { batcher: Batcher; events: BatcherEvent[] }
  type Status = { current_l1: { number: number }; safe_l2: { number: number; hash: Hash } }

  function poster(
    account: LocalAccount,
    { chain, known, status }: { chain: readonly BatcherBlock[]; known(): number; status(): Promise<Status> },
  ): Poster {
    const seen: BatcherEvent[] = []
    const batcher = createBatcher(
      {
        ...{ profile: 'devnet', chainId: config.l2ChainId, genesisTimeSeconds: config.genesis.l2TimeSeconds },
        ...{ blockTimeSeconds, sequencingWindowBlocks: config.sequencingWindowBlocks, frameDataBytes: 3000 },
        ...{ targetFrames: 2, maxPendingSubmissions: 1, compressor: createNodeBrotliCompressor() },
      },
      {
        turn: createSystemConfigTurn(
          { account: account.address, systemConfig: settlement.addresses.systemConfig },
          { client: l1.client as never },
        ),
        node: {
          async status() {
            const { current_l1: current, safe_l2: safe } = await status()
            const newest = chain[known() - 1]!
            return {
              headL1: await l1.client.getBlockNumber(),
              currentL1: BigInt(current.number),
              safe: { number: BigInt(safe.number), hash: safe.hash },
              unsafe: { number: newest.number, hash: newest.hash },
            }
          },
          blocks: async (from, to) => chain.slice(Number(from) - 1, Math.min(Number(to), known())),
        },
        sink: {
          includedOn: 'l1',
          limits: async () => ({ maxBytes: 20_000, maxItems: 1 }),
          async submit(items) {
            const hash = await call(account, config.batchInbox, bytesToHex(items[0]!))
            await mine()
            return { height: (await l1.client.getTransactionReceipt({ hash })).blockNumber }
          },
        },
        onEvent: event => seen.push(event),
      },
    )
    return { batcher, events: seen }
  }

  const paidBy = (account: LocalAccount) => l1.client.getTransactionCount({ address: account.address })

  it('is followed by stock op-node over the epochs of its posters, hash by hash', { timeout: 900_000 }, async () => {
    const own = await execute()
    const made = sequencer(own)
    await made.grow(before)
    const programs = { opNode: opNode!, opGeth: opGeth!, l1Url: l1.url, chainId: l2ChainId, genesisPath }
    await using follower = await startStockFollower({
      ...{ ...programs, rollupPath: join(folder, 'rollup.json'), directory: join(folder, 'follower') },
    })
    const { chain } = made
    let known = before / 2
    const shared = { chain, known: () => known, status: follower.status }
    const [one, two] = [poster(first, shared), poster(second, shared)]
    /** Both post as they may until op-node has derived so many blocks. */
    const until = async (count: number): Promise<void> => {
      const deadline = Date.now() + 180_000
      while ((await follower.status()).safe_l2.number < count) {
        if (Date.now() > deadline) throw new Error(`op-node has not derived ${count} blocks`)
        for (const { batcher } of [one, two]) {
          batcher.flush()
          await batcher.step()
          await batcher.settle()
        }
        await mine()
        await pause(600)
      }
    }
    // The chain's first poster has lost its turn before it posted anything.
    const begun = await paidBy(first)
    await until(known)
    expect(await paidBy(first)).toBe(begun)
    expect(one.batcher.view.waiting).toBe('not-the-batcher')

    // A rotation and what the next poster posts, and a reorganisation of L1 that takes both away.
    const snapshot = await l1.test.snapshot()
    const [turnsBefore, height] = [turns, await l1.client.getBlockNumber()]
    await rotate(first)
    await mine()
    known = before
    const paid = await paidBy(second)
    await until(before)
    expect(await paidBy(second)).toBe(paid)
    const gone = await l1.client.getBlockNumber()
    await l1.test.revert({ id: snapshot })
    turns = turnsBefore
    // Others in their place: a transaction that was not there before.
    await deposit(1n)
    while ((await l1.client.getBlockNumber()) <= gone + 1n) await mine()
    expect(gone).toBeGreaterThan(height)
    known = before / 2
    const deadline = Date.now() + 120_000
    while ((await follower.status()).safe_l2.number > known) {
      if (Date.now() > deadline) throw new Error('op-node has not gone back')
      await mine()
      await pause(600)
    }
    const again = await paidBy(first)
    known = before
    await until(before)
    expect(await paidBy(first)).toBe(again)

    // On the new L1: the same rotation, and the rest of the chain.
    await rotate(first)
    await mine()
    await made.grow(after)
    known = after
    const last = await paidBy(second)
    await until(after)
    expect(await paidBy(second)).toBe(last)

    const theirs = await Promise.all(chain.map(({ number }) => follower.hashAt(number)))
    expect(theirs).toEqual(chain.map(({ hash }) => hash))
    // Our own derivation, on an engine of its own.
    const verifying = await execute()
    const driver = createDerivationDriver({
      ...{ config, engine: verifying.engine, decompressors: nodeDecompressors, upgradeTransactions },
      l1: createRpcL1Source({ client: l1.client, config }),
    })
    const { safe } = await driver.sync()
    expect({ number: safe.number, hash: safe.hash }).toEqual({
      number: BigInt(after),
      hash: chain.at(-1)!.hash,
    })

    // What it was about has happened.
    const read = async (at: bigint, to: Address, data: `0x${string}`) =>
      await ask<`0x${string}`>(own.geth.rpcUrl, 'eth_call', [{ to, data }, numberToHex(at)])
    const hasCrossedKarst = async (): Promise<void> => {
      const version = encodeFunctionData({ abi: versionAbi, functionName: 'version' })
      const versionsAt = (at: bigint) => Promise.all(versioned.map(address => read(at, address, version)))
      const [old, now] = [await versionsAt(karstBlock - 1n), await versionsAt(karstBlock)]
      expect(now.filter((each, i) => each !== old[i]).length, JSON.stringify([old, now])).toBe(versioned.length)
      const receipts = await ask<{ status: string; type: string }[]>(own.geth.rpcUrl, 'eth_getBlockReceipts', [
        numberToHex(karstBlock),
      ])
      expect(receipts.filter(({ status, type }) => status === '0x1' && type === '0x7e').length).toBeGreaterThanOrEqual(
        32,
      )
      expect(made.depositCounts[Number(karstBlock) - 1]).toBeGreaterThanOrEqual(32)
    }
    // Receipts prove nothing: a deposit that calls nobody succeeds as well. Behind each proxy is what is there in the state that was frozen after Karst, and versions
    // have gone up.
    const upgraded = Object.entries(karst).filter(([, { storage }]) => storage?.[implementationSlot] !== undefined)
    for (const [address, { storage }] of upgraded) {
      const params = [address, implementationSlot, numberToHex(karstBlock)]
      expect(await ask(own.geth.rpcUrl, 'eth_getStorageAt', params), address).toBe(storage![implementationSlot])
    }
    expect(upgraded.length).toBeGreaterThan(15)
    if (isUpgraded) await hasCrossedKarst()
    const gasLimits = await Promise.all(
      [1n, karstBlock, BigInt(after)].map(async number => (await own.engine.block(number))!.gasLimit),
    )
    expect(gasLimits[2]).toBe(40_000_000n)
    if (isUpgraded) expect(gasLimits[1]).toBeGreaterThan(gasLimits[2]!)
    const roots = new Set<string | undefined>()
    for (const { number } of chain) roots.add((await own.engine.block(number))?.withdrawalsRoot)
    expect(roots.size).toBeGreaterThan(10)
    const deposits = made.depositCounts.reduce((sum, count) => sum + count, 0) - after - (isUpgraded ? 31 : 0)
    expect(deposits).toBeGreaterThanOrEqual(4)
    // `batcherHash()` of L1Block: who posts, as L2 knows it.
    const batcherHash = '0xe81b2c6d'
    const posters = await Promise.all(
      chain.map(async ({ number }) => `0x${(await read(number, predeploys.l1Block, batcherHash)).slice(26)}`),
    )
    const changes = posters.filter((each, i) => i === 0 || each !== posters[i - 1])
    expect(changes).toEqual([first, second, first].map(({ address }) => address.toLowerCase()))
  })
})
