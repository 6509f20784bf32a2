import { join } from 'node:path'
import type { ControlChain, ControlState, OperatorList } from '@l2/control-chain'
import { firstPoolRoot } from '@l2/control-chain'
import { openCometBft } from '@l2/control-chain/cometbft'
import {
  createActivity,
  createFeed,
  createParts,
  createPosterTurn,
  createShutdown,
  fastRecovery,
  openBatching,
  openPosting,
  openSequencer,
  openVerifier,
  type Parts,
  type SequencerLoop,
  type Status,
  userTransactionsOf,
} from '@l2/node'
import type { BatcherTurn } from '@l2/sequencer-core/batcher'
import { firstCome } from '@l2/sequencer-core/ordering'
import { type Convictions, createConvictions } from '../core/convictions.js'
import { type CoreParts, createCore, type OperatorCore } from '../core/core.js'
import { createBlockSource } from '../core/own-chain.js'
import { homeFiles, type OperatorHome, type OperatorKeys } from '../home/home.js'
import { signBytesWith } from '../keys/web3signer.js'
import { openAttestation } from './attestation.js'
import { openCometSigner } from './comet-signer.js'
import { createDuty, type Duty } from './duty.js'
import { openFront } from './front.js'
import { openOperatorGossip } from './gossip.js'
import { convictionFile, type Ground, openControlStore, openGround, type RunOptions } from './ground.js'
import { readL1Mark } from './l1-mark.js'
import { type Machine, openMachine } from './machine.js'
import { createPlace, type Place } from './place.js'

/** A running operator. */
export type Operator = {
  readonly rpcUrl: string
  status(): Status
  /** Rejects with what stopped it; never resolves. */
  readonly failed: Promise<never>
  /** Ends in order: what is settled is posted where it is this operator's turn, within `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void>
}

/** What makes the parts of an operator that others see. */
export type OperatorMakers = { readonly core: typeof createCore; readonly gossip: typeof openOperatorGossip }

/**
 * Runs one operator over its home: its engines, its log and guard, its place in the control chain and among its peers, its
 * part in posting, and a door for users.
 *
 * @throws OperatorError `HOME_INVALID`; NodeError, ControlChainError, GossipError for a part that does not start
 */
export async function runOperator(home: OperatorHome, keys: OperatorKeys, options: RunOptions): Promise<Operator> {
  return await runOperatorOf({ core: createCore, gossip: openOperatorGossip }, home, keys, options)
}

/** {@link runOperator} with other makers of its parts, for the liars of a chaos run: the package does not export it. */
export async function runOperatorOf(
  makers: OperatorMakers,
  home: OperatorHome,
  keys: OperatorKeys,
  options: RunOptions,
): Promise<Operator> {
  const parts = createParts()
  try {
    return await compose({ makers, home, keys, options, parts })
  } catch (error) {
    await parts.close().catch(failure => options.say((failure as Error).message))
    throw error
  }
}

type Composed = { makers: OperatorMakers; home: OperatorHome; keys: OperatorKeys; options: RunOptions; parts: Parts }

async function compose({ makers, home, keys, options, parts }: Composed): Promise<Operator> {
  const startedAtMs = Date.now()
  const ground = await openGround(home, keys, options, parts)
  const { config, identity, directory, l1, l1Source, l1Watch, rollup, family, keeper, supervision, say, rules } = ground
  const posting = parts.own(await openOwnPosting(ground))
  const machine = await openMachine(home, keys, supervision)
  if (machine !== undefined) parts.own(machine)
  const control = openControlStore(ground)
  const first = control.first()
  let chain: ControlChain | undefined
  let sequencer: SequencerLoop | undefined
  let mark: OperatorList['l1']
  const recovery = await fastRecovery(say)
  const attestation = await openAttestation(ground, {
    ...{ posting, recovery, state: () => chain?.state() ?? first },
    ...{ core: () => core, sequencer: () => sequencer!, gossip: () => place.gossip(), verifier: () => verifier },
    ...{ machine, isOnDuty: () => duty.isOn },
  })
  const core: OperatorCore = makers.core({
    id: config.id,
    operators: ground.genesis.operators,
    domain: rules.domain,
    genesis: rollup.genesis.l2.hash,
    nameDepth: BigInt(ground.genesis.control.nameDepth),
    recovery,
    sign: (_, message) => signBytesWith(keys.header, message),
    state: () => chain?.state() ?? first,
    chain: () => chain!,
    sequencer: () => sequencer!,
    gossip: () => place.gossip(),
    l1: l1Watch,
    derivedHash: async height => (await ground.verifying.engine.block(height))?.hash,
    l1Mark: () => mark,
    shares: state => attestation?.attesting.shares(state) ?? {},
    say,
  } satisfies CoreParts)
  const convictions = createConvictions(convictionFile(home), rules.control.domain)
  const feed = createFeed()
  const activity = createActivity()
  const place = createPlace(ground, {
    ...{ feed, core: () => core, sequencer: () => sequencer! },
    source: () => createBlockSource(sequencer!, core.chain, hash => attestation?.data(hash)),
    openGossip: makers.gossip,
  })
  sequencer = parts.own(
    await openSequencer({
      storage: machine?.storage,
      ...{ directory, rollup, node: ground.executing, family, l1: l1Source, l1Watch, feed, recovery, say },
      accounts: [keys.header],
      control: rules.control,
      leadership: core.leadership,
      daLimits: () => batching.daLimits(),
      allowUnprotected: false,
      l1Confirmations: BigInt(ground.genesis.control.originDepth),
      policy: firstCome(),
      bookedTo: { position: keeper.books.position, block: keeper.lastBlock },
      onBlock: (block, fees, { position, isNew }) => {
        const transactions = userTransactionsOf(block).length
        keeper.block({ number: block.ref.number, epoch: block.header.epochId, transactions, position, ...fees })
        if (isNew) activity.block(transactions)
      },
      onRollback: (to, _, position) => keeper.rollBack(to, position),
      onHeader: ({ header, signer }) => {
        if (signer === keys.header.address.toLowerCase()) core.onHeader(header.height)
      },
    }),
  )
  const own = sequencer
  say(`operator ${config.id} of ${ground.genesis.operators.length}; head is block ${own.head.number}`)
  parts.own(place)
  chain = parts.own(await openControl(ground, { core, convictions, machine, store: control.store, first }))
  const opened = chain
  const duty = createDuty({ ...{ machine, sequencer: own, say }, begin: place.open, end: place.close })
  // The only machine of its operator is on duty at once.
  if (machine === undefined) await duty.step()

  const verifier = parts.own(
    await openVerifier({
      ...{ directory, rollup, engines: ground.verifying, family, l1: l1Source, posting, say },
      // What L1 says counts; what operators have settled must be the same, and nothing else is held against it.
      published: number => (number <= core.milestone().number ? own.block(number) : undefined),
      onTrouble: reason => supervision.note('verifier', reason),
    }),
  )
  const resumePosting = (): Promise<void> =>
    posting.resume(reason => say(`an interrupted submission was refused (${reason}); its blocks are posted anew`))
  if (duty.isOn) await resumePosting()
  await verifier.sync()
  const settled = {
    get head() {
      const { number, hash } = core.milestone()
      return own.block(number)?.ref ?? { ...own.head, number, hash }
    },
    block: (number: bigint) => (number <= core.milestone().number ? own.block(number) : undefined),
  }
  const turn = createPosterTurn({ l1Url: l1.url, rollup, account: keys.poster.address, confirmations: 1n }, verifier)
  const batching = openBatching({
    ...{ rollup, da: identity.dataAvailability, l1: l1Watch, verifier, posting, keeper, say },
    config: { l1: l1.isAnvil ? undefined : config.l1, latencyMs: config.latencyMs },
    sequencer: settled,
    turn: turnOnDuty(attestation?.turnOf(turn) ?? turn, duty, resumePosting),
    approval: attestation?.poster,
  })
  const shutdown = createShutdown({ sequencer: own, batching, verifier, supervision }, () => parts.close())
  const front = await openFront(ground, {
    ...{ sequencer: own, feed, activity, posting, verifier, batching, shutdown, startedAtMs, core },
    ...{ chain: opened, gossip: place, convictions, machine, duty, attestation },
  })
  attestation?.run()
  runLoops(
    ground,
    { sequencer: own, core, duty, place, posting, verifier, batching, shutdown, chain: opened },
    next => {
      mark = next
    },
  )
  return { ...front, failed: supervision.failed, stop: shutdown.stop }
}

async function openOwnPosting({ l1, identity, directory, keys, keeper, say }: Ground): ReturnType<typeof openPosting> {
  const l1Timing = l1.isAnvil ? posterTimes.development : posterTimes.other
  return await openPosting(l1, identity, directory, { account: keys.poster, stallMs: 10_000, l1Timing }, keeper, say)
}

/** The poster's account is one for all machines of an operator: the one on duty posts, after it has ended what it left once. */
function turnOnDuty(turn: BatcherTurn, duty: Pick<Duty, 'isOn'>, resume: () => Promise<void>): BatcherTurn {
  let wasOn = duty.isOn
  return {
    async isOurs(options) {
      if (!duty.isOn) {
        wasOn = false
        return false
      }
      if (!wasOn) await resume()
      wasOn = true
      return await turn.isOurs(options)
    },
  }
}

/** Pace of transactions on an L1: on a development one there is nobody who reorganises it by chance. */
const posterTimes = {
  development: { confirmations: 1, pollMs: 500 },
  other: { confirmations: 2, pollMs: 2000 },
}

async function openControl(
  { home, genesis, rules, config, cometbft, keys, parts, say }: Ground,
  {
    core,
    convictions,
    machine,
    store,
    first,
  }: {
    core: OperatorCore
    convictions: Convictions
    machine: Machine | undefined
    first: ControlState
    store: { load(): Uint8Array | undefined; save(bytes: Uint8Array): void }
  },
): Promise<ControlChain> {
  const { domain, operators, stake, parameters, posting } = rules
  const peers = genesis.operators.flatMap(({ id, cometAddress }) => (id === config.id ? [] : [cometAddress]))
  const signer =
    keys.comet === undefined
      ? undefined
      : parts.own(
          await openCometSigner(
            {
              home: home.path,
              chainId: domain.chainId,
              controlChainId: genesis.control.chainId,
              ...{ height: first.height, machine },
            },
            keys.comet,
            say,
          ),
        )
  return await openCometBft(
    {
      ...{ domain, genesis: rules.genesis, operators, stake, parameters, posting: posting?.genesis },
      signerAddress: signer?.address,
      controlChainId: genesis.control.chainId,
      genesisTimeSeconds: BigInt(genesis.control.genesisTimeSeconds),
      home: join(home.path, homeFiles.comet),
      binary: cometbft,
      network: { listen: config.cometListen, peers },
    },
    {
      list: (state: ControlState) => core.list(state),
      posting: posting?.rules,
      store,
      onBlock: ordered => {
        core.onBlock(ordered)
        try {
          convictions.note(ordered)
        } catch (error) {
          // The disk is full: it is kept in memory, and the next one writes them all.
          say(`convictions: ${(error as Error).message}`)
        }
      },
      onFault: reason => say(`control chain: ${reason}`),
    },
  )
}

type LoopParts = {
  sequencer: SequencerLoop
  core: OperatorCore
  duty: Duty
  place: Place
  posting: Awaited<ReturnType<typeof openPosting>>
  verifier: Awaited<ReturnType<typeof openVerifier>>
  batching: ReturnType<typeof openBatching>
  shutdown: ReturnType<typeof createShutdown>
  chain: ControlChain
}

function runLoops(ground: Ground, parts: LoopParts, setMark: (mark: OperatorList['l1']) => void): void {
  const { supervision, executing, verifying, l1, l1Watch, l1Heads, l1Source, gasToken } = ground
  const { sequencer, core, duty, place, posting, verifier, batching, shutdown, chain } = parts
  const { signal } = supervision
  const engines = [executing, ...verifying.parts]
  for (const engine of engines) {
    engine.failed.catch(supervision.fail)
    engine.onDown(() => supervision.note('engines', engines.find(({ down }) => down !== undefined)?.down))
  }
  chain.failed.catch(supervision.fail)
  let waiting: string | undefined
  supervision.run('operator', { pauseMs: 25, patience: 10 }, async () => {
    if (signal.aborted || shutdown.isPaused) return
    const standsBy = await duty.step()
    if (standsBy !== undefined) return standsBy
    waiting = await core.step()
    // That another one leads is the order of things.
    return waiting !== undefined && / leads$/.test(waiting) ? undefined : waiting
  })
  supervision.run('forwarding', { pauseMs: 50, patience: 10 }, place.forward)
  supervision.run('L1 head', { pauseMs: 500 }, () => sequencer.followL1())
  supervision.run('batcher', { pauseMs: 500, patience: 5, hasSucceeded: batching.hasPosted }, async () => {
    await batching.batcher.step({ signal })
  })
  supervision.watch(verifier.run(signal))
  supervision.run('L1', { pauseMs: 1000 }, async () => {
    await gasToken.poll({ signal })
    await posting.wallet.balance()
    await posting.bookOpen()
    await l1Watch.readPrices()
    await l1Heads.read()
    setMark(await readL1Mark(l1Heads.finalized?.number, l1Source, firstPoolRoot))
    const { safe, finalized } = verifier.status
    sequencer.setLabels({ safe, finalized })
  })
  l1.failed.catch(supervision.fail)
}
