import { ContractsError } from './errors.js'

/** Where engines put the fees of a block, each a predeploy. Source: OP specs, "Predeploys" and Isthmus, "Operator fee". */
export const feeVaults = {
  sequencer: '0x4200000000000000000000000000000000000011',
  baseFee: '0x4200000000000000000000000000000000000019',
  l1Fee: '0x420000000000000000000000000000000000001a',
  operatorFee: '0x420000000000000000000000000000000000001b',
} as const

/** Why the fees of a vault would stay there for ever. */
export type FeeVaultProblem = {
  readonly vault: keyof typeof feeVaults
  readonly address: `0x${string}`
  /**
   * `no-code`: nothing is there that could send them on. `not-a-vault`: what is there does not answer as one. `no-recipient`: they would go
   * to the zero address. `no-way-out`: `withdraw()` reverts though there is enough, because the recipient refuses or leads to L1 over a
   * message passer that takes no value.
   */
  readonly type: 'no-code' | 'not-a-vault' | 'no-recipient' | 'no-way-out'
}

/** What {@link checkFeeVaults} asks: an EIP-1193 provider of L2, as every viem client is. */
export type FeeVaultsReader = {
  request(args: { method: string; params?: unknown }): Promise<unknown>
}

const selectors = { recipient: '0x0d9019e1', minimum: '0xd3e5792b', withdraw: '0x3ccfd60b' } as const

/**
 * Whether each of the four fee vaults has code and a way out: empty, or what is wrong. Nothing is sent; `withdraw()` is tried by
 * `eth_call` with a balance set for the call.
 *
 * @param l2 asked for `eth_getCode` and `eth_call` with state overrides
 * @param block a tag or a number in hex
 * @throws ContractsError `OVERRIDES_REFUSED` where the engine takes no state overrides; what `l2` throws, where it answers nothing
 * @example
 * ```ts
 * import { checkFeeVaults } from '@l2/contracts'
 *
 * // A chain whose genesis has none of them.
 * const problems = await checkFeeVaults({ request: async () => '0x' })
 * console.log(problems.map(({ vault, type }) => `${vault}: ${type}`)[0]) // sequencer: no-code
 * ```
 */
export async function checkFeeVaults(l2: FeeVaultsReader, block = 'latest'): Promise<FeeVaultProblem[]> {
  const problems: FeeVaultProblem[] = []
  for (const [vault, address] of Object.entries(feeVaults) as [keyof typeof feeVaults, `0x${string}`][]) {
    const type = await problemOf(l2, address, block)
    if (type !== undefined) problems.push({ vault, address, type })
  }
  return problems
}

async function problemOf(
  l2: FeeVaultsReader,
  address: `0x${string}`,
  block: string,
): Promise<FeeVaultProblem['type'] | undefined> {
  const code = await l2.request({ method: 'eth_getCode', params: [address, block] })
  if (typeof code !== 'string' || !/^0x[0-9a-f]/i.test(code)) return 'no-code'
  const call = (data: string, balance?: bigint) => {
    const overrides = balance === undefined ? [] : [{ [address]: { balance: `0x${balance.toString(16)}` } }]
    return l2.request({ method: 'eth_call', params: [{ to: address, data }, block, ...overrides] }).then(
      answer => (typeof answer === 'string' ? answer : ''),
      () => undefined,
    )
  }
  const [recipient, minimum] = [await call(selectors.recipient), await call(selectors.minimum)]
  const isWord = (text: string | undefined) => text !== undefined && /^0x[0-9a-f]{64}$/i.test(text)
  if (!isWord(recipient) || !isWord(minimum)) return 'not-a-vault'
  if (BigInt(recipient!) === 0n) return 'no-recipient'
  // One wei at least: what a recipient refuses is value.
  const balance = BigInt(minimum!) > 0n ? BigInt(minimum!) : 1n
  if ((await call(selectors.recipient, balance)) !== recipient) {
    throw new ContractsError('the engine takes no state overrides in eth_call', { code: 'OVERRIDES_REFUSED' })
  }
  return (await call(selectors.withdraw, balance)) === undefined ? 'no-way-out' : undefined
}
