/** What the model drives: the package's own rules, so that a mutant of a source file is a mutant of the model. */
export { applyControlBlock } from '../../src/fold/apply.js'
export { climb } from '../../src/fold/climb.js'
export { leaderAt } from '../../src/fold/leaders.js'
export { createControlState, membersOf, scheduleMembers } from '../../src/fold/state.js'
export { nameBlocks } from '../../src/operator/name-blocks.js'
export { adviseVote } from '../../src/operator/patience.js'
export { proposalHold } from '../../src/operator/propose.js'
