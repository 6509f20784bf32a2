export { type AbciApplication, serveAbci } from './abci-server.js'
export {
  type ControlApplicationDependencies,
  type ControlApplicationOptions,
  createControlApplication,
  type GenesisOperator,
} from './application.js'
