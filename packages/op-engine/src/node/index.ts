export { createOpEngine, type OpEngineOptions } from './create.js'
export { type EngineKind, findEngineFile, howToGet } from './engine-file.js'
export type { NodeStore } from './store.js'
