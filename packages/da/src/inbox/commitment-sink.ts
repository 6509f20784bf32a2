import { type Commitment, commitmentToBatcherData, daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import { createTurns, type Turn, withDeadline } from '../internal/call.js'
import { keyOf } from '../internal/journal.js'
import type {
  DaCallOptions,
  DaLimits,
  DaReceipt,
  DaSubmitOptions,
  DataAvailability,
  L1DataAvailability,
} from '../port.js'

/** What {@link CommitmentSink.submit} comes back with: `height` is the L1 block from which derivation knows of all items. */
export type CommitmentReceipt = DaReceipt & {
  /** What L1 carries for it: the items themselves, or the transactions that name them. */
  readonly onL1: readonly Commitment[]
}

/** A layer as a batcher's sink: what it holds is named in L1's inbox. */
export interface CommitmentSink {
  readonly includedOn: 'l1'
  /** What one submission may hold now. */
  limits(options?: DaCallOptions): Promise<DaLimits>
  /** Posts items together and resolves when L1 has them or their names, which get there in the order of the calls. Idempotent by key. */
  submit(items: readonly Uint8Array[], options?: DaSubmitOptions): Promise<CommitmentReceipt>
  /**
   * Keys of submissions of which something is under way, on the layer or to L1. After a crash, what the layer had ended and L1 had not begun is not
   * among them, because neither journal says so: whoever has to have it named repeats it under its key.
   */
  pending(options?: DaCallOptions): Promise<readonly string[]>
  /** Ends a submission begun before a crash; `undefined` when the layer does not know the key. */
  resume(key: string, options?: DaCallOptions): Promise<CommitmentReceipt | undefined>
  /** What L1 carries of a submission, whatever became of it: for whoever books what it cost. Nothing new is sent. */
  carried(key: string, options?: DaCallOptions): Promise<readonly Commitment[]>
}

const carriedByL1: readonly number[] = [daLayer.ethereumBlob, daLayer.ethereumCalldata]
const nameKey = (key: string, index: number): string => `${key}/commitment/${index}`
const ofNameKey = (key: string): string => key.replace(/\/commitment\/\d+$/, '')

/**
 * A sink out of a layer that is not L1: the data goes to `layer` first, its commitment to the inbox afterwards as `01 ‖ commitment`, one a
 * transaction, in the order of the items and of the calls. Where the layer is a router over L1 and others, only what L1 does not carry
 * itself is named. Both keep their own journals: a submission repeated under its key, or resumed, is posted and named once.
 *
 * @param layer holds the data
 * @param l1 carries the commitments: the calldata adapter of the batcher's inbox
 * @example
 * ```ts
 * import { commitmentSink, commitmentToBatcherData, type L1DataAvailability } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const layer = createMemoryDa()
 * const inbox = createMemoryDa() // on Ethereum: createCalldataDa(…) of `@l2/da/ethereum`
 * const l1: L1DataAvailability = Object.assign(inbox, { includedOn: 'l1' as const })
 * const { commitments, onL1 } = await commitmentSink(layer, l1).submit([Uint8Array.of(0, 1)], { key: 'channel 7' })
 * console.log((await inbox.get(onL1[0]!)).length === commitmentToBatcherData(commitments[0]!).length) // true
 * ```
 */
export function commitmentSink(layer: DataAvailability, l1: L1DataAvailability): CommitmentSink {
  // Names are handed to L1 in the order of the calls, whichever the layer ends first.
  const takeTurn = createTurns()

  async function nameOnL1(
    receipt: DaReceipt,
    call: DaSubmitOptions | undefined,
    { come, leave }: Turn,
  ): Promise<CommitmentReceipt> {
    const { key, commitments } = receipt
    const unnamed = commitments.filter(commitment => !carriedByL1.includes(commitment.layer))
    if (unnamed.length === 0) return { ...receipt, onL1: commitments }
    if (unnamed.length < commitments.length) {
      throw new DaError('the layer put a part of a submission on L1 and a part elsewhere', {
        code: 'DA_RESPONSE_INVALID',
        details: { key, layers: commitments.map(commitment => commitment.layer) },
      })
    }
    await come
    // A limit on the cost is one on the data; the names are what makes it worth anything.
    const sent = commitments.map((commitment, index) =>
      l1.submit([commitmentToBatcherData(commitment)], { ...call, maxCost: undefined, key: nameKey(key, index) }),
    )
    leave()
    const named: DaReceipt[] = []
    for (const outcome of await Promise.allSettled(sent)) {
      if (outcome.status === 'rejected') throw outcome.reason
      named.push(outcome.value)
    }
    return {
      key,
      commitments,
      height: named.reduce((last, { height }) => (height > last ? height : last), 0n),
      onL1: named.flatMap(name => name.commitments),
    }
  }

  /** Runs `begin` now, and what names its outcome when earlier calls have had their turn. */
  async function inTurn(
    call: DaSubmitOptions | undefined,
    begin: (signal: AbortSignal) => Promise<DaReceipt | undefined>,
  ): Promise<CommitmentReceipt | undefined> {
    const turn = takeTurn()
    try {
      return await withDeadline('commitment sink', call, undefined, async signal => {
        const receipt = await begin(signal)
        return receipt && nameOnL1(receipt, { ...call, signal }, turn)
      })
    } finally {
      turn.leave()
    }
  }

  return {
    includedOn: 'l1',
    limits: call => layer.limits(call),
    async submit(items, call) {
      const key = keyOf(items, call)
      return (await inTurn({ ...call, key }, signal => layer.submit(items, { ...call, key, signal })))!
    },
    async pending(call) {
      const [held, named] = await Promise.all([layer.pending(call), l1.pending(call)])
      return [...new Set([...held, ...named.filter(key => ofNameKey(key) !== key).map(ofNameKey)])]
    },
    resume: (key, call) => inTurn(call, signal => layer.resume(key, { ...call, signal })),
    async carried(key, call) {
      // The account on L1 may have carried the items themselves, under the caller's key.
      const carried = [...((await l1.resume(key, call))?.commitments ?? [])]
      for (let index = 0; ; index++) {
        const receipt = await l1.resume(nameKey(key, index), call)
        if (receipt === undefined) return carried
        carried.push(...receipt.commitments)
      }
    },
  }
}
