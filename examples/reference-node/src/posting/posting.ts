import { join } from 'node:path'
import { anvilBeacon, type Beacon, createBeacon } from '@l2/blob'
import { createKzgPool, type KzgPool } from '@l2/blob/kzg'
import { isL2Error } from '@l2/common'
import {
  batcherDataToCommitment,
  type Commitment,
  commitmentToBatcherData,
  createMemoryDa,
  createRouterDa,
  DaError,
  type DataAvailability,
  daLayer,
} from '@l2/da'
import { createCelestiaClient, createCelestiaDa, namespaceOfName } from '@l2/da/celestia'
import {
  createBlobDa,
  createCalldataDa,
  createTransactionManager,
  parseBlobCommitment,
  parseCalldataCommitment,
} from '@l2/da/ethereum'
import { createFileStore } from '@l2/da/node'
import { createCelestiaServer } from '@l2/da/testing/celestia'
import type { BatcherSink } from '@l2/sequencer-core'
import type { Hex } from 'viem'
import { devL1BlockSeconds, type L1, l1Wallet } from '../chain/l1.js'
import type { NodeConfig } from '../config.js'
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
  kzg: KzgPool
  /** What an alt-DA commitment stands for, verified; type byte first. */
  readCommitment(commitment: Uint8Array): Promise<Uint8Array>
  /** Ends what a crash interrupted, before anything new is sent. What is refused is told, and left to the batcher, who sends again what is not safe. */
  resume(onRefused: (reason: string) => void): Promise<void>
  /** Called with the cost of every submission that L1 included. */
  onCost(listener: (cost: SubmissionCost) => void): void
  close(): Promise<void>
}

/** Composes the data layer that the chain was made with. */
export async function openPosting(
  l1: L1,
  identity: ChainIdentity,
  directory: string,
  config: NodeConfig,
): Promise<Posting> {
  const inbox = identity.inbox as Hex
  const client = l1Wallet(l1, batcherAccount())
  const store = createFileStore(join(directory, 'posting'))
  const timing = l1.isDev
    ? { confirmations: 1, pollMs: 250, resubmitMs: 6 * devL1BlockSeconds * 1000 }
    : config.l1Timing
  const transactions = createTransactionManager(
    { client: client as never, account: batcherAccount() as never, store },
    timing,
  )
  const kzg = await createKzgPool({ size: 2 })
  const beacon = createBeacon({ url: l1.beaconUrl, ...(l1.isAnvil ? anvilBeacon : {}) })
  const calldata = createCalldataDa({ client: client as never, transactions }, { inbox })
  const blobs = createBlobDa({ client: client as never, kzg, beacons: [beacon], transactions }, { inbox })
  const closers: (() => PromiseLike<void>)[] = [
    () => transactions[Symbol.asyncDispose](),
    () => kzg[Symbol.asyncDispose](),
  ]

  const celestia = async (): Promise<DataAvailability> => {
    let url = config.celestia
    let token = process.env['CELESTIA_TOKEN']
    if (url === undefined) {
      const server = await createCelestiaServer()
      closers.unshift(() => server[Symbol.asyncDispose]())
      ;({ url, token } = server)
    }
    return createCelestiaDa(
      { client: createCelestiaClient({ url, ...(token === undefined ? {} : { token }) }), store },
      { namespace: namespaceOfName(`l2-${identity.chainId}`), pollMs: 500 },
    )
  }
  const layers: Record<string, () => Promise<DataAvailability>> = {
    'ethereum-blobs': async () => blobs,
    'ethereum-calldata': async () => calldata,
    memory: async () => createMemoryDa({}, { store: createFileStore(join(directory, 'memory-da')) }),
    celestia,
    router: async () =>
      createRouterDa(
        { layers: [{ da: blobs }, { da: await celestia() }], store },
        { policy: 'failover', limits: 'active', stallMs: config.stallMs, probeMs: 2000, cooldownMs: config.stallMs },
      ),
  }
  const layer = await layers[identity.dataAvailability]!()

  const listeners: ((cost: SubmissionCost) => void)[] = []
  const reportCost = async (hash: Hex): Promise<void> => {
    const receipt = await client.getTransactionReceipt({ hash: await transactions.successor(hash) })
    const blobGasUsed = receipt.blobGasUsed ?? 0n
    const cost = {
      blobs: Number(blobGasUsed / 131_072n),
      blobGasWei: blobGasUsed * (receipt.blobGasPrice ?? 0n),
      executionGasWei: receipt.gasUsed * receipt.effectiveGasPrice,
    }
    for (const listener of listeners) listener(cost)
  }
  /** The L1 transaction of a commitment that L1 itself carries; `undefined` for the other layers. */
  const onL1 = (commitment: Commitment): Hex | undefined => {
    if (commitment.layer === daLayer.ethereumBlob) return parseBlobCommitment(commitment).transactionHash
    if (commitment.layer === daLayer.ethereumCalldata) return parseCalldataCommitment(commitment).transactionHash
    return undefined
  }

  const sink: BatcherSink = {
    limits: options => layer.limits(options),
    async submit(items, options) {
      const { commitments, height } = await layer.submit(items, options)
      const hash = onL1(commitments[0]!)
      if (hash !== undefined) {
        await reportCost(hash)
        return { height }
      }
      // What L1 does not carry is named there: each commitment in a transaction to the inbox, in the order of the data.
      let included = 0n
      for (const [index, commitment] of commitments.entries()) {
        const data = commitmentToBatcherData(commitment)
        const receipt = await calldata.submit([data], { ...options, key: `${options.key}/commitment/${index}` })
        await reportCost(onL1(receipt.commitments[0]!)!)
        included = receipt.height
      }
      return { height: included }
    },
  }

  return {
    sink,
    beacon,
    kzg,
    async readCommitment(commitment) {
      const parsed = batcherDataToCommitment(Uint8Array.of(1, ...commitment))
      if (layer.reads(parsed)) return await layer.get(parsed)
      throw new DaError(`no adapter of this node reads layer ${parsed.layer}`, { code: 'DA_COMMITMENT_INVALID' })
    },
    async resume(onRefused) {
      for (const adapter of [blobs, calldata]) {
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
    },
    onCost: listener => void listeners.push(listener),
    async close() {
      await layer[Symbol.asyncDispose]()
      for (const close of closers) await close()
    },
  }
}
