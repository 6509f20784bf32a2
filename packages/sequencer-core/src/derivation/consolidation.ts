import { equalBytes } from '@l2/common'
import type { Hash } from 'viem'
import type { ExecutedBlock, PayloadAttributes } from '../engine/engine.js'
import { encodeExtraData } from './l2.js'
import type { RollupConfig } from './rollup-config.js'
import { readUintBe, sameHex, unhex } from './words.js'

/**
 * Whether a block that the engine has already is the one that these attributes would make on `parent`, so that it need not be built again.
 * What an engine cannot be given is not in its blocks and not compared. Source: OP specs, "L1-consolidation: payload attributes matching".
 */
export function isBlockOfAttributes(
  block: ExecutedBlock,
  parent: Hash,
  attributes: PayloadAttributes,
  config: RollupConfig,
): boolean {
  if (!sameHex(block.parentHash, parent)) return false
  if (block.timestamp !== attributes.timestamp || block.gasLimit !== attributes.gasLimit) return false
  const { transactions } = attributes
  if (block.transactions.length !== transactions.length) return false
  if (!block.transactions.every((transaction, i) => equalBytes(transaction, transactions[i]!))) return false
  const { header } = block
  if (header === undefined) return true
  return (
    sameHex(header.prevRandao, attributes.prevRandao) &&
    sameHex(header.feeRecipient, attributes.suggestedFeeRecipient) &&
    sameRoot(header.parentBeaconBlockRoot, attributes.parentBeaconBlockRoot) &&
    (header.extraData === undefined || equalBytes(header.extraData, extraDataOf(attributes, config)))
  )
}

function sameRoot(a: Hash | undefined, b: Hash | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameHex(a, b)
}

/** What engines write: the parameters of the attributes, the chain's own where these are zero; nothing before Holocene. */
function extraDataOf({ eip1559Params, minBaseFee }: PayloadAttributes, { eip1559 }: RollupConfig): Uint8Array {
  if (eip1559Params === undefined) return new Uint8Array()
  const bytes = unhex(eip1559Params, 8)
  const denominator = readUintBe(bytes, 0, 4)
  const elasticity = readUintBe(bytes, 4, 8)
  return encodeExtraData(
    denominator === 0n
      ? { denominator: eip1559.denominatorCanyon, elasticity: eip1559.elasticity, minBaseFee }
      : { denominator, elasticity, minBaseFee },
  )
}
