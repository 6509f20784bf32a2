import { bytesToHex, concatBytes } from '@l2/common'
import type { Address } from 'viem'
import type { PayloadAttributes } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { applyConfigLogs } from './config-changes.js'
import { depositsOfBlock } from './deposit.js'
import { type ForkName, forkNames, isForkActivationBlock, isForkActive, isUpgradeOnlyBlock } from './fork-schedule.js'
import type { L1Header, L1Log } from './l1.js'
import { encodeL1InfoDeposit } from './l1-info.js'
import type { L2BlockRef } from './l2.js'
import type { RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'
import { addedUpgradeGas } from './upgrade-gas.js'
import { type UpgradeTransactions, upgradeFacts } from './upgrade-transactions.js'
import { sameHex, uintBe } from './words.js'

/** Where priority fees go. Source: OP specs, "Predeploys". */
export const sequencerFeeVault: Address = '0x4200000000000000000000000000000000000011'

function upgradeTransactionsAt(
  rollup: RollupConfig,
  timestamp: bigint,
  upgrades: UpgradeTransactions,
): readonly Uint8Array[] {
  const active = forkNames.filter(fork => isForkActivationBlock(rollup.forks, fork, timestamp, rollup.blockTimeSeconds))
  return active.flatMap(fork => {
    const transactions = upgrades[fork]
    if (transactions === undefined && fork in upgradeFacts) {
      throw new SequencerError(`the block at ${timestamp} activates ${fork}, whose upgrade transactions are missing`, {
        code: 'UPGRADE_TRANSACTIONS_MISSING',
        meta: [
          `try: upgradeTransactions: await loadUpgradeTransactions(...), or { ${fork}: [] } for a chain that installed them otherwise`,
        ],
        details: { fork, timestamp },
      })
    }
    return transactions ?? []
  })
}

/** What the next L2 block is made from. */
export type AttributesInput = {
  readonly rollup: RollupConfig
  readonly parent: L2BlockRef
  /** The system config as the parent carries it, see {@link configCarriedByBlock}. */
  readonly systemConfig: SystemConfig
  /** The L1 origin of the new block: the parent's, or the block after it. */
  readonly origin: L1Header
  /** The origin's logs; read only when it is another origin than the parent's. */
  readonly logs: readonly L1Log[]
  /** EIP-2718 bytes, without deposits. */
  readonly transactions: readonly Uint8Array[]
  readonly upgradeTransactions?: UpgradeTransactions | undefined
  /** Whether the engine may add nothing of its own. Default true, a verifier's. */
  readonly noTxPool?: boolean | undefined
  /** Told of each `ConfigUpdate` log that cannot be read and is skipped. */
  readonly onInvalidConfigLog?: ((error: SequencerError) => void) | undefined
}

/** What {@link buildAttributes} makes. */
export type BuiltAttributes = {
  readonly attributes: PayloadAttributes
  readonly sequenceNumber: bigint
  /** The system config that applied to the block. */
  readonly systemConfig: SystemConfig
  /** How many of the transactions came from L1 and the protocol. */
  readonly depositCount: number
}

/**
 * The payload attributes of the block after `parent`, the same for the sequencer that builds it and for everybody who derives it.
 * Source: OP specs, "Deriving payload attributes".
 *
 * @throws SequencerError `DERIVATION_RESET` when the origin does not follow the parent's; `DEPOSIT_INVALID`; `UPGRADE_TRANSACTIONS_MISSING`;
 * `UPGRADE_BLOCK_TRANSACTIONS`; `FORK_WITHOUT_RULES`
 */
export function buildAttributes(input: AttributesInput): BuiltAttributes {
  const { rollup, parent, origin, logs } = input
  const timestamp = parent.timestamp + rollup.blockTimeSeconds
  let systemConfig = input.systemConfig
  let deposits: Uint8Array[] = []
  let sequenceNumber = parent.sequenceNumber + 1n
  if (origin.number === parent.l1Origin.number) {
    if (!sameHex(origin.hash, parent.l1Origin.hash)) throw conflict(parent, origin)
  } else {
    if (origin.number !== parent.l1Origin.number + 1n || !sameHex(origin.parentHash, parent.l1Origin.hash)) {
      throw conflict(parent, origin)
    }
    sequenceNumber = 0n
    deposits = depositsOfBlock(logs, origin.hash, rollup.depositContract)
    systemConfig = applyConfigLogs(systemConfig, logs, rollup, origin.timestamp, input.onInvalidConfigLog)
  }
  if (timestamp < origin.timestamp) {
    throw new SequencerError(`L2 block at ${timestamp} would be older than its L1 origin at ${origin.timestamp}`, {
      code: 'DERIVATION_RESET',
      recovery: 'reset',
      details: { timestamp, origin: origin.number, originTimestamp: origin.timestamp },
    })
  }
  const { foreignFork } = rollup
  if (foreignFork !== undefined && timestamp >= foreignFork.timeSeconds) {
    throw new SequencerError(`the chain leaves the OP Stack at ${foreignFork.timeSeconds} with ${foreignFork.name}`, {
      code: 'FORK_WITHOUT_RULES',
      details: { fork: foreignFork.name, timestamp, activation: foreignFork.timeSeconds },
    })
  }
  if (input.transactions.length > 0 && isUpgradeOnlyBlock(rollup.forks, timestamp, rollup.blockTimeSeconds)) {
    throw new SequencerError(`the block at ${timestamp} activates an upgrade and must not hold users' transactions`, {
      code: 'UPGRADE_BLOCK_TRANSACTIONS',
      details: { timestamp, transactions: input.transactions.length },
    })
  }
  const upgrades = upgradeTransactionsAt(rollup, timestamp, input.upgradeTransactions ?? {})
  const deposited = [
    encodeL1InfoDeposit(rollup, systemConfig, origin, sequenceNumber, timestamp),
    ...deposits,
    ...upgrades,
  ]
  const since = (fork: ForkName): boolean => isForkActive(rollup.forks, fork, timestamp)
  return {
    sequenceNumber,
    systemConfig,
    depositCount: deposited.length,
    attributes: {
      timestamp,
      prevRandao: origin.mixHash,
      suggestedFeeRecipient: sequencerFeeVault,
      withdrawals: since('canyon') ? [] : undefined,
      parentBeaconBlockRoot: since('ecotone') ? (origin.parentBeaconBlockRoot ?? `0x${'00'.repeat(32)}`) : undefined,
      transactions: [...deposited, ...input.transactions],
      noTxPool: input.noTxPool ?? true,
      gasLimit: systemConfig.gasLimit + addedUpgradeGas(rollup, timestamp),
      eip1559Params: since('holocene')
        ? bytesToHex(concatBytes(uintBe(systemConfig.eip1559Denominator, 4), uintBe(systemConfig.eip1559Elasticity, 4)))
        : undefined,
      minBaseFee: since('jovian') ? systemConfig.minBaseFee : undefined,
    },
  }
}

function conflict(parent: L2BlockRef, origin: L1Header): SequencerError {
  return new SequencerError(
    `L1 origin ${origin.number} ${origin.hash} does not follow ${parent.l1Origin.number} ${parent.l1Origin.hash}`,
    {
      code: 'DERIVATION_RESET',
      recovery: 'reset',
      details: {
        parent: parent.number,
        parentOrigin: parent.l1Origin,
        origin: { number: origin.number, hash: origin.hash },
      },
    },
  )
}

/** Attributes without the batch's transactions: what replaces a block that the engine refused, from Holocene on. */
export function depositsOnly(built: BuiltAttributes): BuiltAttributes {
  return {
    ...built,
    attributes: { ...built.attributes, transactions: built.attributes.transactions.slice(0, built.depositCount) },
  }
}
