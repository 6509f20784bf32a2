import { type Abi, type Address, encodeDeployData, encodeFunctionData, getContractAddress, type Hex, size } from 'viem'
import type { Artifact } from '../artifacts/artifact.js'

/** One transaction of a plan. */
export type PlannedTransaction = {
  /** For errors: which contract, and what is called. */
  readonly name: string
  readonly nonce: number
  /** Absent for a creation. */
  readonly to: Address | undefined
  readonly data: Hex
  /** A limit that it cannot need more than; what is left is not paid. */
  readonly gas: bigint
}

/** What a plan needs of a contract that it creates. */
export type DeployableContract = Pick<Artifact, 'name' | 'abi' | 'bytecode' | 'deployedBytecode'>

/** Transactions of one account in a row. Addresses follow from the nonce, so all of them can be sent before the first is mined. */
export type Plan = {
  readonly transactions: readonly PlannedTransaction[]
  /** Adds a creation and answers where the contract will be. `extraGas`: for what its constructor creates in turn. */
  create(contract: DeployableContract, args?: readonly unknown[], extraGas?: bigint): Address
  call(name: string, contract: { address: Address; abi: Abi }, functionName: string, args: readonly unknown[]): void
}

/** What a call of a plan uses at most: initialisers write some ten slots. */
const callGas = 700_000n
/** What a constructor executes at most, beside the code that it leaves. */
const constructorGas = 600_000n

/** A plan for the account whose next transaction has this nonce. */
export function createPlan(account: Address, nonce: number): Plan {
  const transactions: PlannedTransaction[] = []
  const add = (name: string, to: Address | undefined, data: Hex, gas: bigint): number => {
    const next = nonce + transactions.length
    transactions.push({ name, nonce: next, to, data, gas })
    return next
  }
  return {
    transactions,
    create(contract, args = [], extraGas = 0n) {
      const data = encodeDeployData({ abi: contract.abi, bytecode: contract.bytecode, args })
      // 21,000 and 32,000 of the transaction, 16 a byte of calldata and 2 a word of it as creation code, 200 a byte that is left.
      const gas =
        53_000n + 17n * BigInt(size(data)) + 200n * BigInt(size(contract.deployedBytecode)) + constructorGas + extraGas
      return getContractAddress({ from: account, nonce: BigInt(add(contract.name, undefined, data, gas)) })
    },
    call(name, { address, abi }, functionName, args) {
      const data = encodeFunctionData({ abi, functionName, args })
      add(`${functionName} of ${name}`, address, data, callGas)
    },
  }
}
