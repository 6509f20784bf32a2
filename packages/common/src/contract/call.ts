import {
  type Abi,
  type Account,
  type Address,
  BaseError,
  type Chain,
  type Client,
  ContractFunctionRevertedError,
  type Hash,
  type Transport,
} from 'viem'
import { simulateContract, writeContract } from 'viem/actions'

/** A viem client; it needs an account to send. */
export type CallingClient = Client<Transport, Chain | undefined, Account | undefined>

/** A call of a contract, ready to be simulated, signed or sent: what viem's `simulateContract` and `writeContract` take. */
export type ContractCall = {
  readonly address: Address
  readonly abi: Abi
  readonly functionName: string
  readonly args: readonly unknown[]
  readonly value?: bigint
}

/** What a contract refuses a call with: the name of its error, or the reason in words. */
type Refusal = { readonly name: string; readonly args: readonly unknown[] }

/** What a contract said where it refused; `undefined` for every other failure. */
function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof BaseError)) return undefined
  const reverted = error.walk(inner => inner instanceof ContractFunctionRevertedError)
  if (!(reverted instanceof ContractFunctionRevertedError)) return undefined
  const { data, reason, signature } = reverted
  if (data === undefined || data.errorName === 'Error')
    return { name: String(data?.args?.[0] ?? reason ?? signature ?? 'reverted'), args: [] }
  return { name: data.errorName, args: data.args ?? [] }
}

/** Calls of one kind on a client. */
export type CallActions<TCall extends { readonly type: string }, TResults> = {
  /** What is sent for a call, for whoever signs elsewhere. */
  prepare(call: TCall): ContractCall
  /** What the call would answer now; nothing is sent. */
  simulate<T extends TCall>(call: T): Promise<T['type'] extends keyof TResults ? TResults[T['type']] : null>
  /** Simulates, then signs and sends; the transaction's hash. */
  send(call: TCall): Promise<Hash>
}

/**
 * The actions of calls on a client.
 * @param prepare The call of a contract that a call is, for an account
 * @param refused The error that a contract's refusal becomes
 */
export function callActions<TCall extends { readonly type: string }, TResults>(
  client: CallingClient,
  prepare: (call: TCall, account: Address | undefined) => ContractCall,
  refused: (refusal: Refusal, call: TCall, cause: unknown) => Error,
): CallActions<TCall, TResults> {
  const { account, chain = null } = client
  const prepared = (call: TCall): ContractCall => prepare(call, account?.address)
  const simulate = async (call: TCall): Promise<unknown> => {
    try {
      const { result } = await simulateContract(client, { ...prepared(call), ...(account && { account }) } as never)
      return result ?? null
    } catch (cause) {
      const refusal = refusalOf(cause)
      throw refusal === undefined ? cause : refused(refusal, call, cause)
    }
  }
  return {
    prepare: prepared,
    simulate: simulate as CallActions<TCall, TResults>['simulate'],
    async send(call) {
      await simulate(call)
      return writeContract(client, { ...prepared(call), account, chain } as never)
    },
  }
}

/** `OwnerHasSeat` as `OWNER_HAS_SEAT`: a contract's error by the code that a reducer has for it. */
export function codeOfError(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
}
