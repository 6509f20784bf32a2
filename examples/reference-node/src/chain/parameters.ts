/** Of an L2 block. */
export const blockTimeSeconds = 1n
export const gasLimit = 30_000_000n

/** States that the verifier's anvil keeps: as many as an L1 reorg may take back. Nobody reads older ones. */
export const verifierStates = 256
