import { devTokenAbi, devTokenBytecode } from '@l2/contracts/testing/dev-token'
import { type Address, createWalletClient, defineChain, encodeFunctionData, type Hash, http, publicActions } from 'viem'
import { devAccount, trafficAccounts } from '../dev-accounts.js'

/** The demo's users: real signed transactions over the public JSON-RPC, with an ordinary viem wallet client. */
export type Traffic = {
  /** Hashes the node acknowledged. */
  readonly sent: ReadonlySet<Hash>
  /** Ends sending; resolves when nothing is under way any more. */
  stop(): Promise<void>
}

/** `rpcUrls`: users ask them in turn, each always the same one. */
type TrafficOptions = { rpcUrls: readonly string[]; chainId: number; perSecond: number; onError(error: Error): void }

export function startTraffic({ rpcUrls, chainId, perSecond, onError }: TrafficOptions): Traffic {
  const chain = defineChain({
    id: chainId,
    name: 'Reference rollup',
    nativeCurrency: { name: 'Metis', symbol: 'METIS', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrls[0]!] } },
  })
  const wallets = Array.from({ length: trafficAccounts }, (_, index) =>
    createWalletClient({
      account: devAccount(index),
      chain,
      transport: http(rpcUrls[index % rpcUrls.length], { retryCount: 0 }),
    }).extend(publicActions),
  )
  const sent = new Set<Hash>()
  let stopped = false

  const run = async (): Promise<void> => {
    const nonces = await Promise.all(
      wallets.map(wallet => wallet.getTransactionCount({ address: wallet.account.address, blockTag: 'pending' })),
    )
    const first = wallets[0]!
    const deployment = await first.deployContract({
      abi: devTokenAbi,
      bytecode: devTokenBytecode,
      args: [10n ** 27n],
    })
    sent.add(deployment)
    nonces[0]!++
    let token: Address | undefined
    const awaitToken = first
      .waitForTransactionReceipt({ hash: deployment, pollingInterval: 500, timeout: 60_000 })
      .then(receipt => {
        token = receipt.contractAddress ?? undefined
      })
    awaitToken.catch(() => {})

    const send = async (count: number): Promise<void> => {
      const index = count % wallets.length
      const wallet = wallets[index]!
      const to = wallets[(index + 1 + (count % 3)) % wallets.length]!.account.address
      try {
        const fees = {
          maxFeePerGas: 4_000_000_000n,
          maxPriorityFeePerGas: 1_000_000_000n + BigInt(count % 7) * 100_000_000n,
        }
        const call = token === undefined ? undefined : nextCall(count, index, token, to)
        const request = call ?? { to, value: 1_000_000_000_000n + BigInt(count), gas: 21_000n }
        const serialized = await wallet.signTransaction({ ...request, ...fees, nonce: nonces[index]!, type: 'eip1559' })
        sent.add(await wallet.sendRawTransaction({ serializedTransaction: serialized }))
        nonces[index]!++
      } catch (error) {
        if (stopped) return
        onError(error as Error)
        // What the pool holds decides where this account goes on.
        nonces[index] = await wallet
          .getTransactionCount({ address: wallet.account.address, blockTag: 'pending' })
          .catch(() => nonces[index]!)
      }
    }
    const startedAt = performance.now()
    /** What each user has under way: one transaction, so that its nonces follow each other; users do not wait for each other. */
    const underWay = wallets.map(() => Promise.resolve())
    for (let count = 0; !stopped; count++) {
      const index = count % wallets.length
      await underWay[index]
      underWay[index] = send(count)
      const ahead = startedAt + ((count + 1) * 1000) / perSecond - performance.now()
      if (ahead > 0) await new Promise(resolve => setTimeout(resolve, ahead))
    }
    await Promise.all(underWay)
    await awaitToken.catch(() => {})
  }

  const running = run().catch(error => {
    if (!stopped) onError(error as Error)
  })
  return {
    sent,
    stop: async () => {
      stopped = true
      await running
    },
  }
}

/** One in three is a token transfer; one in fifty reverts, as users' calls do. */
function nextCall(
  count: number,
  index: number,
  token: Address,
  to: Address,
): { to: Address; data: `0x${string}`; gas: bigint } | undefined {
  if (count % 50 === 49) {
    return {
      to: token,
      data: encodeFunctionData({ abi: devTokenAbi, functionName: 'transfer', args: [to, 10n ** 40n] }),
      gas: 60_000n,
    }
  }
  // Only the deployer holds tokens at first.
  if (count % 3 !== 0 || index !== 0) return undefined
  return {
    to: token,
    data: encodeFunctionData({ abi: devTokenAbi, functionName: 'transfer', args: [to, 10n ** 18n] }),
    gas: 70_000n,
  }
}
