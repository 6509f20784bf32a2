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
  readonly activationTime: number
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

const dated = (times: readonly [number, number, number, number, number]): BlobFork[] =>
  [cancun, prague, osaka, bpo1, bpo2].map((fork, i) => ({ ...fork, activationTime: times[i]! }))

/**
 * The forks known when this version was made, by chain id; a node that answers `eth_config` knows better.
 *
 * Source: EIP-7569, EIP-7600, EIP-7607, EIP-7892, EIP-8134, EIP-8135 and the testnets' configurations.
 */
export const blobSchedules: Readonly<Record<number, readonly BlobFork[]>> = {
  /** Mainnet */
  1: dated([1710338135, 1746612311, 1764798551, 1765290071, 1767747671]),
  /** Holesky */
  17000: dated([1707305664, 1740434112, 1759308480, 1759800000, 1760389824]),
  /** Sepolia */
  11155111: dated([1706655072, 1741159776, 1760427360, 1761017184, 1761607008]),
  /** Hoodi */
  560048: dated([0, 1742999832, 1761677592, 1762365720, 1762955544]),
}

/**
 * The fork of a known chain at a time in Unix seconds.
 *
 * @throws BlobError `BLOB_SCHEDULE` when the chain is not in the table or had no blobs yet
 * @example
 * ```ts
 * import { blobForkAt } from '@l2/blob'
 *
 * const { name, target, max } = blobForkAt(1, 1767747671)
 * console.log(name, target, max) // bpo2 14 21
 * ```
 */
export function blobForkAt(chainId: number, timestamp: number): BlobFork {
  const fork = [...(blobSchedules[chainId] ?? [])].reverse().find(fork => fork.activationTime <= timestamp)
  if (fork === undefined) {
    throw new BlobError(`chain ${chainId}: its blob schedule at ${timestamp} is not known`, {
      code: 'BLOB_SCHEDULE',
      details: { chainId, timestamp },
    })
  }
  return fork
}
