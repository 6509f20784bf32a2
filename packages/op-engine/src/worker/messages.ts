import type { L2ErrorOptions } from '@l2/common'
import { isL2Error } from '@l2/common'
import { OpEngineError, type OpEngineErrorCode } from '../errors.js'
import type { MemoryChange, MemorySegments } from '../store/memory.js'

/** Where a worker finds its store; plain data, because the store is opened in the worker. */
export type StoreLocation =
  | { readonly type: 'memory'; readonly segments: MemorySegments }
  | { readonly type: 'lmdb'; readonly path: string }
  | { readonly type: 'log'; readonly path: string; readonly segmentBytes?: number | undefined }
  | { readonly type: 'opfs'; readonly path: string; readonly segmentBytes?: number | undefined }

/** The first message to a worker. */
export type WorkerStart = {
  readonly type: 'start'
  readonly module: WebAssembly.Module
  /** Where `wasm_exec.js` is. */
  readonly glueUrl: string
  readonly store: StoreLocation
  readonly readOnly: boolean
  readonly gcPercent: number
  readonly softMemoryBytes: number
  /** One 32-bit number that is not zero while the request under way is not wanted any more; absent where memory cannot be shared. */
  readonly cancel?: SharedArrayBuffer | undefined
}

/** What a worker is told. */
export type ToWorker =
  | WorkerStart
  | { readonly type: 'call'; readonly message: Uint8Array }
  | { readonly type: 'maintain'; readonly budgetMs: number }
  | { readonly type: 'memory'; readonly change: MemoryChange }
  | { readonly type: 'close' }

/** What a worker says. */
export type FromWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'answer'
      readonly message: Uint8Array
      readonly storeError?: PlainError | undefined
      readonly isBroken?: boolean
    }
  | { readonly type: 'maintained'; readonly done: boolean; readonly storeError?: PlainError | undefined }
  | { readonly type: 'memory'; readonly change: MemoryChange }
  | { readonly type: 'closed' }
  /** The worker is of no use any more. */
  | { readonly type: 'failed'; readonly error: PlainError }

/** An error as it goes from thread to thread: classes are lost on the way. */
export type PlainError = { readonly message: string } & L2ErrorOptions<OpEngineErrorCode>

export function toPlainError(error: unknown): PlainError {
  if (isL2Error<OpEngineErrorCode>(error)) {
    const { shortMessage, code, recovery, metaMessages, details } = error
    return { message: shortMessage, code, recovery, meta: metaMessages, details }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { message: `the engine's worker failed: ${message}`, code: 'ENGINE_CRASHED', recovery: 'retry' }
}

export const fromPlainError = ({ message, ...options }: PlainError): OpEngineError =>
  new OpEngineError(message, options)
