import { ContractsError } from './errors.js'

/** Where each immutable of a contract is in its deployed code: offsets in bytes of 32-byte words. */
export type Immutables<Name extends string = string> = Readonly<Record<Name, readonly number[]>>

/** What an immutable is set to: a number, an address, or a word in hex. */
export type ImmutableValue = bigint | `0x${string}`

function word(name: string, value: ImmutableValue): string {
  const digits =
    typeof value !== 'bigint'
      ? /^0x[0-9a-fA-F]*$/.test(value)
        ? value.slice(2).toLowerCase()
        : undefined
      : value < 0n
        ? undefined
        : value.toString(16)
  if (digits !== undefined && digits.length <= 64) return digits.padStart(64, '0')
  throw new ContractsError(`the immutable ${name} does not fit into a word of 32 bytes`, {
    code: 'IMMUTABLE_OUT_OF_RANGE',
    details: { name, value: String(value).slice(0, 100) },
  })
}

/**
 * The code of a contract that a genesis holds without a constructor having run: the deployed code with its immutables set.
 *
 * @param code the `…DeployedBytecode` of the contract
 * @param immutables its `…Immutables`
 * @param values one for each of them
 * @throws ContractsError `IMMUTABLES_MISMATCH`, `IMMUTABLE_OUT_OF_RANGE`, `CODE_MISMATCH`
 * @example
 * ```ts
 * import { withImmutables } from '@l2/contracts'
 * import { nativeTokenBridgeL2DeployedBytecode, nativeTokenBridgeL2Immutables } from '@l2/contracts/native-token-bridge-l2'
 *
 * const code = withImmutables(nativeTokenBridgeL2DeployedBytecode, nativeTokenBridgeL2Immutables, {
 *   otherBridge: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
 * })
 * console.log(code.length === nativeTokenBridgeL2DeployedBytecode.length) // true
 * ```
 */
export function withImmutables<Name extends string>(
  code: `0x${string}`,
  immutables: Immutables<Name>,
  values: Readonly<Record<Name, ImmutableValue>>,
): `0x${string}` {
  const [named, given] = [Object.keys(immutables).sort(), Object.keys(values).sort()]
  if (named.join() !== given.join()) {
    throw new ContractsError(`values are needed for ${named.join(', ') || 'no immutable'}`, {
      code: 'IMMUTABLES_MISMATCH',
      details: { named, given },
    })
  }
  let filled: string = code
  for (const [name, offsets] of Object.entries<readonly number[]>(immutables)) {
    const value = word(name, values[name as Name])
    for (const offset of offsets) {
      const from = 2 + 2 * offset
      if (!/^0{64}$/.test(filled.slice(from, from + 64))) {
        throw new ContractsError(`the code has no place for ${name} at byte ${offset}`, {
          code: 'CODE_MISMATCH',
          details: { name, offset },
        })
      }
      filled = filled.slice(0, from) + value + filled.slice(from + 64)
    }
  }
  return filled as `0x${string}`
}
