import { bytesToHex, hexToBytes } from '@l2/common'
import { decodeSealedBlock, emptyLogHash, encodeSealedBlock, type SealedBlock } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'
import { NodeError } from '../errors.js'
import type { SequencerStorage } from './storage.js'

/** The chain goes back to one of its blocks: what came above it is abandoned. */
export type Rollback = {
  /** Height that stays; 0 for the genesis. */
  readonly to: bigint
  /** Of the block that stays. */
  readonly hash: Hash
  /** The first term that may be signed for above it: higher than all that were. */
  readonly term: number
}

/** How far somebody has followed the log, who keeps records of their own. */
export type Followed = {
  /** Of the last entry of the log that is accounted for. */
  readonly position: bigint
  /** The last block that is accounted for. */
  readonly block: bigint
}

/**
 * The sequencer's log as a chain of blocks. Nothing is ever taken out of it: a rollback is an entry like a block, so it is there whole or not at all
 * whenever the process ends, and blocks that were shown once are still there when somebody asks what was signed.
 */
export type BlockLog = {
  /** The highest block. */
  readonly last: bigint
  /** Of the last entry, block or rollback. */
  readonly position: bigint
  hashAt(number: bigint): Promise<Hash | undefined>
  /** The chain's own blocks from a height on, each with the term that a rollback to the block before it had begun. */
  blocks(from: bigint): AsyncIterable<{ block: SealedBlock; position: bigint; term: number | undefined }>
  /** The term that a rollback to the highest block has begun. */
  readonly termAbove: number | undefined
  /** What was signed and abandoned. */
  abandoned(): AsyncIterable<Pick<SealedBlock, 'header' | 'signature'>>
  /** The height up to which somebody has followed this chain, and not a branch of it that was abandoned since. */
  shared(followed: Followed): bigint
  /** Durable when it resolves, as is {@link rollBack}. Gives back the position. */
  append(block: SealedBlock): Promise<bigint>
  rollBack(rollback: Rollback): Promise<bigint>
  /** The next entry that another machine of the operator has appended; `undefined`: none is there. It counts once it is taken ({@link take}). */
  unread(): Promise<Unread | undefined>
  take(entry: Unread): void
}

/** An entry of another machine. */
export type Unread = { readonly position: bigint; readonly hash: Hash } & (
  | { readonly block: SealedBlock }
  | { readonly rollback: Rollback }
)

/** The first byte of an entry: that of a sealed block is its version, 1. */
const rollbackByte = 2
const rollbackBytes = 1 + 8 + 32 + 4

function encodeRollback({ to, hash, term }: Rollback): Uint8Array {
  const bytes = new Uint8Array(rollbackBytes)
  const view = new DataView(bytes.buffer)
  bytes[0] = rollbackByte
  view.setBigUint64(1, to)
  bytes.set(hexToBytes(hash)!, 9)
  view.setUint32(41, term)
  return bytes
}

/** `undefined` for a block. */
function decodeRollback(payload: Uint8Array): Rollback | undefined {
  if (payload[0] !== rollbackByte || payload.length !== rollbackBytes) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset)
  return { to: view.getBigUint64(1), hash: bytesToHex(payload.subarray(9, 41)), term: view.getUint32(41) }
}

/** Reads a log to its end. What comes to it later is this machine's, which has the lease, or is read as it comes. */
export async function openBlockLog({ log, lease }: Pick<SequencerStorage, 'log' | 'lease'>): Promise<BlockLog> {
  /** Position of each block of the chain: that of height n at n − 1. */
  const positions: bigint[] = []
  const left: bigint[] = []
  const rollbacks: { position: bigint; to: bigint }[] = []
  /** By height: the term that the last rollback to it has begun. */
  const terms = new Map<bigint, number>()
  const apply = (position: bigint, rollback: Rollback): void => {
    left.push(...positions.splice(Number(rollback.to)))
    for (const height of terms.keys()) if (height > rollback.to) terms.delete(height)
    terms.set(rollback.to, rollback.term)
    rollbacks.push({ position, to: rollback.to })
  }
  let end: { seq: bigint; hash: Hash } = { seq: 0n, hash: emptyLogHash }
  for await (const { seq, hash, payload } of log.read(1n)) {
    end = { seq, hash }
    const rollback = decodeRollback(payload)
    if (rollback === undefined) positions.push(seq)
    else if (rollback.to <= BigInt(positions.length)) apply(seq, rollback)
    else throw new NodeError(`the log goes back to block ${rollback.to}, which it has not`, { code: 'LOG_INVALID' })
  }
  const append = async (payload: Uint8Array): Promise<bigint> => {
    const held = lease()
    if (held === undefined) throw standsBy()
    const { seq, hash } = await log.append({
      epoch: held.epoch,
      seq: end.seq + 1n,
      prevHash: end.hash,
      payload,
    })
    end = { seq, hash }
    return seq
  }
  const at = async (position: bigint): Promise<SealedBlock> => {
    for await (const { payload } of log.read(position)) return decodeSealedBlock(payload)
    throw new NodeError(`the log has no entry ${position}`, { code: 'LOG_INVALID' })
  }
  return {
    get last() {
      return BigInt(positions.length)
    },
    get position() {
      return end.seq
    },
    async hashAt(number) {
      const position = positions[Number(number) - 1]
      return position === undefined ? undefined : (await at(position)).executed.hash
    },
    async *blocks(from) {
      let height = Number(from)
      const first = positions[height - 1]
      if (first === undefined) return
      for await (const { seq, payload } of log.read(first)) {
        if (seq !== positions[height - 1]) continue
        yield { block: decodeSealedBlock(payload), position: seq, term: terms.get(BigInt(height - 1)) }
        height++
      }
    },
    get termAbove() {
      return terms.get(BigInt(positions.length))
    },
    async *abandoned() {
      for (const position of left) yield await at(position)
    },
    shared({ position, block }) {
      const later = rollbacks.filter(rollback => rollback.position > position)
      return later.reduce((least, { to }) => (to < least ? to : least), block)
    },
    async append(block) {
      const position = await append(encodeSealedBlock(block))
      positions.push(position)
      return position
    },
    async rollBack(rollback) {
      const position = await append(encodeRollback(rollback))
      apply(position, rollback)
      return position
    },
    async unread() {
      for await (const { seq, hash, prevHash, payload } of log.read(end.seq + 1n)) {
        if (prevHash !== end.hash) throw branched(end.seq)
        const rollback = decodeRollback(payload)
        const at = { position: seq, hash }
        if (rollback === undefined) return { ...at, block: decodeSealedBlock(payload) }
        if (rollback.to > BigInt(positions.length)) throw branched(seq)
        return { ...at, rollback }
      }
      return undefined
    },
    take(entry) {
      const { position, hash } = entry
      if (position !== end.seq + 1n) throw branched(position)
      end = { seq: position, hash }
      if ('block' in entry) positions.push(position)
      else apply(position, entry.rollback)
    },
  }
}

/** @returns the error of a machine that has not the lease, and may have it again */
export function standsBy(): NodeError {
  const message = 'this machine stands by: another one of its operator leads, or their database is away'
  return new NodeError(message, { code: 'STANDS_BY', recovery: 'retry' })
}

function branched(position: bigint): NodeError {
  return new NodeError(`entry ${position} of the log is another one than this machine knows`, { code: 'LOG_INVALID' })
}
