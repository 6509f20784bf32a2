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
import type { BatcherSink, L1Prices } from '@l2/sequencer-core'
import type { Hex } from 'viem'
import { devL1BlockSeconds, type L1, l1Wallet } from '../chain/l1.js'
import type { NodeConfig } from '../config.js'
import { batcherAccount } from '../dev-accounts.js'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import type { ChainIdentity } from '../storage/data-directory.js'
import { createWallet, type Wallet } from './funds.js'

/** How batches reach L1, and how what is not on L1 is read back. */
export type Posting = {
  /** For the batcher: everything it submits ends up in a transaction to the inbox. */
  sink: BatcherSink
  /** The layers on L1 that a planner may choose from, by name: `blobs`, `calldata`. None where the data goes elsewhere. */
  onL1: Readonly<Record<string, BatcherSink>>
  /** What L1 asks now, the tip included. */
  prices(): Promise<L1Prices>
  /** Submissions that may be on their way at once: one where a layer's commitments follow its data to L1 and must not overtake one another. */
  maxPendingSubmissions: number
  /** What pays for it. */
  wallet: Wallet
  /** Blob readers and KZG for the verifier, which trusts neither the batcher nor the node that serves blobs. */
  beacon: Beacon
  kzg: KzgPool
  /** What an alt-DA commitment stands for, verified; type byte first. */
  readCommitment(commitment: Uint8Array): Promise<Uint8Array>
  /**
   * Ends what a crash interrupted, before anything new is sent, and books what it cost. What is refused is told, and left to the batcher, who
   * sends again what is not safe.
   */
  resume(onRefused: (reason: string) => void): Promise<void>
  close(): Promise<void>
}

/** Composes the data layer that the chain was made with. What it pays is told to the bookkeeper. */
export async function openPosting(
  l1: L1,
  identity: ChainIdentity,
  directory: string,
  config: NodeConfig,
  keeper: Pick<Bookkeeper, 'begin' | 'paid' | 'end' | 'books'>,
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
    ethereum: async () => blobs,
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

  const dataOnL1: Record<string, DataAvailability> = {
    ethereum: blobs,
    'ethereum-blobs': blobs,
    'ethereum-calldata': calldata,
    router: blobs,
  }
  const wallet = createWallet({
    l1,
    address: batcherAccount().address,
    data: dataOnL1[identity.dataAvailability],
    commitments: calldata,
  })

  const bookCost = async (key: string, hash: Hex): Promise<void> => {
    const receipt = await client.getTransactionReceipt({ hash: await transactions.successor(hash) })
    const blobGasUsed = receipt.blobGasUsed ?? 0n
    keeper.paid(key, {
      transactionHash: receipt.transactionHash,
      l1Block: receipt.blockNumber,
      blobs: Number(blobGasUsed / 131_072n),
      blobGasWei: blobGasUsed * (receipt.blobGasPrice ?? 0n),
      executionGasWei: receipt.gasUsed * receipt.effectiveGasPrice,
    })
  }
  /** The L1 transaction of a commitment that L1 itself carries; `undefined` for the other layers. */
  const onL1 = (commitment: Commitment): Hex | undefined => {
    if (commitment.layer === daLayer.ethereumBlob) return parseBlobCommitment(commitment).transactionHash
    if (commitment.layer === daLayer.ethereumCalldata) return parseCalldataCommitment(commitment).transactionHash
    return undefined
  }

  const commitmentKey = (key: string, index: number): string => `${key}/commitment/${index}`

  const sinkOf = (to: DataAvailability): BatcherSink => ({
    limits: options => to.limits(options),
    async submit(items, options) {
      const { key } = options
      keeper.begin(
        key,
        items.reduce((sum, { length }) => sum + length, 0),
      )
      const { commitments, height } = await to.submit(items, options)
      let included = height
      const hash = onL1(commitments[0]!)
      if (hash !== undefined) await bookCost(key, hash)
      else {
        // What L1 does not carry is named there: each commitment in a transaction to the inbox, in the order of the data.
        for (const [index, commitment] of commitments.entries()) {
          const data = commitmentToBatcherData(commitment)
          const receipt = await calldata.submit([data], { ...options, key: commitmentKey(key, index) })
          await bookCost(key, onL1(receipt.commitments[0]!)!)
          included = receipt.height
        }
      }
      keeper.end(key)
      return { height: included }
    },
  })
  const sink = sinkOf(layer)
  const onL1Sinks: Record<string, Record<string, BatcherSink>> = {
    ethereum: { blobs: sink, calldata: sinkOf(calldata) },
    'ethereum-blobs': { blobs: sink },
    'ethereum-calldata': { calldata: sink },
  }
  const onL1Sink = onL1Sinks[identity.dataAvailability]
  /** Books what L1 included of a submission whose end nobody saw: its own transaction, or those of its commitments. */
  const bookInterrupted = async (key: string): Promise<void> => {
    const own = await calldata.resume(key)
    if (own !== undefined) await bookCost(key, onL1(own.commitments[0]!)!)
    for (let index = 0; ; index++) {
      const receipt = await calldata.resume(commitmentKey(key, index))
      if (receipt === undefined) break
      await bookCost(key, onL1(receipt.commitments[0]!)!)
    }
    keeper.end(key)
  }

  return {
    sink,
    onL1: onL1Sink ?? {},
    async prices() {
      const { baseFee, tip, blobBaseFee } = await transactions.market()
      return { gasPriceWei: baseFee + tip, blobBaseFeeWei: blobBaseFee }
    },
    maxPendingSubmissions: onL1Sink === undefined ? 1 : 4,
    wallet,
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
      // The blobs' transactions and those of calldata are one account's: the manager behind both adapters knows all keys.
      for (const key of keeper.books.open.keys()) await bookInterrupted(key)
    },
    async close() {
      await layer[Symbol.asyncDispose]()
      for (const close of closers) await close()
    },
  }
}
