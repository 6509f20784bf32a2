import { join } from 'node:path'
import { isL2Error } from '@l2/common'
import { advisePosterVote, type ControlState } from '@l2/control-chain'
import type { HeaderGossip } from '@l2/gossip'
import { engineOutputs, l1BlockMs, type Posting, type SequencerLoop, type Verifier } from '@l2/node'
import type { BatcherTurn } from '@l2/sequencer-core/batcher'
import type { SenderRecovery } from '@l2/sequencer-core/block'
import { openFileGuard } from '@l2/sequencer-core/node'
import type { Address, Hash } from 'viem'
import type { OperatorCore } from '../core/core.js'
import { homeFiles } from '../home/home.js'
import { type AttestedOnL1, createAttestedOnL1 } from '../posting/attested-on-l1.js'
import { type Attesting, createAttesting } from '../posting/attesting.js'
import { checkCommittee, openCommitteeOnL1 } from '../posting/committee-on-l1.js'
import { createInboxWatch } from '../posting/inbox-watch.js'
import { createPoster, type Poster } from '../posting/poster.js'
import { type Ground, verifierStates } from './ground.js'
import type { Machine } from './machine.js'

/** How long a peer may take to give data. */
const dataMs = 3000
/** Data of others that are kept for those who ask: of one statement. */
const keptData = 64
/** L1 blocks without progress after which an operator wants another poster, beside what its own batches may wait. */
const posterPatienceBlocks = 25n

/** An operator's part in the committee: it attests, and posts in its turn. */
export type OperatorAttestation = {
  readonly attesting: Attesting
  readonly poster: Poster
  /** What L1 has accepted of the committee. */
  readonly onL1: AttestedOnL1
  /** Data that others may ask for: of the own channels, and what others gave. */
  data(hash: Hash): Uint8Array | undefined
  /** A turn on L1 that is one by the control chain as well: whoever lost it sends nothing new from there on. */
  turnOf(turn: BatcherTurn): BatcherTurn
  /** Begins its loops. */
  run(): void
}

type AttestationParts = {
  posting: Pick<Posting, 'call'>
  recovery: SenderRecovery
  state(): ControlState
  core(): OperatorCore
  sequencer(): SequencerLoop
  /** `undefined` on a machine that stands by. */
  gossip(): HeaderGossip | undefined
  verifier(): Pick<Verifier, 'status'>
  /** Where the operator has several machines, their guards are one; and the one on duty signs and posts. */
  machine: Pick<Machine, 'openGuard'> | undefined
  isOnDuty(): boolean
}

/** `undefined` where no committee attests. @throws OperatorError `HOME_INVALID`; SequencerError of the guards */
export async function openAttestation(
  ground: Ground,
  { posting, recovery, state, core, sequencer, gossip, verifier, machine, isOnDuty }: AttestationParts,
): Promise<OperatorAttestation | undefined> {
  const { rules, rollup, keys, config, home, l1, l1Watch, parts, supervision, family, history, executing, say } = ground
  if (rules.posting === undefined) return undefined
  const { rules: postingRules, genesis } = rules.posting
  const { attestation, domain } = postingRules
  const committee = openCommitteeOnL1(l1.url, domain)
  await checkCommittee(committee, attestation, genesis.committee)
  if (rollup.committee !== undefined) {
    say('strict: only batches that the committee has attested on L1 count; no stock node follows this chain')
  }
  const guardOf = async (file: string) => {
    const signer = keys.header.address.toLowerCase() as Address
    const options = { signer, chainId: rollup.l2ChainId, seen: [] }
    if (machine !== undefined) return parts.own(await machine.openGuard({ ...options, purpose: file }))
    return parts.own(await openFileGuard({ path: join(home.path, file), ...options }))
  }
  const guards = { batch: await guardOf(homeFiles.batchGuard), turn: await guardOf(homeFiles.turnGuard) }
  const { outputs } = engineOutputs(executing, { family, history, rollup })
  const outputRoot = async (height: bigint): Promise<Hash | undefined> => (await outputs.at(height))?.root
  const fetched = new Map<Hash, Uint8Array>()
  const poster = createPoster({
    ...{ id: config.id, rules: postingRules, account: keys.poster.address, l2ChainId: rollup.l2ChainId },
    ...{ state, committee, outputRoot, say },
    l1Number: () => l1Watch.number,
    send: (to, data, key) => posting.call(to, data, key),
    submit: message => core().send(message),
    block: height => sequencer().block(height),
  })
  const dataOf = (hash: Hash): Uint8Array | undefined => poster.data(hash) ?? fetched.get(hash)
  const attesting = createAttesting({
    ...{ id: config.id, account: keys.header, domain, rollup, guards, outputRoot, say },
    block: height => sequencer().block(height),
    nameOf: block => core().chain.nameOf(block),
    async data(hash, operator) {
      const known = dataOf(hash)
      if (known !== undefined) return known
      const signal = AbortSignal.timeout(dataMs)
      const found = await gossip()
        ?.data(hash, { operator, signal })
        .catch(error => {
          if (!isL2Error(error) && !signal.aborted) throw error
          return undefined
        })
      if (found === undefined) return undefined
      fetched.set(hash, found)
      if (fetched.size > keptData) fetched.delete(fetched.keys().next().value!)
      return found
    },
  })
  const derivedOutputs = engineOutputs(ground.verifying.parts[0]!, {
    ...{ family, history, rollup, maxStates: verifierStates },
  }).outputs
  const onL1 = createAttestedOnL1({
    ...{ l1Url: l1.url, committee: domain.committee, genesisL1: rollup.genesis.l1.number, say },
    derived() {
      const { l1Number, safe } = verifier().status
      return { l1Number, safe: safe.number, finalizedL1: ground.l1Heads.finalized?.number }
    },
    async outputAt(height) {
      try {
        return await derivedOutputs.at(height)
      } catch (error) {
        // Too old to be proven: a later one says the same of what is below it.
        if (isL2Error(error, 'PROOFS_UNAVAILABLE')) return undefined
        throw error
      }
    },
  })
  const watch = createInboxWatch({
    ...{ rules: postingRules, operators: ground.genesis.operators.map(({ id }) => id), recovery, state, say },
    source: ground.l1Source,
    derivedL1: () => verifier().status.l1Number,
    accuse: transaction => core().accuse(transaction),
  })
  const wanting = createWanting(
    posterPatienceBlocks + 2n * BigInt(Math.ceil((config.latencyMs ?? 600_000) / l1BlockMs({ l1: config.l1 }))),
  )
  return {
    attesting,
    poster,
    onL1,
    data: dataOf,
    turnOf: turn => ({ isOurs: async options => poster.isTurn && (await turn.isOurs(options)) }),
    run() {
      supervision.run('attestation', { pauseMs: 200, patience: 10 }, async () => {
        if (isOnDuty()) await attesting.step(state())
      })
      supervision.run('attested on L1', { pauseMs: 1000, patience: 10 }, () => onL1.step())
      supervision.run('inbox', { pauseMs: 1000, patience: 10 }, () => watch.step())
      supervision.run('poster', { pauseMs: 1000, patience: 10 }, async () => {
        if (!isOnDuty()) return
        await poster.stepTurn()
        const vote = wanting.advise(state(), verifier().status.safe.number, l1Watch.number)
        if (vote !== undefined) await core().send(vote)
      })
    },
  }
}

/** When an operator wants another poster: nothing of what is settled has come to L1 for too long. */
function createWanting(patienceBlocks: bigint) {
  let seen: { safe: bigint; l1Block: bigint; turn: bigint | undefined } | undefined
  let votedAt: bigint | undefined
  return {
    advise(state: ControlState, safe: bigint, l1Block: bigint): ReturnType<typeof advisePosterVote> {
      const turn = state.posting?.turn.sequence
      const isAnew = seen === undefined || seen.safe !== safe || seen.turn !== turn || state.milestone.height <= safe
      if (isAnew) seen = { safe, l1Block, turn }
      const vote = advisePosterVote(state, { safe, l1Block, sinceL1Block: seen!.l1Block, patienceBlocks })
      // A vote stands for some control blocks: it is said again before it is void.
      const isStanding =
        votedAt !== undefined && state.height - votedAt < BigInt(state.parameters.voteLifetimeBlocks) / 2n
      if (vote === undefined || isStanding) return undefined
      votedAt = state.height
      return vote
    },
  }
}
