export type { Settlement } from '../deploy/deploy.js'
export { type DevEngine, type JsonRpcCall, openDevEngine } from './dev-engine.js'
export { type AnvilL1, accounts, startL1 } from './dev-l1.js'
export { createDevRollup, type DevRollup, type DevRollupOptions } from './dev-rollup.js'
