import { isL2Error } from '@l2/common'
import { hashSequencerHeader, type SequencerHeader } from '@l2/sequencer-core/block'
import type { Hash, Hex } from 'viem'
import type { ControlChain, FoldedBlock } from '../chain/control-chain.js'
import type { ControlChainOptions } from '../chain/ledger.js'
import { ControlChainError, type ControlChainErrorCode } from '../errors.js'
import { controlStateHash, decodeControlState } from '../fold/snapshot.js'
import { encodeEquivocation, signTransaction } from '../transaction/transaction.js'

/** One operator of a network under test. */
export type ControlPeer = {
  readonly id: number
  /** Signs with the operator's header key. */
  sign(digest: Hash): Promise<Hex>
  readonly chain: ControlChain
  /** Everything that `onBlock` was told, over all openings. */
  readonly blocks: readonly FoldedBlock[]
  /** From now on the operator's lists name the blocks up to this height: `hashOf(height)`, on the genesis. */
  execute(height: bigint): void
  /** Closes the chain and opens another over the same store. */
  reopen(): Promise<void>
}

/** A network under test, of as many operators as the adapter is for, all of the same stake. */
export type ControlNetwork = {
  readonly options: ControlChainOptions
  readonly peers: readonly ControlPeer[]
  hashOf(height: bigint): Hash
  close(): Promise<void>
}

/** One promise of a port, checked. */
export type ControlConformanceCase = { readonly name: string; run(): Promise<void> }

const patienceMs = 60_000
const pollMs = 50

function expectTrue(what: string, holds: boolean): void {
  if (!holds) throw new ControlChainError(`conformance: ${what}`, { code: 'CONFORMANCE_FAILED' })
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + patienceMs
  while (!holds()) {
    expectTrue(`it did not come to this: ${what}`, performance.now() < end)
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

async function expectCode(code: ControlChainErrorCode, work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    caught => caught,
  )
  expectTrue(`${code} expected, got ${String(error)}`, isL2Error(error, code))
}

/**
 * The contract of {@link ControlChain}, for every adapter: order, finality, transactions, restarts, convictions. The cases share
 * one network and run in their order; the network is opened by the first and closed by the last.
 */
export function controlChainConformance(open: () => Promise<ControlNetwork>): ControlConformanceCase[] {
  let opened: Promise<ControlNetwork> | undefined
  let sequence = 0n
  const scene = (
    name: string,
    run: (network: ControlNetwork, first: ControlPeer) => Promise<void>,
  ): ControlConformanceCase => ({
    name,
    async run() {
      opened ??= open()
      const network = await opened
      await run(network, network.peers[0]!)
    },
  })
  const vote = ({ options }: ControlNetwork, peer: ControlPeer, view: number, atHeight: bigint): Promise<Uint8Array> =>
    signTransaction(
      { domain: options.domain, message: { type: 'termVote', view, cause: { type: 'silent' } }, sequence: atHeight },
      hash => peer.sign(hash),
    )
  const endTerm = async (network: ControlNetwork): Promise<void> => {
    const { view } = network.peers[0]!.chain.state()
    const at = ++sequence
    for (const peer of network.peers) await peer.chain.submit(await vote(network, peer, view, at))
    await until('a term that votes ended', () => network.peers.every(({ chain }) => chain.state().view === view + 1))
  }

  return [
    scene('tells every operator the same blocks, each once and in order', async ({ peers }) => {
      await until('three blocks', () => peers.every(({ chain }) => chain.state().height >= 3n))
      const shared = peers.reduce((least, { blocks }) => Math.min(least, blocks.length), Number.POSITIVE_INFINITY)
      for (const { blocks } of peers) {
        blocks.forEach(({ block, state }, index) => {
          expectTrue('heights without a gap, from 1', block.height === BigInt(index + 1))
          expectTrue('the state after the block', state.height === block.height)
        })
      }
      for (let index = 0; index < shared; index++) {
        const hashes = new Set(peers.map(({ blocks }) => controlStateHash(blocks[index]!.state)))
        expectTrue(`one state after block ${index + 1}`, hashes.size === 1)
      }
    }),
    scene('settles what more than two thirds have executed, and tells it', async ({ peers, hashOf }) => {
      for (const peer of peers) peer.execute(5n)
      await until('a milestone everywhere', () => peers.every(({ chain }) => chain.state().milestone.height === 5n))
      for (const { chain, blocks } of peers) {
        expectTrue('the block that was named', chain.state().milestone.hash === hashOf(5n))
        expectTrue(
          'an event',
          blocks.some(({ events }) => events.some(({ type }) => type === 'settled')),
        )
      }
    }),
    scene('says how high it is, who is there, and what it tolerates', async ({ peers, options }, { chain }) => {
      const before = chain.status.height
      await until('a block', () => chain.status.height > before)
      const total = options.operators.reduce((sum, { power }) => sum + power, 0n)
      const { quorum, toleratedPower, waiting } = chain.status
      expectTrue('all stake', quorum.total === total)
      expectTrue('less than a third is tolerated', 3n * toleratedPower < total && 3n * (toleratedPower + 1n) >= total)
      expectTrue('more than two thirds are there', 3n * quorum.power > 2n * total)
      expectTrue('nothing is waited for', waiting === undefined && chain.status.sinceBlockMs < patienceMs)
      expectTrue(
        'all are named',
        quorum.present.every(id => peers.some(peer => peer.id === id)),
      )
    }),
    scene('orders a transaction for all, and once', async (network, first) => {
      await endTerm(network)
      const known = await vote(network, first, first.chain.state().view - 1, sequence)
      const { view } = first.chain.state()
      await first.chain.submit(known).catch(error => {
        if (!isL2Error(error, 'TRANSACTION_REFUSED')) throw error
      })
      const { height } = first.chain.state()
      await until('two blocks more', () => first.chain.state().height >= height + 2n)
      expectTrue('nothing happens twice', first.chain.state().view === view)
    }),
    scene('refuses what no operator sent', async (network, first) => {
      const bytes = await vote(network, first, 0, sequence + 100n)
      bytes[10]! ^= 1
      for (const refused of [new Uint8Array(), new Uint8Array(100_000), bytes]) {
        await expectCode('TRANSACTION_REFUSED', first.chain.submit(refused))
      }
    }),
    scene('gives its state to somebody who joins', async (_, { chain }) => {
      const { height, hash, bytes } = chain.snapshot()
      const state = decodeControlState(bytes)
      expectTrue('the state under its hash', controlStateHash(state) === hash && state.height === height)
    }),
    scene('goes on from its store, and tells no block twice', async (network, first) => {
      const { height } = first.chain.state()
      const { chain } = first
      await first.reopen()
      await expectCode('CHAIN_UNAVAILABLE', chain.submit(await vote(network, first, 0, sequence + 200n)))
      expectTrue('where it was', first.chain.state().height >= height)
      await until('a block', () => first.chain.state().height > height)
      first.blocks.forEach(({ block }, index) => {
        expectTrue('heights without a gap', block.height === BigInt(index + 1))
      })
      for (const peer of network.peers) peer.execute(9n)
      await until('milestones go on', () => network.peers.every(({ chain }) => chain.state().milestone.height === 9n))
      await endTerm(network)
    }),
    scene('bars who signed two headers at one place, as long as those are below a third', async (network, first) => {
      const { domain, operators } = network.options
      const accused = network.peers.at(-1)!
      const sign = async (stateRoot: Hash) => {
        const header: SequencerHeader = { ...place, stateRoot }
        return { header, signature: await accused.sign(hashSequencerHeader(header, domain)) }
      }
      const [a, b] = [await sign(network.hashOf(1n)), await sign(network.hashOf(2n))]
      await first.chain.submit(encodeEquivocation(a, b))
      const isMany = operators.length > 3
      const { height } = first.chain.state()
      await until('three blocks', () => first.chain.state().height >= height + 3n)
      for (const { chain } of network.peers) {
        await until('its conviction', () => chain.state().jailed.has(accused.id) === isMany)
      }
      const members = (): number => first.blocks.at(-1)!.members.length
      await until('others vote', () => members() === operators.length - (isMany ? 1 : 0))
    }),
    scene('closes, and closes again', async ({ peers, close }) => {
      for (const { chain } of peers) {
        await chain.close()
        await chain[Symbol.asyncDispose]()
      }
      await close()
    }),
  ]
}

const zero: Hash = `0x${'00'.repeat(32)}`
const place = {
  ...{ epochId: 1n, term: 1, height: 3n, parentHash: zero, txRoot: zero, timestamp: 1_700_000_000n },
  ...{ l1OriginNumber: 1n, l1OriginHash: zero, forcedUpTo: 0n },
}
