// engine
export type { ConformanceCase } from './conformance.js'
export { attributesAfter, type EngineHarness, engineConformance } from './engine-conformance.js'
// log
export { type LogHarness, logConformance } from './log-conformance.js'
