import { bytesToHex, closable, equalBytes, hexToBytes, systemClock } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hex } from 'viem'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import { checkItems, keyOf } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import type { L1DataAvailability } from '../port.js'
import { type EthereumClient, readFinalized, readReceipt, readTransaction } from './rpc.js'
import { calldataPayload } from './transaction.js'
import type { TransactionManager } from './transaction-manager.js'

/** Plain settings of {@link createCalldataDa}. */
export type CalldataDaOptions = {
  /** Where transactions go: the batch inbox. */
  inbox: Hex
  /** Bytes of one transaction's data; 130 672, the most that OP derivation and every pool's 128 KiB transactions allow. */
  maxBytes?: number | undefined
  /** Milliseconds of a call that reads; 30 000. */
  readTimeoutMs?: number | undefined
}

/** What {@link createCalldataDa} works with. */
export type CalldataDaDeps = {
  client: EthereumClient
  /** Sends; without it the adapter only reads. Shared with the blob adapter of the same account. */
  transactions?: TransactionManager | undefined
}

const address = /* @__PURE__ */ (() => z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    inbox: address,
    maxBytes: z._default(z.int().check(z.positive()), 130_672),
    readTimeoutMs: z._default(z.int().check(z.positive()), 30_000),
  }))()

/** Where calldata was posted, and what it was. */
export type CalldataCommitment = { transactionHash: Hex; dataHash: Hex }

/**
 * Reads a commitment of the calldata adapter.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { hexToCommitment } from '@l2/da'
 * import { parseCalldataCommitment } from '@l2/da/ethereum'
 *
 * const commitment = hexToCommitment(`0xe0${'11'.repeat(32)}${'22'.repeat(32)}`)
 * console.log(parseCalldataCommitment(commitment).dataHash.slice(0, 6)) // 0x2222
 * ```
 */
export function parseCalldataCommitment(commitment: Commitment): CalldataCommitment {
  const { layer, payload } = commitment
  if (layer !== daLayer.ethereumCalldata || payload.length !== 64) {
    throw new DaError('not a commitment of Ethereum calldata', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer, length: payload.length },
    })
  }
  return { transactionHash: bytesToHex(payload.subarray(0, 32)), dataHash: bytesToHex(payload.subarray(32)) }
}

function commitmentOf(transactionHash: Hex, dataHash: Hex): Commitment {
  return { layer: daLayer.ethereumCalldata, payload: hexToBytes(transactionHash + dataHash.slice(2))! }
}

/**
 * Data as the calldata of one transaction to the inbox, byte for byte: what an OP derivation pipeline reads as batcher data, so pass
 * `00 ‖ frames` or `01 ‖ commitment`. One item a submission.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts no-run
 * import { createCalldataDa, createTransactionManager } from '@l2/da/ethereum'
 * import { createFileStore } from '@l2/da/node'
 * import { createPublicClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const client = createPublicClient({ transport: http('https://ethereum.example') })
 * const account = privateKeyToAccount(process.env['BATCHER_KEY'] as `0x${string}`)
 * const transactions = createTransactionManager({}, { client, account, store: createFileStore('/var/lib/batcher') })
 * const da = createCalldataDa({ inbox: '0x003e30a4f0e31d8ec3b8e98957bc7fedf7f6fb56' }, { client, transactions })
 * // Ends what a crash interrupted.
 * for (const key of await da.pending()) await da.resume(key)
 * await da.submit([Uint8Array.of(0, 1)], { key: 'channel 7', maxCost: 10n ** 16n })
 * ```
 */
export function createCalldataDa(options: CalldataDaOptions, deps: CalldataDaDeps): L1DataAvailability {
  const settings = parseOptions('createCalldataDa', schema, options)
  const inbox = settings.inbox.toLowerCase() as Hex
  const { client, transactions } = deps
  const name = 'ethereum-calldata'
  const limits = { maxBytes: settings.maxBytes, maxItems: 1 }
  const commit = (hash: Hex, hashes: readonly Hex[]) => hashes.map(dataHash => commitmentOf(hash, dataHash))
  transactions?.register(calldataPayload, commit)

  const reading = settings.readTimeoutMs
  const price = async (size: number): Promise<bigint> => {
    const { baseFee, tip } = await sender().market()
    // Compressed data has a zero byte in 256; they are priced as if none were.
    return (21_000n + 40n * BigInt(size)) * (baseFee + tip)
  }
  const sender = (): TransactionManager => {
    if (transactions !== undefined) return transactions
    throw new DaError(`${name} was made without a transaction manager: it only reads`, { code: 'DA_READ_ONLY' })
  }

  return {
    name,
    includedOn: 'l1',
    capabilities: { retentionSeconds: undefined, finality: 'probabilistic' },
    limits: async call => {
      call?.signal?.throwIfAborted()
      return limits
    },
    quote: async (sizes, call) => {
      checkItems(name, sizes, limits)
      const cost = await withDeadline(`${name} quote`, call, reading, () => price(sizes[0]!))
      return { cost, unit: 'wei', validUntilMs: systemClock.now() + 12_000 }
    },
    submit: async (items, call) => {
      checkItems(
        name,
        items.map(item => item.length),
        limits,
      )
      const approve = async () => {
        const cost = await withDeadline(`${name} quote`, call, reading, () => price(items[0]!.length))
        if (call?.maxCost !== undefined && cost > call.maxCost) {
          throw new DaError(`${name} asks ${cost} wei, at most ${call.maxCost} allowed`, {
            code: 'DA_FEE_TOO_HIGH',
            details: { cost, maxCost: call.maxCost },
          })
        }
      }
      const request = { kind: 'calldata', to: inbox, items, key: keyOf(items, call) } as const
      return sender().send(call?.maxCost === undefined ? request : { ...request, approve }, call)
    },
    pending: call =>
      withDeadline(`${name} pending`, call, reading, async () => transactions?.pending('calldata') ?? []),
    resume: async (key, call) => transactions?.resume(key, call),
    reads: ({ layer }) => layer === daLayer.ethereumCalldata,
    get: (commitment, call) =>
      withDeadline(`${name} get`, call, reading, async () => {
        const { transactionHash, dataHash } = parseCalldataCommitment(commitment)
        const hash = (await transactions?.successor(transactionHash)) ?? transactionHash
        const found = await readTransaction(client, hash)
        if (found === undefined) {
          throw new DaError('Ethereum has no such transaction', { code: 'DA_NOT_FOUND', details: { hash } })
        }
        const data = hexToBytes(found.input)!
        if (bytesToHex(keccak256(data)) !== dataHash) {
          throw new DaError('the calldata of the transaction is not what was committed to', {
            code: 'DA_MISMATCH',
            details: { hash, expected: dataHash, length: data.length },
          })
        }
        return data
      }),
    verify: async (commitment, data) =>
      equalBytes(keccak256(data), hexToBytes(parseCalldataCommitment(commitment).dataHash)!),
    status: (commitment, call) =>
      withDeadline(`${name} status`, call, reading, () =>
        ethereumStatus(client, transactions, parseCalldataCommitment(commitment).transactionHash),
      ),
    ...closable(async () => {}),
  }
}

/** Where the transaction of a commitment stands. */
export async function ethereumStatus(
  client: EthereumClient,
  transactions: TransactionManager | undefined,
  transactionHash: Hex,
): Promise<'pending' | 'included' | 'final' | 'lost'> {
  const hash = (await transactions?.successor(transactionHash)) ?? transactionHash
  const receipt = await readReceipt(client, hash)
  if (receipt !== undefined) return receipt.blockNumber <= (await readFinalized(client)) ? 'final' : 'included'
  if (transactions?.isPending(hash) === true || (await readTransaction(client, hash)) !== undefined) return 'pending'
  return 'lost'
}
