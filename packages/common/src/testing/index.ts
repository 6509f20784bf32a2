export { type FuzzTarget, mutate } from './fuzz.js'
export { type Random, seededRandom, testSeed } from './random.js'
export type { SoakCase, SoakTarget } from './soak.js'
export { vectorFiles } from './vectors.js'
