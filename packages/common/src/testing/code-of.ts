import { isL2Error } from '../errors.js'

/** The code of the error that a call ends with, `none` where it ends well. What is no error of ours goes on to the caller. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isL2Error(error)) return error.code
    throw error
  }
  return 'none'
}
