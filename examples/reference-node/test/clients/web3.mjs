// node web3.mjs <JSON of url, key, token>: what a web3.js client sees, as JSON.
import { Web3 } from 'web3'

const { url, key, other, token } = JSON.parse(process.argv[2])
const web3 = new Web3(url)
const socket = new Web3(url.replace('http', 'ws'))
const { address } = web3.eth.accounts.wallet.add(key)[0]
const seen = { heads: 0, logs: 0, pending: 0 }
const heads = await socket.eth.subscribe('newBlockHeaders')
heads.on('data', () => seen.heads++)
const pending = await socket.eth.subscribe('pendingTransactions')
pending.on('data', () => seen.pending++)

const contract = await new web3.eth.Contract(token.abi)
  .deploy({ data: token.bytecode, arguments: [1000n] })
  .send({ from: address, gas: '3000000' })
const logs = await socket.eth.subscribe('logs', { address: contract.options.address })
logs.on('data', () => seen.logs++)
const receipt = await contract.methods.transfer(other, 10n).send({ from: address, gas: '300000' })
const refused = await contract.methods
  .transfer(other, 10_000n)
  .call({ from: address })
  .then(
    () => 'succeeded',
    error => `${error.message} ${error.cause?.message ?? ''}`,
  )
const events = await contract.getPastEvents('Transfer', { fromBlock: 0 })
const balance = String(await contract.methods.balanceOf(other).call())
// What was sent before a subscription was answered, it cannot show: more is sent until each has shown something.
for (let tries = 0; tries < 100 && Object.values(seen).includes(0); tries++) {
  await contract.methods.transfer(other, 1n).send({ from: address, gas: '300000' })
  await new Promise(resolve => setTimeout(resolve, 500))
}
console.log(
  JSON.stringify({
    ...{ status: Number(receipt.status), refused, balance },
    events: events.map(({ returnValues }) => String(returnValues.value)),
    seen: Object.fromEntries(Object.entries(seen).map(([what, count]) => [what, count > 0])),
  }),
)
process.exit(0)
