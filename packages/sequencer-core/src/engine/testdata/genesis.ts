import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

/** Writes a genesis of chain 901, in Cancun (Prague wants system contracts), with 100 ether for each key; returns its path. */
export function writeTestGenesis(folder: string, keys: readonly Hex[]): string {
  const path = join(folder, 'genesis.json')
  const blocks = [
    'homestead',
    'eip150',
    'eip155',
    'eip158',
    'byzantium',
    'constantinople',
    'petersburg',
    'istanbul',
    'berlin',
    'london',
  ]
  writeFileSync(
    path,
    JSON.stringify({
      config: {
        chainId: 901,
        ...Object.fromEntries(blocks.map(name => [`${name}Block`, 0])),
        mergeNetsplitBlock: 0,
        terminalTotalDifficulty: 0,
        shanghaiTime: 0,
        cancunTime: 0,
        blobSchedule: { cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 } },
      },
      timestamp: '0x66000000',
      gasLimit: '0x1c9c380',
      baseFeePerGas: '0x3b9aca00',
      difficulty: '0x0',
      coinbase: '0x4200000000000000000000000000000000000011',
      alloc: Object.fromEntries(
        keys.map(key => [privateKeyToAccount(key).address, { balance: '0x56bc75e2d63100000' }]),
      ),
    }),
  )
  return path
}
