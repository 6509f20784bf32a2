/** Of an L2 block. */
export const blockTimeSeconds = 1n
export const gasLimit = 30_000_000n
