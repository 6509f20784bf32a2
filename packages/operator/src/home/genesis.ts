import { hexToBytes } from '@l2/common'
import { readSchema } from '@l2/common/schema'
import {
  type ControlParameters,
  createControlState,
  defaultParameters,
  type HeaderId,
  membersOf,
  type StakeGenesis,
} from '@l2/control-chain'
import type { GenesisOperator } from '@l2/control-chain/cometbft'
import { type ChainIdentity, createControlPlane } from '@l2/node'
import { fromRollupJson, type RollupConfig } from '@l2/sequencer-core/derivation'
import { createSchedule, electionWeights, planEpoch } from '@l2/staking'
import type { Address, Hash, Hex } from 'viem'
import * as z from 'zod/mini'
import { refuse } from '../errors.js'
import { type OperatorPosting, postingOf } from './posting.js'

/** An operator as everybody knows it: public keys and addresses, all of them its own. */
export type OperatorEntry = {
  /** From 1 on, in the order of the genesis: the number of its seat in the pool. */
  readonly id: number
  readonly stakeWei: string
  /** Signs headers, votes and registrations. */
  readonly header: Address
  /** Posts batches to L1 in its turns. */
  readonly poster: Address
  /** ed25519: of its consensus engine. */
  readonly comet: Hex
  /** ed25519: its identity among peers. */
  readonly network: Hex
  /** `<node id>@host:port` of its consensus engine. */
  readonly cometAddress: string
  /** Multiaddrs of its gossip. */
  readonly gossipAddresses: readonly string[]
}

/** What all operators begin with, to the byte: `genesis.json` of a home. */
export type OperatorGenesis = {
  readonly version: 1
  readonly identity: ChainIdentity
  /** Of the L2 engines, as they read it. */
  readonly l2Genesis: Readonly<Record<string, unknown>>
  /** As op-node has it. */
  readonly rollup: Readonly<Record<string, unknown>>
  readonly control: {
    readonly chainId: string
    /** Seconds since the Unix epoch. */
    readonly genesisTimeSeconds: string
    /** From which the first epoch is elected: of the L1 block that the rollup begins with. */
    readonly prevRandao: Hash
    /** Blocks of one leader's turn, and turns of an epoch. */
    readonly slotBlocks: number
    readonly slotsPerEpoch: number
    /** L1 blocks above an origin before it is built upon, and before what stands on it is named. */
    readonly originDepth: number
    readonly nameDepth: number
  }
  /** Where a committee attests batches and says who posts. Absent: the account of the rollup's genesis posts. */
  readonly posting?: OperatorPosting | undefined
  /** Who may bring governance's commands to the pool. */
  readonly admin: Address
  readonly operators: readonly OperatorEntry[]
}

const schema = /* @__PURE__ */ (() => {
  const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`)))
  const count = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most))
  const uint = z.string().check(z.regex(/^(0|[1-9]\d{0,38})$/))
  const object = z.record(z.string(), z.unknown())
  return z.strictObject({
    version: z.literal(1),
    identity: object,
    l2Genesis: object,
    rollup: object,
    control: z.strictObject({
      chainId: z.string().check(z.regex(/^[a-z0-9-]{1,48}$/)),
      genesisTimeSeconds: uint,
      prevRandao: hex(32),
      slotBlocks: count(1, 10_000),
      slotsPerEpoch: count(1, 10_000),
      originDepth: count(0, 64),
      nameDepth: count(0, 64),
    }),
    posting: z.optional(
      z.strictObject({
        committee: hex(20),
        mode: z.enum(['compatible', 'strict']),
        windowBlocks: count(0, 8191),
      }),
    ),
    admin: hex(20),
    operators: z
      .array(
        z.strictObject({
          id: count(1, 100),
          stakeWei: uint,
          header: hex(20),
          poster: hex(20),
          comet: hex(32),
          network: hex(32),
          cometAddress: z.string().check(z.regex(/^[0-9a-f]{40}@[^@\s]{1,255}:\d{1,5}$/)),
          gossipAddresses: z.array(z.string().check(z.minLength(1), z.maxLength(512))),
        }),
      )
      .check(z.minLength(1), z.maxLength(100)),
  })
})()

/**
 * Reads a genesis. It comes from others: nothing of it is believed before it fits.
 *
 * @param where names it in errors: the path of the file
 * @throws OperatorError `HOME_INVALID`, naming every field that is wrong
 */
export function readGenesis(json: unknown, where: string): OperatorGenesis {
  const read = readSchema(schema, json)
  if (!read.ok) refuse('HOME_INVALID', `${where} is no genesis of operators`, { meta: read.issues })
  const genesis = read.value as unknown as OperatorGenesis
  genesis.operators.forEach(({ id }, index) => {
    if (id !== index + 1) refuse('HOME_INVALID', `${where}: operator ${id} expected to be number ${index + 1}`)
  })
  for (const field of ['header', 'poster', 'comet', 'network', 'cometAddress'] as const) {
    const values = genesis.operators.map(operator => operator[field])
    if (new Set(values).size < values.length) refuse('HOME_INVALID', `${where}: two operators have one ${field}`)
  }
  return genesis
}

/** What follows from a genesis: the same on every operator. */
export type Rules = {
  readonly rollup: RollupConfig
  readonly domain: { readonly chainId: bigint; readonly rollup: Address }
  readonly genesis: HeaderId
  readonly operators: readonly GenesisOperator[]
  readonly stake: StakeGenesis
  readonly parameters: ControlParameters
  /** Who attests and who posts, where a committee does. */
  readonly posting: ReturnType<typeof postingOf> | undefined
  /** Stake, rewards and eMETIS before the first block, as the rollup's own blocks carry them on. */
  readonly control: ReturnType<typeof createControlPlane>
}

/** The rollup's configuration; where only attested data count, with what no `rollup.json` can say. */
function rollupOf({ rollup, posting }: OperatorGenesis): RollupConfig {
  const config = fromRollupJson(rollup)
  if (posting?.mode !== 'strict') return config
  return { ...config, committee: { contract: posting.committee, windowBlocks: BigInt(posting.windowBlocks) } }
}

/** @throws OperatorError `HOME_INVALID`; StakingError for stakes with which nobody can be elected */
export function rulesOf(genesis: OperatorGenesis): Rules {
  const rollup = rollupOf(genesis)
  const control = createControlPlane({
    domain: { name: 'L2 Sequencer', version: '1', chainId: rollup.l2ChainId, verifyingContract: rollup.batchInbox },
    timestamp: rollup.genesis.l2TimeSeconds,
    prevRandao: genesis.control.prevRandao,
    operator: genesis.admin,
    holder: genesis.admin,
    sequencers: genesis.operators.map(({ header, stakeWei }) => ({
      owner: header,
      signer: header,
      amountWei: BigInt(stakeWei),
    })),
  })
  const { pool, seed } = control
  const { slotBlocks, slotsPerEpoch } = genesis.control
  const empty = createSchedule({
    firstHeight: 1n,
    firstEpoch: pool.epoch,
    slotBlocks: BigInt(slotBlocks),
    slotsPerEpoch,
    // It is part of every control state: of the epochs before, only those whose blocks are not settled everywhere count.
    keepEpochs: 16,
  })
  const schedule = planEpoch(empty, { epoch: pool.epoch, seed, candidates: electionWeights(pool, pool.epoch) })
  const stake: StakeGenesis = { pool, schedule }
  const powerUnitWei = 10n ** 15n
  const domain = { chainId: rollup.l2ChainId, rollup: rollup.batchInbox }
  const genesisId = { height: rollup.genesis.l2.number, hash: rollup.genesis.l2.hash }
  const members = membersOf(
    createControlState({ chainId: domain.chainId, genesis: genesisId, members: stake, parameters: defaultParameters }),
  )
  return {
    rollup,
    domain,
    genesis: genesisId,
    posting:
      genesis.posting &&
      postingOf(genesis.posting, {
        ...{ operators: genesis.operators, members, rollup, schedule },
        dataAvailability: genesis.identity.dataAvailability,
      }),
    operators: genesis.operators.map(({ id, stakeWei, comet, header }) => ({
      id,
      power: BigInt(stakeWei) / powerUnitWei,
      cometKey: hexToBytes(comet)!,
      header,
    })),
    stake,
    parameters: defaultParameters,
    control,
  }
}
