export { type GoRandom, goRandom } from './go-random.js'
export {
  type ThemisValidator,
  themisCoordinator,
  themisLeader,
  themisProducers,
  themisRanges,
  themisReplacement,
  themisSearch,
  themisSeedInt,
  themisShuffle,
  themisSpanSeed,
} from './selection.js'
