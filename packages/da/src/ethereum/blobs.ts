import {
  type AnyKzg,
  type AsyncKzgFunctions,
  type Beacon,
  buildSidecar,
  decodeOpBlob,
  encodeOpBlob,
  gasPerBlob,
  getBlobParameters,
  getBlobs,
  maxBlobsPerTransaction,
  opBytesPerBlob,
  sidecarHashes,
  signBlobTransaction,
  versionedHashOf,
} from '@l2/blob'
import { bytesToHex, closable, hexToBytes, isL2Error, systemClock } from '@l2/common'
import type { Hex } from 'viem'
import * as z from 'zod/mini'
import { type Commitment, daLayer } from '../commitment.js'
import { DaError, type DaErrorCode, isDaError } from '../errors.js'
import { foreignCause, withDeadline } from '../internal/call.js'
import { checkItems, keyOf } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import type { DaCallOptions, L1DataAvailability } from '../port.js'
import { ethereumStatus } from './calldata.js'
import { type EthereumClient, readBlock, readReceipt } from './rpc.js'
import type { PayloadKind } from './transaction.js'
import type { TransactionManager } from './transaction-manager.js'

/** Plain settings of {@link createBlobDa}. */
export type BlobDaOptions = {
  /** Where transactions go: the batch inbox. */
  inbox: Hex
  /** Blobs of one transaction; 6, the protocol's limit. */
  maxBlobs?: number | undefined
  /** Milliseconds of a call that reads; 30 000. */
  readTimeoutMs?: number | undefined
}

/** What {@link createBlobDa} works with. */
export type BlobDaDeps = {
  client: EthereumClient
  /** Computes commitments: `createBlobKzg()` of `@l2/blob/kzg`, or a pool to keep the thread free. */
  kzg: AnyKzg
  /** Where blobs are read, first choice first; without one `get` fails. They need not be trusted. */
  beacons?: readonly Beacon[] | undefined
  /** Sends; without it the adapter only reads. Shared with the calldata adapter of the same account. */
  transactions?: TransactionManager | undefined
}

const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    inbox: z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')),
    maxBlobs: z._default(z.int().check(z.minimum(1), z.maximum(maxBlobsPerTransaction)), maxBlobsPerTransaction),
    readTimeoutMs: z._default(z.int().check(z.positive()), 30_000),
  }))()

/** Where a blob was posted, and which it is. */
export type BlobCommitment = { transactionHash: Hex; versionedHash: Hex }

/**
 * Reads a commitment of the blob adapter.
 *
 * @throws DaError `DA_COMMITMENT_INVALID`
 * @example
 * ```ts
 * import { hexToCommitment } from '@l2/da'
 * import { parseBlobCommitment } from '@l2/da/ethereum'
 *
 * const commitment = hexToCommitment(`0xe4${'11'.repeat(32)}01${'22'.repeat(31)}`)
 * console.log(parseBlobCommitment(commitment).versionedHash.slice(0, 6)) // 0x0122
 * ```
 */
export function parseBlobCommitment(commitment: Commitment): BlobCommitment {
  const { layer, payload } = commitment
  if (layer !== daLayer.ethereumBlob || payload.length !== 64 || payload[32] !== 1) {
    throw new DaError('not a commitment of an Ethereum blob', {
      code: 'DA_COMMITMENT_INVALID',
      details: { layer, length: payload.length },
    })
  }
  return { transactionHash: bytesToHex(payload.subarray(0, 32)), versionedHash: bytesToHex(payload.subarray(32)) }
}

/** One blob an item, in the OP codec, with the sidecar that the fork wants. */
function blobPayload(client: EthereumClient, kzg: AnyKzg): PayloadKind {
  return {
    kind: 'blob',
    empty: () => [new Uint8Array()],
    prepare: async (items, signal) => {
      const { wrapperVersion } = await translated(() => getBlobParameters(client))
      const sidecar = await buildSidecar(items.map(encodeOpBlob), { kzg, version: wrapperVersion, signal })
      const hashes = sidecarHashes(sidecar)
      return {
        intrinsicGas: 21_000n,
        estimate: {},
        hashes,
        sign: async (account, { chainId, nonce, to, gas, fees }) => {
          const signed = await signBlobTransaction(account as never, {
            transaction: {
              chainId,
              nonce,
              maxPriorityFeePerGas: fees.tip,
              maxFeePerGas: fees.cap,
              gas,
              to,
              value: 0n,
              data: '0x',
              accessList: [],
              maxFeePerBlobGas: fees.blobCap!,
              blobVersionedHashes: hashes,
            },
            sidecar,
          })
          return { hash: signed.hash, raw: signed.serialized }
        },
      }
    },
  }
}

const codes: Partial<Record<string, DaErrorCode>> = {
  NODE_UNAVAILABLE: 'DA_UNAVAILABLE',
  BLOBS_NOT_CUSTODIED: 'DA_NOT_CUSTODIED',
  BLOBS_PRUNED: 'DA_EXPIRED',
  BLOBS_NOT_OFFERED: 'DA_RESPONSE_INVALID',
  BLOCK_MISSED: 'DA_NOT_FOUND',
  BLOBS_MISMATCH: 'DA_MISMATCH',
  RPC_RESPONSE: 'DA_RESPONSE_INVALID',
}

/** Runs calls into `@l2/blob`, whose errors become ours where they tell of a layer. */
async function translated<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const code = isL2Error(error) ? codes[error.code] : undefined
    if (code === undefined || !isL2Error(error)) throw error
    throw new DaError(error.shortMessage, { code, details: error.details, cause: foreignCause(error) })
  }
}

/** Which of several endpoints' failures says most about the data. */
const telling: readonly DaErrorCode[] = [
  'DA_MISMATCH',
  'DA_UNAVAILABLE',
  'DA_RESPONSE_INVALID',
  'DA_NOT_CUSTODIED',
  'DA_EXPIRED',
  'DA_NOT_FOUND',
]

/**
 * Data as blobs in the OP codec, one an item, all items of a submission in one type-3 transaction to the inbox: what an OP derivation
 * pipeline reads, each item a batcher data of its own.
 *
 * Reading asks the beacon endpoints in turn, the one that answered last first; whatever one returns is checked against the versioned hash.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts no-run
 * import { createBeacon } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 * import { createBlobDa } from '@l2/da/ethereum'
 * import { hexToCommitment } from '@l2/da'
 * import { createPublicClient, http } from 'viem'
 *
 * // Without a transaction manager it only reads.
 * const client = createPublicClient({ transport: http('https://ethereum.example') })
 * const beacons = [createBeacon({ url: 'https://beacon.example' }), createBeacon({ url: 'https://archive.example' })]
 * const inbox = '0x003e30a4f0e31d8ec3b8e98957bc7fedf7f6fb56'
 * const da = createBlobDa({ inbox }, { client, kzg: await createBlobKzg(), beacons })
 * await da.get(hexToCommitment(`0xe4${'11'.repeat(32)}01${'22'.repeat(31)}`), { timeoutMs: 10_000 })
 * ```
 */
export function createBlobDa(options: BlobDaOptions, deps: BlobDaDeps): L1DataAvailability {
  const settings = parseOptions('createBlobDa', schema, options)
  const inbox = settings.inbox.toLowerCase() as Hex
  const { client, kzg, transactions } = deps
  const beacons = [...(deps.beacons ?? [])]
  const name = 'ethereum-blobs'
  const reading = settings.readTimeoutMs
  const payload = blobPayload(client, kzg)
  const commit = (hash: Hex, hashes: readonly Hex[]): Commitment[] =>
    hashes.map(versioned => ({ layer: daLayer.ethereumBlob, payload: hexToBytes(hash + versioned.slice(2))! }))
  transactions?.register(payload, commit)

  const limits = async () => {
    const { max } = await translated(() => getBlobParameters(client))
    return { maxBytes: opBytesPerBlob, maxItems: Math.min(settings.maxBlobs, max) }
  }
  const sender = (): TransactionManager => {
    if (transactions !== undefined) return transactions
    throw new DaError(`${name} was made without a transaction manager: it only reads`, { code: 'DA_READ_ONLY' })
  }
  const price = async (blobs: number): Promise<bigint> => {
    const { baseFee, tip, blobTip, blobBaseFee } = await sender().market()
    return 21_000n * (baseFee + (blobTip ?? tip)) + BigInt(blobs) * BigInt(gasPerBlob) * blobBaseFee
  }
  const read = async (commitment: Commitment, call: DaCallOptions | undefined, signal: AbortSignal) => {
    const { transactionHash, versionedHash } = parseBlobCommitment(commitment)
    const hash = (await transactions?.successor(transactionHash)) ?? transactionHash
    const receipt = await readReceipt(client, hash)
    const block = receipt === undefined ? undefined : await readBlock(client, receipt.blockNumber)
    if (receipt === undefined || block === undefined) {
      throw new DaError('Ethereum has no such mined transaction', { code: 'DA_NOT_FOUND', details: { hash } })
    }
    const failures: DaError[] = []
    for (const beacon of [...beacons]) {
      try {
        const [blob] = await translated(() =>
          getBlobs(beacon, { block, versionedHashes: [versionedHash], kzg, signal }),
        )
        if (beacons[0] !== beacon) beacons.unshift(...beacons.splice(beacons.indexOf(beacon), 1))
        return blob!
      } catch (error) {
        signal.throwIfAborted()
        call?.signal?.throwIfAborted()
        if (!isDaError(error)) throw error
        failures.push(error)
      }
    }
    failures.sort((a, b) => telling.indexOf(a.code) - telling.indexOf(b.code))
    const first = failures[0]
    if (first === undefined) {
      throw new DaError(`${name} was made without a beacon endpoint: it cannot read`, { code: 'DA_OPTIONS_INVALID' })
    }
    throw new DaError(first.shortMessage, {
      code: first.code,
      details: { ...first.details, endpoints: failures.map(({ code, shortMessage }) => `${code}: ${shortMessage}`) },
      cause: first,
    })
  }

  return {
    name,
    includedOn: 'l1',
    capabilities: { retentionSeconds: 4096n * 32n * 12n, finality: 'probabilistic' },
    limits: call => withDeadline(`${name} limits`, call, reading, limits),
    quote: async (sizes, call) => {
      checkItems(name, sizes, { maxBytes: opBytesPerBlob, maxItems: settings.maxBlobs })
      const cost = await withDeadline(`${name} quote`, call, reading, () => price(sizes.length))
      return { cost, unit: 'wei', validUntilMs: systemClock.now() + 12_000 }
    },
    submit: async (items, call) => {
      checkItems(
        name,
        items.map(item => item.length),
        { maxBytes: opBytesPerBlob, maxItems: settings.maxBlobs },
      )
      const approve = async () => {
        const cost = await withDeadline(`${name} quote`, call, reading, () => price(items.length))
        if (call?.maxCost !== undefined && cost > call.maxCost) {
          throw new DaError(`${name} asks ${cost} wei, at most ${call.maxCost} allowed`, {
            code: 'DA_FEE_TOO_HIGH',
            details: { cost, maxCost: call.maxCost },
          })
        }
      }
      const request = { kind: 'blob', to: inbox, items, key: keyOf(items, call) } as const
      return sender().send(call?.maxCost === undefined ? request : { ...request, approve }, call)
    },
    pending: call => withDeadline(`${name} pending`, call, reading, async () => transactions?.pending('blob') ?? []),
    resume: async (key, call) => transactions?.resume(key, call),
    reads: ({ layer }) => layer === daLayer.ethereumBlob,
    get: async (commitment, call) => {
      const blob = await withDeadline(`${name} get`, call, reading, signal => read(commitment, call, signal))
      try {
        return decodeOpBlob(blob)
      } catch (error) {
        // The blob is the one committed to: whoever posted it did not use the codec.
        throw new DaError('the blob is authentic and not in the OP codec', {
          code: 'DA_COMMITMENT_DEAD',
          details: { versionedHash: parseBlobCommitment(commitment).versionedHash },
          cause: foreignCause(error),
        })
      }
    },
    verify: async (commitment, data, call) => {
      const { versionedHash } = parseBlobCommitment(commitment)
      if (data.length > opBytesPerBlob) return false
      const blob = encodeOpBlob(data)
      const commitmentOf = (kzg as AsyncKzgFunctions).blobToKzgCommitment
      return versionedHashOf(await commitmentOf.call(kzg, blob, { signal: call?.signal })) === versionedHash
    },
    status: (commitment, call) =>
      withDeadline(`${name} status`, call, reading, () =>
        ethereumStatus(client, transactions, parseBlobCommitment(commitment).transactionHash),
      ),
    ...closable(async () => {}),
  }
}
