import { BlobError } from '../errors.js'
import type { WrapperVersion } from '../sidecar/sidecar.js'

/** What a fork says about blobs. */
export type BlobParameters = {
  /** Blobs a block aims at. */
  readonly target: number
  /** Blobs a block may carry. */
  readonly max: number
  /** How slowly the blob base fee moves: the divisor in the exponent. */
  readonly baseFeeUpdateFraction: bigint
  /** Whether the floor of EIP-7918 holds (from Osaka). */
  readonly reservePrice: boolean
  /** The wrapper that nodes take (1 from Osaka). */
  readonly wrapperVersion: WrapperVersion
}

/** A fork of a chain, in the order of time. */
export type BlobFork = BlobParameters & {
  readonly name: string
  /** Unix seconds. */
  readonly activationTimeSeconds: bigint
}

const cancun = {
  name: 'cancun',
  target: 3,
  max: 6,
  baseFeeUpdateFraction: 3_338_477n,
  reservePrice: false,
  wrapperVersion: 0,
} as const // EIP-4844
const prague = {
  name: 'prague',
  target: 6,
  max: 9,
  baseFeeUpdateFraction: 5_007_716n,
  reservePrice: false,
  wrapperVersion: 0,
} as const // EIP-7691
const osaka = { ...prague, name: 'osaka', reservePrice: true, wrapperVersion: 1 } as const // EIP-7594, EIP-7918
const bpo1 = { ...osaka, name: 'bpo1', target: 10, max: 15, baseFeeUpdateFraction: 8_346_193n } as const // EIP-8134
const bpo2 = { ...osaka, name: 'bpo2', target: 14, max: 21, baseFeeUpdateFraction: 11_684_671n } as const // EIP-8135

/** The blob parameters by fork, without dates: for devnets, tests and arithmetic. */
export const blobForks = { cancun, prague, osaka, bpo1, bpo2 } as const

const dated = (times: readonly [bigint, bigint, bigint, bigint, bigint]): BlobFork[] =>
  [cancun, prague, osaka, bpo1, bpo2].map((fork, i) => ({ ...fork, activationTimeSeconds: times[i]! }))

/**
 * The forks known when this version was made, by chain id; a node that answers `eth_config` knows better.
 *
 * Source: EIP-7569, EIP-7600, EIP-7607, EIP-7892, EIP-8134, EIP-8135 and the testnets' configurations.
 */
export const blobSchedules: Readonly<Record<number, readonly BlobFork[]>> = {
  /** Mainnet */
  1: dated([1710338135n, 1746612311n, 1764798551n, 1765290071n, 1767747671n]),
  /** Holesky */
  17000: dated([1707305664n, 1740434112n, 1759308480n, 1759800000n, 1760389824n]),
  /** Sepolia */
  11155111: dated([1706655072n, 1741159776n, 1760427360n, 1761017184n, 1761607008n]),
  /** Hoodi */
  560048: dated([0n, 1742999832n, 1761677592n, 1762365720n, 1762955544n]),
}

/**
 * The fork of a known chain at a time in Unix seconds.
 *
 * @throws BlobError `BLOB_SCHEDULE` when the chain is not in the table or had no blobs yet
 * @example
 * ```ts
 * import { blobForkAt } from '@l2/blob'
 *
 * const { name, target, max } = blobForkAt(1, 1767747671n)
 * console.log(name, target, max) // bpo2 14 21
 * ```
 */
export function blobForkAt(chainId: number, timestamp: bigint): BlobFork {
  const fork = [...(blobSchedules[chainId] ?? [])].reverse().find(fork => fork.activationTimeSeconds <= timestamp)
  if (fork === undefined) {
    throw new BlobError(`chain ${chainId}: its blob schedule at ${timestamp} is not known`, {
      code: 'BLOB_SCHEDULE',
      details: { chainId, timestamp },
    })
  }
  return fork
}
