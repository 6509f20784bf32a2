export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Codec, Json } from '../state/codec.js'
export type { Apply, CommandOf, ResultOf } from '../state/reducer.js'
export {
  type AirdropClaim,
  type AirdropToken,
  type AirdropTree,
  airdropCodec,
  airdropLeaf,
  airdropTree,
  applyAirdrop,
  type ClaimBit,
  claimBit,
  claimedWord,
  createAirdrop,
  type MerkleAirdrop,
  verifyAirdrop,
} from './airdrop.js'
export { divideByWeight, emitted, enkiAirdropBps, enkiSupply, splitSupply } from './emission.js'
