import { bytesToHex, concatBytes, equalBytes } from '@l2/common'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ExtendedCommitInfo } from 'cosmjs-types/tendermint/abci/types'
import { decodeList, type OperatorList } from '../list/list.js'

/** A member as the consensus engine knows it. */
export type Validator = { readonly id: number; readonly power: bigint; readonly cometKey: Uint8Array }

/** First byte of the transaction that holds the vote extensions of the block before; no other transaction has it. */
const tag = 0
/** `BLOCK_ID_FLAG_COMMIT`: voted for the block, so its extension is signed. */
const commitFlag = 2

/** The address of an ed25519 key in CometBFT: the first 20 bytes of its sha256. */
export function cometAddress(key: Uint8Array): string {
  return bytesToHex(sha256(key).subarray(0, 20))
}

/** What the proposer puts first into its block: every vote extension that it holds of the block before. */
export function encodeExtendedCommit(commit: ExtendedCommitInfo): Uint8Array {
  return concatBytes(Uint8Array.of(tag), ExtendedCommitInfo.encode(commit).finish())
}

function uvarint(value: number): Uint8Array {
  const out: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128)
  out.push(rest)
  return Uint8Array.from(out)
}

function fixed64(value: bigint): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigInt64(0, value, true)
  return out
}

/** What a validator signs beside its vote: `CanonicalVoteExtension`, with its length before it; zero fields are left out. */
export function extensionSignBytes(input: {
  extension: Uint8Array
  height: bigint
  round: number
  chainId: string
}): Uint8Array {
  const chainId = new TextEncoder().encode(input.chainId)
  const body = concatBytes(
    ...(input.extension.length === 0 ? [] : [Uint8Array.of(0x0a), uvarint(input.extension.length), input.extension]),
    Uint8Array.of(0x11),
    fixed64(input.height),
    ...(input.round === 0 ? [] : [Uint8Array.of(0x19), fixed64(BigInt(input.round))]),
    Uint8Array.of(0x22),
    uvarint(chainId.length),
    chainId,
  )
  return concatBytes(uvarint(body.length), body)
}

/**
 * Reads the extensions of a block's first transaction, and believes none that is not signed. Pure: members are those of
 * the state, and nothing is asked of L1 or L2.
 *
 * @param input.height Of the block whose votes these are.
 * @returns the lists of members whose extension is one, or `undefined` unless members of more than two thirds of the
 * power signed, nobody is in it twice, and no stranger
 */
export function readExtendedCommit(
  bytes: Uint8Array,
  input: { height: bigint; chainId: string; validators: readonly Validator[]; window: number },
): { operator: number; list: OperatorList }[] | undefined {
  if (bytes[0] !== tag) return undefined
  let commit: ExtendedCommitInfo
  try {
    commit = ExtendedCommitInfo.decode(bytes.subarray(1))
    // One form of the same commit only.
    if (!equalBytes(encodeExtendedCommit(commit), bytes)) return undefined
  } catch {
    return undefined
  }
  const { round, votes } = commit
  if (round < 0 || votes.length > input.validators.length) return undefined
  const byAddress = new Map(input.validators.map(validator => [cometAddress(validator.cometKey), validator]))
  const lists: { operator: number; list: OperatorList }[] = []
  let signed = 0n
  for (const { validator, voteExtension, extensionSignature, blockIdFlag } of votes) {
    const address = bytesToHex(validator?.address ?? new Uint8Array())
    const member = byAddress.get(address)
    // Whoever is deleted here cannot be in it twice.
    if (member === undefined || !byAddress.delete(address)) return undefined
    if (blockIdFlag !== commitFlag) {
      if (voteExtension.length > 0 || extensionSignature.length > 0) return undefined
      continue
    }
    const message = extensionSignBytes({
      extension: voteExtension,
      height: input.height,
      round,
      chainId: input.chainId,
    })
    if (!isSigned(extensionSignature, message, member.cometKey)) return undefined
    signed += member.power
    const list = decodeList(voteExtension, input.window)
    if (list !== undefined) lists.push({ operator: member.id, list })
  }
  const total = input.validators.reduce((sum, { power }) => sum + power, 0n)
  return 3n * signed > 2n * total ? lists : undefined
}

function isSigned(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  try {
    return signature.length === 64 && ed25519.verify(signature, message, key)
  } catch {
    return false
  }
}
