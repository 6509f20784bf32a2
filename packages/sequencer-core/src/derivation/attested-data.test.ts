import { encodeOpBlob } from '@l2/blob'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { type Address, encodeAbiParameters, type Hash, keccak256, parseAbiParameters } from 'viem'
import { expect, it } from 'vitest'
import { toSingularBatch } from '../batch/singular.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { createL1Simulator, simulatedAccount } from '../testing/l1-simulator.js'
import {
  createSequencerSimulator,
  deriveSimulated,
  framesOfBatches,
  simulatedRollup,
  simulatedTransaction,
} from '../testing/l2-simulator.js'
import { attestedTopic } from './attested-data.js'
import { type DerivationCheckpoint, genesisCheckpoint } from './checkpoint.js'
import { readInboxTransaction } from './l1-transaction.js'
import type { DerivationEvent } from './pipeline-types.js'
import { checkRollupConfig, type RollupConfig } from './rollup-config.js'
import { toRollupJson } from './rollup-json.js'

const contract: Address = `0x${'c0'.repeat(20)}`
const parameters = parseAbiParameters('uint64 first, uint64 last, bytes32 outputRoot, bytes32[] dataHashes')

class World {
  readonly config: RollupConfig
  readonly l1
  readonly sequencer
  readonly isSigned: boolean
  #channels = 0
  #nonce = 0n

  constructor(windowBlocks = 5n, sign = true) {
    this.isSigned = sign
    this.config = simulatedRollup({ committee: { contract, windowBlocks } })
    this.l1 = createL1Simulator({ config: this.config, sign })
    this.sequencer = createSequencerSimulator({ config: this.config, l1: this.l1 })
    this.l1.mine()
  }
  /** The next block in a channel of its own, as a transaction's calldata. */
  next(): Uint8Array {
    const built = this.sequencer.build([simulatedTransaction(this.config, this.#nonce++)])!
    const channelId = `0x${(++this.#channels).toString(16).padStart(32, '0')}` as const
    return encodeBatcherTransaction(framesOfBatches([toSingularBatch(built.batch)], { config: this.config, channelId }))
  }
  attest(dataHashes: readonly Hash[], address = contract): void {
    const data = encodeAbiParameters(parameters, [1n, 2n, keccak256('0x'), dataHashes])
    this.l1.log({ address, topics: [attestedTopic, keccak256('0x01')], data: Buffer.from(data.slice(2), 'hex') })
  }
  derive(onEvent?: Parameters<typeof deriveSimulated>[1]['onEvent']) {
    const options = { config: this.config, start: genesisCheckpoint(this.config), trustSenders: !this.isSigned }
    return deriveSimulated(this.l1, onEvent === undefined ? options : { ...options, onEvent })
  }
  get derived(): number {
    return this.derive().blocks.length
  }
}
const ignored = (events: readonly DerivationEvent[]) =>
  events.flatMap(event => (event.type === 'transaction-ignored' ? [event.reason] : []))

it('only what a committee attested counts: in its L1 block, up to a window later, and once', () => {
  const world = new World()
  const data = world.next()
  world.l1.post(data)
  world.l1.mine()
  expect([world.derived, ignored(world.derive().events)]).toEqual([0, ['not-attested']])
  // By another contract.
  world.attest([keccak256(data)], `0x${'c2'.repeat(20)}`)
  world.l1.post(data)
  world.l1.mine()
  expect(world.derived).toBe(0)
  // Behind the transaction, in the same block: a statement counts in the whole of its block.
  world.attest([keccak256(data)])
  world.l1.post(data)
  world.l1.mine()
  expect(world.derived).toBe(1)
  world.l1.post(data)
  world.l1.mine()
  expect(ignored(world.derive().events)).toEqual(['not-attested', 'not-attested', 'not-attested'])

  const [second, third] = [world.next(), world.next()]
  world.attest([keccak256(second), keccak256(third)])
  for (let passed = 0; passed < 5; passed++) world.l1.mine()
  world.l1.post(second)
  world.l1.mine()
  expect(world.derived).toBe(2)
  world.l1.post(third)
  world.l1.mine()
  expect(world.derived).toBe(2)
  // Who may post is asked as well.
  world.attest([keccak256(third)])
  world.l1.post(third, { from: simulatedAccount(1) })
  world.l1.mine()
  expect(ignored(world.derive().events).at(-1)).toBe('not-batcher')
  world.l1.post(third)
  world.l1.mine()
  expect(world.derived).toBe(3)
})

it('a transaction of blobs counts when every one of them is attested', () => {
  const world = new World()
  const blobs = [encodeOpBlob(world.next()), encodeOpBlob(world.next())]
  const post = () => {
    world.l1.postBlobs(blobs)
    return world.l1.mine()
  }
  const [transaction] = post().transactions
  const hashes = readInboxTransaction(transaction!.raw, world.config.l1ChainId)!.blobVersionedHashes!
  expect(hashes).toHaveLength(2)
  world.attest([hashes[0]!])
  post()
  expect(world.derived).toBe(0)
  world.attest([hashes[1]!])
  post()
  expect(world.derived).toBe(2)
})

it('goes on from every checkpoint as if it had never stopped', () => {
  const random = seededRandom(testSeed())
  for (let run = 0; run < runs({ suite: 1, soak: 200 }); run++) {
    const world = new World(BigInt(random.below(6)), false)
    const waiting: Uint8Array[] = []
    for (let round = 0; round < 25; round++) {
      if (random.bool()) waiting.push(world.next())
      for (const data of waiting.filter(() => random.bool(0.4))) world.attest([keccak256(data)])
      // Posted when it is attested, too early, too late, or twice.
      for (const data of waiting.filter(() => random.bool(0.4))) world.l1.post(data)
      world.l1.mine()
    }
    const checkpoints: DerivationCheckpoint[] = []
    const whole = world.derive((event, pipeline) => {
      if (event.type === 'l1-block-read') checkpoints.push(pipeline.checkpoint)
    })
    const all = whole.blocks.map(({ hash }) => hash)
    for (const start of new Set(checkpoints)) {
      const rest = deriveSimulated(world.l1, { config: world.config, start, engine: whole.engine, trustSenders: true })
      expect(
        rest.blocks.map(({ hash }) => hash),
        `L2_SEED=${random.seed} ${run} ${start.l1.number}`,
      ).toEqual(all)
      expect(rest.pipeline.checkpoint).toEqual(whole.pipeline.checkpoint)
    }
  }
})

it('logs that are none of the contract’s are passed over', () => {
  const world = new World()
  const data = world.next()
  const good = Buffer.from(
    encodeAbiParameters(parameters, [1n, 2n, keccak256('0x'), [keccak256(data)]]).slice(2),
    'hex',
  )
  for (const bytes of [good.subarray(0, -1), Buffer.concat([good, good]), good.subarray(0, 100), Buffer.alloc(0)]) {
    world.l1.log({ address: contract, topics: [attestedTopic], data: bytes })
  }
  world.l1.log({ address: contract, topics: [keccak256('0x')], data: good })
  const [offset, long] = [Buffer.from(good), Buffer.from(good)]
  offset[127] = 0
  long[159] = 200
  world.l1.log({ address: contract, topics: [attestedTopic], data: offset })
  world.l1.log({ address: contract, topics: [attestedTopic], data: long })
  world.l1.post(data)
  world.l1.mine()
  expect(ignored(world.derive().events)).toEqual(['not-attested'])
})

it('is no chain for nodes that do not ask', () => {
  const { config } = new World()
  expect(() => toRollupJson(config)).toThrow(expect.objectContaining({ code: 'ROLLUP_CONFIG_INVALID' }))
  for (const committee of [
    { contract: '0x00' as Address, windowBlocks: 1n },
    { contract, windowBlocks: 8192n },
    { contract, windowBlocks: -1n },
  ]) {
    expect(() => checkRollupConfig({ ...config, committee })).toThrow(
      expect.objectContaining({ code: 'ROLLUP_CONFIG_INVALID' }),
    )
  }
})
