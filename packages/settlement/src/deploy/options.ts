import { type Address, type Hash, type Hex, zeroAddress } from 'viem'
import * as z from 'zod/mini'
import { SettlementError } from '../errors.js'
import { address, checkOptions, hash, uint } from '../internal/options.js'

/** How long money waits, in seconds. The defaults are those of the OP Stack's mainnets. */
export type SettlementWindows = {
  /** From the proof of a withdrawal to its end at least. Defaults to 7 days. */
  proofMaturitySeconds: bigint
  /** From the end of a dispute to the end of a withdrawal that relies on it. Defaults to 3.5 days. */
  disputeFinalitySeconds: bigint
  /** What each side of a dispute may think altogether. Defaults to 3.5 days. */
  maxClockSeconds: bigint
  /** What the clock of a move is extended to where less is left. Defaults to 3 hours. */
  clockExtensionSeconds: bigint
  /** From the end of a dispute to the payment of its bonds. Defaults to 7 days. */
  bondDelaySeconds: bigint
}

/** What the deposits of one L1 block may cost L2. Source: OP specs, "Guaranteed gas market". */
export type DepositMeter = {
  /** L2 gas that the deposits of one L1 block may have together. Defaults to 20,000,000. */
  maxGas: number
  /** The limit in targets: above a target the price rises. Defaults to 10. */
  elasticity: number
  /** Of the change of the price from block to block. Defaults to 8. */
  changeDenominator: number
  /** Wei for a unit of gas, at least. Defaults to 1 gwei. */
  minBaseFeeWei: number
  /** Gas of the deposit that tells L2 about its L1 block. Defaults to 1,000,000. */
  systemGas: number
}

/**
 * What pays for gas on L2: ether, or an ERC-20 of L1 of 18 decimals that moves exactly what it is told to. The native tokens of L2 are released from a vault that
 * holds `capacityWei` at genesis, the token's total supply: no more can ever be there.
 */
export type GasToken = { type: 'ether' } | { type: 'erc20'; token: Address; capacityWei: bigint }

/** The committee that a rollup begins with. */
export type CommitteeOptions = {
  /** How its members sign: with keys of L1 accounts, or of BLS12-381, which needs an L1 from Prague on. Defaults to `ecdsa`. */
  scheme?: 'ecdsa' | 'bls12-381' | undefined
  /** Keys and stake of the members: `encodeMembers` of an `Attestation` of the scheme (`@l2/control-chain`). */
  members: Hex
  /** Between the announcement of another owner of the system configuration and the first moment that it can take over. */
  handOverDelaySeconds: bigint
  /** Who may appoint a committee in place of one that is silent for `escapeSeconds`. Defaults to nobody. */
  guardian?: Address | undefined
  /** Defaults to seven days. */
  escapeSeconds?: bigint | undefined
}

/** Options of {@link deploySettlement}. */
export type DeploySettlementOptions = {
  l2ChainId: bigint
  /** The account that may post batches. */
  batcher: Address
  /** Owns the contracts: upgrades them, names the games, and, where no pool does, configures the chain. Defaults to who deploys. */
  owner?: Address | undefined
  /** What pays for gas on L2. Defaults to ether. */
  gasToken?: GasToken | undefined
  /**
   * Has the system configuration owned by a pool: `operator` says who posts, and announces the pool's successor, which takes over after the delay at the
   * earliest. Nobody can change anything else of it meanwhile: fees and gas limit stay as they begin.
   */
  pool?: { operator: Address; handOverDelaySeconds: bigint } | undefined
  /**
   * Has the pool obey a committee of operators: it attests batches, and says who posts and which committee comes next. In place of `pool`.
   */
  committee?: CommitteeOptions | undefined
  /** May pause withdrawals and strike games out. Defaults to the owner. */
  guardian?: Address | undefined
  /** Signs blocks that are gossiped before they are on L1. Defaults to the batcher. */
  unsafeBlockSigner?: Address | undefined
  /** Where batches are sent to. Defaults to `00 ‖ keccak256(chain id)[0:19]`, as OP chains choose it. */
  batchInbox?: Address | undefined
  /** Of an L2 block; at least what the meter of deposits allows and its system gas. Defaults to 30,000,000. */
  gasLimit?: bigint | undefined
  /** What the L1 fee of a transaction is computed with, u32 each. Defaults to 1368 and 810,949, OP Mainnet's. */
  feeScalars?: { baseFee: bigint; blobBaseFee: bigint } | undefined
  windows?: Partial<SettlementWindows> | undefined
  meter?: Partial<DepositMeter> | undefined
  /** Wei that a proposal puts at stake. Defaults to 0.08 ETH. */
  bondWei?: bigint | undefined
  /**
   * The program whose trace a dispute goes down into at its end. Without it a dispute is decided above: the last step, which a machine on L1 takes, can be won
   * by nobody.
   */
  absolutePrestate?: Hash | undefined
}

/** The windows of the OP Stack's mainnets. */
export const defaultSettlementWindows: SettlementWindows = {
  proofMaturitySeconds: 604_800n,
  disputeFinalitySeconds: 302_400n,
  maxClockSeconds: 302_400n,
  clockExtensionSeconds: 10_800n,
  bondDelaySeconds: 604_800n,
}

/**
 * Windows of seconds, so that a withdrawal on a development chain ends within a minute. With money of anybody's in it a chain must not have them: nobody could
 * object in time.
 */
export const devnetSettlementWindows: SettlementWindows = {
  proofMaturitySeconds: 2n,
  disputeFinalitySeconds: 1n,
  maxClockSeconds: 6n,
  clockExtensionSeconds: 1n,
  bondDelaySeconds: 4n,
}

const defaultMeter: DepositMeter = {
  maxGas: 20_000_000,
  elasticity: 10,
  changeDenominator: 8,
  minBaseFeeWei: 1_000_000_000,
  systemGas: 1_000_000,
}

const schema = /* @__PURE__ */ (() => {
  const seconds = z.optional(uint(2n ** 40n))
  const whole = (max: number) => z.optional(z.int().check(z.minimum(1), z.maximum(max)))
  return z.strictObject({
    l2ChainId: uint(2n ** 53n - 1n, 1n),
    batcher: address,
    owner: z.optional(address),
    gasToken: z.optional(
      z.union([
        z.strictObject({ type: z.literal('ether') }),
        z.strictObject({ type: z.literal('erc20'), token: address, capacityWei: uint(2n ** 128n - 1n, 1n) }),
      ]),
    ),
    pool: z.optional(z.strictObject({ operator: address, handOverDelaySeconds: uint(2n ** 40n) })),
    committee: z.optional(
      z.strictObject({
        scheme: z.optional(z.enum(['ecdsa', 'bls12-381'])),
        members: z.string().check(z.regex(/^0x([0-9a-fA-F]{2})+$/)),
        handOverDelaySeconds: uint(2n ** 40n),
        guardian: z.optional(address),
        escapeSeconds: z.optional(uint(2n ** 40n)),
      }),
    ),
    guardian: z.optional(address),
    unsafeBlockSigner: z.optional(address),
    batchInbox: z.optional(address),
    gasLimit: z.optional(uint(200_000_000n, 1n)),
    feeScalars: z.optional(z.strictObject({ baseFee: uint(2n ** 32n - 1n), blobBaseFee: uint(2n ** 32n - 1n) })),
    windows: z.optional(
      z.strictObject({
        proofMaturitySeconds: seconds,
        disputeFinalitySeconds: seconds,
        maxClockSeconds: seconds,
        clockExtensionSeconds: seconds,
        bondDelaySeconds: seconds,
      }),
    ),
    meter: z.optional(
      z.strictObject({
        maxGas: whole(2 ** 32 - 1),
        elasticity: whole(255),
        changeDenominator: whole(255),
        minBaseFeeWei: whole(2 ** 32 - 1),
        systemGas: whole(2 ** 32 - 1),
      }),
    ),
    bondWei: z.optional(uint(2n ** 128n - 1n)),
    absolutePrestate: z.optional(hash),
  })
})()

/** Checked, and with every default in its place. */
export type SettlementParameters = ReturnType<typeof settlementParameters>

/** @throws SettlementError `SETTLEMENT_OPTIONS_INVALID` */
export function settlementParameters(options: DeploySettlementOptions, deployer: Address) {
  const given = checkOptions(schema, options, 'deploySettlement') as DeploySettlementOptions
  const owner = given.owner ?? deployer
  if (given.pool !== undefined && given.committee !== undefined) {
    throw new SettlementError('deploySettlement: a pool obeys an operator or a committee, not both', {
      code: 'SETTLEMENT_OPTIONS_INVALID',
      meta: ['"pool" and "committee" cannot stand together'],
    })
  }
  return {
    l2ChainId: given.l2ChainId,
    batcher: given.batcher,
    owner,
    gasToken: given.gasToken ?? ({ type: 'ether' } as const),
    pool: given.pool,
    committee: given.committee && {
      ...given.committee,
      scheme: given.committee.scheme ?? ('ecdsa' as const),
      guardian: given.committee.guardian ?? zeroAddress,
      escapeSeconds: given.committee.escapeSeconds ?? 604_800n,
    },
    guardian: given.guardian ?? owner,
    unsafeBlockSigner: given.unsafeBlockSigner ?? given.batcher,
    gasLimit: given.gasLimit ?? 30_000_000n,
    feeScalars: given.feeScalars ?? { baseFee: 1368n, blobBaseFee: 810_949n },
    windows: { ...defaultSettlementWindows, ...given.windows },
    meter: { ...defaultMeter, ...given.meter },
    bondWei: given.bondWei ?? 80_000_000_000_000_000n,
    batchInbox: given.batchInbox,
    absolutePrestate: given.absolutePrestate,
  }
}
