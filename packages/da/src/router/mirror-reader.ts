import { isL2Error } from '@l2/common'
import { type Commitment, commitmentToHex } from '../commitment.js'
import { DaError } from '../errors.js'
import type { DaCallOptions, DaStatus, DataAvailability } from '../port.js'
import { parseMirrorCommitment } from './mirror-commitment.js'
import { askInTurn, readersOf, statusAmong } from './readers.js'

/** The part of the port that reads, from whichever copy can be reached. */
type MirrorReader = {
  get: DataAvailability['get']
  verify(commitment: Commitment, data: Uint8Array, call?: DaCallOptions): Promise<boolean>
  status(commitment: Commitment, call: DaCallOptions | undefined): Promise<DaStatus>
}

/** Makes the reader of commitments whose data is safe with `required` copies. */
export function createMirrorReader(layers: readonly DataAvailability[], required: number): MirrorReader {
  const copiesOf = (commitment: Commitment) => {
    const copies = parseMirrorCommitment(commitment).filter(copy => readersOf(layers, copy).length > 0)
    if (copies.length === 0) {
      throw new DaError('no adapter here reads any copy', {
        code: 'DA_UNVERIFIABLE',
        details: { copies: parseMirrorCommitment(commitment).map(commitmentToHex) },
      })
    }
    return copies
  }
  const verify = async (commitment: Commitment, data: Uint8Array, call?: DaCallOptions) => {
    for (const copy of copiesOf(commitment)) {
      if (!(await askInTurn(layers, copy, call, layer => layer.verify(copy, data, call)))) return false
    }
    return true
  }

  async function status(commitment: Commitment, call: DaCallOptions | undefined): Promise<DaStatus> {
    const copies = copiesOf(commitment)
    const statuses = await Promise.all(
      copies.map(copy =>
        statusAmong(layers, copy, call).catch((): DaStatus => {
          call?.signal?.throwIfAborted()
          return 'pending'
        }),
      ),
    )
    const enough = Math.min(required, copies.length)
    const count = (...wanted: DaStatus[]) => statuses.filter(status => wanted.includes(status)).length
    if (count('final') >= enough) return 'final'
    if (count('final', 'included') >= enough) return 'included'
    return count('lost') > copies.length - enough ? 'lost' : 'pending'
  }

  return {
    get: async (commitment, call) => {
      const failures: unknown[] = []
      for (const copy of copiesOf(commitment)) {
        let data: Uint8Array
        try {
          data = await askInTurn(layers, copy, call, layer => layer.get(copy, call))
        } catch (error) {
          call?.signal?.throwIfAborted()
          failures.push(error)
          continue
        }
        // Whoever made the commitment could have named copies of different data: everybody must read the same, whichever layer answers.
        if (await verify(commitment, data, call)) return data
        throw new DaError('the copies of a mirror commitment are of different data', {
          code: 'DA_COMMITMENT_DEAD',
          details: { copy: commitmentToHex(copy) },
        })
      }
      // One dead copy is no dead commitment: another may only be out of reach.
      throw failures.find(error => !isL2Error(error, 'DA_COMMITMENT_DEAD')) ?? failures[0]
    },
    verify,
    status,
  }
}
