// derivation

// engine
export type { ConformanceCase } from './conformance.js'
export { attributesAfter, type EngineHarness, engineConformance } from './engine-conformance.js'
export {
  createL1Simulator,
  type L1Simulator,
  type L1SimulatorOptions,
  type PostOptions,
  type SimulatedAccount,
  simulatedAccount,
} from './l1-simulator.js'
export {
  createHashEngine,
  createSequencerSimulator,
  type DerivedChain,
  deriveSimulated,
  framesOfBatches,
  framesOfStream,
  type HashEngine,
  type HashEngineOptions,
  type SequencedBlock,
  type SequencerSimulator,
  simulatedRollup,
  simulatedTransaction,
} from './l2-simulator.js'
// log
export { type LogHarness, logConformance } from './log-conformance.js'
export {
  createRandomChain,
  type RandomBlock,
  type RandomChain,
  type RandomChainOptions,
} from './random-chain.js'
