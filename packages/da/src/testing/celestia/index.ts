export {
  type CelestiaFault,
  type CelestiaServer,
  type CelestiaServerOptions,
  createCelestiaServer,
} from './server.js'
