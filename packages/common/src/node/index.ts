export { lockFile, type ProcessLock } from './process-lock.js'
