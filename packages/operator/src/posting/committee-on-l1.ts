import { committeeAbi } from '@l2/contracts/committee'
import type {
  Attestation,
  BatchStatement,
  CommitteeDomain,
  CommitteeMember,
  PostingState,
  SignedStatement,
} from '@l2/control-chain'
import { RpcAnswerError, rpcCall } from '@l2/node'
import { decodeErrorResult, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import { refuse } from '../errors.js'
import { batchMessage, turnMessage } from './attesting.js'

/** Where the committee's contract stands. */
export type CommitteeProgress = {
  /** The last statement that it has taken, and the L2 block up to which there are statements. */
  readonly lastSequence: bigint
  readonly lastAttested: bigint
  /** The last change of turn. */
  readonly lastTurn: bigint
  /** Of the committee in force. */
  readonly committee: bigint
}

/** The committee's contract on L1: what it knows, and what it would say to a call. */
export type CommitteeOnL1 = {
  /** @throws NodeError `RPC_FAILED` (retry) where L1 does not answer */
  progress(): Promise<CommitteeProgress>
  /** Why L1 refuses a call just now; `undefined`: it takes it. */
  refusal(data: Hex): Promise<string | undefined>
  /** Nonce of an account's next transaction, with those that wait. */
  nonce(account: Hex): Promise<bigint>
  /** Members of the committee in force or of the next one, as L1 has them; `0x` for others. */
  members(number: bigint): Promise<Hex>
}

const timeoutMs = 5000

export function openCommitteeOnL1(l1Url: string, { committee }: Pick<CommitteeDomain, 'committee'>): CommitteeOnL1 {
  const ask = <T>(method: string, params: readonly unknown[]): Promise<T> =>
    rpcCall<T>(l1Url, method, params, AbortSignal.timeout(timeoutMs))
  const call = (data: Hex): Promise<Hex> => ask<Hex>('eth_call', [{ to: committee, data }, 'latest'])
  const read = async (functionName: 'lastSequence' | 'lastAttested' | 'lastTurn' | 'committee'): Promise<bigint> => {
    const data = await call(encodeFunctionData({ abi: committeeAbi, functionName }))
    if (data === '0x') refuse('HOME_INVALID', `L1 has no committee at ${committee}`)
    return decodeFunctionResult({ abi: committeeAbi, functionName, data })
  }
  return {
    async progress() {
      const [lastSequence, lastAttested, lastTurn, number] = await Promise.all([
        read('lastSequence'),
        read('lastAttested'),
        read('lastTurn'),
        read('committee'),
      ])
      return { lastSequence, lastAttested, lastTurn, committee: number }
    },
    async refusal(data) {
      try {
        await call(data)
        return undefined
      } catch (error) {
        if (!(error instanceof RpcAnswerError)) throw error
        return wordsOf(error)
      }
    },
    nonce: async account => BigInt(await ask<Hex>('eth_getTransactionCount', [account, 'pending'])),
    async members(number) {
      const data = await call(encodeFunctionData({ abi: committeeAbi, functionName: 'members', args: [number] }))
      return decodeFunctionResult({ abi: committeeAbi, functionName: 'members', data })
    },
  }
}

/** What the contract refuses with, by its name. */
function wordsOf({ data, message }: RpcAnswerError): string {
  try {
    return decodeErrorResult({ abi: committeeAbi, data: data as Hex }).errorName
  } catch {
    return message.split('\n', 1)[0]!
  }
}

/**
 * That L1 was deployed with the committee of the genesis: a chain of operators with other keys could attest nothing.
 *
 * @throws OperatorError `HOME_INVALID`
 */
export async function checkCommittee(
  l1: Pick<CommitteeOnL1, 'progress' | 'members'>,
  attestation: Attestation,
  members: readonly CommitteeMember[],
): Promise<void> {
  const { committee } = await l1.progress()
  if (committee !== 0n) return
  const found = await l1.members(0n)
  if (found === attestation.encodeMembers(members)) return
  refuse('HOME_INVALID', 'the committee on L1 has other members or other stake than the genesis of this home')
}

/** The call that tells L1 of an attested statement; `undefined` while there are too few signatures. */
export function attestCall(
  attestation: Attestation,
  members: readonly CommitteeMember[],
  { statement, signatures }: SignedStatement<BatchStatement>,
): Hex | undefined {
  const proof = attestation.combine(members, new Map(signatures))
  if (proof === undefined) return undefined
  const args = [batchMessage(statement), proof.bitmap, proof.signature] as const
  return encodeFunctionData({ abi: committeeAbi, functionName: 'attest', args })
}

/** The call that tells L1 of a change of turn, with the members of the next committee where it hands over. */
export function turnCall(
  attestation: Attestation,
  { signedTurn, committee }: Pick<PostingState, 'signedTurn' | 'committee'>,
): Hex | undefined {
  if (signedTurn === undefined) return undefined
  const { statement, signatures, committee: signers } = signedTurn
  const proof = attestation.combine(signers.members, new Map(signatures))
  if (proof === undefined) return undefined
  const handsOver = BigInt(statement.nextMembers) !== 0n
  const next = handsOver ? attestation.encodeMembers(committee.members) : '0x'
  const args = [turnMessage(statement), next, proof.bitmap, proof.signature] as const
  return encodeFunctionData({ abi: committeeAbi, functionName: 'turn', args })
}
