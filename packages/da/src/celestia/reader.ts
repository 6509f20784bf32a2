import { equalBytes, isL2Error } from '@l2/common'
import type { Commitment } from '../commitment.js'
import { DaError } from '../errors.js'
import type { DaCallOptions, DaEntry, DaProof, DataAvailability } from '../port.js'
import type { CelestiaClient, FoundBlob } from './client.js'
import { shareCommitment } from './commitment.js'
import type { BlobPlace, Inclusion } from './inclusion.js'
import { formatCelestiaCommitment, parseCelestiaCommitment } from './location.js'
import { formatCommitmentProof, parseCommitmentProof } from './proof.js'
import type { CelestiaBlob } from './shares.js'

/** The part of the port that reads: needs no account, and believes the node nothing that a commitment can tell. */
type Reader = Pick<DataAvailability, 'get' | 'verify' | 'status' | 'prove' | 'verifyProof' | 'list'>

/** Makes the {@link Reader} of a namespace; `signer` is the author whose blobs are expected. */
export function createReader(
  { namespace, signer }: { namespace: Uint8Array; signer: Uint8Array | undefined },
  { client, inclusion }: { client: CelestiaClient; inclusion: Inclusion },
): Reader {
  const place = (commitment: Commitment): BlobPlace => {
    const parsed = parseCelestiaCommitment(commitment)
    return { ...parsed, namespace: parsed.namespace ?? namespace }
  }
  const matches = (found: FoundBlob, wanted: { namespace: Uint8Array; commitment: Uint8Array }) =>
    equalBytes(found.namespace, wanted.namespace) &&
    (found.shareVersion === 0) === (found.signer === undefined) &&
    found.data.length > 0 &&
    equalBytes(shareCommitment(found), wanted.commitment)

  async function* list({ from, to }: { from: bigint; to: bigint }, call?: DaCallOptions): AsyncIterable<DaEntry> {
    const head = (await client.localHead(call)).height
    for (let height = from < 1n ? 1n : from; height <= to && height <= head; height++) {
      for (const blob of await client.getAll(height, [namespace], call)) {
        if (!matches(blob, { namespace, commitment: blob.commitment })) throw mismatch(height, blob.commitment)
        const commitment = formatCelestiaCommitment({ height, commitment: blob.commitment, namespace })
        yield { height, commitment, data: blob.data }
      }
    }
  }

  return {
    get: async (commitment, call) => {
      const wanted = place(commitment)
      const found = await client.get(wanted.height, wanted.namespace, wanted.commitment, call)
      if (!matches(found, wanted)) throw mismatch(wanted.height, wanted.commitment)
      return found.data
    },
    verify: async (commitment, data) => {
      const wanted = place(commitment)
      if (data.length === 0) return false
      const anonymous: CelestiaBlob = { namespace: wanted.namespace, data, shareVersion: 0 }
      const candidates =
        signer === undefined ? [anonymous] : [{ ...anonymous, shareVersion: 1, signer } as const, anonymous]
      return candidates.some(blob => equalBytes(shareCommitment(blob), wanted.commitment))
    },
    status: async (commitment, call) => {
      const wanted = place(commitment)
      try {
        await inclusion.check(wanted, call)
        return 'final'
      } catch (error) {
        if (isL2Error(error, 'DA_NOT_YET')) return 'pending'
        if (isL2Error(error, 'DA_NOT_FOUND')) return 'lost'
        throw error
      }
    },
    prove: async (commitment, call): Promise<DaProof> => {
      const wanted = place(commitment)
      const proof = await client.getCommitmentProof(wanted.height, wanted.namespace, wanted.commitment, call)
      return {
        height: wanted.height,
        bytes: new TextEncoder().encode(JSON.stringify(formatCommitmentProof(proof))),
      }
    },
    verifyProof: async (commitment, proof, call) => {
      const wanted = place(commitment)
      if (proof.height !== wanted.height) {
        throw new DaError('the proof is of another height', {
          code: 'DA_PROOF_INVALID',
          details: { expected: wanted.height, got: proof.height },
        })
      }
      let json: unknown
      try {
        json = JSON.parse(new TextDecoder().decode(proof.bytes))
      } catch {
        throw new DaError('the proof is not JSON', { code: 'DA_PROOF_INVALID' })
      }
      await inclusion.verify(parseCommitmentProof(json), wanted, call)
    },
    list,
  }
}

function mismatch(height: bigint, commitment: Uint8Array): DaError {
  return new DaError('the Celestia node returned a blob that does not match its commitment', {
    code: 'DA_MISMATCH',
    details: { height, commitment },
  })
}
