export { argumentsOf } from './arguments.js'
export { diskFull } from './disk-full.js'
export { lacks, loadNative, type NativePart, type NativePartOptions } from './native.js'
export { lockFile, type ProcessLock } from './process-lock.js'
