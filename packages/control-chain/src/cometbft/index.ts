export { type AbciApplication, serveAbci } from './abci-server.js'
export { createControlApplication } from './application.js'
export type { ControlApplicationDependencies, ControlApplicationOptions, GenesisOperator } from './machine.js'
