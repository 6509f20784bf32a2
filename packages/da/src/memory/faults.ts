import type { Clock } from '@l2/common'
import { DaError } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import type { DaCallOptions } from '../port.js'

/** A fault of `MemoryDaDeps.inject`. */
export type MemoryFault =
  | { type: 'fail'; error: DaError }
  /** No answer until the caller gives up. */
  | { type: 'stall' }
  | { type: 'delay'; ms: number }
  /** The layer does what it was asked, and the answer is lost. */
  | { type: 'lose-answer' }
  /** `get` hands over other bytes: the adapter must notice. */
  | { type: 'lie'; change: (data: Uint8Array) => Uint8Array }

/** What can go wrong. */
type MemoryOperation = 'limits' | 'quote' | 'submit' | 'get' | 'status'

/** Runs an operation as a layer that is far away would: late, under the limits of its caller, and with the fault that was injected. */
export type Enter = <T>(
  operation: MemoryOperation,
  call: DaCallOptions | undefined,
  run: (fault: MemoryFault | undefined) => Promise<T>,
) => Promise<T>

/** Makes {@link Enter} of the layer `name`. */
export function createEnter(
  name: string,
  latencyMs: number,
  { clock, inject }: { clock: Clock; inject: ((operation: MemoryOperation) => MemoryFault | undefined) | undefined },
): Enter {
  return (operation, call, run) =>
    withDeadline(
      `${name} ${operation}`,
      call,
      undefined,
      async signal => {
        if (latencyMs > 0) await clock.sleep(latencyMs, signal)
        const fault = inject?.(operation)
        if (fault?.type === 'fail') throw fault.error
        if (fault?.type === 'delay') await clock.sleep(fault.ms, signal)
        if (fault?.type === 'stall') await new Promise(() => {})
        signal.throwIfAborted()
        const result = await run(fault)
        if (fault?.type === 'lose-answer') {
          throw new DaError(`${name} did not answer`, { code: 'DA_OUTCOME_UNKNOWN', details: { operation } })
        }
        return result
      },
      clock,
    )
}
