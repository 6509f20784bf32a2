// node ethers.mjs <JSON of url, key, token>: what an ethers client sees, as JSON.
import { ethers } from 'ethers'

const { url, key, other, token } = JSON.parse(process.argv[2])
const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 200 })
const socket = new ethers.WebSocketProvider(url.replace('http', 'ws'))
const wallet = new ethers.NonceManager(new ethers.Wallet(key, provider))
const seen = { heads: 0, logs: 0, pending: 0, polled: 0 }
await socket.on('block', () => seen.heads++)
await socket.on('pending', () => seen.pending++)
await provider.on('pending', () => seen.polled++)

const contract = await new ethers.ContractFactory(token.abi, token.bytecode, wallet).deploy(1000n)
await contract.waitForDeployment()
await socket.on({ address: await contract.getAddress() }, () => seen.logs++)
await provider.on({ address: await contract.getAddress() }, () => {})
// Each is asked for while it waits, which takes a signature to read.
let pendingRead = 0
for (let count = 0; count < 3; count++) {
  const sent = await contract.transfer(other, 10n)
  const found = await provider.getTransaction(sent.hash)
  if (found?.from === (await wallet.getAddress())) pendingRead++
  if (count === 2) await sent.wait()
}
const legacy = await wallet.sendTransaction({ to: other, value: 1n, type: 0 })
const receipt = await legacy.wait()
const refused = await contract.transfer.staticCall(other, 10_000n).then(
  () => 'succeeded',
  error => error.reason,
)
const events = await contract.queryFilter('Transfer', 0)
const balance = String(await contract.balanceOf(other))
// What was sent before a subscription was answered, it cannot show: more is sent until each has shown something.
for (let tries = 0; tries < 100 && Object.values(seen).includes(0); tries++) {
  await contract.transfer(other, 1n)
  await new Promise(resolve => setTimeout(resolve, 500))
}
console.log(
  JSON.stringify({
    ...{ status: receipt.status, refused, pendingRead, balance },
    events: events.map(({ args }) => String(args.value)),
    byHash: (await provider.getBlock(receipt.blockHash)).hash === receipt.blockHash,
    seen: Object.fromEntries(Object.entries(seen).map(([what, count]) => [what, count > 0])),
  }),
)
process.exit(0)
