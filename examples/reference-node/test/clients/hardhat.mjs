// node hardhat.mjs <JSON of url, key, token>: what a deploy script of Hardhat sees, as JSON. Its configuration lies beside it.
import hre from 'hardhat'

const { other, token } = JSON.parse(process.argv[2])
const { ethers } = await hre.network.connect('l2')
const factory = await ethers.getContractFactory(token.abi, token.bytecode)
const contract = await factory.deploy(1000n)
await contract.waitForDeployment()
const sent = await contract.transfer(other, 10n)
const receipt = await sent.wait()
const refused = await contract.transfer.staticCall(other, 10_000n).then(
  () => 'succeeded',
  error => error.message,
)
const events = await contract.queryFilter('Transfer', 0)
console.log(
  JSON.stringify({
    ...{ status: receipt.status, refused },
    balance: String(await contract.balanceOf(other)),
    events: events.map(({ args }) => String(args.value)),
  }),
)
process.exit(0)
