import { join } from 'node:path'
import { anvilBeacon, type Beacon, createBeacon } from '@l2/blob'
import { createKzgPool, type KzgPool } from '@l2/blob/kzg'
import { hexToBytes, isL2Error } from '@l2/common'
import {
  type Commitment,
  createCommitmentSource,
  type DaCommitmentSource,
  type DataAvailability,
  daLayer,
  type SkippedCommitment,
} from '@l2/da'
import {
  createBlobDa,
  createCalldataDa,
  createTransactionManager,
  parseBlobCommitment,
  parseCalldataCommitment,
} from '@l2/da/ethereum'
import { createFileStore } from '@l2/da/node'
import type { BatcherSink, L1Prices } from '@l2/sequencer-core/batcher'
import type { Hex, LocalAccount } from 'viem'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import type { L1Cost } from '../economics/books.js'
import { NodeError } from '../errors.js'
import { devL1BlockSeconds, type L1, l1Wallet } from '../l1/l1.js'
import type { ChainIdentity } from '../storage/data-directory.js'
import { createWallet, type Wallet } from './funds.js'
import { type LayerOptions, openLayer } from './layers.js'
import { createBookedSinks } from './sink.js'

/** How batches reach L1, and how what is not on L1 is read back. */
export type Posting = {
  /** For the batcher: everything it submits ends up in a transaction to the inbox. */
  sink: BatcherSink
  /** The layers on L1 that a planner may choose from, by name: `blobs`, `calldata`. None where the data goes elsewhere. */
  onL1: Readonly<Record<string, BatcherSink>>
  /** What L1 asks now, the tip included. */
  prices(): Promise<L1Prices>
  /** Submissions that may be on their way at once: one where the next may go another way and overtake it. */
  maxPendingSubmissions: number
  /**
   * Sends a call of the posting account that carries no data, in the order of its transactions, and resolves with the L1 block that has it. Whether the contract
   * took it is for the caller to see. Once for a key.
   */
  call(to: Hex, data: Hex, key: string): Promise<{ height: bigint }>
  /** Books what a crash interrupted or the batcher gave up, once L1 has it. */
  bookOpen(): Promise<void>
  /** What pays for it. */
  wallet: Wallet
  /** Blob readers and KZG for the verifier, which trusts neither the batcher nor the node that serves blobs. */
  beacon: Beacon
  kzg: KzgPool
  /** What commitments in the inbox stand for, verified. */
  commitments: DaCommitmentSource
  /**
   * Ends what a crash interrupted, before anything new is sent, and books what it cost. What is refused is told, and left to the batcher, who
   * sends again what is not safe.
   */
  resume(onRefused: (reason: string) => void): Promise<void>
  close(): Promise<void>
}

/** Where data goes besides L1, and the pace of transactions on it. */
export type PostingOptions = LayerOptions & {
  /** Who posts and pays. */
  account: LocalAccount
  l1Timing: { confirmations: number; pollMs: number }
}

/** A second thread would have a trusted setup of its own, which takes as long as seven blobs; with tables a blob takes two thirds of the time. */
const kzgThread = { size: 1 }

/** Composes the data layer that the chain was made with. What it pays is told to the bookkeeper. */
export async function openPosting(
  l1: L1,
  identity: ChainIdentity,
  directory: string,
  config: PostingOptions,
  keeper: Pick<Bookkeeper, 'begin' | 'paid' | 'end' | 'books'>,
  say: (message: string) => void,
): Promise<Posting> {
  const inbox = identity.inbox as Hex
  const client = l1Wallet(l1, config.account)
  const store = createFileStore(join(directory, 'posting'))
  const timing = l1.isDev
    ? { confirmations: 1, pollMs: 250, resubmitMs: 6 * devL1BlockSeconds * 1000 }
    : config.l1Timing
  const transactions = createTransactionManager(timing, {
    client: client as never,
    account: config.account as never,
    store,
  })
  // Where no blobs are made, its tables would only cost their second and their hundred megabytes.
  const makesBlobs = identity.dataAvailability !== 'ethereum-calldata'
  const kzg = await createKzgPool({ ...kzgThread, precompute: makesBlobs })
  const beacon = createBeacon({ url: l1.beaconUrl, ...(l1.isAnvil ? anvilBeacon : {}) })
  const calldata = createCalldataDa({ inbox }, { client: client as never, transactions })
  const blobs = createBlobDa({ inbox }, { client: client as never, kzg, beacons: [beacon], transactions })
  const closers: (() => PromiseLike<void>)[] = [() => transactions.close(), () => kzg.close()]

  const onSkipped = ({ commitment, l1Block, reason }: SkippedCommitment) =>
    say(`commitment ${commitment.slice(0, 20)}… of L1 block ${l1Block} is skipped: ${reason}`)
  const opened = { blobs, calldata, store, directory, closers, say }
  const layer = await openLayer(identity, config, opened)
  // Facts of the chain: a node that was not given one of these layers stops at its first commitment, and skips none that others take.
  const accepted: Record<string, readonly number[]> = {
    memory: [daLayer.memory],
    celestia: [daLayer.celestia],
    s3: [daLayer.keccak],
    router: [daLayer.celestia, daLayer.keccak],
  }

  const dataOnL1: Record<string, DataAvailability> = {
    ethereum: blobs,
    'ethereum-blobs': blobs,
    'ethereum-calldata': calldata,
    router: blobs,
  }
  const wallet = createWallet({
    l1,
    address: config.account.address,
    data: dataOnL1[identity.dataAvailability],
    commitments: calldata,
  })

  const transactionOf = (commitment: Commitment): Hex =>
    (commitment.layer === daLayer.ethereumBlob ? parseBlobCommitment : parseCalldataCommitment)(commitment)
      .transactionHash

  const sinks = createBookedSinks({
    ...{ blobs, calldata, transactionOf, keeper },
    costOf: async hash => costOf(client, await transactions.successor(hash)),
  })
  const sink = sinks.sinkOf(layer)
  const onL1Sinks: Record<string, Record<string, BatcherSink>> = {
    ethereum: { blobs: sink, calldata: sinks.sinkOf(calldata) },
    'ethereum-blobs': { blobs: sink },
    'ethereum-calldata': { calldata: sink },
  }

  return {
    sink,
    onL1: onL1Sinks[identity.dataAvailability] ?? {},
    async prices() {
      const { baseFee, tip, blobBaseFee } = await transactions.market()
      return { gasPriceWei: baseFee + tip, blobBaseFeeWei: blobBaseFee }
    },
    maxPendingSubmissions: identity.dataAvailability === 'router' ? 1 : 4,
    async call(to, data, key) {
      const { height } = await transactions.send({ kind: 'calldata', to, items: [hexToBytes(data)!], key })
      return { height }
    },
    bookOpen: () => sinks.bookOpen(),
    wallet,
    beacon,
    kzg,
    commitments: createCommitmentSource(
      { accept: accepted[identity.dataAvailability] ?? [] },
      { layers: [layer], onSkipped },
    ),
    async resume(onRefused) {
      for (const adapter of new Set([layer, blobs, calldata])) {
        for (const key of await adapter.pending()) {
          try {
            await adapter.resume(key)
          } catch (error) {
            if (!isL2Error(error)) throw error
            const cause = error.cause instanceof Error ? `: ${error.cause.message.split('\n', 1)[0]}` : ''
            onRefused(error.shortMessage + cause)
          }
        }
      }
      await sinks.bookOpen()
    },
    async close() {
      await layer.close()
      for (const close of closers) await close()
    },
  }
}

/** What L1 charged for a transaction. @throws NodeError `RPC_FAILED` (retry) */
async function costOf(client: ReturnType<typeof l1Wallet>, mined: Hex): Promise<L1Cost> {
  const receipt = await client.getTransactionReceipt({ hash: mined }).catch(cause => {
    throw new NodeError(`L1 gives no receipt of ${mined}`, { code: 'RPC_FAILED', recovery: 'retry', cause })
  })
  const blobGasUsed = receipt.blobGasUsed ?? 0n
  return {
    transactionHash: receipt.transactionHash,
    l1Block: receipt.blockNumber,
    blobs: Number(blobGasUsed / 131_072n),
    blobGasWei: blobGasUsed * (receipt.blobGasPrice ?? 0n),
    executionGasWei: receipt.gasUsed * receipt.effectiveGasPrice,
  }
}
