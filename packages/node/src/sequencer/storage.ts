import { join } from 'node:path'
import type { Lease, SequencerLog, SigningGuard, Watermark } from '@l2/sequencer-core/block'
import { openFileGuard, openFileLog } from '@l2/sequencer-core/node'
import type { Address } from 'viem'

/** The key of a guard, and what is known of it. */
export type GuardOptions = { signer: Address; chainId: bigint; seen: readonly Watermark[] }

/** A guard that may turn out to be an old copy. */
export type StoredGuard = SigningGuard & { readonly stale?: Error | undefined }

/**
 * Where a sequencer has its log and its guards: files of its own, or a database that two machines of one operator share. Of
 * these one has the lease and makes blocks; the other one reads what it makes ({@link SequencerLoop.readLog}).
 */
export type SequencerStorage = {
  readonly log: SequencerLog
  /** Under which entries are appended; `undefined` while this machine has none, or may have lost it. */
  lease(): Lease | undefined
  /** Signs nothing while {@link lease} is undefined. */
  openGuard(options: GuardOptions): Promise<StoredGuard>
  /** Where log and guards are, for whoever has to put a copy back. */
  placeOf(part: 'log' | Address): string
  /** After everything that uses it. */
  close(): Promise<void>
}

const leaseTtlMs = 10_000

/** Log and guards as files of a data directory, which nobody shares. */
export async function openFileStorage(directory: string): Promise<SequencerStorage> {
  const logPath = join(directory, 'sequencer.log')
  const log = await openFileLog({ path: logPath })
  const lease = await log.acquire(`node-${process.pid}`, leaseTtlMs)
  const placeOf = (part: 'log' | Address): string =>
    part === 'log' ? logPath : join(directory, `guard-${part.slice(2, 10)}`)
  return {
    log,
    lease: () => lease,
    openGuard: options => openFileGuard({ path: placeOf(options.signer), ...options }),
    placeOf,
    async close() {
      await log.release(lease)
      await log.close()
    },
  }
}
