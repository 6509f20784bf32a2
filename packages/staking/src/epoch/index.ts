export type { Candidate } from '../pool/sequencer.js'
export {
  createSchedule,
  decodeSchedule,
  type ElectionMode,
  type EpochPlan,
  encodeSchedule,
  leaderAt,
  leaderSchedule,
  nextTerm,
  planEpoch,
  reselect,
  type Schedule,
  type ScheduleOptions,
  type SlotLeader,
  type SlotLeaders,
  slotOf,
  type TermChange,
} from './schedule.js'
