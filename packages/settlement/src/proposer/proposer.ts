import { type Clock, systemClock } from '@l2/common'
import type { OutputSource, ProvenDepth, StateProofs } from '@l2/sequencer-core/output'
import { type Address, encodeFunctionData, type Hash, numberToHex, zeroAddress } from 'viem'
import * as z from 'zod/mini'
import { anchorStateRegistryAbi, disputeGameFactoryAbi, faultDisputeGameAbi } from '../games/abi.js'
import { type Alarm, type AlarmEvent, createAlarms, type OutsideTrouble, watched } from '../internal/alarms.js'
import { address, checkOptions, uint } from '../internal/options.js'
import type { L1BlockSummary, L1Reader } from '../l1/reader.js'
import type { Sender } from '../l1/sender.js'
import { createOwnGames, type Proposal } from './own-games.js'

/** Which blocks are proposed: derived from L1, or derived from L1 blocks that are final, which no reorg takes back. */
export type ProposalRule = 'safe' | 'finalized'

/** Options of {@link createProposer}. */
export type ProposerOptions = {
  /** The DisputeGameFactory. */
  factory: Address
  /** Of the games that proposals are. Defaults to 0, `CANNON`. */
  gameType?: number | undefined
  /** Between two proposals of this account, by L1's time. Defaults to 3600, an hour. */
  intervalSeconds?: bigint | undefined
  /**
   * Defaults to `finalized`. What was safe and is gone after a reorg of L1 was a false claim when the game looks at it, and its bond is lost: `safe` is for
   * development.
   */
  rule?: ProposalRule | undefined
  /** Milliseconds between two probes of how far back the engine proves states. Defaults to 60,000. */
  probeMs?: number | undefined
}

/** What {@link createProposer} works with. */
export type ProposerDependencies = {
  l1: L1Reader
  sender: Sender
  /** Outputs of this node's own chain. */
  outputs: OutputSource
  /** Of the engine that users prove their withdrawals by. */
  proofs: Pick<StateProofs, 'name' | 'probe'>
  /** Heights of the derived heads. */
  heads(): { safe: bigint; finalized: bigint }
  onEvent?: ((event: ProposerEvent) => void) | undefined
  clock?: Clock | undefined
}

/** What an operator has to see to; what is proposed waits for it. */
export type ProposerAlarm = Alarm<OutsideTrouble>

export type ProposerEvent =
  /** A game is on its way to L1. */
  | { readonly type: 'proposing'; readonly number: bigint; readonly root: Hash; readonly hash: Hash }
  /** The factory has a game of this account: one that was just proposed, or after a start, an earlier one. */
  | { readonly type: 'proposed'; readonly proposal: Proposal }
  /** Somebody has proposed the same: nothing needs to be sent. */
  | { readonly type: 'proposed-by-another'; readonly number: bigint; readonly root: Hash; readonly game: Address }
  | AlarmEvent<OutsideTrouble>

/** Where a proposer stands. */
export type ProposerStatus = {
  readonly address: Address
  readonly rule: ProposalRule
  /** Wei. */
  readonly balanceWei: bigint | undefined
  /** What a proposal puts at stake; wei. */
  readonly bondWei: bigint | undefined
  readonly last: Proposal | undefined
  /** Of L1, seconds: nothing is proposed before. */
  readonly nextAtSeconds: bigint | undefined
  /** How far back states were proven when that was last tried. */
  readonly proven: ProvenDepth | undefined
  /** What it waits for. */
  readonly waiting: string | undefined
  readonly alarms: readonly ProposerAlarm[]
}

/** Proposes outputs to L1. One call at a time. */
export interface Proposer {
  /**
   * One round: looks at L1, and proposes where it is time. What passes by itself (L1 away, an empty wallet, a price above the limit, an engine without old
   * states) is an alarm and the reason that it answers with; the next round tries again.
   */
  step(): Promise<string | undefined>
  readonly status: ProposerStatus
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    factory: address,
    gameType: z.optional(z.int().check(z.minimum(0), z.maximum(2 ** 32 - 1))),
    intervalSeconds: z.optional(uint(2n ** 32n)),
    rule: z.optional(z.enum(['safe', 'finalized'])),
    probeMs: z.optional(z.int().check(z.minimum(0))),
  }))()

/**
 * A proposer of dispute games. It keeps nothing: after a start it finds its games in the factory. Before a block is proposed its state is proven, the oldest
 * state that users may need is proven, and the factory is asked whether it has the game already.
 *
 * @throws SettlementError `SETTLEMENT_OPTIONS_INVALID`
 *
 * @example
 * ```ts no-run
 * import { createL1Reader, createProposer, createSender } from '@l2/settlement'
 * import type { OutputSource, StateProofs } from '@l2/sequencer-core/output'
 * import { createPublicClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * declare const outputs: OutputSource
 * declare const proofs: StateProofs
 * const l1 = createL1Reader(createPublicClient({ transport: http('http://127.0.0.1:8545') }))
 * const sender = createSender({}, { l1, account: privateKeyToAccount(process.env['PROPOSER_KEY'] as `0x${string}`) })
 * const heads = () => ({ safe: 120n, finalized: 60n })
 * const proposer = createProposer({ factory: '0x05F9613aDB30026FFd634f38e5C4dFd30a197Fa1' }, { l1, sender, outputs, proofs, heads })
 * console.log(await proposer.step(), proposer.status)
 * ```
 */
export function createProposer(options: ProposerOptions, dependencies: ProposerDependencies): Proposer {
  checkOptions(optionsSchema, options, 'the proposer')
  const { gameType = 0, intervalSeconds = 3600n, rule = 'finalized', probeMs = 60_000 } = options
  const { l1, sender, outputs, proofs, heads, onEvent = () => {}, clock = systemClock } = dependencies
  const factory = { address: options.factory, abi: disputeGameFactoryAbi } as const
  const alarms = createAlarms<OutsideTrouble>(clock, onEvent)
  let bondWei: bigint | undefined
  let proven: ProvenDepth | undefined
  let probedMs: number | undefined
  let waiting: string | undefined
  const own = createOwnGames(
    { factory: options.factory, gameType, creator: sender.address, intervalSeconds },
    { l1, onFound: proposal => onEvent({ type: 'proposed', proposal }) },
  )

  /** The block down to which the contracts have decided already; `undefined` where there are no games of this type. */
  const anchored = async (head: L1BlockSummary): Promise<bigint | undefined> => {
    const implementation = await l1.call(factory, 'gameImpls', [gameType], head)
    if (implementation === zeroAddress) return undefined
    const game = { address: implementation, abi: faultDisputeGameAbi } as const
    const registry = await l1.call(game, 'anchorStateRegistry', [], head)
    const [, number] = await l1.call({ address: registry, abi: anchorStateRegistryAbi }, 'anchors', [gameType], head)
    return number
  }

  const propose = async (number: bigint, head: L1BlockSummary): Promise<string | undefined> => {
    const output = await outputs.at(number)
    if (output === undefined) return `the engine has no block ${number}`
    const args = [gameType, output.root, numberToHex(number, { size: 32 })] as const
    const [game] = await l1.call(factory, 'games', args, head)
    if (game !== zeroAddress) {
      if (own.last?.game !== game) onEvent({ type: 'proposed-by-another', number, root: output.root, game })
      return `block ${number} is proposed, and there is no newer ${rule} one`
    }
    bondWei = await l1.call(factory, 'initBonds', [gameType], head)
    const data = encodeFunctionData({ abi: disputeGameFactoryAbi, functionName: 'create', args })
    const hash = await sender.submit({
      what: `the proposal of block ${number}`,
      to: options.factory,
      data,
      valueWei: bondWei,
      abi: [...disputeGameFactoryAbi, ...faultDisputeGameAbi],
    })
    onEvent({ type: 'proposing', number, root: output.root, hash })
    return undefined
  }

  const round = async (): Promise<string | undefined> => {
    const settled = await sender.settle()
    const head = await l1.head()
    if (probedMs === undefined || clock.now() - probedMs >= probeMs) {
      proven = await proofs.probe()
      probedMs = clock.now()
      alarms.set('state', undefined)
    }
    if (settled === 'pending') return `${sender.underway!.what} is not mined yet`
    if (head.number < sender.minedIn) return `L1 tells of block ${head.number}, and was at ${sender.minedIn}`
    bondWei ??= await l1.call(factory, 'initBonds', [gameType], head)
    if (!(await own.find(head))) return 'the games of the factory are being read'
    const { last } = own
    if (last !== undefined && head.timestamp < last.createdAtSeconds + intervalSeconds) return undefined
    const number = heads()[rule]
    const anchor = await anchored(head)
    if (anchor === undefined) return `the factory has no games of type ${gameType}`
    if (number <= anchor) return `no ${rule} block is above ${anchor}, which is decided`
    if (last !== undefined && number <= last.number)
      return `no ${rule} block is above ${last.number}, which is proposed`
    return await propose(number, head)
  }

  return {
    async step() {
      waiting = await watched(alarms, round)
      return waiting
    },
    get status() {
      const { last } = own
      return {
        address: sender.address,
        rule,
        balanceWei: sender.balanceWei,
        bondWei,
        last,
        nextAtSeconds: last === undefined ? undefined : last.createdAtSeconds + intervalSeconds,
        proven,
        waiting,
        alarms: alarms.list,
      }
    },
  }
}
