export { type BlobArchive, type BlobArchiveDeps, createBlobArchive } from './blob-archive.js'
