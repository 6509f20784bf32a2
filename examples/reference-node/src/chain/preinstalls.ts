import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { NodeError } from '@l2/node'
import { type Address, bytesToHex, encodeAbiParameters, type Hex, hexToBytes, keccak256, stringToHex } from 'viem'

const multicall3: Address = '0xca11bde05977b3631167028862be2a173976ca11'
const create2Deployer: Address = '0x4e59b44847b379578588920ca78fbf26c0b4956c'
const permit2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'

/** Where Permit2's code has what depends on the chain, bytes. Source: `getPermit2Code` of OP's `Preinstalls.sol`. */
const [chainIdAt, domainSeparatorAt] = [6945, 6983]

/**
 * Contracts that tools expect on every chain, with the code that they have on Ethereum: Multicall3, the CREATE2 deployer, Permit2. The code is of the
 * installed package `@eth-optimism/contracts-bedrock`, which OP chains begin with.
 */
export function preinstalls(chainId: number): Record<Address, Hex> {
  const code = readCode()
  const template = hexToBytes(code('Permit2TemplateCode'))
  const domain = encodeAbiParameters(
    [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'uint256' }, { type: 'address' }],
    [
      keccak256(stringToHex('EIP712Domain(string name,uint256 chainId,address verifyingContract)')),
      keccak256(stringToHex('Permit2')),
      BigInt(chainId),
      permit2,
    ],
  )
  template.set(hexToBytes(encodeAbiParameters([{ type: 'uint256' }], [BigInt(chainId)])), chainIdAt)
  template.set(hexToBytes(keccak256(domain)), domainSeparatorAt)
  return {
    [multicall3]: code('MultiCall3Code'),
    [create2Deployer]: code('DeterministicDeploymentProxyCode'),
    [permit2]: bytesToHex(template),
  }
}

function readCode(): (name: string) => Hex {
  const root = dirname(createRequire(import.meta.url).resolve('@eth-optimism/contracts-bedrock/package.json'))
  const source = readFileSync(join(root, 'src/libraries/Preinstalls.sol'), 'utf8')
  return name => {
    const found = new RegExp(`bytes internal constant ${name} =\\s*hex"([0-9a-f]+)"`).exec(source)?.[1]
    if (found === undefined) {
      throw new NodeError(`@eth-optimism/contracts-bedrock has no ${name}: install version 0.17.3`, {
        code: 'CONFIG_INVALID',
      })
    }
    return `0x${found}`
  }
}
