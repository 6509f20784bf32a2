import { concatBytes } from '@l2/common'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { type ForkSchedule, isForkActive } from './fork-schedule.js'
import type { L1Log } from './l1.js'
import { addressAt, isZero, readUintBe, sameHex, uintBe, unhex } from './words.js'

/** What the owner of a chain may change on L1 while it runs. Source: OP specs, "System config". */
export type SystemConfig = {
  /** The account whose transactions to the inbox count. */
  readonly batcher: Address
  /** L1 fee overhead before Ecotone. */
  readonly overhead: bigint
  /** The raw scalar word: the fee scalar before Ecotone, the packed scalars since; see {@link ecotoneScalars}. */
  readonly scalar: bigint
  readonly gasLimit: bigint
  /** u32; 0 together with the elasticity means the chain's constants. */
  readonly eip1559Denominator: bigint
  /** u32 */
  readonly eip1559Elasticity: bigint
  /** u32, from Isthmus. */
  readonly operatorFeeScalar: bigint
  /** u64, wei, from Isthmus. */
  readonly operatorFeeConstant: bigint
  /** Wei, from Jovian. */
  readonly minBaseFee: bigint
  /** u16, from Jovian; 0 means 400. */
  readonly daFootprintGasScalar: bigint
}

/** `keccak256("ConfigUpdate(uint256,uint8,bytes)")` */
export const configUpdateTopic: Hash = '0x1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be'

/** What one `ConfigUpdate` log changes. */
export type SystemConfigUpdate =
  | { readonly type: 'batcher'; readonly batcher: Address }
  | { readonly type: 'fee-scalars'; readonly overhead: bigint; readonly scalar: bigint }
  | { readonly type: 'gas-limit'; readonly gasLimit: bigint }
  | { readonly type: 'unsafe-block-signer'; readonly signer: Address }
  | { readonly type: 'eip1559'; readonly denominator: bigint; readonly elasticity: bigint }
  | { readonly type: 'operator-fee'; readonly scalar: bigint; readonly constant: bigint }
  | { readonly type: 'min-base-fee'; readonly minBaseFee: bigint }
  | { readonly type: 'da-footprint'; readonly gasScalar: bigint }

function invalid(reason: string, log: L1Log): never {
  throw new SequencerError(`invalid ConfigUpdate log: ${reason}`, {
    code: 'SYSTEM_CONFIG_LOG_INVALID',
    details: { reason, logIndex: log.logIndex },
  })
}

/**
 * Reads a `ConfigUpdate(uint256 indexed version, uint8 indexed type, bytes data)` log.
 *
 * @throws SequencerError `SYSTEM_CONFIG_LOG_INVALID`
 */
export function decodeConfigUpdate(log: L1Log): SystemConfigUpdate {
  const { topics, data } = log
  if (topics.length !== 3) invalid(`expected 3 topics, got ${topics.length}`, log)
  if (!sameHex(topics[0]!, configUpdateTopic)) invalid('another event', log)
  if (readUintBe(unhex(topics[1]!, 32)) !== 0n) invalid('unknown version', log)
  const type = readUintBe(unhex(topics[2]!, 32))
  const words = type === 1n ? 2 : 1
  if (data.length !== 64 + 32 * words) invalid(`expected ${64 + 32 * words} bytes, got ${data.length}`, log)
  if (readUintBe(data, 0, 32) !== 32n) invalid('data offset is not 32', log)
  if (readUintBe(data, 32, 64) !== BigInt(32 * words)) invalid(`data length is not ${32 * words}`, log)
  const word = 64
  /** A word that must fit into `bytes` bytes. */
  const uint = (bytes: number): bigint => {
    if (!isZero(data, word, word + 32 - bytes)) invalid(`value above ${8 * bytes} bits`, log)
    return readUintBe(data, word + 32 - bytes, word + 32)
  }
  const address = (): Address => {
    if (!isZero(data, word, word + 12)) invalid('address with padding', log)
    return addressAt(data, word)
  }
  switch (type) {
    case 0n:
      return { type: 'batcher', batcher: address() }
    case 1n:
      return { type: 'fee-scalars', overhead: readUintBe(data, 64, 96), scalar: readUintBe(data, 96, 128) }
    case 2n:
      return { type: 'gas-limit', gasLimit: uint(8) }
    case 3n:
      return { type: 'unsafe-block-signer', signer: address() }
    case 4n: {
      // op-node reads the low bytes and ignores what lies above them.
      const denominator = readUintBe(data, word + 24, word + 28)
      const elasticity = readUintBe(data, word + 28, word + 32)
      if ((denominator === 0n) !== (elasticity === 0n)) invalid('EIP-1559 parameters of which just one is zero', log)
      return { type: 'eip1559', denominator, elasticity }
    }
    case 5n:
      return {
        type: 'operator-fee',
        scalar: readUintBe(data, word + 20, word + 24),
        constant: readUintBe(data, word + 24, word + 32),
      }
    case 6n:
      return { type: 'min-base-fee', minBaseFee: uint(8) }
    case 7n:
      return { type: 'da-footprint', gasScalar: uint(2) }
    default:
      return invalid(`unknown type ${type}`, log)
  }
}

/** The log that announces an update: the inverse of {@link decodeConfigUpdate}, for simulators and tests of contracts. */
export function encodeConfigUpdate(update: SystemConfigUpdate): { topics: readonly Hash[]; data: Uint8Array } {
  const word = (value: bigint): Uint8Array => uintBe(value, 32)
  const addressWord = (address: Address): Uint8Array => concatBytes(new Uint8Array(12), unhex(address, 20))
  const [type, payload] = ((): [number, Uint8Array] => {
    switch (update.type) {
      case 'batcher':
        return [0, addressWord(update.batcher)]
      case 'fee-scalars':
        return [1, concatBytes(word(update.overhead), word(update.scalar))]
      case 'gas-limit':
        return [2, word(update.gasLimit)]
      case 'unsafe-block-signer':
        return [3, addressWord(update.signer)]
      case 'eip1559':
        return [4, word((update.denominator << 32n) | update.elasticity)]
      case 'operator-fee':
        return [5, word((update.scalar << 64n) | update.constant)]
      case 'min-base-fee':
        return [6, word(update.minBaseFee)]
      case 'da-footprint':
        return [7, word(update.gasScalar)]
    }
  })()
  return {
    topics: [configUpdateTopic, `0x${'00'.repeat(32)}`, `0x${type.toString(16).padStart(64, '0')}`],
    data: concatBytes(word(32n), word(BigInt(payload.length)), payload),
  }
}

/** Whether a scalar word may be taken over after Ecotone: a known version byte and no bits where none belong. */
function isEcotoneScalar(scalar: bigint): boolean {
  const version = scalar >> 248n
  const padding = scalar & ((1n << 248n) - 1n)
  if (version === 0n) return padding >> 32n === 0n
  if (version === 1n) return padding >> 64n === 0n
  return false
}

/**
 * The two fee scalars inside the scalar word. A word from before Ecotone that does not fit reads as the largest base fee scalar, which
 * is what op-node does. Source: OP specs, Ecotone, "L1 attributes".
 */
export function ecotoneScalars(scalar: bigint): { baseFeeScalar: bigint; blobBaseFeeScalar: bigint } {
  const mask = (1n << 32n) - 1n
  if (scalar >> 248n === 1n) return { baseFeeScalar: scalar & mask, blobBaseFeeScalar: (scalar >> 32n) & mask }
  return { baseFeeScalar: scalar >> 32n === 0n ? scalar : mask, blobBaseFeeScalar: 0n }
}

/** A system config with one update applied, as of the L1 block with this time (seconds). */
export function applyConfigUpdate(
  config: SystemConfig,
  update: SystemConfigUpdate,
  forks: ForkSchedule,
  l1TimeSeconds: bigint,
): SystemConfig {
  switch (update.type) {
    case 'batcher':
      return { ...config, batcher: update.batcher }
    case 'fee-scalars':
      if (!isForkActive(forks, 'ecotone', l1TimeSeconds)) {
        return { ...config, overhead: update.overhead, scalar: update.scalar }
      }
      return isEcotoneScalar(update.scalar) ? { ...config, overhead: 0n, scalar: update.scalar } : config
    case 'gas-limit':
      return { ...config, gasLimit: update.gasLimit }
    case 'unsafe-block-signer':
      return config
    case 'eip1559':
      return { ...config, eip1559Denominator: update.denominator, eip1559Elasticity: update.elasticity }
    case 'operator-fee':
      return { ...config, operatorFeeScalar: update.scalar, operatorFeeConstant: update.constant }
    case 'min-base-fee':
      return { ...config, minBaseFee: update.minBaseFee }
    case 'da-footprint':
      return { ...config, daFootprintGasScalar: update.gasScalar }
  }
}
