export {
  type BeaconShare,
  beaconMessage,
  combineBeaconShares,
  commitRevealSeed,
  type DrandOptions,
  drandRoundAt,
  drandSeed,
  fixedSeed,
  l1RandaoSeed,
  quicknet,
  seedCommitment,
  signBeacon,
  thresholdBlsSeed,
  vrfMixSeed,
} from './providers.js'
export { type Entropy, epochSeed, type SeedProvider } from './seed.js'
