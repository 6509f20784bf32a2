import type { Address, Hash, Hex, LocalAccount, PublicClient, TransactionReceipt } from 'viem'
import { SettlementError } from '../errors.js'
import { createPlan, type Plan } from './plan.js'

/** What sends transactions to L1. */
export type L1Sender = {
  client: PublicClient
  /** Pays and signs. Nothing else may send from it meanwhile: the addresses follow from its nonces. */
  account: LocalAccount
}

/** How long to wait for L1. */
export type SendOptions = {
  /** Until the last transaction must be in a block; milliseconds. Defaults to ten minutes. */
  timeoutMs?: number | undefined
  /** Called when all are on their way, and again after each block that did not take all: a development L1 can be told to mine. */
  onSent?: (() => Promise<unknown>) | undefined
  signal?: AbortSignal | undefined
}

/** What was sent, mined. */
export type Sent<T> = { answer: T; receipts: readonly TransactionReceipt[] }

/**
 * Sends what `make` plans, all at once, and waits until it is mined.
 *
 * @throws SettlementError `TRANSACTION_FAILED` where one was not executed as planned, `TRANSACTION_NOT_MINED` where time is over
 */
export async function sendPlan<T>(
  { client, account }: L1Sender,
  make: (plan: Plan) => T,
  options: SendOptions = {},
): Promise<Sent<T>> {
  const { timeoutMs = 600_000, signal } = options
  const [nonce, chainId, fees] = await Promise.all([
    client.getTransactionCount({ address: account.address, blockTag: 'pending' }),
    client.getChainId(),
    client.estimateFeesPerGas(),
  ])
  const plan = createPlan(account.address, nonce)
  const answer = make(plan)
  // Twice today's price holds for six full blocks in a row.
  const price = { maxFeePerGas: 2n * fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas }
  const hashes: Hash[] = []
  const signed: Hex[] = []
  for (const { name, nonce, to, data, gas } of plan.transactions) {
    signal?.throwIfAborted()
    const raw = await account.signTransaction({ type: 'eip1559', chainId, nonce, to, data, gas, ...price })
    signed.push(raw)
    try {
      hashes.push(await client.sendRawTransaction({ serializedTransaction: raw }))
    } catch (cause) {
      throw failed(name, account.address, cause)
    }
  }
  const deadlineMs = performance.now() + timeoutMs
  let seen = await client.getBlockNumber({ cacheTime: 0 })
  await options.onSent?.()
  // The last one is mined after all others.
  while ((await receiptOf(client, hashes.at(-1)!)) === undefined) {
    if (performance.now() > deadlineMs) {
      throw new SettlementError(`L1 has not mined "${plan.transactions.at(-1)!.name}" within ${timeoutMs} ms`, {
        code: 'TRANSACTION_NOT_MINED',
        recovery: 'retry',
        details: { hash: hashes.at(-1), account: account.address },
      })
    }
    await pause(client.pollingInterval, signal)
    const newest = await client.getBlockNumber({ cacheTime: 0 })
    if (newest === seen) continue
    seen = newest
    await sendAgain(client, account.address, nonce, signed)
    await options.onSent?.()
  }
  const receipts = await Promise.all(hashes.map(hash => client.getTransactionReceipt({ hash })))
  const refused = receipts.findIndex(({ status }) => status !== 'success')
  if (refused >= 0) throw failed(plan.transactions[refused]!.name, account.address, undefined, receipts[refused])
  return { answer, receipts }
}

/** Nodes forget what did not fit into a block (anvil does): what is not mined yet is sent to them anew. What they still have they refuse. */
async function sendAgain(client: PublicClient, address: Address, first: number, signed: readonly Hex[]): Promise<void> {
  const mined = (await client.getTransactionCount({ address, blockTag: 'latest' })) - first
  for (const raw of signed.slice(Math.max(0, mined))) {
    await client.sendRawTransaction({ serializedTransaction: raw }).catch(() => {})
  }
}

async function receiptOf(client: PublicClient, hash: Hash): Promise<TransactionReceipt | undefined> {
  try {
    return await client.getTransactionReceipt({ hash })
  } catch (error) {
    if ((error as Error).name === 'TransactionReceiptNotFoundError') return undefined
    throw error
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
  signal?.throwIfAborted()
}

function failed(name: string, account: Address, cause: unknown, receipt?: TransactionReceipt): SettlementError {
  return new SettlementError(`L1 refused "${name}"`, {
    code: 'TRANSACTION_FAILED',
    details: { account, hash: receipt?.transactionHash, gasUsed: receipt?.gasUsed },
    cause,
  })
}
