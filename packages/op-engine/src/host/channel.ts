import type { OpEngineError } from '../errors.js'

/** What a channel tells. */
export type ChannelEvents = {
  /** An answer came. `isSpent`: the channel is of no further use, though nothing crashed. */
  onMessage(message: Uint8Array, storeError: OpEngineError | undefined, isSpent: boolean): void
  /** It is gone, and nobody asked for that. Called once at most. */
  onEnd(error: OpEngineError): void
}

/** A running engine, on the other side of a worker's messages or of a process's pipes. */
export interface Channel {
  send(message: Uint8Array): void
  /** Asks for the end of a request under way. Absent where that cannot be said. */
  cancel?(id: number): void
  /** Lets the store tidy up; true when there is nothing left. Absent where the engine has a database of its own. */
  maintain?(budgetMs: number): Promise<boolean>
  /** Whether the host's process must wait for it. */
  hold(active: boolean): void
  /** In good order; what was sent is answered first. */
  close(): Promise<void>
  /** At once. */
  kill(): Promise<void>
}

/** Starts an engine; resolves when it listens. @throws OpEngineError */
export type StartChannel = (events: ChannelEvents) => Promise<Channel>
