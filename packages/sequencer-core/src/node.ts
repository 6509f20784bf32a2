// transaction
export { createNativeRecovery } from './transaction/native.js'
export { createRecoveryPool, type RecoveryPool, type RecoveryPoolOptions } from './transaction/recovery-pool.js'
