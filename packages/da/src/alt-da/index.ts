export {
  type ChallengeHistory,
  type ChallengeSource,
  type ChallengeStatus,
  type ChallengeWindows,
  challengeStatus,
} from './challenge.js'
export { type AltDaDeps, type AltDaOptions, createAltDa } from './client.js'
export {
  createHybridDa,
  formatHybridCommitment,
  type HybridCommitment,
  type HybridDa,
  type HybridDaDeps,
  parseHybridCommitment,
} from './hybrid.js'
