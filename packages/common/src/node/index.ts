export { argumentsOf } from './arguments.js'
export { diskFull } from './disk-full.js'
export { lacks, loadNative, type NativePart, type NativePartOptions } from './native.js'
export { lockFile, type ProcessLock } from './process-lock.js'
export {
  nextFileOf,
  openSealedFiles,
  readSealed,
  type SealedFile,
  type SealedFiles,
  syncFolderOf,
} from './sealed-files.js'
