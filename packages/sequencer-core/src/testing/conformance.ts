import { isL2Error, type L2Error } from '@l2/common'
import { SequencerError, type SequencerErrorCode } from '../errors.js'

/** One check of a contract suite; run it with any test runner. */
export type ConformanceCase = { readonly name: string; run(): Promise<void> }

/** @throws SequencerError `CONFORMANCE_FAILED` */
export function expectTrue(condition: boolean, message: string): asserts condition {
  if (!condition) throw new SequencerError(message, { code: 'CONFORMANCE_FAILED' })
}

/** @throws SequencerError `CONFORMANCE_FAILED` */
export function expectEqual<T>(actual: T, expected: T, what: string): void {
  expectTrue(actual === expected, `${what}: expected ${String(expected)}, got ${String(actual)}`)
}

/** The error with that code, of whatever package, which `task` rejects with. @throws SequencerError `CONFORMANCE_FAILED` */
export async function expectCode(task: Promise<unknown>, code: SequencerErrorCode): Promise<L2Error> {
  let error: unknown
  try {
    await task
  } catch (caught) {
    error = caught
  }
  if (isL2Error(error, code)) return error
  throw new SequencerError(`expected ${code}, got ${error === undefined ? 'no error' : String(error)}`, {
    code: 'CONFORMANCE_FAILED',
    cause: error,
  })
}
