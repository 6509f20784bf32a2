import { L2Error, type L2ErrorOptions } from '@l2/common'

/** Every code a {@link SequencerError} can carry. */
export type SequencerErrorCode =
  /** Bytes are not canonical RLP. */
  'RLP_INVALID'

/** The error of `@l2/sequencer-core`: stable `code`, `recovery`, machine-readable `details`. */
export class SequencerError extends L2Error<SequencerErrorCode> {
  constructor(message: string, options: L2ErrorOptions<SequencerErrorCode>) {
    super(message, options)
    this.name = 'SequencerError'
  }
}
