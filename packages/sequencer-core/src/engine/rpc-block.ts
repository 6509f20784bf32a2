import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { formatTransaction, type Hash, type Hex, type RpcTransaction, type Signature } from 'viem'
import { serializeTransaction } from 'viem/op-stack'
import { SequencerError } from '../errors.js'
import type { ExecutedBlock, ExecutedHeader } from './engine.js'

/** A block as `eth_getBlockBy…` answers it, as far as an {@link ExecutedBlock} needs it. */
export type RpcBlock = {
  number: Hex
  hash: Hash
  parentHash: Hash
  stateRoot: Hash
  transactionsRoot: Hash
  receiptsRoot: Hash
  timestamp: Hex
  gasLimit: Hex
  gasUsed: Hex
  baseFeePerGas?: Hex
  withdrawalsRoot?: Hash | null
  miner: Hex
  mixHash?: Hash
  parentBeaconBlockRoot?: Hash
  extraData?: Hex
  transactions: readonly (Hash | RpcTransaction)[]
}

/** What the header commits to beside the rest; for engines that take it from the attributes. */
export function executedHeader(block: RpcBlock): ExecutedHeader {
  return {
    prevRandao: block.mixHash ?? `0x${'00'.repeat(32)}`,
    feeRecipient: block.miner,
    parentBeaconBlockRoot: block.parentBeaconBlockRoot,
    extraData: hexToBytes(block.extraData ?? '0x') ?? new Uint8Array(),
  }
}

export function executedBlock(block: RpcBlock, transactions: readonly Uint8Array[]): ExecutedBlock {
  return {
    number: BigInt(block.number),
    hash: block.hash,
    parentHash: block.parentHash,
    stateRoot: block.stateRoot,
    transactionsRoot: block.transactionsRoot,
    receiptsRoot: block.receiptsRoot,
    timestamp: BigInt(block.timestamp),
    gasLimit: BigInt(block.gasLimit),
    gasUsed: BigInt(block.gasUsed),
    baseFeePerGas: BigInt(block.baseFeePerGas ?? 0),
    withdrawalsRoot: block.withdrawalsRoot ?? undefined,
    transactions,
  }
}

type RpcDeposit = { sourceHash: Hash; mint?: Hex; isSystemTx?: boolean }

/**
 * The EIP-2718 bytes of a transaction that came as JSON, checked against its hash. `eth_getRawTransactionByHash` would be shorter, but anvil
 * 1.7 dies when it is asked for a deposit that way.
 *
 * @throws SequencerError `ENGINE_RPC`
 */
export function encodeRpcTransaction(json: RpcTransaction): Uint8Array {
  const raw = hexToBytes(isDeposit(json) ? serializeDeposit(json) : serializeSigned(json))!
  const hash = bytesToHex(keccak256(raw))
  if (hash !== json.hash) {
    throw new SequencerError(`transaction ${json.hash} encodes to bytes with the hash ${hash}`, {
      code: 'ENGINE_RPC',
      details: { hash: json.hash, encoded: hash },
    })
  }
  return raw
}

const isDeposit = (json: RpcTransaction): boolean => (json.type as string) === '0x7e'

function serializeDeposit(json: RpcTransaction): Hex {
  const { sourceHash, mint, isSystemTx } = json as unknown as RpcDeposit
  return serializeTransaction({
    type: 'deposit',
    sourceHash,
    from: json.from,
    to: json.to ?? undefined,
    mint: BigInt(mint ?? 0),
    value: BigInt(json.value),
    gas: BigInt(json.gas),
    isSystemTx: isSystemTx ?? false,
    data: json.input,
  } as Parameters<typeof serializeTransaction>[0])
}

function serializeSigned(json: RpcTransaction): Hex {
  const { r, s, v, yParity, ...transaction } = formatTransaction(json)
  const signature = { r, s, v, yParity } as Signature
  // The formatter keeps a gas price beside the fee caps of type 2, which the serializer would take for a contradiction.
  const unsigned: Record<string, unknown> = { ...transaction, data: transaction.input }
  if (transaction.maxFeePerGas !== undefined) delete unsigned['gasPrice']
  // Anvil answers with the sidecar of a blob transaction, which is no part of what was signed.
  for (const field of ['blobs', 'commitments', 'proofs', 'sidecars']) delete unsigned[field]
  return serializeTransaction(unsigned as Parameters<typeof serializeTransaction>[0], signature)
}
