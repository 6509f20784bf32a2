import { concatBytes, hexToBytes } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import { SequencerError } from '../errors.js'
import { depositSourceHash, depositType, encodeDeposit } from './deposit.js'
import { type ForkName, forkNames, isForkActivationBlock } from './fork-schedule.js'
import type { L1Client } from './l1-rpc.js'
import type { RollupConfig } from './rollup-config.js'
import { keccak, unhex } from './words.js'

/**
 * The deposits that a network upgrade puts into its first block, encoded, by upgrade. They carry contract bytecode, which this package does
 * not ship; {@link loadUpgradeTransactions} gets them and holds them against {@link upgradeFacts}. An empty list says that there are none.
 */
export type UpgradeTransactions = { readonly [fork in ForkName]?: readonly Uint8Array[] | undefined }

/** What is known of an upgrade's transactions without having them. */
export type UpgradeFacts = {
  readonly count: number
  /** `keccak256` of the transactions' hashes, one behind the other. */
  readonly digest: Hash
}

/**
 * The upgrades that come with transactions. Lagoon's are those of a chain that shares no dependency set; it is not final.
 * Source: `op-node/rollup/derive` of op-node v1.19.6, which makes them.
 */
export const upgradeFacts: { readonly [fork in ForkName]?: UpgradeFacts } = {
  ecotone: { count: 6, digest: '0xb999747e0ddd27de374d3d9c94f2e8005c062cf852bcde2ccfd7999aaf78f8d2' },
  fjord: { count: 3, digest: '0xfaa15f8c22200fab198373581c3cdb792c70dff145370acbe11a63c023e838bd' },
  isthmus: { count: 8, digest: '0xd47120c44ebc3cbb5e48662153b1d5d05e613f387fedf843932caf952778d467' },
  jovian: { count: 5, digest: '0x036795bbaff9fd4d19a6e78339d82c6ba6f46efa2c5fabe938372652add79ca0' },
  karst: { count: 31, digest: '0x8103b19f142acec8f509c3f37cb3c2b093ff726cf471fb8a77fa163d54f3ca89' },
  lagoon: { count: 28, digest: '0x96760c1ac3d57ef7a4fb742aa339c5517f2724c7b73916b603659e311423f17d' },
}

/** Where an upgrade's transactions may come from. */
export type UpgradeSource =
  /** A node of any chain that activated the upgrades after genesis, with that chain's configuration: they are the same on every chain. */
  | { readonly client: L1Client; readonly config: RollupConfig }
  /** The parsed JSON of one upgrade's bundle, as `op-core/nuts/bundles/*.json` of the Optimism repository has it (Karst and later). */
  | { readonly fork: ForkName; readonly bundle: unknown }
  /** The transactions of one upgrade, encoded: from a file of one's own. */
  | { readonly fork: ForkName; readonly transactions: readonly (Uint8Array | Hex)[] }

/**
 * Gets the transactions of network upgrades from a source of one's choice and checks them against {@link upgradeFacts}, so that the source
 * need not be trusted. Of a node, those of every upgrade that its chain activated after genesis.
 *
 * @throws SequencerError (rejects) `UPGRADE_TRANSACTIONS_INVALID` when they are others than those of the upgrade, `L1_RPC_INVALID` when a node's
 * answer cannot be read, and whatever the client rejects with
 *
 * @example
 * ```ts no-run
 * import { createDerivationPipeline, rollupPresets } from '@l2/sequencer-core'
 * import { genesisCheckpoint, loadUpgradeTransactions } from '@l2/sequencer-core/derivation'
 * import { createPublicClient, http } from 'viem'
 *
 * const config = rollupPresets.opMainnet
 * const client = createPublicClient({ transport: http('https://mainnet.optimism.io') })
 * const upgradeTransactions = await loadUpgradeTransactions({ client, config })
 * createDerivationPipeline({ config, start: genesisCheckpoint(config), upgradeTransactions })
 * ```
 */
export async function loadUpgradeTransactions(source: UpgradeSource): Promise<UpgradeTransactions> {
  if ('client' in source) return await fromNode(source.client, source.config)
  const { fork } = source
  const transactions =
    'bundle' in source
      ? fromBundle(fork, source.bundle)
      : source.transactions.map((transaction, index) => {
          if (typeof transaction !== 'string') return transaction
          return hexToBytes(transaction) ?? invalid(fork, `transaction ${index} is no hex`)
        })
  return { [fork]: checked(fork, transactions) }
}

function invalid(fork: string, reason: string, details: Record<string, unknown> = {}): never {
  throw new SequencerError(`transactions of the upgrade ${fork}: ${reason}`, {
    code: 'UPGRADE_TRANSACTIONS_INVALID',
    details: { fork, reason, ...details },
  })
}

function upgradeDigest(transactions: readonly Uint8Array[]): Hash {
  return keccak(concatBytes(...transactions.map(transaction => unhex(keccak(transaction)))))
}

function checked(fork: ForkName, transactions: readonly Uint8Array[]): readonly Uint8Array[] {
  const facts = upgradeFacts[fork]
  if (facts === undefined) return invalid(fork, 'this upgrade has none')
  if (transactions.length !== facts.count) {
    return invalid(fork, `expected ${facts.count}, got ${transactions.length}`)
  }
  const digest = upgradeDigest(transactions)
  if (digest !== facts.digest)
    return invalid(fork, `others than the upgrade's`, { expected: facts.digest, got: digest })
  return transactions
}

/** The name under which a bundle's intents are hashed: Lagoon's bundle was named before the upgrade was. */
const bundleNames: { readonly [fork in ForkName]?: string } = { karst: 'Karst', lagoon: 'Interop' }

function fromBundle(fork: ForkName, bundle: unknown): Uint8Array[] {
  const name = bundleNames[fork]
  if (name === undefined) return invalid(fork, 'comes without a bundle')
  const { metadata, transactions } = (bundle ?? {}) as { metadata?: { version?: unknown }; transactions?: unknown }
  if (metadata?.version !== '1.0.0') return invalid(fork, `bundle of version ${String(metadata?.version).slice(0, 32)}`)
  if (!Array.isArray(transactions)) return invalid(fork, 'bundle without transactions')
  return transactions.map((transaction, index) => {
    try {
      const { intent, from, to, data, gasLimit } = transaction as {
        intent: string
        from: Address
        to: Address | null
        data: Hex
        gasLimit: number
      }
      return encodeDeposit({
        sourceHash: depositSourceHash({ type: 'upgrade', intent: `${name} ${index}: ${intent}` }),
        from,
        to: to ?? undefined,
        mint: 0n,
        value: 0n,
        gas: BigInt(gasLimit),
        isSystemTransaction: false,
        data: unhex(data),
      })
    } catch {
      return invalid(fork, `bundle's transaction ${index} cannot be read`)
    }
  })
}

type RpcDeposit = {
  type: Hex
  sourceHash: Hash
  from: Address
  to: Address | null
  mint?: Hex | null
  value: Hex
  gas: Hex
  isSystemTx?: boolean
  input: Hex
}

/** The chain's activation blocks end with the upgrade's deposits: user transactions aside, which come behind them. */
async function fromNode(client: L1Client, config: RollupConfig): Promise<UpgradeTransactions> {
  const { genesis, forks, blockTimeSeconds } = config
  const found: { [fork in ForkName]?: readonly Uint8Array[] } = {}
  const blocks = new Map<bigint, ForkName[]>()
  for (const fork of forkNames) {
    const time = forks[fork]
    if (time === undefined || upgradeFacts[fork] === undefined || time <= genesis.l2TimeSeconds) continue
    const steps = (time - genesis.l2TimeSeconds + blockTimeSeconds - 1n) / blockTimeSeconds
    const timestamp = genesis.l2TimeSeconds + steps * blockTimeSeconds
    if (!isForkActivationBlock(forks, fork, timestamp, blockTimeSeconds)) continue
    const number = genesis.l2.number + steps
    blocks.set(number, [...(blocks.get(number) ?? []), fork])
  }
  for (const [number, activated] of blocks) {
    const params = [`0x${number.toString(16)}`, true]
    const block = (await client.request({ method: 'eth_getBlockByNumber', params })) as {
      transactions: RpcDeposit[]
    } | null
    // Not there yet.
    if (block === null) continue
    const deposits = readDeposits(block, number)
    // In one block the upgrades follow each other in their order, behind the deposits of users.
    let end = deposits.length
    for (const fork of [...activated].reverse()) {
      const start = end - upgradeFacts[fork]!.count
      found[fork] = checked(fork, deposits.slice(Math.max(start, 0), end))
      end = start
    }
  }
  return found
}

function readDeposits(block: { transactions: readonly RpcDeposit[] }, number: bigint): Uint8Array[] {
  try {
    return block.transactions
      .filter(({ type }) => Number(type) === depositType)
      .map(deposit =>
        encodeDeposit({
          sourceHash: deposit.sourceHash,
          from: deposit.from,
          to: deposit.to ?? undefined,
          mint: BigInt(deposit.mint ?? 0),
          value: BigInt(deposit.value),
          gas: BigInt(deposit.gas),
          isSystemTransaction: deposit.isSystemTx ?? false,
          data: unhex(deposit.input),
        }),
      )
  } catch {
    throw new SequencerError(`block ${number} has a deposit that cannot be read`, {
      code: 'L1_RPC_INVALID',
      recovery: 'retry',
      details: { number },
    })
  }
}
