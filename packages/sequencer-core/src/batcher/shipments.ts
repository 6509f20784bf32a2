import { bytesToHex } from '@l2/common'
import { sha256 } from '@l2/common/crypto'
import { type Frame, frameOverheadBytes } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import type { createFundsGuard } from './funds.js'
import type { BatcherEvent, BatcherSink } from './ports.js'
import type { createSharedHold } from './shared-hold.js'
import { packSharedChannels } from './sharing.js'
import { createUnderWay } from './under-way.js'

/** Bytes of a payload that hold no data of its first frame. */
export const payloadOverheadBytes: number = 1 + frameOverheadBytes

/** Payloads of a transaction, and bytes of a payload. */
export type ShipmentLimits = { readonly payloads: number; readonly payloadBytes: number }

/** What happened to the transactions of a {@link createSharedBatcher}. What happened to a rollup is told to that rollup. */
export type SharedBatcherEvent =
  | {
      readonly type: 'shipped'
      /** Of the submission: the sink knows it by this name. */
      readonly key: string
      readonly payloads: number
      /** Bytes of each rollup, for `splitByBytes` of what it cost. */
      readonly bytes: Readonly<Record<string, number>>
      readonly l1Block: bigint
    }
  | Extract<BatcherEvent, { type: 'runway-low' | 'balance-stop' }>

/** The transactions that carry what is in the hold, several on their way at once. */
export function createShipments(
  most: ShipmentLimits,
  hold: ReturnType<typeof createSharedHold>,
  sink: BatcherSink,
  guard: ReturnType<typeof createFundsGuard>,
  emit: (event: SharedBatcherEvent) => void,
) {
  const pending = createUnderWay<{ costWei: bigint }>()

  return {
    pending,

    /** What a transaction may be made of now. */
    async limits(signal: AbortSignal | undefined): Promise<ShipmentLimits> {
      const { maxBytes, maxItems } = await sink.limits({ signal })
      if (!(maxBytes > payloadOverheadBytes)) {
        throw new SequencerError(`the sink takes ${maxBytes} bytes, which hold no frame`, {
          code: 'BATCHER_OPTIONS',
          details: { maxBytes },
        })
      }
      return {
        payloads: Math.max(1, Math.min(maxItems, most.payloads)),
        payloadBytes: Math.min(most.payloadBytes, maxBytes),
      }
    },

    /** Sends one, of full payloads only if so asked; or gives back what is too late for any. Says whether it did either. */
    async ship(limits: ShipmentLimits, fullOnly: boolean, signal: AbortSignal | undefined): Promise<boolean> {
      if (hold.giveBackLate()) return true
      const before = hold.waiting
      const { payloads: maxPayloads, payloadBytes } = limits
      const packed = packSharedChannels(before, { payloadBytes, maxPayloads, fullOnly })
      if (packed.payloads.length === 0) return false
      const costWei = await guard.check(packed.payloads, hold.headL1, pending.reservedWei, signal)
      // Something ended while the wallet was asked, and may be in what was packed.
      if (hold.waiting !== before) return true
      const { includeBy, included, failed } = hold.embark(packed.rest)
      const key = shipmentKey(packed.frames)
      const submit = async (): Promise<{ height: bigint }> =>
        sink.submit(packed.payloads, { key, includeBy, ...(signal === undefined ? {} : { signal }) })
      const submission: Promise<void> = submit().then(
        ({ height }) => {
          pending.delete(submission)
          included(height)
          guard.paid(costWei, height)
          try {
            emit({ type: 'shipped', key, payloads: packed.payloads.length, bytes: packed.bytes, l1Block: height })
          } catch (error) {
            // Whoever was told failed: nothing of the submission is lost, and the next round says so.
            pending.fail(error)
          }
        },
        (error: unknown) => {
          pending.delete(submission)
          pending.fail(error)
          failed(error)
        },
      )
      pending.add(submission, { costWei })
      return true
    },
  }
}

/** The same frames in the same payloads have the same key. */
function shipmentKey(frames: readonly (readonly Frame[])[]): string {
  const text = frames
    .map(payload => payload.map(frame => `${frame.channelId}/${frame.frameNumber}/${frame.data.length}`).join(' '))
    .join('\n')
  return `shared/${bytesToHex(sha256(new TextEncoder().encode(text))).slice(2)}`
}
