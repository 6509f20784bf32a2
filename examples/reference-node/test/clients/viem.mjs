// node viem.mjs <JSON of url, key, token>: what a viem client sees, as JSON.
import { createPublicClient, createWalletClient, defineChain, http, parseEther, publicActions, webSocket } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const { url, chainId, key, other, token } = JSON.parse(process.argv[2])
const chain = defineChain({
  id: chainId,
  name: 'Rollup',
  nativeCurrency: { name: 'Metis', symbol: 'METIS', decimals: 18 },
  rpcUrls: { default: { http: [url], webSocket: [url.replace('http', 'ws')] } },
  contracts: { multicall3: { address: '0xca11bde05977b3631167028862be2a173976ca11' } },
})
const account = privateKeyToAccount(key)
const client = createWalletClient({
  account,
  chain,
  transport: http(undefined, { timeout: 60_000 }),
  pollingInterval: 200,
}).extend(publicActions)
const socket = createPublicClient({ chain, transport: webSocket(undefined, { timeout: 60_000 }) })
const seen = { heads: 0, logs: 0, pending: 0, polled: 0 }
const stops = [
  socket.watchBlocks({ onBlock: () => seen.heads++ }),
  socket.watchPendingTransactions({ onTransactions: hashes => (seen.pending += hashes.length) }),
  client.watchPendingTransactions({ onTransactions: hashes => (seen.polled += hashes.length) }),
]

const deployed = await client.waitForTransactionReceipt({
  hash: await client.deployContract({ abi: token.abi, bytecode: token.bytecode, args: [1000n] }),
})
const contract = { address: deployed.contractAddress, abi: token.abi }
stops.push(
  socket.watchContractEvent({ ...contract, eventName: 'Transfer', onLogs: logs => (seen.logs += logs.length) }),
)
const hash = await client.writeContract({ ...contract, functionName: 'transfer', args: [other, 10n] })
const { nonce } = await client.getTransaction({ hash })
const { status, blockHash } = await client.waitForTransactionReceipt({ hash })
const [balance, supply] = await client.multicall({
  allowFailure: false,
  contracts: [
    { ...contract, functionName: 'balanceOf', args: [other] },
    { ...contract, functionName: 'totalSupply' },
  ],
})
const refused = await client.simulateContract({ ...contract, functionName: 'transfer', args: [other, 10_000n] }).then(
  () => 'succeeded',
  error => error.message,
)
const events = await client.getContractEvents({ ...contract, eventName: 'Transfer', fromBlock: 0n })
const [simulated] = await client.simulateBlocks({
  blocks: [{ calls: [{ account, to: other, value: parseEther('1') }] }],
})
const sync = await client.sendRawTransactionSync({
  serializedTransaction: await client.signTransaction(await client.prepareTransactionRequest({ to: other, value: 1n })),
})
await client.waitForTransactionReceipt({ hash: await client.sendTransaction({ type: 'legacy', to: other, value: 1n }) })
// What was sent before a subscription was answered, it cannot show: more is sent until each has shown something.
for (let tries = 0; tries < 100 && Object.values(seen).includes(0); tries++) {
  await client.writeContract({ ...contract, functionName: 'transfer', args: [other, 1n] })
  await new Promise(resolve => setTimeout(resolve, 500))
}
for (const stop of stops) stop()
console.log(
  JSON.stringify({
    ...{ status, balance: String(balance), supply: String(supply), refused, nonce, sync: sync.status },
    ...{ events: events.map(({ args }) => String(args.value)), simulated: simulated.calls[0].status },
    blobBaseFee: String(await client.getBlobBaseFee()),
    byHash: (await client.getBlock({ blockHash })).hash === blockHash,
    seen: Object.fromEntries(Object.entries(seen).map(([what, count]) => [what, count > 0])),
  }),
)
process.exit(0)
