import type { Address, Hash, LocalAccount, PublicClient, TransactionReceipt } from 'viem'
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
  /** Called once when all are on their way: a development L1 can be told to mine. */
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
  const hashes: Hash[] = []
  for (const { name, nonce, to, data, gas } of plan.transactions) {
    signal?.throwIfAborted()
    // Twice today's price holds for six full blocks in a row.
    const { maxPriorityFeePerGas } = fees
    const price = { maxFeePerGas: 2n * fees.maxFeePerGas, maxPriorityFeePerGas }
    const raw = await account.signTransaction({ type: 'eip1559', chainId, nonce, to, data, gas, ...price })
    try {
      hashes.push(await client.sendRawTransaction({ serializedTransaction: raw }))
    } catch (cause) {
      throw failed(name, account.address, cause)
    }
  }
  await options.onSent?.()
  const receipts: TransactionReceipt[] = []
  const deadlineMs = performance.now() + timeoutMs
  // The last one is mined after all others.
  for (let last = hashes.length - 1; receipts.length === 0 && last >= 0; ) {
    const mined = await receiptOf(client, hashes[last]!)
    if (mined !== undefined) {
      receipts.push(...(await Promise.all(hashes.map(hash => client.getTransactionReceipt({ hash })))))
      break
    }
    if (performance.now() > deadlineMs) {
      throw new SettlementError(`L1 has not mined "${plan.transactions[last]!.name}" within ${timeoutMs} ms`, {
        code: 'TRANSACTION_NOT_MINED',
        recovery: 'retry',
        details: { hash: hashes[last], account: account.address },
      })
    }
    await pause(client.pollingInterval, signal)
  }
  const refused = receipts.findIndex(({ status }) => status !== 'success')
  if (refused >= 0) throw failed(plan.transactions[refused]!.name, account.address, undefined, receipts[refused])
  return { answer, receipts }
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
