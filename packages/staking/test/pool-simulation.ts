import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import type { Address, Hex } from 'viem'
import { applyPool, delegationOf, type Offence, type PoolCommand, type PoolState } from '../src/index.js'
import { reportCommitment } from '../src/slashing/index.js'

/** Random commands over pool, delegation, rewards and slashing: mostly sensible, often wrong, never the same twice. */
export const account = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
export const admin: Address = account(0xad)
const metis = 10n ** 18n
const day = 86_400
const kinds: Offence['kind'][] = [
  'EQUIVOCATION_BLOCK',
  'EQUIVOCATION_BATCH',
  'INVALID_STATE_ROOT',
  'ATTESTED_INVALID',
  'DOWNTIME',
  'DOWNTIME',
  'CENSORSHIP_FORCED',
  'ORDERING',
  'DATA_WITHHOLDING',
  'MISSED_REVEAL',
]

export type Simulation = { next(state: PoolState): PoolCommand }

export function createSimulation(
  random: Random,
  options: { owners?: number; delegators?: number; faults?: number; from?: bigint } = {},
): Simulation {
  const { owners = 40, delegators = 60, faults = 0, from = 1n } = options
  let atSeconds = from
  let height = 0n
  let serial = 0
  let evidence = 0
  const pending: Hex[] = []
  /** Who has asked for his shares back, and where. */
  const redeeming: { by: Address; id: number }[] = []
  const holding: { by: Address; id: number }[] = []
  const owner = (): Address => account(1 + random.below(owners))
  const delegator = (): Address => account(10_000 + random.below(delegators))
  const wei = (most: number): bigint => BigInt(random.below(most)) * metis + BigInt(random.uint32())
  const next = (state: PoolState): PoolCommand => {
    // Most commands fall into one minute; now and then days pass, so that delays and windows are reached.
    atSeconds += BigInt(random.bool(0.02) ? random.below(2 * day) : random.below(60))
    const anyId = (): number => {
      const id = 1 + random.below(Math.max(1, state.nextId - 1))
      // Ids of the gone pile up: look at the living most of the time.
      return random.bool(0.97) ? (state.owners.get(owner()) ?? state.owners.get(owner()) ?? id) : id
    }
    const ownerOf = (id: number): Address =>
      random.bool(0.97) ? (state.sequencers.get(id)?.owner ?? owner()) : owner()
    const as = (by: Address) => ({ by, atSeconds })
    const privileged = as(random.bool(0.99) ? admin : owner())
    const id = anyId()
    // More faults than there would be, in service and in safety, where penalties are what is looked at.
    const roll = faults > 0 && random.bool(faults) ? 910 + random.below(65) : random.below(1000)
    if (roll < 350) {
      height += BigInt(random.bool(0.99) ? 1 : 0)
      const key = state.sequencers.get(id)?.keys
      const signer = key?.[random.below(key.length)]?.signer ?? account(5)
      return { type: 'accrueBlock', ...privileged, height, signer }
    }
    const someone = (list: { by: Address; id: number }[]): { by: Address; id: number } =>
      (random.bool(0.95) ? list[random.below(list.length)] : undefined) ?? { by: delegator(), id }
    if (roll < 430) {
      const by = delegator()
      holding[holding.length < 400 ? holding.length : random.below(400)] = { by, id }
      return { type: 'delegate', ...as(by), id, amountWei: wei(12_000) }
    }
    if (roll < 490) {
      const who = someone(holding)
      const held = delegationOf(state, who.id, who.by).shares
      const shares = held > 0n ? held : wei(9000)
      redeeming[redeeming.length < 400 ? redeeming.length : random.below(400)] = who
      return { type: 'undelegate', atSeconds, ...who, shares: random.bool(0.5) ? shares : shares / 2n }
    }
    if (roll < 530) return { type: 'claimDelegation', atSeconds, ...someone(redeeming) }
    if (roll < 570) return { type: 'claimDelegationRewards', atSeconds, ...someone(holding) }
    if (roll < 600) {
      return {
        type: 'lock',
        ...as(owner()),
        signer: account(100_000 + serial++),
        amountWei: 20_000n * metis + wei(85_000),
        commissionBps: random.below(5200),
      }
    }
    if (roll < 625) return { type: 'setWhitelist', ...privileged, owner: owner(), allowed: random.bool(0.9) }
    if (roll < 665) return { type: 'relock', ...as(ownerOf(id)), id, amountWei: wei(5000), lockReward: random.bool() }
    if (roll < 700) return { type: 'withdraw', ...as(ownerOf(id)), id, amountWei: wei(20_000) }
    if (roll < 712) return { type: 'unlock', ...as(ownerOf(id)), id }
    if (roll < 714) return { type: 'forceUnlock', ...privileged, id }
    if (roll < 760) return { type: 'claim', ...as(ownerOf(id)), id }
    if (roll < 790) return { type: 'withdrawRewards', ...as(ownerOf(id)), id }
    if (roll < 805) return { type: 'updateSigner', ...as(ownerOf(id)), id, signer: account(100_000 + serial++) }
    if (roll < 812) return { type: 'setOwner', ...as(ownerOf(id)), id, owner: owner() }
    if (roll < 817) return { type: 'setRewardRecipient', ...as(ownerOf(id)), id, recipient: delegator() }
    if (roll < 822) return { type: 'setCommission', ...as(ownerOf(id)), id, commissionBps: random.below(5200) }
    if (roll < 827) {
      const fromEpoch = state.epoch + BigInt(random.below(5))
      return {
        type: 'declareMaintenance',
        ...as(ownerOf(id)),
        id,
        fromEpoch,
        toEpoch: fromEpoch + BigInt(random.below(4)),
      }
    }
    if (roll < 832) {
      const waiting = state.queue[random.below(state.queue.length)] ?? id
      return { type: 'leaveQueue', ...as(ownerOf(waiting)), id: waiting }
    }
    if (roll < 833) {
      const watcher = account(10_000 + random.below(3))
      return random.bool()
        ? { type: 'setWatcher', ...privileged, watcher, allowed: random.bool(0.9) }
        : { type: 'setLiquidAccount', ...privileged, account: owner(), liquid: random.bool() }
    }
    if (roll < 835) return { type: 'setPaused', ...privileged, paused: random.bool(0.2) }
    if (roll < 840) return { type: 'fund', ...as(admin), amountWei: wei(30_000) }
    if (roll < 880) return { type: 'advanceEpoch', ...privileged, epoch: state.epoch + 1n }
    if (roll < 900) return { type: 'unjail', ...as(ownerOf(id)), id }
    if (roll < 905) {
      const by = account(10_000 + (evidence % 3))
      return { type: 'commitReport', ...as(by), commitment: reportCommitment(word(evidence + 1), by, word(7)) }
    }
    if (roll < 910) {
      const evidenceId = pending[random.below(pending.length)] ?? word(0)
      return { type: 'revealReport', ...as(account(10_000 + random.below(3))), evidenceId, salt: word(7) }
    }
    if (roll < 918) {
      const evidenceId = random.bool(0.9) ? word(++evidence) : word(1 + random.below(evidence + 1))
      pending.push(evidenceId)
      const offenceAtSeconds = atSeconds - BigInt(random.below(15 * day))
      const offenceEpoch = state.epoch - BigInt(random.below(8))
      return {
        type: 'admitOffence',
        ...privileged,
        offence: {
          kind: random.pick(kinds),
          id,
          evidenceId,
          evidenceHash: word(evidence),
          offenceEpoch,
          offenceAtSeconds,
        },
      }
    }
    const evidenceId = pending[random.below(pending.length)] ?? word(0)
    if (roll < 975) {
      if (state.cases.get(evidenceId)?.status !== 'pending') pending.splice(pending.indexOf(evidenceId), 1)
      return { type: 'executeCase', ...as(owner()), evidenceId }
    }
    if (roll < 985) return { type: 'vetoCase', ...privileged, evidenceId }
    if (roll < 990) return { type: 'pauseCase', ...privileged, evidenceId, seconds: BigInt(1 + random.below(3 * day)) }
    return {
      type: 'submitRewards',
      ...privileged,
      batchId: state.rewardBatch.id + 1n,
      startEpoch: state.rewardBatch.endEpoch + 1n,
      endEpoch: state.epoch - 1n,
      entries: Array.from({ length: 1 + random.below(4) }, () => {
        const keys = state.sequencers.get(anyId())?.keys
        return { signer: keys?.[0]?.signer ?? account(5), blocks: BigInt(random.below(2000)) }
      }),
    }
  }
  return { next }
}

/**
 * Applies a command; an expected refusal leaves the state as it is and gives its code. Anything else is a bug and is
 * thrown.
 */
export function tryApply(state: PoolState, command: PoolCommand): { state: PoolState; outcome: string } {
  try {
    return { state: applyPool(state, command).state, outcome: command.type }
  } catch (error) {
    if (!isL2Error(error)) throw error
    return { state, outcome: error.code }
  }
}
