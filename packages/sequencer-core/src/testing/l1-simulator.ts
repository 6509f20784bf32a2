import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Address, Hash, Hex } from 'viem'
import { type DepositTransaction, encodeDepositLog } from '../derivation/deposit.js'
import type { L1Block, L1Log, L1Transaction } from '../derivation/l1.js'
import type { BlobSource, L1Source } from '../derivation/l1-source.js'
import type { RollupConfig } from '../derivation/rollup-config.js'
import { encodeConfigUpdate, type SystemConfigUpdate } from '../derivation/system-config.js'
import { encodeRlp, type RlpValue } from '../rlp/rlp.js'
import { addressOfPublicKey } from '../transaction/recovery.js'

/** An account that signs on the simulated L1. */
export type SimulatedAccount = { readonly address: Address; readonly privateKey: Uint8Array }

const accounts = new Map<number, SimulatedAccount>()

/** The account with this number; the same on every machine. */
export function simulatedAccount(number: number): SimulatedAccount {
  const known = accounts.get(number)
  if (known !== undefined) return known
  const privateKey = keccak256(new TextEncoder().encode(`simulated account ${number}`))
  const publicKey = secp256k1.getPublicKey(privateKey, false)
  const account = { privateKey, address: bytesToHex(addressOfPublicKey(publicKey, keccak256)) }
  accounts.set(number, account)
  return account
}

/** Options of {@link createL1Simulator}. */
export type L1SimulatorOptions = {
  readonly config: RollupConfig
  /** Seconds between blocks. Default 12. */
  readonly blockTimeSeconds?: bigint | undefined
  /** Time of the block that the rollup's genesis names. Default: the rollup's own genesis time. */
  readonly genesisTimeSeconds?: bigint | undefined
  /** False: signatures are dummies and senders have to be trusted, which makes long runs fast. Default true. */
  readonly sign?: boolean | undefined
}

/** Which account sends, to whom. Defaults: account 0, the batch inbox. */
export type PostOptions = { readonly from?: SimulatedAccount; readonly to?: Address }

/** An L1 that mines when told to: deterministic, in memory, with real transactions. */
export interface L1Simulator {
  /** A transaction with calldata, for the next block. */
  post(data: Uint8Array, options?: PostOptions): void
  /** A blob transaction, for the next block; its blobs are 131 072 bytes each. */
  postBlobs(blobs: readonly Uint8Array[], options?: PostOptions): void
  /** A `TransactionDeposited` log, for the next block. */
  deposit(deposit: Omit<DepositTransaction, 'sourceHash' | 'isSystemTransaction'>): void
  /** A `ConfigUpdate` log, for the next block. */
  updateConfig(update: SystemConfigUpdate): void
  /** Any log of any contract, for the next block. */
  log(log: Omit<L1Log, 'logIndex'>): void
  mine(options?: { timestamp?: bigint }): L1Block
  /** Drops every block above `number`; what is mined next is another chain. */
  reorg(number: bigint): void
  block(number: bigint): L1Block | undefined
  readonly head: L1Block
  readonly source: L1Source
  readonly blobs: BlobSource
  /** The blobs with these versioned hashes, whatever block they were in. */
  blobsByHash(hashes: readonly Hash[]): Uint8Array[]
}

const word = (value: bigint): Uint8Array => hexToBytes(value.toString(16).padStart(64, '0'))!

/** A versioned hash in form only: this L1 has no KZG. */
function simulatedVersionedHash(blob: Uint8Array): Hash {
  const hash = sha256(blob)
  hash[0] = 1
  return bytesToHex(hash)
}

/**
 * Makes an L1 whose first block is the one that `config.genesis.l1` names.
 *
 * @example
 * ```ts
 * import { createL1Simulator, simulatedAccount, simulatedRollup } from '@l2/sequencer-core/testing'
 *
 * const l1 = createL1Simulator({ config: simulatedRollup() })
 * l1.post(Uint8Array.of(0, 1, 2))
 * console.log(l1.mine().transactions.length, l1.head.number) // 1 101n
 * ```
 */
export function createL1Simulator(options: L1SimulatorOptions): L1Simulator {
  const { config, blockTimeSeconds = 12n, sign = true } = options
  const blobs = new Map<Hash, Uint8Array>()
  const account0 = simulatedAccount(0)
  let fork = 0n
  let nonce = 0n
  let transactions: L1Transaction[] = []
  let logs: Omit<L1Log, 'logIndex'>[] = []
  const first = config.genesis.l1
  const chain: L1Block[] = [
    {
      number: first.number,
      hash: first.hash,
      parentHash: `0x${'00'.repeat(32)}`,
      timestamp: options.genesisTimeSeconds ?? config.genesis.l2TimeSeconds,
      mixHash: first.hash,
      baseFeePerGas: 7n,
      blobBaseFee: 1n,
      parentBeaconBlockRoot: first.hash,
      transactions: [],
      logs: [],
    },
  ]
  const head = (): L1Block => chain.at(-1)!

  const add = (type: number, fields: readonly RlpValue[], from: SimulatedAccount): void => {
    let signature: RlpValue[] = [0n, 1n, 1n]
    if (sign) {
      const hash = keccak256(concatBytes(Uint8Array.of(type), encodeRlp(fields)))
      const bytes = secp256k1.sign(hash, from.privateKey, { prehash: false, format: 'recovered' })
      const scalar = (start: number): bigint => BigInt(bytesToHex(bytes.subarray(start, start + 32)))
      signature = [BigInt(bytes[0]!), scalar(1), scalar(33)]
    }
    const raw = concatBytes(Uint8Array.of(type), encodeRlp([...fields, ...signature]))
    transactions.push({ raw, from: from.address })
  }
  const bytes = (hex: Hex): Uint8Array => hexToBytes(hex)!

  const simulator: L1Simulator = {
    post(data, { from = account0, to = config.batchInbox } = {}) {
      add(2, [config.l1ChainId, nonce++, 1n, 1000n, 1_000_000n, bytes(to), 0n, data, []], from)
    },
    postBlobs(posted, { from = account0, to = config.batchInbox } = {}) {
      const hashes = posted.map(blob => {
        const hash = simulatedVersionedHash(blob)
        blobs.set(hash, blob)
        return bytes(hash)
      })
      const empty = new Uint8Array()
      add(3, [config.l1ChainId, nonce++, 1n, 1000n, 21_000n, bytes(to), 0n, empty, [], 1000n, hashes], from)
    },
    deposit(deposit) {
      logs.push({ address: config.depositContract, ...encodeDepositLog(deposit) })
    },
    updateConfig(update) {
      logs.push({ address: config.systemConfigContract, ...encodeConfigUpdate(update) })
    },
    log(log) {
      logs.push(log)
    },
    mine({ timestamp } = {}) {
      const parent = head()
      const number = parent.number + 1n
      const seal = keccak256(
        concatBytes(
          bytes(parent.hash),
          word(number),
          word(fork),
          ...transactions.map(({ raw }) => keccak256(raw)),
          ...logs.flatMap(log => [...log.topics.map(bytes), keccak256(log.data)]),
        ),
      )
      const hash = bytesToHex(seal)
      const block: L1Block = {
        number,
        hash,
        parentHash: parent.hash,
        timestamp: timestamp ?? parent.timestamp + blockTimeSeconds,
        mixHash: bytesToHex(keccak256(seal)),
        baseFeePerGas: 7n + (BigInt(seal[0]!) % 100n),
        blobBaseFee: 1n + (BigInt(seal[1]!) % 100n),
        parentBeaconBlockRoot: bytesToHex(keccak256(concatBytes(seal, seal))),
        transactions,
        logs: logs.map((log, logIndex) => ({ ...log, logIndex })),
      }
      transactions = []
      logs = []
      chain.push(block)
      return block
    },
    reorg(number) {
      const keep = Number(number - first.number) + 1
      if (keep < chain.length) chain.length = Math.max(keep, 1)
      transactions = []
      logs = []
      fork++
    },
    block: number => chain[Number(number - first.number)],
    get head() {
      return head()
    },
    source: { block: async number => simulator.block(number) },
    blobs: { getBlobs: async hashes => simulator.blobsByHash(hashes) },
    blobsByHash: hashes =>
      hashes.map(hash => {
        const blob = blobs.get(hash)
        if (blob === undefined) throw new RangeError(`no blob ${hash}`)
        return blob
      }),
  }
  return simulator
}
