export type { Clock, Closable } from '@l2/common'
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
export { createObjectDa, type ObjectDaDeps, type ObjectDaOptions } from './object.js'
export type { S3Credentials, S3StoreDeps } from './s3-client.js'
export { createS3Store, type S3StoreOptions } from './s3-store.js'
