export {
  castTermVote,
  openTermVotes,
  type TermDecision,
  type TermVotes,
  type TimeoutOptions,
  termDecisionHash,
  termTimeoutMs,
  thresholdSigners,
} from './votes.js'
