/** Bytes of a blob: 4096 field elements of 32 bytes (EIP-4844). */
export const bytesPerBlob = 131_072

/** Field elements of a blob (EIP-4844). */
export const fieldElementsPerBlob = 4096

/** Bytes of a cell: 64 field elements (EIP-7594). */
export const bytesPerCell = 2048

/** Cells of an extended blob: 64 carry the blob, 64 are parity (EIP-7594). */
export const cellsPerExtBlob = 128

/** Bytes of a commitment or proof: a compressed point of BLS12-381 G1. */
export const bytesPerPoint = 48

/** Blob gas of one blob (EIP-4844). */
export const gasPerBlob = 131_072n

/** Blobs that one transaction may carry (EIP-7594; the pools applied the same number before). */
export const maxBlobsPerTransaction = 6

/** Order of the scalar field of BLS12-381, big-endian: every field element is below it. */
export const blsModulus = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n
