export type { Closable } from '@l2/common'
export type { Commitment } from '../commitment.js'
export type {
  DaCallOptions,
  DaCapabilities,
  DaEntry,
  DaGetOptions,
  DaLimits,
  DaProof,
  DaQuote,
  DaReceipt,
  DaStatus,
  DaSubmitOptions,
  DataAvailability,
} from '../port.js'
export type { Store } from '../store.js'
export { type AltDaServer, type AltDaServerDeps, type AltDaServerOptions, createAltDaServer } from './alt-da-server.js'
export { createFileStore } from './file-store.js'
