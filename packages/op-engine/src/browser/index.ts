export { createOpEngine, type OpEngineOptions } from './create.js'
