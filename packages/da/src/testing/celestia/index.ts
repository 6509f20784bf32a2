export type { Closable } from '@l2/common'
export {
  type CelestiaFault,
  type CelestiaServer,
  type CelestiaServerOptions,
  createCelestiaServer,
} from './server.js'
