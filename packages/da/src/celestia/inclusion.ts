import { DaError } from '../errors.js'
import type { DaCallOptions } from '../port.js'
import type { CelestiaClient } from './client.js'
import { type CommitmentProof, verifyCommitmentProof } from './proof.js'

/** The place of a blob with its namespace, which its commitment may leave to configuration. */
export type BlobPlace = { height: bigint; namespace: Uint8Array; commitment: Uint8Array }

/** Whether blobs are in the blocks that they are said to be in: the node's proofs, held against the data hash of the header. */
export type Inclusion = {
  /** Asks the node for the proof of a blob, and checks it. */
  check(place: BlobPlace, call: DaCallOptions | undefined): Promise<void>
  /** Checks the proof that somebody else brought. @throws DaError `DA_PROOF_INVALID` */
  verify(proof: CommitmentProof, place: BlobPlace, call: DaCallOptions | undefined): Promise<void>
}

/** Makes the {@link Inclusion} of one node; `trustHeader` tells data hashes in its place. */
export function createInclusion(
  client: CelestiaClient,
  trustHeader: ((height: bigint, options?: DaCallOptions) => Promise<Uint8Array>) | undefined,
): Inclusion {
  const dataRootAt = async (height: bigint, call: DaCallOptions | undefined): Promise<Uint8Array> => {
    if (trustHeader !== undefined) return trustHeader(height, call)
    const header = await client.header(height, call)
    if (header.height !== height) {
      throw new DaError('the Celestia node answered with the header of another height', {
        code: 'DA_RESPONSE_INVALID',
        details: { expected: height, got: header.height },
      })
    }
    return header.dataHash
  }

  async function verify(proof: CommitmentProof, place: BlobPlace, call: DaCallOptions | undefined): Promise<void> {
    verifyCommitmentProof(proof, { ...place, dataRoot: await dataRootAt(place.height, call) })
  }

  return {
    verify,
    async check(place, call) {
      const { height, namespace, commitment } = place
      await verify(await client.getCommitmentProof(height, namespace, commitment, call), place, call)
    },
  }
}
