import type { Address, Hash } from 'viem'
import type { OrderedBlock, OrderingEvidence, OrderingPolicy, Violation } from './policy.js'

/**
 * What holds of every block whatever its policy: U1 forced transactions first, in queue order, complete when due; U2 nonces without a gap;
 * U3 gas and bytes within their limits; U4 nobody below the base fee; U5 nothing twice. (U6, replay, is `checkReplay`.)
 */
export function checkUniversal(block: OrderedBlock, evidence: OrderingEvidence): Violation[] {
  return [
    ...checkForced(block, evidence),
    ...checkNonces(block, evidence),
    ...checkRoom(block, evidence),
    ...checkEach(block, evidence),
  ]
}

/**
 * The whole judgement of a block: {@link checkUniversal}, and the policy's own rule.
 *
 * @example
 * ```ts
 * import { judgeBlock, priorityGas } from '@l2/sequencer-core/ordering'
 * import { decodeTransaction } from '@l2/sequencer-core/transaction'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const sign = async (key: string, tip: bigint) => {
 *   const account = privateKeyToAccount(`0x${key.repeat(32)}`)
 *   const raw = await account.signTransaction({ chainId: 10, gas: 21_000n, maxFeePerGas: 99n, maxPriorityFeePerGas: tip, to: account.address })
 *   return decodeTransaction(hexToBytes(raw))
 * }
 * const transactions = [await sign('01', 1n), await sign('02', 9n)]
 * const block = { height: 1n, timestamp: 2n, baseFeePerGas: 0n, gasLimit: 30_000_000n, deposits: [], transactions }
 * console.log(judgeBlock(priorityGas(), block, {}).map(violation => violation.rule)) // [ 'priority-gas/order' ]
 * ```
 */
export function judgeBlock<Evidence extends OrderingEvidence>(
  policy: Pick<OrderingPolicy<Evidence>, 'verify'>,
  block: OrderedBlock,
  evidence: Evidence,
): Violation[] {
  return [...checkUniversal(block, evidence), ...policy.verify(block, evidence)]
}

/** How many leading transactions of the block are forced ones, those without an excuse in queue order. */
export function forcedPrefix(block: OrderedBlock, evidence: OrderingEvidence): number {
  const queue = new Set(evidence.forced?.flatMap(each => (each.transaction === undefined ? [] : [each.hash])))
  let count = 0
  while (count < block.transactions.length && queue.has(block.transactions[count]!.hash)) count++
  return count
}

function checkForced(block: OrderedBlock, evidence: OrderingEvidence): Violation[] {
  const forced = (evidence.forced ?? []).filter(each => !(evidence.wasIncluded?.(each.hash) ?? false))
  if (forced.length === 0) return []
  const violations: Violation[] = []
  const prefix = forcedPrefix(block, evidence)
  const at = new Map<Hash, number>(block.transactions.map((transaction, index) => [transaction.hash, index]))
  const deposits = new Set(block.deposits)
  const isOnlyForced = prefix === block.transactions.length
  let forcedGas = 0n
  let last = -1
  let missing: Hash | undefined
  for (const { hash, transaction, gasLimit, deadlineSeconds } of forced) {
    const index = at.get(hash)
    const isIn = transaction === undefined ? deposits.has(hash) : index !== undefined
    // It could not be executed at its place; if it could later, it is there like any other.
    if ((index ?? prefix) >= prefix && evidence.excused?.has(hash) === true) continue
    if (isIn && index !== undefined) {
      if (index >= prefix)
        violations.push(violation('U1-forced-first', index, hash, 'forced transaction behind an ordinary one'))
      if (index < last || missing !== undefined)
        violations.push(
          violation('U1-forced-order', index, hash, `forced transaction before ${missing ?? 'an earlier one'}`),
        )
      last = index
    }
    if (isIn) {
      forcedGas += gasLimit
      continue
    }
    missing ??= hash
    if (deadlineSeconds > block.timestamp) continue
    // The queue alone may fill a block: then the rest waits, and so does everybody else.
    if (isOnlyForced && forcedGas + gasLimit > block.gasLimit) continue
    violations.push(
      violation(
        'U1-forced-due',
        undefined,
        hash,
        `due at ${deadlineSeconds}, missing in the block of ${block.timestamp}`,
      ),
    )
  }
  return violations
}

function checkNonces(block: OrderedBlock, evidence: OrderingEvidence): Violation[] {
  const violations: Violation[] = []
  const next = new Map<Address, bigint>()
  for (const [index, { sender, nonce, hash }] of block.transactions.entries()) {
    const expected = next.get(sender) ?? evidence.nonceOf?.(sender)
    if (expected !== undefined && expected !== nonce)
      violations.push(violation('U2-nonces', index, hash, `nonce ${nonce} of ${sender}, ${expected} expected`))
    next.set(sender, nonce + 1n)
  }
  return violations
}

function checkRoom(block: OrderedBlock, evidence: OrderingEvidence): Violation[] {
  const violations: Violation[] = []
  let gasLeft = block.gasLimit
  let bytes = 0
  for (const [index, { gasLimit, hash, raw }] of block.transactions.entries()) {
    if (gasLimit > gasLeft)
      violations.push(violation('U3-gas', index, hash, `gas limit ${gasLimit}, ${gasLeft} left in the block`))
    gasLeft -= evidence.gasUsed?.[index] ?? 0n
    bytes += raw.length
  }
  const limit = evidence.maxBlockBytes
  if (limit !== undefined && bytes > limit)
    violations.push(violation('U3-bytes', undefined, undefined, `${bytes} bytes of transactions, limit ${limit}`))
  return violations
}

function checkEach(block: OrderedBlock, evidence: OrderingEvidence): Violation[] {
  const violations: Violation[] = []
  const seen = new Set<Hash>()
  for (const [index, { hash, maxFeePerGas }] of block.transactions.entries()) {
    if (maxFeePerGas < block.baseFeePerGas)
      violations.push(violation('U4-base-fee', index, hash, `fee cap ${maxFeePerGas}, base fee ${block.baseFeePerGas}`))
    if (seen.has(hash)) violations.push(violation('U5-duplicate', index, hash, 'twice in the block'))
    else if (evidence.wasIncluded?.(hash) === true)
      violations.push(violation('U5-duplicate', index, hash, 'in an earlier block'))
    seen.add(hash)
  }
  return violations
}

/** A {@link Violation}, in one line. */
export function violation(rule: string, index: number | undefined, hash: Hash | undefined, message: string): Violation {
  return { rule, index, hash, message }
}
