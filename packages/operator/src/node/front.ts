import type { ControlChain } from '@l2/control-chain'
import {
  type Activity,
  type Batching,
  createHealth,
  createMetrics,
  createStatus,
  engineOutputs,
  type Feed,
  healthPages,
  ledgerPages,
  nodeVersion,
  type Posting,
  rpcMethods,
  type SequencerLoop,
  type Shutdown,
  type Status,
  startRpcServer,
  type Verifier,
} from '@l2/node'
import type { Convictions } from '../core/convictions.js'
import type { OperatorCore } from '../core/core.js'
import type { OperatorAttestation } from './attestation.js'
import type { Duty } from './duty.js'
import type { Ground } from './ground.js'
import type { Machine } from './machine.js'
import { controlCheck, operatorMethods, operatorMetrics } from './methods.js'
import type { Place } from './place.js'

/** What users ask an operator. */
export type FrontParts = {
  sequencer: SequencerLoop
  core: OperatorCore
  chain: ControlChain
  gossip: Pick<Place, 'status'>
  machine: Pick<Machine, 'name'> | undefined
  duty: Pick<Duty, 'isOn' | 'check'>
  convictions: Pick<Convictions, 'all'>
  attestation: OperatorAttestation | undefined
  feed: Feed
  activity: Activity
  posting: Posting
  verifier: Verifier
  batching: Batching
  shutdown: Pick<Shutdown, 'isStopping'>
  startedAtMs: number
}

export async function openFront(ground: Ground, front: FrontParts): Promise<{ rpcUrl: string; status(): Status }> {
  const { config, identity, parts, family, executing, verifying, keeper, gasToken, supervision, rollup } = ground
  const {
    sequencer,
    core,
    chain,
    gossip,
    attestation,
    feed,
    activity,
    posting,
    verifier,
    batching,
    shutdown,
    startedAtMs,
    convictions,
  } = front
  const { l1Watch: l1, l1Heads, history, say } = ground
  const { machine, duty } = front
  const { chainId, dataAvailability: da, l1ChainId, inbox, contracts } = identity
  const isStopping = () => shutdown.isStopping
  const status = createStatus({
    ...{ startedAtMs, l1, sequencer, verifier, batching, posting, keeper, gasToken, activity, supervision },
    config: { chainId, da, l1: config.l1 },
    rpcUrl: () => rpc?.url ?? '',
    nameOf: id => `operator ${id}`,
    leadership: core.leadership,
    milestone: core.milestone,
    ...(attestation === undefined ? {} : { attested: () => headOf(attestation) }),
  })
  const health = createHealth({
    ...{ directory: ground.directory, feed, sequencer, verifier, l1, isStopping },
    engines: [executing, ...verifying.parts],
    wallet: posting.wallet,
    maxUnsafeBlocks: 1800n / rollup.blockTimeSeconds,
    more: { control: () => controlCheck(chain), ...(machine === undefined ? {} : { database: duty.check }) },
  })
  const heads = () => ({
    unsafe: sequencer.readable,
    safe: verifier.status.safe.number,
    finalized: verifier.status.finalized.number,
  })
  const { outputs } = engineOutputs(executing, { family, history, rollup })
  const methods = rpcMethods({
    ...{ sequencer, chainId, family, read: executing.read, feed, keeper, status, isStopping, heads, history },
    rollup: { rollup, version: nodeVersion, heads, verifier, engine: executing.engine, outputs, l1: l1Heads },
    contracts: () => ({ l1ChainId, l1Url: new URL(ground.l1.url).origin, inbox, contracts }),
    batches: () => batching.batches,
    evidence: () => convictions.all.flatMap(({ bundle }) => (bundle === null ? [] : [bundle])),
    faults: false,
  })
  const view = {
    ...{ id: config.id, operators: ground.genesis.operators, core, chain, gossip, sequencer, convictions },
    ...{ machine, duty, onL1: attestation?.onL1, mode: ground.genesis.posting?.mode },
  }
  const own = operatorMethods(view)
  const pages = new Map([
    ...healthPages(health),
    ['/metrics', createMetrics(status, health, operatorMetrics(view))] as const,
    ...ledgerPages(keeper),
  ])
  const { host, port } = config.rpc
  const rpc = parts.own(
    await startRpcServer({ host, port, methods: { get: name => own.get(name) ?? methods.get(name) }, pages }),
  )
  say(`JSON-RPC at ${rpc.url}`)
  return { rpcUrl: rpc.url, status }
}

function headOf({ onL1 }: OperatorAttestation): { number: bigint; hash: `0x${string}` } | undefined {
  return onL1.head && { number: onL1.head.number, hash: onL1.head.hash }
}
