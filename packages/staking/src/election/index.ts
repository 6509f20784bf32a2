export { type DrawTag, draw } from './draw.js'
export { buildElection, type Election, electFallback, electSlot, electSystematic, type Weight } from './election.js'
export { createWeightTree, type WeightTree } from './fenwick.js'
export { nextRoundRobin, type RoundRobin, updateRoundRobin } from './round-robin.js'
