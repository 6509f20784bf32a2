export { blocksPerYear, rateBpsOf, rewardPerBlockFor, solveRate } from './rate.js'
