import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

/** Private keys of accounts with 100 ether each in {@link opGenesis}. */
export const keys: readonly Hex[] = [`0x${'a1'.repeat(32)}`, `0x${'b2'.repeat(32)}`]

/** EIP-1559 parameters of {@link opGenesis}. */
export const eip1559 = { denominator: 250n, elasticity: 6n }

/** A minimal genesis of an OP Stack chain, 901, in the fork that is named. */
export function opGenesis(fork: 'isthmus' | 'jovian', alloc: Record<string, unknown> = {}): string {
  const blocks = [
    ...['homestead', 'eip150', 'eip155', 'eip158', 'byzantium', 'constantinople', 'petersburg', 'istanbul'],
    ...['muirGlacier', 'berlin', 'london', 'arrowGlacier', 'grayGlacier', 'mergeNetsplit', 'bedrock'],
  ]
  const times = [
    'shanghai',
    'cancun',
    'prague',
    'regolith',
    'canyon',
    'ecotone',
    'fjord',
    'granite',
    'holocene',
    'isthmus',
  ]
  if (fork === 'jovian') times.push('jovian')
  const parameters = '000000fa00000006'
  return JSON.stringify({
    config: {
      chainId: 901,
      ...Object.fromEntries(blocks.map(name => [`${name}Block`, 0])),
      ...Object.fromEntries(times.map(name => [`${name}Time`, 0])),
      terminalTotalDifficulty: 0,
      optimism: { eip1559Elasticity: 6, eip1559Denominator: 50, eip1559DenominatorCanyon: 250 },
    },
    timestamp: '0x66000000',
    // Version, denominator, elasticity; from Jovian the minimum of the base fee as well.
    extraData: fork === 'jovian' ? `0x01${parameters}${'00'.repeat(8)}` : `0x00${parameters}`,
    gasLimit: '0x3938700',
    baseFeePerGas: '0x3b9aca00',
    difficulty: '0x0',
    coinbase: '0x4200000000000000000000000000000000000011',
    alloc: {
      ...Object.fromEntries(keys.map(key => [privateKeyToAccount(key).address, { balance: '0x56bc75e2d63100000' }])),
      // From Isthmus the header holds the storage root of the message passer: an account without storage has an empty one.
      '0x4200000000000000000000000000000000000016': {
        balance: '0x0',
        nonce: '0x1',
        code: '0x00',
        storage: { [`0x${'00'.repeat(32)}`]: `0x${'00'.repeat(31)}01` },
      },
      ...alloc,
    },
  })
}
