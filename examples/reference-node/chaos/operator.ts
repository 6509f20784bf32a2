// An operator as chaos runs it: the program of @l2/operator, whose core and gossip are wrapped, so that it lies as long as its home has a file that says about what.
// The published program has no such switch.
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ControlState, OperatorList } from '@l2/control-chain'
import type { EngineKind } from '@l2/node'
import { openHome, openHomeKeys } from '@l2/operator'
import { decodeSealedBlock, encodeSealedBlock, hashSequencerHeader } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import type * as coreModule from '../../../packages/operator/src/core/core.js'
import type * as gossipModule from '../../../packages/operator/src/node/gossip.js'
import type * as operatorModule from '../../../packages/operator/src/node/operator.js'
import { lieOf } from './lies.js'

type BlockSource = Parameters<typeof gossipModule.openOperatorGossip>[1]
type GossipBlock = NonNullable<Awaited<ReturnType<BlockSource['block']>>>

const { values } = parseArgs({ options: { home: { type: 'string' }, engine: { type: 'string' } } })
const built = dirname(createRequire(import.meta.url).resolve('@l2/operator/package.json'))
const { createCore } = (await import(join(built, 'dist/core/core.js'))) as typeof coreModule
const { openOperatorGossip } = (await import(join(built, 'dist/node/gossip.js'))) as typeof gossipModule
const { runOperatorOf } = (await import(join(built, 'dist/node/operator.js'))) as typeof operatorModule

const graceMs = 10_000
/** Longer than what goes with a header, and than what is kept for those who ask. */
const withheldBytes = 256 << 10
const keptBytes = 128 << 10
const word = (n: bigint): Hash => `0x${n.toString(16).padStart(64, '0')}`

const home = openHome(values.home!)
const keys = await openHomeKeys(home)
const say = (message: string): void => void process.stdout.write(`${new Date().toISOString()} ${message}\n`)

/** Whatever a list may say: nothing, blocks that nobody has, old terms, another chain, an L1 that is none. */
function lyingList(state: ControlState, honest: OperatorList): OperatorList {
  const made = Array.from({ length: 8 }, (_, i) => word(state.height * 100n + BigInt(i + 1)))
  const lists: readonly OperatorList[] = [
    { ...honest, hashes: [] },
    { ...honest, base: state.milestone, hashes: made },
    { ...honest, hashes: [...honest.hashes.slice(0, -1), ...made.slice(0, 1)] },
    { ...honest, view: state.view + 3 },
    { ...honest, base: { height: 0n, hash: word(7n) }, hashes: made },
    {
      ...honest,
      atHeight: state.height + 1_000n,
      l1: { number: 8_000n, hash: word(8n), timestamp: 10n ** 10n, prevRandao: word(9n), poolRoot: word(10n) },
    },
  ]
  return lists[Number(state.height) % lists.length]!
}

/** The same block with a state that it does not execute to, under the operator's own signature. */
async function withFalseState(block: GossipBlock, domain: coreModule.CoreParts['domain']): Promise<GossipBlock> {
  const sealed = decodeSealedBlock(block.payload)
  const stateRoot = word(13n)
  const header = { ...sealed.header, stateRoot }
  const signature = await keys.header.sign!({ hash: hashSequencerHeader(header, domain) })
  const executed = { ...sealed.executed, stateRoot }
  return { header, signature, payload: encodeSealedBlock({ ...sealed, header, signature, executed }) }
}

const operator = await runOperatorOf(
  {
    core(parts) {
      const core = createCore(parts)
      const list = (state: ControlState): OperatorList =>
        lieOf(home.path) === 'lists' ? lyingList(state, core.list(state)) : core.list(state)
      return Object.create(core, { list: { value: list } })
    },
    async gossip(ground, source) {
      /** What was said instead of a block, by its height. */
      const falsely = new Map<bigint, GossipBlock>()
      const said = (block: GossipBlock): GossipBlock => falsely.get(block.header.height) ?? block
      const lying: BlockSource = {
        ...source,
        async block(id) {
          if (lieOf(home.path) === 'withheld') return undefined
          const block = [...falsely.values()].find(
            ({ header }) => hashSequencerHeader(header, ground.rules.domain) === id,
          )
          return block ?? (await source.block(id))
        },
        async range(...asked) {
          return lieOf(home.path) === 'withheld' ? [] : (await source.range(...asked)).map(said)
        },
      }
      const gossip = await openOperatorGossip(ground, lying, { cacheBytes: keptBytes })
      return {
        ...gossip,
        async publish(block) {
          const lie = lieOf(home.path)
          if (lie === 'withheld') {
            return await gossip.publish({ ...block, payload: new Uint8Array(randomBytes(withheldBytes)) })
          }
          if (lie === 'stateRoot') falsely.set(block.header.height, await withFalseState(block, ground.rules.domain))
          return await gossip.publish(lie === 'stateRoot' ? said(block) : block)
        },
      }
    },
  },
  home,
  keys,
  { say, engine: values.engine as EngineKind | undefined },
)
const interrupted = new Promise<void>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
  process.once('disconnect', resolve)
})
try {
  await Promise.race([interrupted, operator.failed])
  await operator.stop(graceMs)
  process.exit(0)
} catch (error) {
  say((error as Error).stack ?? String(error))
  await operator.stop(0).catch(() => {})
  process.exit(1)
}
