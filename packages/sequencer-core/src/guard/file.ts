import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import { isL2Error } from '@l2/common'
import { lockFile, type ProcessLock } from '@l2/common/node'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { openOrCreate, readAt, syncFolderOf, writeAt } from '../internal/files.js'
import { diskIsFull } from '../internal/frame-file.js'
import { createMutex } from '../internal/mutex.js'
import { closedTerm, type Reservation, type SigningGuard } from './guard.js'
import { checkNotStale, checkWatermark, comparePositions, type Watermark } from './watermark.js'

// Two slots, each with room for a payload. A reservation overwrites the older slot, payload first, then one fdatasync: a torn write leaves the
// other slot, which is the last reservation that was acknowledged.
//
//   slot  magic 8 · generation u64 · identity 32 · epoch u64 · term u32 · height u64 · digest 32 · payload length u32 · payload crc u32 · crc u32

const magic = Buffer.from('L2GUARD1')
const slotBytes = 112
const slotStride = 4096
const maxPayloadBytes = 8 * 2 ** 20
const payloadStart = 2 * slotStride
const crcAt = slotBytes - 4

/** Options of {@link openFileGuard}. */
export type FileGuardOptions = {
  /** Created when absent; its folder must exist. Sparse: it takes the disk space of two payloads. */
  path: string
  /** The key that it guards. A file of another key or chain is refused. */
  signer: Address
  /** Of the chain that is signed for. */
  chainId: bigint
  /**
   * What this key is known to have signed last: its newest header in the log, its newest on L1. A file that is older is an old copy.
   * An empty list for a key that has never signed.
   */
  seen: readonly Watermark[]
}

/** A {@link SigningGuard} in a file, and what it takes to go on after `GUARD_STALE`. */
export interface FileGuard extends SigningGuard {
  /** What was wrong when it was opened; while set, {@link SigningGuard.reserve} throws it. {@link SigningGuard.skipTerm} past it clears it. */
  readonly stale: SequencerError | undefined
}

function corrupt(path: string, reason: string): SequencerError {
  return new SequencerError(`the signing watermark ${path} cannot be trusted: ${reason}`, {
    code: 'GUARD_CORRUPT',
    meta: [
      'try: restore no copy; take a new key, or remove the file once the old term is over and pass what L1 shows as "seen"',
    ],
    details: { path, reason },
  })
}

type Slot = { generation: bigint; watermark: Watermark; payloadLength: number; payloadCrc: number }

function encodeSlot(slot: Slot, identity: Uint8Array): Buffer {
  const bytes = Buffer.alloc(slotBytes)
  bytes.set(magic)
  bytes.writeBigUInt64BE(slot.generation, 8)
  bytes.set(identity, 16)
  bytes.writeBigUInt64BE(slot.watermark.epoch, 48)
  bytes.writeUInt32BE(slot.watermark.term, 56)
  bytes.writeBigUInt64BE(slot.watermark.height, 60)
  bytes.write(slot.watermark.digest.slice(2), 68, 'hex')
  bytes.writeUInt32BE(slot.payloadLength, 100)
  bytes.writeUInt32BE(slot.payloadCrc, 104)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, crcAt)), crcAt)
  return bytes
}

function decodeSlot(bytes: Buffer): (Slot & { identity: Buffer }) | undefined {
  if (bytes.length < slotBytes || !bytes.subarray(0, 8).equals(magic)) return undefined
  if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32BE(crcAt)) return undefined
  return {
    generation: bytes.readBigUInt64BE(8),
    identity: bytes.subarray(16, 48),
    watermark: {
      epoch: bytes.readBigUInt64BE(48),
      term: bytes.readUInt32BE(56),
      height: bytes.readBigUInt64BE(60),
      digest: `0x${bytes.toString('hex', 68, 100)}` as Hash,
    },
    payloadLength: bytes.readUInt32BE(100),
    payloadCrc: bytes.readUInt32BE(104),
  }
}

/**
 * Opens or creates the guard of one key on one chain. Reservations are durable (`fdatasync`) before they resolve; where there is no room on the
 * disk they fail with `DISK_FULL` (retry), and nothing is reserved.
 *
 * @throws SequencerError `GUARD_LOCKED` (retry), `GUARD_CORRUPT`, `DISK_FULL`, `GUARD_FAILED` when the system refuses the file. An old copy does not throw here but at every reservation (`GUARD_STALE`),
 * so that its owner can look at it and skip the term.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openFileGuard } from '@l2/sequencer-core/node'
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'guard-')), 'watermark')
 * const identity = { path, signer: `0x${'01'.repeat(20)}`, chainId: 901n } as const
 * const guard = await openFileGuard({ ...identity, seen: [] })
 * const block = { epoch: 1n, term: 0, height: 10n, digest: `0x${'aa'.repeat(32)}` } as const
 * console.log(await guard.reserve(block)) // new
 * await guard.close()
 *
 * const again = await openFileGuard({ ...identity, seen: [block] })
 * const other = { ...block, digest: `0x${'bb'.repeat(32)}` } as const
 * console.log(await again.reserve(other).catch(error => error.code)) // GUARD_DOUBLE_SIGN
 * await again.close()
 * ```
 */
export async function openFileGuard(options: FileGuardOptions): Promise<FileGuard> {
  const path = resolve(options.path)
  const lock = await lockFile(path).catch((cause: unknown) => {
    throw failed(`the system refuses ${path}.lock`, cause)
  })
  if (lock === undefined) {
    throw new SequencerError('another process signs with this watermark', {
      code: 'GUARD_LOCKED',
      recovery: 'retry',
      details: { path },
    })
  }
  let file: FileHandle | undefined
  try {
    const identity = createHash('sha256').update(`${options.chainId}/${options.signer.toLowerCase()}`).digest()
    file = await openOrCreate(path)
    // A crash between creation and the first record leaves an empty file: nothing was ever signed with it.
    const fresh = (await file.stat()).size === 0
    const slots = fresh ? [] : await readSlots(file)
    if (slots.length === 0 && !fresh) throw corrupt(path, 'no sound record in it')
    if (slots.some(slot => !slot.identity.equals(identity))) throw corrupt(path, 'it belongs to another key or chain')
    const newest = slots.reduce<Slot | undefined>(
      (best, slot) => (best === undefined || slot.generation > best.generation ? slot : best),
      undefined,
    )
    const guard = new GuardFile(path, file, lock, identity, newest, options.seen)
    if (fresh) await guard.create(path)
    return guard
  } catch (error) {
    await file?.close()
    await lock.release()
    if (isL2Error(error)) throw error
    throw diskIsFull(path, error) ?? failed(`the system refuses ${path}`, error)
  }
}

async function readSlots(file: FileHandle): Promise<(Slot & { identity: Buffer })[]> {
  const slots: (Slot & { identity: Buffer })[] = []
  for (const position of [0, slotStride]) {
    const slot = decodeSlot(await readAt(file, position, slotBytes))
    if (slot !== undefined) slots.push(slot)
  }
  return slots
}

/** Before the first signature: lower than every position that can be signed. */
const nothing: Watermark = { epoch: 0n, term: 0, height: 0n, digest: `0x${'00'.repeat(32)}` }

class GuardFile implements FileGuard {
  stale: SequencerError | undefined
  readonly #path: string
  readonly #file: FileHandle
  readonly #lock: ProcessLock
  readonly #identity: Buffer
  readonly #seen: readonly Watermark[]
  readonly #exclusive = createMutex()
  #slot: Slot
  #failure: SequencerError | undefined
  #closing: Promise<void> | undefined

  constructor(
    path: string,
    file: FileHandle,
    lock: ProcessLock,
    identity: Buffer,
    newest: Slot | undefined,
    seen: readonly Watermark[],
  ) {
    this.#path = path
    this.#file = file
    this.#lock = lock
    this.#identity = identity
    this.#seen = seen
    this.#slot = newest ?? { generation: 0n, watermark: nothing, payloadLength: 0, payloadCrc: 0 }
    this.#compare()
  }

  #compare(): void {
    this.stale = undefined
    try {
      checkNotStale(this.watermark, this.#seen)
    } catch (error) {
      this.stale = error as SequencerError
    }
  }

  get watermark(): Watermark | undefined {
    return this.#slot.generation === 0n ? undefined : this.#slot.watermark
  }

  /** The first record says that nothing was signed: from now on an empty file is a damaged one. */
  async create(path: string): Promise<void> {
    await writeAt(this.#file, encodeSlot(this.#slot, this.#identity), 0)
    await this.#file.datasync()
    await syncFolderOf(path)
  }

  reserve(next: Reservation): Promise<'new' | 'repeat'> {
    return this.#exclusive(async () => {
      if (this.stale !== undefined) throw this.stale
      const verdict = checkWatermark(this.watermark, next)
      if (verdict === 'new') await this.#write(next, next.payload)
      return verdict
    })
  }

  skipTerm(epoch: bigint, term: number): Promise<void> {
    return this.#exclusive(async () => {
      const closed = closedTerm(epoch, term)
      const { watermark } = this
      if (watermark === undefined || comparePositions(closed, watermark) > 0) await this.#write(closed, undefined)
      this.#compare()
    })
  }

  pending(): Promise<Reservation | undefined> {
    return this.#exclusive(async () => {
      const { generation, watermark, payloadLength, payloadCrc } = this.#slot
      if (payloadLength === 0) return undefined
      const payload = await readAt(this.#file, payloadPosition(generation), payloadLength)
      // Torn by a loss of power together with an unacknowledged record: there is nothing to finish.
      if (payload.length !== payloadLength || crc32(payload) !== payloadCrc) return undefined
      return { ...watermark, payload: new Uint8Array(payload) }
    })
  }

  async #write(watermark: Watermark, payload: Uint8Array | undefined): Promise<void> {
    if (this.#closing !== undefined || this.#failure !== undefined) throw this.#failure ?? failed('the guard is closed')
    const length = payload?.length ?? 0
    if (length > maxPayloadBytes) throw failed(`payload of ${length} bytes, at most ${maxPayloadBytes}`)
    const slot: Slot = {
      generation: this.#slot.generation + 1n,
      watermark: {
        epoch: watermark.epoch,
        term: watermark.term,
        height: watermark.height,
        digest: watermark.digest,
      },
      payloadLength: length,
      payloadCrc: payload === undefined ? 0 : crc32(payload),
    }
    try {
      if (payload !== undefined) await writeAt(this.#file, payload, payloadPosition(slot.generation))
      await writeAt(this.#file, encodeSlot(slot, this.#identity), Number(slot.generation % 2n) * slotStride)
    } catch (cause) {
      // The other slot holds the last reservation, and the next attempt writes to this one again.
      const full = diskIsFull(this.#path, cause)
      this.#failure = full === undefined ? failed('the watermark could not be written', cause) : undefined
      throw full ?? this.#failure
    }
    try {
      await this.#file.datasync()
    } catch (cause) {
      // What the disk holds is unknown now: no further signature through this object.
      this.#failure = failed('the watermark could not be written', cause)
      throw this.#failure
    }
    this.#slot = slot
  }

  close(): Promise<void> {
    this.#closing ??= this.#exclusive(async () => {
      await this.#file.close()
      await this.#lock.release()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function payloadPosition(generation: bigint): number {
  return payloadStart + Number(generation % 2n) * maxPayloadBytes
}

function failed(reason: string, cause?: unknown): SequencerError {
  return new SequencerError(`nothing was signed: ${reason}`, { code: 'GUARD_FAILED', cause })
}
