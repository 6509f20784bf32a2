export { createObjectDa, type ObjectDaDeps, type ObjectDaOptions } from './object.js'
export { createS3Store, type S3Credentials, type S3StoreDeps, type S3StoreOptions } from './s3-store.js'
