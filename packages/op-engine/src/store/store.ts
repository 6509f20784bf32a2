/**
 * Where an engine keeps blocks and state. All calls are synchronous, because the engine waits for nothing while it executes; a store
 * therefore lives in the worker of its engine.
 */
export interface EngineStore {
  /** A copy of the value, `undefined` where there is none. */
  get(key: Uint8Array): Uint8Array | undefined
  /**
   * All of a batch or nothing, durable when it returns. See {@link packEntries} for the form.
   *
   * @throws OpEngineError `ENGINE_STORE_FAILED`; nothing of the batch is seen then
   */
  write(batch: Uint8Array): void
  /** Pairs whose keys begin with `prefix` and are not below `start`, ascending, packed, about `maxBytes` of them but at least one. */
  scan(prefix: Uint8Array, start: Uint8Array, maxBytes: number): Uint8Array
  /** A reader's: takes in what the writer has written since. */
  refresh?(): void | Promise<void>
  /** A writer's: tidies up for about `budgetMs`; true when there is nothing left to do. */
  maintain?(budgetMs: number): boolean | Promise<boolean>
  /** True after a failure that only opening the store again can mend. */
  readonly isBroken?: boolean
  close(): void | Promise<void>
}

/** One change: a value, or `undefined` to delete. */
export type Entry = readonly [key: Uint8Array, value: Uint8Array | undefined]

const deleted = 0xffff_ffff

/** The bytes of entries: for each `u32` length of the key, `u32` length of the value (0xffffffff: delete), key, value; big-endian. */
export function packEntries(entries: readonly Entry[]): Uint8Array {
  let length = 0
  for (const [key, value] of entries) length += 8 + key.length + (value?.length ?? 0)
  const packed = new Uint8Array(length)
  const view = new DataView(packed.buffer)
  let at = 0
  for (const [key, value] of entries) {
    view.setUint32(at, key.length)
    view.setUint32(at + 4, value?.length ?? deleted)
    packed.set(key, at + 8)
    if (value !== undefined) packed.set(value, at + 8 + key.length)
    at += 8 + key.length + (value?.length ?? 0)
  }
  return packed
}

/**
 * Calls `visit` with each entry of packed bytes and the offset at which it stands.
 *
 * @returns false when the bytes end inside an entry
 */
export function visitEntries(
  packed: Uint8Array,
  visit: (key: Uint8Array, value: Uint8Array | undefined, offset: number) => void,
): boolean {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  let at = 0
  while (at < packed.length) {
    if (at + 8 > packed.length) return false
    const keyLength = view.getUint32(at)
    const valueLength = view.getUint32(at + 4)
    const isDelete = valueLength === deleted
    const value = at + 8 + keyLength
    const end = value + (isDelete ? 0 : valueLength)
    if (end > packed.length) return false
    visit(packed.subarray(at + 8, value), isDelete ? undefined : packed.subarray(value, end), at)
    at = end
  }
  return true
}

/** The entries of packed bytes, as views. */
export function unpackEntries(packed: Uint8Array): Entry[] {
  const entries: Entry[] = []
  visitEntries(packed, (key, value) => entries.push([key, value]))
  return entries
}
