import {
  type HeaderDomain,
  hashSequencerHeader,
  recoverSigner,
  type SealedBlock,
  type SequencerHeader,
  type Watermark,
} from '@l2/sequencer-core/block'
import {
  configCarriedByBlock,
  encodeExtraData,
  genesisBlockRef,
  type L2BlockRef,
  type RollupConfig,
  type SystemConfig,
  systemConfigOfBlock,
} from '@l2/sequencer-core/derivation'
import type { SenderRecovery } from '@l2/sequencer-core/transaction'
import type { Address, Hash } from 'viem'
import { NodeError } from '../errors.js'
import { applyBlock, beginTerm, type ControlPlane } from '../pool/control-plane.js'
import { type Leadership, poolSigner } from './leadership.js'
import { evidenceOf, type PublishedBlock, publishedBlock } from './published.js'
import { watermarkOf } from './term-guard.js'

/** A place of the chain from which it can go on in another way. */
type Place = {
  readonly tip: PublishedBlock | undefined
  readonly head: L2BlockRef
  readonly control: ControlPlane
  readonly systemConfig: SystemConfig
}

/** The sequencer's chain in memory: its head, what follows from its blocks, and the newest of them, back to which it can go. */
export type Chain = {
  readonly head: L2BlockRef
  readonly tip: PublishedBlock | undefined
  readonly systemConfig: SystemConfig
  /** Settable: votes change who leads next without a block. */
  control: ControlPlane
  /** The newest header of each key: what its guard must not be older than. */
  readonly seen: ReadonlyMap<Address, Watermark>
  /** A block that is kept. */
  block(number: bigint): PublishedBlock | undefined
  /** Origins of the kept blocks and of the genesis where that is kept, the newest first, each with the highest block upon it. */
  origins(): { number: bigint; hash: Hash; head: bigint }[]
  /** Kept blocks above a height, the oldest first. */
  above(height: bigint): PublishedBlock[]
  /** A block that the log has becomes the head. `config` is that which the block carries where it is known already. */
  adopt(block: SealedBlock, config?: SystemConfig): PublishedBlock
  /** Goes back to a kept block, and signs from the term on. */
  rollBack(to: bigint, term: number): void
  /** From here on nothing is signed for an earlier term. */
  raiseTerm(term: number): void
  /** Somebody's header that is in the log and on no chain any more. */
  noteAbandoned(block: Pick<SealedBlock, 'header' | 'signature'>): void
  signerOf(block: Pick<SealedBlock, 'header' | 'signature'>): Address
  /** Forgets blocks below a height. */
  forgetBelow(height: bigint): void
}

/**
 * @param genesis the control plane before the first block
 * @param leadership where a control chain says who leads
 */
export function createChain(
  rollup: RollupConfig,
  domain: HeaderDomain,
  genesis: ControlPlane,
  recovery: SenderRecovery,
  leadership?: Leadership | undefined,
): Chain {
  const places = new Map<bigint, Place>()
  const seen = new Map<Address, Watermark>()
  const first: Place = {
    tip: undefined,
    head: genesisBlockRef(rollup),
    control: genesis,
    systemConfig: rollup.genesis.systemConfig,
  }
  places.set(0n, first)
  let { tip, head, control, systemConfig } = first

  const note = (signer: Address, header: SequencerHeader): void => {
    const mark = watermarkOf(header, hashSequencerHeader(header, domain))
    const known = seen.get(signer)
    const isNewer =
      known === undefined || mark.epoch > known.epoch || (mark.epoch === known.epoch && mark.height >= known.height)
    if (isNewer) seen.set(signer, mark)
  }
  const signerOf = ({ header, signature }: Pick<SealedBlock, 'header' | 'signature'>): Address => {
    const signer =
      leadership === undefined
        ? poolSigner(control, header)
        : recoverSigner(hashSequencerHeader(header, domain), signature, recovery)
    if (signer === undefined) throw new NodeError(`nobody leads at height ${header.height}`, { code: 'NO_LEADER' })
    return signer
  }

  const raiseTerm = (term: number): void => {
    // The terms of a control chain are its own.
    if (leadership === undefined) control = beginTerm(control, head.number + 1n, term)
    places.set(head.number, { tip, head, control, systemConfig })
  }

  return {
    get head() {
      return head
    },
    get tip() {
      return tip
    },
    get systemConfig() {
      return systemConfig
    },
    get control() {
      return control
    },
    set control(next) {
      control = next
    },
    seen,
    block: number => places.get(number)?.tip,
    origins() {
      const found: { number: bigint; hash: Hash; head: bigint }[] = []
      for (const { head: at } of [...places.values()].reverse()) {
        if (found.at(-1)?.number !== at.l1Origin.number) found.push({ ...at.l1Origin, head: at.number })
      }
      return found
    },
    above(height) {
      const found: PublishedBlock[] = []
      for (const [number, place] of places) if (number > height && place.tip !== undefined) found.push(place.tip)
      return found
    },
    adopt(block, config) {
      const { header, attributes } = block
      systemConfig =
        config === undefined ? configIn(block, rollup) : configCarriedByBlock(config, header.timestamp, rollup)
      tip = publishedBlock(block, rollup)
      const { term, height, timestamp } = header
      const signer = signerOf(block)
      note(signer, header)
      const evidence = evidenceOf(block)
      const { prevRandao } = attributes
      const elected = leadership === undefined ? {} : { signer }
      control = applyBlock(control, { height, timestamp, term, prevRandao, evidence, ...elected }).state
      head = tip.ref
      places.set(height, { tip, head, control, systemConfig })
      return tip
    },
    rollBack(to, term) {
      const place = places.get(to)
      if (place === undefined) throw new NodeError(`block ${to} is not kept`, { code: 'L1_REORG_TOO_DEEP' })
      for (const height of places.keys()) if (height > to) places.delete(height)
      ;({ tip, head, control, systemConfig } = place)
      raiseTerm(term)
    },
    raiseTerm,
    noteAbandoned({ header, signature }) {
      const signer = recoverSigner(hashSequencerHeader(header, domain), signature, recovery)
      if (signer !== undefined) note(signer, header)
    },
    signerOf,
    forgetBelow(height) {
      for (const number of places.keys()) {
        if (number >= height) break
        places.delete(number)
      }
    },
  }
}

/** The config as a block of the log carries it: L1 may have changed it since genesis, who posts above all. */
function configIn({ executed, attributes }: SealedBlock, rollup: RollupConfig): SystemConfig {
  const block = { ...executed, gasLimit: attributes.gasLimit }
  const { eip1559Params, minBaseFee } = attributes
  if (eip1559Params === undefined) return systemConfigOfBlock({ ...block, extraData: new Uint8Array() }, rollup)
  const [denominator, elasticity] = [BigInt(eip1559Params.slice(0, 10)), BigInt(`0x${eip1559Params.slice(10)}`)]
  const { denominatorCanyon, elasticity: defaultElasticity } = rollup.eip1559
  // Zeros stand for what is in effect without a word of L1's.
  const effective =
    denominator === 0n ? { denominator: denominatorCanyon, elasticity: defaultElasticity } : { denominator, elasticity }
  return systemConfigOfBlock({ ...block, extraData: encodeExtraData({ ...effective, minBaseFee }) }, rollup)
}
