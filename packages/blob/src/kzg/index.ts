export { type CreateBlobKzgOptions, createBlobKzg } from './create.js'
