type Hash = `0x${string}`

/** The part of a viem client that is used. */
type ReceiptClient<R> = {
  getTransactionReceipt(args: { hash: Hash }): Promise<R>
  request(args: never): Promise<unknown>
}

/**
 * The receipt of a transaction on an anvil that mines what it is sent, whether or not it reverted. It is asked for again and again, since no further
 * block tells of it, and after three seconds anvil is told to mine: now and then it forgets to.
 */
export async function receiptOf<R>(client: ReceiptClient<R>, hash: Hash, patienceMs = 180_000): Promise<R> {
  const startedMs = performance.now()
  let nudgedMs = startedMs
  for (;;) {
    try {
      return await client.getTransactionReceipt({ hash })
    } catch (error) {
      if ((error as Error).name !== 'TransactionReceiptNotFoundError') throw error
      if (performance.now() - startedMs > patienceMs) throw error
    }
    if (performance.now() - nudgedMs > 3_000) {
      nudgedMs = performance.now()
      await client.request({ method: 'evm_mine', params: [] } as never)
    }
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
