import type { SequencerHeader } from '@l2/common/typed-data'
import {
  type Account,
  type Address,
  BaseError,
  type Chain,
  type Client,
  ContractFunctionRevertedError,
  encodePacked,
  type Hash,
  type Hex,
  keccak256,
  type Transport,
} from 'viem'
import { getBlock, readContract, waitForTransactionReceipt, writeContract } from 'viem/actions'
import { sequencerPoolAbi } from '../sequencer-pool/contract.js'
import { equivocationVerifierAbi } from './contract.js'

export type { SequencerHeader } from '@l2/common/typed-data'

/** A header with who signed it. */
export type SignedEquivocationHeader = {
  readonly message: SequencerHeader
  readonly signer: Address
  readonly signature: Hex
}

/** Where the two headers are brought, and the secret of the commitment. */
export type EquivocationReportOptions = {
  readonly pool: Address
  readonly verifier: Address
  readonly a: SignedEquivocationHeader
  readonly b: SignedEquivocationHeader
  /** 32 random bytes: whoever knew them could not take the share, but could tell what is coming. */
  readonly salt: Hex
}

/**
 * What became of two headers on L1: the case is open by this call (`reported`), or was there already (`known`).
 * `isReporter`: the share of the penalty is this account's. `refused`: L1 does not convict; `reason` is the name of the
 * contract's error.
 */
export type EquivocationReport =
  | {
      readonly type: 'reported' | 'known'
      readonly evidenceId: Hash
      readonly isReporter: boolean
      readonly transactions: readonly Hash[]
    }
  | { readonly type: 'refused'; readonly reason: string }

/** The name of the error with which a contract refuses. Whatever else went wrong is thrown on. */
function reasonOf(error: unknown): string {
  const reverted = error instanceof BaseError ? error.walk(at => at instanceof ContractFunctionRevertedError) : null
  if (reverted instanceof ContractFunctionRevertedError)
    return reverted.data?.errorName ?? reverted.signature ?? 'reverted'
  throw error
}

/**
 * Waits until a transaction that is sent now is in a block with a later time than the newest: on Ethereum that is so at
 * once; a local chain makes several blocks in a second.
 */
async function nextSecond(client: Client): Promise<void> {
  const { timestamp } = await getBlock(client, { blockTag: 'latest' })
  for (;;) {
    const pending = await getBlock(client, { blockTag: 'pending' }).catch(() => undefined)
    if (pending === undefined || pending.timestamp > timestamp) return
    await new Promise(resolve => setTimeout(resolve, client.pollingInterval))
  }
}

/**
 * Brings two contradicting headers before L1: commits to them first where this account may earn the reporter's share, so
 * that nobody who sees the proof on its way can take it, then proves, then reveals. Asked again with the same salt after
 * an interruption it goes on where it was.
 *
 * @param client With an account that pays; its transactions are waited for.
 * @throws what viem throws when L1 cannot be reached, or a transaction is not mined in time
 * @example
 * ```ts no-run
 * import { reportEquivocation, type SignedEquivocationHeader } from '@l2/contracts/equivocation-verifier'
 * import { bytesToHex, createWalletClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 * import { mainnet } from 'viem/chains'
 *
 * declare const [a, b]: [SignedEquivocationHeader, SignedEquivocationHeader]
 * const account = privateKeyToAccount(process.env['WATCHER_KEY'] as `0x${string}`)
 * const client = createWalletClient({ account, chain: mainnet, transport: http() })
 * const report = await reportEquivocation(client, {
 *   pool: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
 *   verifier: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
 *   ...{ a, b, salt: bytesToHex(crypto.getRandomValues(new Uint8Array(32))) },
 * })
 * console.log(report.type)
 * ```
 */
export async function reportEquivocation(
  client: Client<Transport, Chain | undefined, Account>,
  { pool, verifier, a, b, salt }: EquivocationReportOptions,
): Promise<EquivocationReport> {
  const [atPool, atVerifier] = [
    { address: pool, abi: sequencerPoolAbi },
    { address: verifier, abi: equivocationVerifierAbi },
  ] as const
  const accused = await readContract(client, { ...atPool, functionName: 'idOfSigner', args: [a.signer] })
  if (accused === 0) return { type: 'refused', reason: 'SequencerUnknown' }
  const args = [pool, accused, a.message, a.signature, b.message, b.signature] as const
  const verdict = await readContract(client, { ...atVerifier, functionName: 'judgeHeaders', args }).catch(reasonOf)
  if (typeof verdict === 'string') return { type: 'refused', reason: verdict }
  const { evidenceId, evidenceHash } = verdict
  const { account, chain } = client
  const transactions: Hash[] = []
  /** Sends a call unless the contract would refuse it; whether it was done. */
  const done = async (sent: Promise<Hash>): Promise<boolean> => {
    const hash = await sent.catch(error => {
      reasonOf(error)
      return undefined
    })
    if (hash === undefined) return false
    transactions.push(hash)
    return (await waitForTransactionReceipt(client, { hash })).status === 'success'
  }
  const isKnown = async (): Promise<boolean> =>
    (await readContract(client, { ...atPool, functionName: 'caseOf', args: [evidenceId] })).stage !== 0
  let isOurs = false
  if (!(await isKnown())) {
    const commitment = keccak256(encodePacked(['bytes32', 'address', 'bytes32'], [evidenceHash, account.address, salt]))
    await done(writeContract(client, { ...atPool, functionName: 'commitReport', args: [commitment], account, chain }))
    await nextSecond(client)
    isOurs = await done(writeContract(client, { ...atVerifier, functionName: 'proveHeaders', args, account, chain }))
    // Somebody else may have been faster: then the case is there all the same, and the commitment was before it.
    if (!isOurs && !(await isKnown())) return { type: 'refused', reason: 'reverted' }
  }
  const reveal = { ...atPool, functionName: 'revealReport', args: [evidenceId, salt], account, chain } as const
  const isReporter = await done(writeContract(client, reveal))
  return { type: isOurs ? 'reported' : 'known', evidenceId, isReporter, transactions }
}
