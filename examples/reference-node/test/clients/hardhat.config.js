import hardhatEthers from '@nomicfoundation/hardhat-ethers'

const { url, key } = JSON.parse(process.argv[2])
export default { plugins: [hardhatEthers], networks: { l2: { type: 'http', url, accounts: [key] } } }
