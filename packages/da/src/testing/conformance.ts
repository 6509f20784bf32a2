import { bytesToHex, equalBytes, isL2Error, toJson } from '@l2/common'
import {
  type Commitment,
  commitmentToHex,
  decodeCommitment,
  encodeCommitment,
  equalCommitments,
  hexToCommitment,
} from '../commitment.js'
import { DaError } from '../errors.js'
import type { DataAvailability } from '../port.js'

/** An adapter on a layer of its own, with whatever faults the layer can be made to have. What is absent is not tested. */
export type ConformanceSubject = {
  da: DataAvailability
  /** Another adapter on the stored state of the first, as after a crash. The first is not used any more. */
  restart?: (() => Promise<DataAvailability>) | undefined
  /** Lets so much time pass that everything included is final. */
  settle?: (() => Promise<void>) | undefined
  /** Submissions that the layer holds, duplicates counted. */
  posted?: (() => Promise<number>) | undefined
  /** The layer cannot be reached until `restore`. */
  cutOff?: (() => Promise<void>) | undefined
  restore?: (() => Promise<void>) | undefined
  /** From now on the layer hands out changed data; `undefined` ends it. */
  lie?: ((change: ((data: Uint8Array) => Uint8Array) | undefined) => void) | undefined
  /** The next submission gets through, and its answer does not come. */
  loseAnswer?: (() => void) | undefined
  /** Drops the newest blocks, the last submission among them. */
  reorg?: (() => Promise<void>) | undefined
  /** The layer forgets all data, as after its retention. */
  prune?: (() => Promise<void>) | undefined
  /** Keys and tokens given to the adapter: none may appear in an error. */
  secrets?: readonly string[] | undefined
  close(): PromiseLike<void>
}

/** What {@link conformanceCases} runs against, and how patiently. */
export type ConformanceOptions = {
  /** A subject with a fresh layer, for each case. */
  open(): Promise<ConformanceSubject>
  /** Milliseconds that no single call may exceed; 30 000. */
  timeoutMs?: number | undefined
  /** Milliseconds after which a call to a layer that is cut off is given up; 2000. */
  cutOffMs?: number | undefined
  /** Bytes of the largest item tried; 200 000. */
  maxBytes?: number | undefined
  seed?: number | undefined
}

/** One thing that every adapter must do. */
export type ConformanceCase = { readonly name: string; run(): Promise<void> }

/**
 * What any {@link DataAvailability} must do, as cases for any test runner. Each opens a subject of its own; a case about a fault that the
 * subject does not offer passes without doing anything.
 *
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da/testing'
 * import { conformanceCases } from '@l2/da/testing'
 *
 * const open = async () => ({ da: createMemoryDa(), close: async () => {} })
 * let passed = 0
 * for (const { run } of conformanceCases({ open })) {
 *   await run()
 *   passed++
 * }
 * console.log(passed) // 21
 * ```
 */
export function conformanceCases(options: ConformanceOptions): ConformanceCase[] {
  const { timeoutMs = 30_000, cutOffMs = 2000, maxBytes = 200_000, seed = 1 } = options
  let state = seed >>> 0
  const word = () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return (state ^ (state >>> 13)) >>> 0
  }
  // No run of zeros at the end and none at the start, so that cutting is always a change.
  const bytes = (length: number) => Uint8Array.from({ length }, () => (word() & 127) | 1)

  const test = (name: string, run: (subject: ConformanceSubject) => Promise<void>): ConformanceCase => ({
    name,
    run: async () => {
      const subject = await options.open()
      try {
        await run(subject)
      } finally {
        await subject.close()
      }
    },
  })
  const one = async (da: DataAvailability, data: Uint8Array, key?: string): Promise<Commitment> => {
    const receipt = await da.submit([data], { timeoutMs, key })
    check(receipt.commitments.length === 1, `one item gave ${receipt.commitments.length} commitments`)
    return receipt.commitments[0]!
  }

  return [
    test('says what it takes', async ({ da }) => {
      const limits = await da.limits({ timeoutMs })
      check(Number.isSafeInteger(limits.maxBytes) && limits.maxBytes > 0, `maxBytes is ${limits.maxBytes}`)
      check(Number.isSafeInteger(limits.maxItems) && limits.maxItems > 0, `maxItems is ${limits.maxItems}`)
      check(da.name.length > 0, 'it has no name')
    }),
    test('returns what was submitted, of any size', async ({ da }) => {
      const limits = await da.limits({ timeoutMs })
      for (const length of [1, 31, 478, 479, 5000, Math.min(limits.maxBytes, maxBytes)]) {
        if (length > limits.maxBytes) continue
        const data = bytes(length)
        const commitment = await one(da, data)
        check(da.reads(commitment), 'it does not read its own commitment')
        checkBytes(await da.get(commitment, { timeoutMs }), data)
      }
    }),
    test('keeps zero bytes at both ends', async ({ da }) => {
      const data = new Uint8Array(70)
      data[35] = 1
      checkBytes(await da.get(await one(da, data), { timeoutMs }), data)
    }),
    test('posts several items together, a commitment for each in their order', async ({ da }) => {
      const { maxItems } = await da.limits({ timeoutMs })
      const items = Array.from({ length: Math.min(maxItems, 3) }, (_, i) => bytes(100 + i))
      const { commitments } = await da.submit(items, { timeoutMs })
      check(commitments.length === items.length, `${items.length} items gave ${commitments.length} commitments`)
      for (const [i, item] of items.entries()) checkBytes(await da.get(commitments[i]!, { timeoutMs }), item)
    }),
    test('refuses what it cannot take, before posting anything', async ({ da, posted }) => {
      const before = await posted?.()
      const limits = await da.limits({ timeoutMs })
      await fails(da.submit([], { timeoutMs }), ['DA_EMPTY'])
      await fails(da.submit([new Uint8Array()], { timeoutMs }), ['DA_EMPTY'])
      await fails(da.submit([new Uint8Array(limits.maxBytes + 1)], { timeoutMs }), ['DA_TOO_LARGE'])
      const many = Array.from({ length: limits.maxItems + 1 }, (_, i) => Uint8Array.of(i & 255, i >> 8, 1))
      await fails(da.submit(many, { timeoutMs }), ['DA_TOO_LARGE'])
      check((await posted?.()) === before, 'something was posted')
    }),
    test('quotes a cost, and keeps to a limit on it', async ({ da, posted }) => {
      const quote = await da.quote([1000], { timeoutMs })
      check(typeof quote.cost === 'bigint' && quote.cost >= 0n, `the cost is ${quote.cost}`)
      check(quote.unit.length > 0, 'the cost has no unit')
      if (quote.cost === 0n) return
      const before = await posted?.()
      await fails(da.submit([bytes(1000)], { timeoutMs, maxCost: 0n }), ['DA_FEE_TOO_HIGH', 'DA_ALL_FAILED'])
      check((await posted?.()) === before, 'it posted above the limit')
    }),
    test('makes commitments that survive bytes and text', async ({ da }) => {
      const data = bytes(100)
      const commitment = await one(da, data)
      const copy = decodeCommitment(encodeCommitment(commitment))
      check(equalCommitments(copy, commitment), 'bytes do not round-trip')
      const read = hexToCommitment(commitmentToHex(commitment))
      checkBytes(await da.get(read, { timeoutMs }), data)
      await fails(da.get({ layer: commitment.layer, payload: commitment.payload.slice(0, 7) }, { timeoutMs }), [
        'DA_COMMITMENT_INVALID',
        'DA_UNVERIFIABLE',
        'DA_NOT_FOUND',
        'DA_COMMITMENT_DEAD',
      ])
      const foreign = { layer: 0x7f, payload: commitment.payload }
      check(!da.reads(foreign), 'it claims to read a layer that does not exist')
      await fails(da.get(foreign, { timeoutMs }), ['DA_COMMITMENT_INVALID', 'DA_UNVERIFIABLE'])
    }),
    test('verifies data without the layer', async ({ da, cutOff, restore }) => {
      const data = bytes(600)
      const commitment = await one(da, data)
      await cutOff?.()
      try {
        check(await da.verify(commitment, data), 'the data does not verify')
        for (const wrong of [changed(data), data.slice(0, -1), new Uint8Array(), new Uint8Array([...data, 1])]) {
          check(!(await da.verify(commitment, wrong)), 'other data verifies')
        }
      } finally {
        await restore?.()
      }
    }),
    test('posts equal submissions once, at the same time and later', async ({ da, posted }) => {
      const data = bytes(300)
      const [first, second] = await Promise.all([one(da, data), one(da, data)])
      const third = await one(da, data)
      check(equalCommitments(first!, second!) && equalCommitments(first!, third), 'the commitments differ')
      const count = await posted?.()
      check(count === undefined || count === 1, `it was posted ${count} times`)
      await one(da, bytes(301), 'a key of one’s own')
      await fails(da.submit([bytes(302)], { timeoutMs, key: 'a key of one’s own' }), ['DA_KEY_REUSED'])
    }),
    test('keeps the order of the calls', async ({ da, posted }) => {
      const heights = await Promise.all(
        Array.from({ length: 6 }, async (_, i) => (await da.submit([bytes(50 + i)], { timeoutMs })).height),
      )
      const sorted = [...heights].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      check(heights.join() === sorted.join(), `heights are ${heights.join()}`)
      const count = await posted?.()
      check(count === undefined || count === 6, `6 submissions were posted ${count} times`)
    }),
    test('reports where a commitment stands, up to finality', async ({ da, settle }) => {
      const commitment = await one(da, bytes(40))
      const status = await da.status(commitment, { timeoutMs })
      check(status === 'included' || status === 'final', `after inclusion it is ${status}`)
      if (da.capabilities.finality === 'instant') check(status === 'final', `instant finality and ${status}`)
      if (settle === undefined) return
      await settle()
      const later = await da.status(commitment, { timeoutMs })
      check(later === 'final', `after finality it is ${later}`)
    }),
    test('answers about data that is not there', async ({ da }) => {
      const commitment = await one(da, bytes(40))
      for (let at = 0; at < commitment.payload.length; at += 5) {
        const payload = commitment.payload.slice()
        payload[at]! ^= 0x55
        const error = await failure(da.get({ layer: commitment.layer, payload }, { timeoutMs }))
        if (error === undefined) {
          // A byte that is only a hint: what comes must still be the data.
          checkBytes(await da.get({ layer: commitment.layer, payload }, { timeoutMs }), await da.get(commitment))
        } else check(isL2Error(error), `not a typed error: ${String(error)}`)
      }
    }),
    test('stops waiting when it is told to', async ({ da }) => {
      const reason = new Error('enough')
      const aborted = AbortSignal.abort(reason)
      const commitment = await one(da, bytes(60))
      check((await failure(da.submit([bytes(61)], { signal: aborted }))) === reason, 'submit ignores the signal')
      check((await failure(da.get(commitment, { signal: aborted }))) === reason, 'get ignores the signal')
      check((await failure(da.limits({ signal: aborted }))) === reason, 'limits ignores the signal')
      check((await failure(da.pending({ signal: aborted }))) === reason, 'pending ignores the signal')
      check((await failure(da.status(commitment, { signal: aborted }))) === reason, 'status ignores the signal')
      check((await failure(da.resume('k', { signal: aborted }))) === reason, 'resume ignores the signal')
      const controller = new AbortController()
      const submission = failure(da.submit([bytes(62)], { signal: controller.signal }))
      controller.abort(reason)
      const outcome = await submission
      check(outcome === reason || outcome === undefined, `an aborted submission ended with ${String(outcome)}`)
      const after = bytes(63)
      checkBytes(await da.get(await one(da, after), { timeoutMs }), after)
    }),
    test('remembers submissions over a restart', async ({ da, restart, posted }) => {
      if (restart === undefined) return
      const data = bytes(333)
      const commitment = await one(da, data, 'before')
      const again = await restart()
      check((await again.resume('never used', { timeoutMs })) === undefined, 'it knows a key that was never used')
      const resumed = await again.resume('before', { timeoutMs })
      check(resumed !== undefined && equalCommitments(resumed.commitments[0]!, commitment), 'the receipt is gone')
      check(equalCommitments(await one(again, data, 'before'), commitment), 'repeating it gives another commitment')
      check((await again.pending({ timeoutMs })).length === 0, 'it thinks that something is under way')
      checkBytes(await again.get(commitment, { timeoutMs }), data)
      const count = await posted?.()
      check(count === undefined || count === 1, `it was posted ${count} times`)
    }),
    test('finds out what became of a submission whose answer was lost', async ({ da, loseAnswer, posted }) => {
      if (loseAnswer === undefined) return
      const data = bytes(444)
      loseAnswer()
      const first = await failure(one(da, data, 'lost answer'))
      if (first !== undefined) check(isL2Error(first), `not a typed error: ${String(first)}`)
      const commitment = await one(da, data, 'lost answer')
      checkBytes(await da.get(commitment, { timeoutMs }), data)
      const count = await posted?.()
      check(count === undefined || count === 1, `it was posted ${count} times`)
    }),
    test('notices a layer that lies', async ({ da, lie }) => {
      if (lie === undefined) return
      const data = bytes(555)
      const commitment = await one(da, data)
      for (const change of [changed, (honest: Uint8Array) => honest.slice(0, -1), () => bytes(10)]) {
        lie(change)
        const error = await failure(da.get(commitment, { timeoutMs }))
        lie(undefined)
        check(error !== undefined, 'changed data was returned')
        check(isL2Error(error, 'DA_MISMATCH') || isL2Error(error, 'DA_RESPONSE_INVALID'), `it says ${String(error)}`)
      }
      checkBytes(await da.get(commitment, { timeoutMs }), data)
    }),
    test('survives a layer that goes away', async ({ da, cutOff, restore, posted, secrets = [] }) => {
      if (cutOff === undefined || restore === undefined) return
      const data = bytes(666)
      const commitment = await one(da, data)
      await cutOff()
      for (const call of [
        () => da.get(commitment, { timeoutMs: cutOffMs }),
        () => da.submit([bytes(667)], { timeoutMs: cutOffMs, key: 'cut off' }),
        () => da.status(commitment, { timeoutMs: cutOffMs }),
      ]) {
        const error = await failure(call())
        if (error === undefined) continue
        check(isL2Error(error), `not a typed error: ${String(error)}`)
        check((error as DaError).retry !== 'fatal', `an outage is called fatal: ${String(error)}`)
        checkSecrets(error, secrets)
      }
      await restore()
      checkBytes(await da.get(commitment, { timeoutMs }), data)
      await one(da, bytes(668))
      const count = await posted?.()
      check(count === undefined || count === 2 || count === 3, `2 or 3 submissions were posted ${count} times`)
    }),
    test('posts anew what a reorg lost', async ({ da, reorg }) => {
      if (reorg === undefined) return
      await one(da, bytes(776))
      const data = bytes(777)
      await one(da, data, 'reorged')
      await reorg()
      const commitment = await one(da, data, 'reorged')
      for (let tries = 0; ; tries++) {
        const error = await failure(da.get(commitment, { timeoutMs }))
        if (error === undefined) break
        check(tries * 50 < timeoutMs, `the data did not come back: ${String(error)}`)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      check((await da.status(commitment, { timeoutMs })) !== 'lost', 'it is still lost')
    }),
    test('says that pruned data is gone', async ({ da, prune }) => {
      if (prune === undefined) return
      const commitment = await one(da, bytes(888))
      await prune()
      await fails(da.get(commitment, { timeoutMs }), ['DA_EXPIRED', 'DA_NOT_FOUND', 'DA_NOT_CUSTODIED'])
    }),
    test('lists and proves, where it can', async ({ da }) => {
      const data = bytes(999)
      const { height, commitments } = await da.submit([data], { timeoutMs })
      const commitment = commitments[0]!
      if (da.list !== undefined) {
        let found = false
        for await (const entry of da.list({ from: 1n, to: height }, { timeoutMs })) {
          found ||= equalCommitments(entry.commitment, commitment) && equalBytes(entry.data, data)
        }
        check(found, 'what was posted is not listed')
      }
      if (da.prove === undefined || da.verifyProof === undefined) return
      const proof = await da.prove(commitment, { timeoutMs })
      await da.verifyProof(commitment, proof, { timeoutMs })
      const other = await one(da, bytes(998))
      check((await failure(da.verifyProof(other, proof, { timeoutMs }))) !== undefined, 'a proof proves other data')
      const torn = { ...proof, bytes: proof.bytes.slice(0, proof.bytes.length / 2) }
      check(isL2Error(await failure(da.verifyProof(commitment, torn, { timeoutMs }))), 'half a proof is not refused')
    }),
    test('can be closed twice', async ({ da }) => {
      await one(da, bytes(12))
      await da.close()
      await da[Symbol.asyncDispose]()
      await da.close()
    }),
  ]
}

function wrong(what: string): never {
  throw new DaError(what, { code: 'DA_CONFORMANCE' })
}

function check(holds: boolean, what: string): void {
  if (!holds) wrong(what)
}

function checkBytes(got: Uint8Array, expected: Uint8Array): void {
  if (!equalBytes(got, expected)) {
    wrong(
      `${got.length} bytes ${bytesToHex(got.subarray(0, 16))}… instead of ${expected.length} bytes ${bytesToHex(expected.subarray(0, 16))}…`,
    )
  }
}

function changed(data: Uint8Array): Uint8Array {
  const copy = data.slice()
  copy[copy.length >> 1]! ^= 1
  return copy
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
    return undefined
  } catch (error) {
    return error
  }
}

async function fails(call: Promise<unknown>, codes: readonly string[]): Promise<void> {
  const error = await failure(call)
  if (!isL2Error(error) || !codes.includes(error.code)) {
    wrong(`${codes.join(' or ')} expected, got ${isL2Error(error) ? error.code : String(error)}`)
  }
}

function checkSecrets(error: unknown, secrets: readonly string[]): void {
  const seen: string[] = []
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 16; depth++) {
    const { message, stack, cause, details } = at as {
      message?: string
      stack?: string
      cause?: unknown
      details?: unknown
    }
    seen.push(message ?? '', stack ?? '', toJson(details ?? ''), toJson(at))
    at = cause
  }
  for (const secret of secrets) check(!seen.some(text => text.includes(secret)), 'an error contains a secret')
}
