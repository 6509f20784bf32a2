export type { DaCallOptions } from '../port.js'
export type { Store } from '../store.js'
export type { ArchiveCallOptions } from './blob-archive.js'
export { type BlobArchive, type BlobArchiveDeps, createBlobArchive } from './blob-archive.js'
