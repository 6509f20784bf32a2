import { isL2Error } from '@l2/common'
import { type FuzzTarget, seededRandom } from '@l2/common/testing'
import {
  formatCommitmentProof,
  joinShares,
  namespaceV0,
  parseCommitmentProof,
  splitShares,
  verifyCommitmentProof,
} from '@l2/da/celestia'
import { buildSquare } from '../src/testing/celestia/square.js'

const namespace = namespaceV0(Uint8Array.of(1, 1))
const random = seededRandom(1)
const blobs = [3, 700, 40_000].map(length => ({ namespace, data: random.bytes(length), shareVersion: 0 as const }))
const square = buildSquare(blobs)
const proofs = square.blobs.map(blob => JSON.stringify(formatCommitmentProof(square.commitmentProof(blob))))
const known = new Set(proofs)

/** Proofs and shares from a node that is not trusted: a typed error, and never a proof that was not made by the chain. */
export const target: FuzzTarget = {
  corpus: () => [...proofs.map(proof => new TextEncoder().encode(proof)), ...blobs.slice(0, 2).map(splitShares)],
  run(input) {
    try {
      const blob = joinShares(input)
      if (Buffer.compare(splitShares(blob), input) !== 0) throw new Error('shares are not canonical')
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
    let json: unknown
    try {
      json = JSON.parse(new TextDecoder().decode(input))
    } catch {
      return
    }
    for (const { commitment } of square.blobs) {
      let text: string | undefined
      try {
        const proof = parseCommitmentProof(json)
        verifyCommitmentProof(proof, { commitment, namespace, dataRoot: square.dataHash })
        text = JSON.stringify(formatCommitmentProof(proof))
      } catch (error) {
        if (!isL2Error(error)) throw error
      }
      if (text !== undefined && !known.has(text)) throw new Error('a changed proof holds')
    }
  },
}
