/** Options of {@link anvilArguments}. */
export type AnvilArguments = {
  chainId: bigint
  /** 0 lets anvil choose; it prints the port that it took. */
  port: number
  /** Defaults to 127.0.0.1. */
  host?: string | undefined
  /** A geth-style genesis file: its time, base fee, coinbase and accounts are honoured, its gas limit is not. */
  genesisPath?: string | undefined
  /** Of the genesis block; without it 30 million, whatever the genesis file says. */
  gasLimit?: bigint | undefined
  /** A state from `AnvilEngine.dump`, unzipped, to start from instead of a genesis. */
  statePath?: string | undefined
  /**
   * Past states that anvil keeps, each a whole copy of the accounts, in memory. A block takes two. Defaults to 512: reads of older states and
   * rollbacks of more than 250 blocks fail.
   */
  maxStates?: number | undefined
  /** Folder for what anvil writes to disk. Defaults to one in the home directory. */
  cachePath?: string | undefined
}

/**
 * The command line that `createAnvilEngine` expects of anvil 1.7: deposits on, no mining of its own, no limit on a request, and no check
 * of balances at its pool, which would refuse a deposit that is to fail inside its block.
 *
 * @example
 * ```ts
 * import { anvilArguments } from '@l2/sequencer-core/engine'
 *
 * console.log(anvilArguments({ chainId: 901n, port: 8545 }).join(' ')) // --host 127.0.0.1 --port 8545 --chain-id 901 --network optimism …
 * ```
 */
export function anvilArguments(options: AnvilArguments): string[] {
  return [
    ...['--host', options.host ?? '127.0.0.1', '--port', String(options.port), '--chain-id', String(options.chainId)],
    ...['--network', 'optimism', '--no-mining', '--order', 'fifo'],
    // A browser on this machine would let every web page at all that it can do.
    ...['--disable-pool-balance-checks', '--no-request-size-limit', '--no-cors'],
    // Without this anvil moves states to disk, and a state that comes back from there has another root.
    ...['--prune-history', String(options.maxStates ?? 512)],
    ...(options.genesisPath === undefined ? [] : ['--init', options.genesisPath]),
    ...(options.statePath === undefined ? [] : ['--load-state', options.statePath]),
    ...(options.gasLimit === undefined ? [] : ['--gas-limit', String(options.gasLimit)]),
    ...(options.cachePath === undefined ? [] : ['--cache-path', options.cachePath]),
  ]
}
