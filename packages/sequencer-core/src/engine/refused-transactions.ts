import { bytesToHex, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Hash } from 'viem'
import { decodeDeposit, isDeposit } from '../derivation/deposit.js'
import { decodeL1Info } from '../derivation/l1-info.js'
import { SequencerError } from '../errors.js'
import { daFootprint, defaultDaFootprintGasScalar } from '../fees/da-footprint.js'
import type { PayloadAttributes } from './engine.js'
import {
  invalidAttributes,
  invalidForkchoice,
  invalidParams,
  invalidTransactions,
  methodNotFound,
  unsupportedFork,
} from './engine-error.js'

/** Builds that finding the failing transactions of one list may cost. */
const maxProbes = 128

/**
 * The error that names the transactions because of which a list was refused. Engines name one at best: a hash or an index in their message. Where there is
 * none, prefixes of the list are built, halving; and as long as there are probes, the list is tried again without those found. The deposits in front are in
 * every probe: from Jovian on there is no block without the first, and the protocol leaves none of them out.
 *
 * @param refused what the engine said against the whole list
 * @param build has another list built on the same parent
 */
export async function blameTransactions(
  attributes: PayloadAttributes,
  refused: string,
  build: (attributes: PayloadAttributes) => Promise<unknown>,
): Promise<SequencerError> {
  const hashes = attributes.transactions.map(raw => bytesToHex(keccak256(raw)))
  const firstOther = attributes.transactions.findIndex(raw => !isDeposit(raw))
  const deposits = firstOther === -1 ? hashes.length : firstOther
  let probes = 0
  const probe = async (indices: readonly number[]): Promise<string | undefined> => {
    probes++
    const transactions = indices.map(index => attributes.transactions[index]!)
    try {
      await build({ ...attributes, transactions })
      return undefined
    } catch (error) {
      const reason = refusalOf(error)
      if (reason === undefined) throw error
      return reason
    }
  }
  /** The first of the list without which it still fails; `undefined` when it is not about a transaction, or the probes are used up. */
  const search = async (standing: readonly number[], isFirst: boolean): Promise<number | undefined> => {
    // Refused with the deposits alone: then it is about something else.
    if (standing.length === deposits) return undefined
    if (isFirst && (await probe(standing.slice(0, deposits))) !== undefined) return undefined
    let good = deposits
    let failing = standing.length
    while (failing - good > 1 && probes < maxProbes) {
      const middle = (good + failing) >> 1
      if ((await probe(standing.slice(0, middle))) === undefined) good = middle
      else failing = middle
    }
    return failing - good > 1 ? undefined : standing[good]
  }
  const bad: number[] = []
  let standing = hashes.map((_, index) => index)
  let reason: string | undefined = refused
  while (reason !== undefined && standing.length > 0) {
    const found: number | undefined = namedIn(reason, standing, hashes) ?? (await search(standing, bad.length === 0))
    if (found === undefined) break
    bad.push(found)
    standing = standing.filter(index => index !== found)
    if (found < deposits || probes >= maxProbes) break
    reason = await probe(standing)
  }
  if (bad.length > 0)
    return invalidTransactions(
      bad.sort((a, b) => a - b),
      refused,
    )
  return new SequencerError(`the engine refuses the attributes: ${refused}`, {
    code: 'ENGINE_ATTRIBUTES',
    details: { reason: refused },
  })
}

/** The first transaction with which a list has a larger DA footprint than its block may have. */
export function firstBeyondFootprint({ transactions, gasLimit }: PayloadAttributes): number | undefined {
  const [first] = transactions
  const info = first !== undefined && isDeposit(first) ? decodeL1Info(decodeDeposit(first).data) : undefined
  if (info?.layout !== 'jovian') return undefined
  const scalar = info.daFootprintGasScalar || defaultDaFootprintGasScalar
  let footprint = 0n
  const index = transactions.findIndex(raw => {
    if (!isDeposit(raw)) footprint += daFootprint([raw], scalar)
    return footprint > gasLimit
  })
  return index === -1 ? undefined : index
}

/** What an engine says against a list, `undefined` when the error is of another kind. */
export function refusalOf(error: unknown): string | undefined {
  if (!isL2Error(error, 'ENGINE_RPC')) return undefined
  const code = error.details['rpcCode']
  if (typeof code !== 'number' || code === methodNotFound || code === unsupportedFork || code === invalidForkchoice)
    return undefined
  if (code !== invalidAttributes && code !== invalidParams && code !== -32000) return undefined
  return `${String(error.details['rpcMessage'])} ${String(error.details['rpcData'] ?? '')}`.trim()
}

/** The transaction that a message names: by its hash, as `invalid transaction <index>` or as `transaction <index> is not valid`. */
function namedIn(message: string, standing: readonly number[], hashes: readonly Hash[]): number | undefined {
  for (const [hash] of message.matchAll(/0x[0-9a-f]{64}/gi)) {
    const index = standing.find(each => hashes[each] === hash.toLowerCase())
    if (index !== undefined) return index
  }
  const place = /(?:invalid transaction (\d+)|transaction (\d+) is not valid)/.exec(message)?.slice(1).find(Boolean)
  return place === undefined ? undefined : standing[Number(place)]
}
