export { buildClaimTree, type ClaimTree, claimLeaf, isInClaimTree, type TreeClaim } from './claim-tree.js'
