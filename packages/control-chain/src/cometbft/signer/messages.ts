import { concatBytes } from '@l2/common'
import { BinaryReader, BinaryWriter } from 'cosmjs-types/binary'
import { Timestamp } from 'cosmjs-types/google/protobuf/timestamp'
import { PublicKey } from 'cosmjs-types/tendermint/crypto/keys'
import { type BlockID, Proposal, SignedMsgType, Vote } from 'cosmjs-types/tendermint/types/types'

// `tendermint.privval.Message`, which cosmjs-types does not have: a union of requests and answers. A request to sign
// holds what is to be signed in field 1 and the chain's name in field 2; an answer the same in field 1, or why not in 2.

/** What the engine asks its signer. */
export type SignerRequest =
  | { readonly type: 'publicKey'; readonly chainId: string }
  | { readonly type: 'vote'; readonly vote: Vote; readonly chainId: string }
  | { readonly type: 'proposal'; readonly proposal: Proposal; readonly chainId: string }
  | { readonly type: 'ping' }

/** What it is answered. */
export type SignerAnswer =
  | { readonly type: 'publicKey'; readonly publicKey: Uint8Array }
  | { readonly type: 'vote'; readonly vote: Vote }
  | { readonly type: 'proposal'; readonly proposal: Proposal }
  | { readonly type: 'ping' }
  | { readonly type: 'refused'; readonly request: SignerRequest['type']; readonly reason: string }

const requests = { 1: 'publicKey', 3: 'vote', 5: 'proposal', 7: 'ping' } as const
const answers = { publicKey: 2, vote: 4, proposal: 6, ping: 8 } as const
/** More than the engine's longest vote extension and block id; the engine itself reads no longer answers. */
export const maxMessageBytes = 10 * 1024

const field = (number: number): number => (number << 3) | 2

/** `undefined` for bytes that are no request. */
export function readRequest(bytes: Uint8Array): SignerRequest | undefined {
  try {
    const outer = new BinaryReader(bytes)
    const tag = outer.uint32()
    const type = (requests as Record<number, SignerRequest['type']>)[tag >>> 3]
    if (type === undefined || (tag & 7) !== 2) return undefined
    const inner = new BinaryReader(outer.bytes())
    let body: Uint8Array = new Uint8Array()
    let name = ''
    while (inner.pos < inner.len) {
      const at = inner.uint32()
      if (at === field(1) && type !== 'publicKey') body = inner.bytes()
      else if (at === field(type === 'publicKey' ? 1 : 2)) name = inner.string()
      else inner.skipType(at & 7)
    }
    if (type === 'vote') return { type, vote: Vote.decode(body), chainId: name }
    if (type === 'proposal') return { type, proposal: Proposal.decode(body), chainId: name }
    return type === 'ping' ? { type } : { type, chainId: name }
  } catch {
    return undefined
  }
}

function bodyOf(answer: SignerAnswer): Uint8Array {
  const body = BinaryWriter.create()
  if (answer.type === 'publicKey') {
    body.uint32(field(1)).bytes(PublicKey.encode(PublicKey.fromPartial({ ed25519: answer.publicKey })).finish())
  }
  if (answer.type === 'vote') body.uint32(field(1)).bytes(Vote.encode(answer.vote).finish())
  if (answer.type === 'proposal') body.uint32(field(1)).bytes(Proposal.encode(answer.proposal).finish())
  if (answer.type === 'refused') {
    // The engine wants its field 1 also where it is empty.
    const error = BinaryWriter.create().uint32(field(2)).string(answer.reason).finish()
    body.uint32(field(1)).bytes(new Uint8Array()).uint32(field(2)).bytes(error)
  }
  return body.finish()
}

/** With its length before it, as the connection carries it. */
export function writeAnswer(answer: SignerAnswer): Uint8Array {
  const number = answers[answer.type === 'refused' ? answer.request : answer.type]
  return delimited(BinaryWriter.create().uint32(field(number)).bytes(bodyOf(answer)).finish())
}

function delimited(bytes: Uint8Array): Uint8Array {
  return concatBytes(BinaryWriter.create().uint32(bytes.length).finish(), bytes)
}

/** A vote for no block names none. */
export function namesBlock(id: BlockID | undefined): boolean {
  return id !== undefined && (id.hash.length > 0 || id.partSetHeader.total > 0 || id.partSetHeader.hash.length > 0)
}

// `CanonicalVote` and `CanonicalProposal`, which cosmjs-types does not have either: numbers that are zero are left out, a
// time stands there whatever it is, a block that is none does not.
const fixed = (number: number): number => (number << 3) | 1
const canonicalTime = 5
const proposalTime = 6

function writePlace(out: BinaryWriter, { type, height, round }: { type: number; height: bigint; round: number }): void {
  out.uint32(8).uint32(type).uint32(fixed(2)).sfixed64(height)
  if (round !== 0) out.uint32(fixed(3)).sfixed64(BigInt(round))
}

function writeBlock(out: BinaryWriter, number: number, id: BlockID | undefined): void {
  if (id === undefined || !namesBlock(id)) return
  const { total, hash } = id.partSetHeader
  const parts = BinaryWriter.create()
  if (total !== 0) parts.uint32(8).uint32(total)
  if (hash.length > 0) parts.uint32(field(2)).bytes(hash)
  const block = BinaryWriter.create()
  if (id.hash.length > 0) block.uint32(field(1)).bytes(id.hash)
  out.uint32(field(number)).bytes(block.uint32(field(2)).bytes(parts.finish()).finish())
}

function writeEnd(out: BinaryWriter, number: number, time: Timestamp | undefined, chainId: string): Uint8Array {
  const bytes = Timestamp.encode(time ?? Timestamp.fromPartial({})).finish()
  out.uint32(field(number)).bytes(bytes)
  if (chainId.length > 0) out.uint32(field(number + 1)).string(chainId)
  return delimited(out.finish())
}

/** What is signed of a vote: not who votes, not its extension. */
export function voteSignBytes(vote: Vote, chainId: string): Uint8Array {
  const out = BinaryWriter.create()
  writePlace(out, vote)
  writeBlock(out, 4, vote.blockId)
  return writeEnd(out, canonicalTime, vote.timestamp, chainId)
}

/** What is signed of a proposal. */
export function proposalSignBytes(proposal: Proposal, chainId: string): Uint8Array {
  const out = BinaryWriter.create()
  writePlace(out, { ...proposal, type: SignedMsgType.SIGNED_MSG_TYPE_PROPOSAL })
  if (proposal.polRound !== 0) out.uint32(4 << 3).int64(BigInt(proposal.polRound))
  writeBlock(out, 5, proposal.blockId)
  return writeEnd(out, proposalTime, proposal.timestamp, chainId)
}

/** The time in what was signed, to say the same once more. */
export function timestampIn(signBytes: Uint8Array, type: 'vote' | 'proposal'): Timestamp {
  const body = new BinaryReader(new BinaryReader(signBytes).bytes())
  while (body.pos < body.len) {
    const tag = body.uint32()
    if (tag === field(type === 'vote' ? canonicalTime : proposalTime)) return Timestamp.decode(body.bytes())
    body.skipType(tag & 7)
  }
  return Timestamp.fromPartial({})
}
