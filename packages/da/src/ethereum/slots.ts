import { toJson } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import type { JournalEntry } from '../internal/journal.js'
import type { Store } from '../store.js'
import type { SendFailure } from './failure.js'
import type { Fees } from './fees.js'
import type { Receipt } from './rpc.js'
import type { PoolKind, PreparedPayload } from './transaction.js'

/** One transaction that was signed for a nonce. */
export type Attempt = { hash: Hex; fees: Fees; gas: bigint; cancels: boolean }

/** A nonce and everything that was signed with it. It lives until its block is final, so that a reorg finds it. */
export type Slot = {
  readonly nonce: number
  /** The submission; `undefined` for a transaction that carries none (any more). */
  entry: JournalEntry | undefined
  kind: PoolKind
  to: Hex
  hashes: readonly Hex[]
  attempts: readonly Attempt[]
  /** A node said that it has it. */
  accepted: boolean
  cancelling: boolean
  mined: Receipt | undefined
  /** Looks in a row that saw the nonce used and none of the attempts mined. */
  misses: number
  raisedAtMs: number
  /** Why the node did not take it when it was last offered; `undefined` when it did. */
  waiting: SendFailure | undefined
  /** The payload, or the empty one that cancels it. */
  prepared: { cancels: boolean; payload: PreparedPayload } | undefined
}

/** What the store keeps of a slot; the rest is seen again on the chain. */
type StoredSlot = {
  nonce: number
  key?: string | undefined
  /** Tells the submission of the key from a later one with the same key. */
  sequence?: number | undefined
} & Pick<Slot, 'kind' | 'to' | 'hashes' | 'attempts' | 'accepted' | 'cancelling'>

export function createSlot(fields: Pick<Slot, 'nonce' | 'entry' | 'kind' | 'to' | 'raisedAtMs'> & Partial<Slot>): Slot {
  return {
    hashes: [],
    attempts: [],
    accepted: false,
    cancelling: false,
    mined: undefined,
    misses: 0,
    waiting: undefined,
    prepared: undefined,
    ...fields,
  }
}

/** Whether the next attempt is to be an empty one. A submission that has its receipt is not cancelled any more, whatever a reorg does. */
export const isCancelling = ({ cancelling, entry }: Slot): boolean => cancelling && entry?.receipt === undefined

/** Whether its submission has ended without it, and the store or a crash kept it from being forgotten: its nonce must not carry data. */
export const isOrphan = ({ cancelling, entry }: Slot): boolean => entry === undefined && !cancelling

const prefix = 'transactions/slot/'
export const slotName = (nonce: number): string => prefix + String(nonce).padStart(12, '0')

export function encodeSlot({ nonce, entry, kind, to, hashes, attempts, accepted, cancelling }: Slot): Uint8Array {
  const { key, sequence } = entry ?? {}
  const stored: StoredSlot = { nonce, key, sequence, kind, to, hashes, attempts, accepted, cancelling }
  return new TextEncoder().encode(toJson(stored))
}

/** The slots that a process left, lowest nonce first. */
export async function loadSlots(
  store: Store,
  find: (key: string) => Promise<JournalEntry | undefined>,
  nowMs: number,
): Promise<Slot[]> {
  const slots: Slot[] = []
  for (const name of await store.keys(prefix)) {
    const bytes = await store.get(name)
    if (bytes === undefined) continue
    const { key, sequence, attempts, ...stored } = decodeSlot(name, bytes)
    const entry = key === undefined ? undefined : await find(key)
    slots.push(
      createSlot({
        ...stored,
        entry: entry?.sequence === sequence ? entry : undefined,
        attempts: attempts.map(({ fees, gas, ...attempt }) => ({
          ...attempt,
          gas: BigInt(gas),
          fees: {
            tip: BigInt(fees.tip),
            cap: BigInt(fees.cap),
            blobCap: fees.blobCap === undefined ? undefined : BigInt(fees.blobCap),
          },
        })),
        raisedAtMs: nowMs,
      }),
    )
  }
  return slots.sort((a, b) => a.nonce - b.nonce)
}

function decodeSlot(name: string, bytes: Uint8Array): StoredSlot {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as StoredSlot
  } catch (cause) {
    throw new DaError('the store holds a transaction that is not JSON', {
      code: 'DA_STORE_CORRUPT',
      details: { name },
      cause,
    })
  }
}
