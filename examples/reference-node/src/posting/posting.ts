import { join } from 'node:path'
import { anvilBeacon, type Beacon, createBeacon } from '@l2/blob'
import { createKzgPool } from '@l2/blob/kzg'
import {
  batcherDataToCommitment,
  type Commitment,
  commitmentToBatcherData,
  createMemoryDa,
  type DaReceipt,
  type DataAvailability,
} from '@l2/da'
import {
  createBlobDa,
  createCalldataDa,
  createTransactionManager,
  parseBlobCommitment,
  parseCalldataCommitment,
} from '@l2/da/ethereum'
import { createFileStore } from '@l2/da/node'
import type { BatcherSink } from '@l2/sequencer-core'
import type { Hex } from 'viem'
import { devL1BlockSeconds, type L1, l1Wallet } from '../chain/l1.js'
import { batcherAccount } from '../dev-accounts.js'
import type { ChainIdentity } from '../storage/data-directory.js'

/** What a submission cost on L1, wei. */
export type SubmissionCost = { blobs: number; blobGasWei: bigint; executionGasWei: bigint }

/** How batches reach L1, and how what is not on L1 is read back. */
export type Posting = {
  /** For the batcher: everything it submits ends up in a transaction to the inbox. */
  sink: BatcherSink
  /** Blob readers and KZG for the verifier, which trusts neither the batcher nor the node that serves blobs. */
  beacon: Beacon
  kzg: Awaited<ReturnType<typeof createKzgPool>>
  /** What an alt-DA commitment stands for, verified; type byte first. */
  readCommitment(commitment: Uint8Array): Promise<Uint8Array>
  /** Ends what a crash interrupted, before anything new is sent. */
  resume(): Promise<void>
  /** Called with the cost of every submission that L1 included. */
  onCost(listener: (cost: SubmissionCost) => void): void
  close(): Promise<void>
}

/** Composes the data layer that the chain was made with. */
export async function openPosting(l1: L1, identity: ChainIdentity, directory: string): Promise<Posting> {
  const inbox = identity.inbox as Hex
  const client = l1Wallet(l1, batcherAccount())
  const store = createFileStore(join(directory, 'posting'))
  const timing = l1.isDev ? { confirmations: 1, pollMs: 250, resubmitMs: 6 * devL1BlockSeconds * 1000 } : {}
  const transactions = createTransactionManager(
    { client: client as never, account: batcherAccount() as never, store },
    timing,
  )
  const kzg = await createKzgPool({ size: 2 })
  const beacon = createBeacon({ url: l1.beaconUrl, ...(l1.isDev ? anvilBeacon : {}) })
  const calldata = createCalldataDa({ client: client as never, transactions }, { inbox })
  const blobs = createBlobDa({ client: client as never, kzg, beacons: [beacon], transactions }, { inbox })

  const listeners: ((cost: SubmissionCost) => void)[] = []
  const reportCost = async (transactionHash: Hex): Promise<void> => {
    const receipt = await client.getTransactionReceipt({ hash: await transactions.successor(transactionHash) })
    const blobGasUsed = receipt.blobGasUsed ?? 0n
    const cost = {
      blobs: Number(blobGasUsed / 131_072n),
      blobGasWei: blobGasUsed * (receipt.blobGasPrice ?? 0n),
      executionGasWei: receipt.gasUsed * receipt.effectiveGasPrice,
    }
    for (const listener of listeners) listener(cost)
  }
  const onEthereum = (layer: DataAvailability, hashOf: (commitment: Commitment) => Hex): BatcherSink => ({
    limits: options => layer.limits(options),
    submit: async (items, options) => {
      const receipt = await layer.submit(items, options)
      await reportCost(hashOf(receipt.commitments[0]!))
      return { height: receipt.height }
    },
  })
  const inboxOf = onEthereum(calldata, commitment => parseCalldataCommitment(commitment).transactionHash)
  const sinkOf = onEthereum(blobs, commitment => parseBlobCommitment(commitment).transactionHash)

  /** A layer that L1 does not carry: the data goes there, its commitment to the inbox, one after the other and in order. */
  const committed = (layer: DataAvailability): BatcherSink => ({
    limits: options => layer.limits(options),
    submit: async (items, options) => {
      const { commitments }: DaReceipt = await layer.submit(items, options)
      let height = 0n
      for (const [index, commitment] of commitments.entries()) {
        const data = commitmentToBatcherData(commitment)
        ;({ height } = await inboxOf.submit([data], { ...options, key: `${options.key}/commitment/${index}` }))
      }
      return { height }
    },
  })
  const memory = createMemoryDa({}, { store: createFileStore(join(directory, 'memory-da')) })
  const sinks: Record<string, BatcherSink> = {
    'ethereum-blobs': sinkOf,
    'ethereum-calldata': inboxOf,
    memory: committed(memory),
  }
  const sink = sinks[identity.dataAvailability]
  if (sink === undefined) throw new Error(`unknown data layer ${identity.dataAvailability}`)

  return {
    sink,
    beacon,
    kzg,
    readCommitment: commitment => memory.get(batcherDataToCommitment(Uint8Array.of(1, ...commitment))),
    resume: async () => {
      for (const layer of [blobs, calldata]) {
        for (const key of await layer.pending()) await layer.resume(key)
      }
    },
    onCost: listener => void listeners.push(listener),
    close: async () => {
      await transactions[Symbol.asyncDispose]()
      await memory[Symbol.asyncDispose]()
      await kzg[Symbol.asyncDispose]()
    },
  }
}
