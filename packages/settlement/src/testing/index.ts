export type { Settlement } from '../deploy/deploy.js'
export { type DevEngine, type JsonRpcCall, openDevEngine } from './dev-engine.js'
export { createDevRollup, type DevRollup, type DevRollupOptions } from './dev-rollup.js'
