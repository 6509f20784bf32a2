import type { Address, Hash, Hex } from 'viem'
import { SequencerError } from '../errors.js'
import type { Transaction } from '../transaction/types.js'

/**
 * What one transaction reads and writes, as location names: an address for the account itself (balance, nonce, code), `address/slot` for
 * storage.
 */
export type AccessSet = {
  readonly hash: Hash
  /** Gas that it uses, or its limit where nothing better is known. */
  readonly gas: bigint
  readonly reads: ReadonlySet<string>
  readonly writes: ReadonlySet<string>
}

/** Options of the readers of access. */
export type AccessOptions = {
  /** Accounts that everybody credits, the fee recipient above all: an executor adds those credits up in the end, so they are no conflict. */
  readonly commutative?: readonly Address[] | undefined
}

function slotName(address: string, slot: string): string {
  return `${address.toLowerCase()}/${BigInt(slot).toString(16)}`
}

function without(names: Set<string>, options: AccessOptions): Set<string> {
  for (const address of options.commutative ?? []) names.delete(address.toLowerCase())
  return names
}

/**
 * What a transaction declares: sender and recipient, which it surely changes, and its EIP-2930 list, each entry of which may be read or written.
 * Declared, not proved: a wrong list costs an executor time, never correctness.
 */
export function accessFromTransaction(transaction: Transaction, options: AccessOptions = {}): AccessSet {
  const names = new Set<string>([transaction.sender])
  if (transaction.to !== undefined && (transaction.value > 0n || transaction.data.length > 0)) names.add(transaction.to)
  for (const { address, storageKeys } of transaction.accessList) {
    if (storageKeys.length === 0) names.add(address)
    for (const key of storageKeys) names.add(slotName(address, key))
  }
  const touched = without(names, options)
  return { hash: transaction.hash, gas: transaction.gasLimit, reads: touched, writes: touched }
}

/** One account of a prestate trace. */
export type TracedAccount = {
  readonly balance?: Hex | undefined
  readonly nonce?: number | undefined
  readonly code?: Hex | undefined
  readonly storage?: Readonly<Record<Hash, Hash>> | undefined
}

/** What geth's `prestateTracer` gives with `diffMode: true`: the touched part of the state before and after. */
export type PrestateDiff = {
  readonly pre: Readonly<Record<Address, TracedAccount>>
  readonly post: Readonly<Record<Address, TracedAccount>>
}

/** What a traced execution read and wrote. `reads` (a prestate trace without diff mode) adds what was only read. */
export function accessFromTrace(
  trace: {
    hash: Hash
    gasUsed: bigint
    diff: PrestateDiff
    reads?: Readonly<Record<Address, TracedAccount>> | undefined
  },
  options: AccessOptions = {},
): AccessSet {
  const reads = new Set<string>()
  const writes = new Set<string>()
  const collect = (names: Set<string>, accounts: Readonly<Record<Address, TracedAccount>>, isDiff: boolean): void => {
    for (const [address, account] of Object.entries(accounts)) {
      if (!isDiff || account.balance !== undefined || account.nonce !== undefined || account.code !== undefined)
        names.add(address.toLowerCase())
      for (const slot of Object.keys(account.storage ?? {})) names.add(slotName(address, slot))
    }
  }
  try {
    // In diff mode `post` holds only what changed; what was cleared is in `pre` alone.
    collect(writes, trace.diff.post, true)
    for (const [address, account] of Object.entries(trace.diff.pre)) {
      const after = trace.diff.post[address as Address]
      if (after === undefined) writes.add(address.toLowerCase())
      for (const slot of Object.keys(account.storage ?? {}))
        if (after?.storage?.[slot as Hash] === undefined) writes.add(slotName(address, slot))
    }
    collect(reads, trace.reads ?? trace.diff.pre, false)
  } catch (cause) {
    throw new SequencerError('a trace that cannot be read', { code: 'ACCESS_INVALID', cause })
  }
  for (const name of writes) reads.add(name)
  return { hash: trace.hash, gas: trace.gasUsed, reads: without(reads, options), writes: without(writes, options) }
}

/** One account of an EIP-7928 block access list. Indices: 0 is before the first transaction, i is the transaction i − 1. */
export type BlockAccessAccount = {
  readonly address: Address
  readonly storageChanges: readonly { readonly slot: Hash; readonly changes: readonly { readonly index: number }[] }[]
  readonly storageReads: readonly Hash[]
  readonly balanceChanges: readonly { readonly index: number }[]
  readonly nonceChanges: readonly { readonly index: number }[]
  readonly codeChanges: readonly { readonly index: number }[]
}

/**
 * What the transactions of an executed block wrote, exactly, by its EIP-7928 list. The list says who wrote, but of reads only that they happened
 * in the block; so whoever touches an account is taken to read every slot of it that the block only reads and every slot that somebody wrote before.
 * That can only add edges, never lose one, as long as `touches` names the accounts that a transaction may look at.
 */
export function accessFromBlockAccessList(
  list: readonly BlockAccessAccount[],
  transactions: readonly { hash: Hash; gasUsed: bigint; touches?: readonly Address[] | undefined }[],
  options: AccessOptions = {},
): AccessSet[] {
  const sets = transactions.map(({ hash, gasUsed }) => ({
    hash,
    gas: gasUsed,
    reads: new Set<string>(),
    writes: new Set<string>(),
  }))
  const at = (index: number) => {
    if (!Number.isInteger(index) || index < 0 || index > transactions.length + 1)
      throw new SequencerError(`block access index ${index}, ${transactions.length} transactions`, {
        code: 'ACCESS_INVALID',
      })
    return sets[index - 1]
  }
  for (const account of list) {
    const address = account.address.toLowerCase()
    const names = new Set<string>()
    for (const { slot, changes } of account.storageChanges) {
      names.add(slotName(address, slot))
      for (const { index } of changes) at(index)?.writes.add(slotName(address, slot))
    }
    for (const slot of account.storageReads) names.add(slotName(address, slot))
    for (const { index } of [...account.balanceChanges, ...account.nonceChanges, ...account.codeChanges])
      at(index)?.writes.add(address)
    names.add(address)
    for (const [i, { touches }] of transactions.entries()) {
      const isTouching =
        touches === undefined ||
        touches.some(each => each.toLowerCase() === address) ||
        [...sets[i]!.writes].some(name => name === address || name.startsWith(`${address}/`))
      if (isTouching) for (const name of names) sets[i]!.reads.add(name)
    }
  }
  return sets.map(set => ({ ...set, reads: without(set.reads, options), writes: without(set.writes, options) }))
}
