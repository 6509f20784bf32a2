import { equalBytes, hexToBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import {
  type BlobSidecar,
  bytesPerBlob,
  parseBlobTransaction,
  proofsPerBlob,
  serializeBlobTransaction,
  versionedHashOf,
} from '../src/index.ts'

/** Type-3 transactions in every form: a typed error, or what serialises to the same bytes. */
export const target: FuzzTarget = {
  corpus(random) {
    const commitment = random.bytes(48)
    const transaction = {
      chainId: 1,
      nonce: 7,
      maxPriorityFeePerGas: 1n,
      maxFeePerGas: 2n ** 70n,
      gas: 21_000n,
      to: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
      value: 10n ** 18n,
      data: '0x1234',
      accessList: [{ address: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8', storageKeys: [`0x${'11'.repeat(32)}`] }],
      maxFeePerBlobGas: 3n,
      blobVersionedHashes: [versionedHashOf(commitment)],
    } as const
    const signature = { yParity: 1, r: `0x${'22'.repeat(32)}`, s: `0x${'33'.repeat(32)}` } as const
    const sidecar = (version: 0 | 1): BlobSidecar => ({
      version,
      blobs: [new Uint8Array(bytesPerBlob)],
      commitments: [commitment],
      proofs: Array.from({ length: proofsPerBlob(version) }, () => random.bytes(48)),
    })
    const bare = [serializeBlobTransaction(transaction), serializeBlobTransaction(transaction, { signature })]
    const wrapped = [0, 1].map(version =>
      serializeBlobTransaction(transaction, { signature, sidecar: sidecar(version as 0 | 1) }),
    )
    // Small inputs are mutated far faster: they stand for most of the runs.
    return [...bare, ...bare, ...bare, ...bare, ...wrapped, hexToBytes('0x03c0')!]
  },
  run(input) {
    try {
      const { transaction, signature, sidecar } = parseBlobTransaction(input)
      const again = serializeBlobTransaction(transaction, { signature, sidecar })
      if (!equalBytes(again, input)) throw new Error('it was read from bytes that it does not serialise to')
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
