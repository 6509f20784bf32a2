import { OpEngineError } from '../errors.js'

/** Blocks kept behind the finalized one; 0 keeps all. */
export type History = {
  /** Whose state can be read, and proven. */
  readonly states: number
  /** Whose transactions and receipts can be read. */
  readonly bodies: number
}

/** A day of states and thirty days of bodies, at a block every two seconds. */
export const defaultHistory: History = { states: 43_200, bodies: 1_296_000 }

/** Default of {@link CommonOptions.buildTimeoutMs}. */
export const defaultBuildTimeoutMs = 60_000

/** What engines on every platform take. */
export type CommonOptions = {
  /** geth's genesis file, as text or parsed. */
  readonly genesis: string | object
  /** Default: {@link defaultHistory}. */
  readonly history?: History | undefined
  /** Go's garbage collector runs when the heap has grown by so many per cent. Default: 400, which costs memory and saves a fifth of the time. */
  readonly gcPercent?: number | undefined
  /** Memory that the engine tries to stay below, bytes. Default: 3 GiB of the 4 that WebAssembly has; a native engine has no limit unless told. */
  readonly softMemoryBytes?: number | undefined
  /** Milliseconds that one {@link OpEngine.tidy} works. Called by {@link ExecutionEngine.setHead} when the finalized block has moved. Default: 20. */
  readonly tidyMs?: number | undefined
  /**
   * Milliseconds that one request to the builder may take. One that takes longer is a hang: the request fails, and the engine is ended and started again.
   * Default: 60 000.
   */
  readonly buildTimeoutMs?: number | undefined
}

/** Text of a genesis file. @throws OpEngineError `ENGINE_GENESIS` */
export function genesisText(genesis: string | object): string {
  if (typeof genesis !== 'string') return JSON.stringify(genesis)
  try {
    JSON.parse(genesis)
  } catch (cause) {
    throw new OpEngineError(`the genesis is no JSON: ${(cause as Error).message}`, { code: 'ENGINE_GENESIS', cause })
  }
  return genesis
}
