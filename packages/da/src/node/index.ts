export { type AltDaServer, type AltDaServerDeps, type AltDaServerOptions, createAltDaServer } from './alt-da-server.js'
export { createFileStore } from './file-store.js'
