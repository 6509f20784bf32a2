import { SequencerError } from '../errors.js'
import { type BuiltAttributes, buildAttributes, depositsOnly } from './attributes.js'
import type { BatchedBlock } from './batch-stage.js'
import type { DerivationCheckpoint } from './checkpoint.js'
import { configCarriedByBlock } from './config-changes.js'
import type { L1Block, L1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import { mismatch, reorg } from './pipeline-errors.js'
import type { DerivationNeed, DerivationOutput, ExecutedRef } from './pipeline-types.js'
import type { RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'
import type { UpgradeTransactions } from './upgrade-transactions.js'
import { sameHex } from './words.js'

/** What the block stage waits for. */
export type BlockStageOutput =
  | { readonly type: 'need'; readonly need: Extract<DerivationNeed, { type: 'l1-block' }> }
  | Extract<DerivationOutput, { type: 'attributes' }>

/** What a refusal came to. */
export type Refusal =
  /** A block of deposits takes its place: these are its attributes. */
  | { readonly type: 'replaced'; readonly output: BlockStageOutput }
  /** There is no such block; `tookBack`: nor those of its span before it. */
  | { readonly type: 'given-up'; readonly tookBack: boolean }

/** The last step of derivation: what batches say of a block becomes attributes, and what an engine makes of them the head. */
export class BlockStage {
  readonly #config: RollupConfig
  readonly #upgrades: UpgradeTransactions
  #head: L2BlockRef
  #headConfig: SystemConfig
  #safe: L2BlockRef
  #safeConfig: SystemConfig
  #batch: BatchedBlock | undefined
  #derivedFrom: L1BlockRef | undefined
  /** From Holocene on every block is safe, and a refused one is replaced. */
  #holocene = false
  #built: BuiltAttributes | undefined

  constructor(config: RollupConfig, start: DerivationCheckpoint, upgrades: UpgradeTransactions) {
    this.#config = config
    this.#upgrades = upgrades
    this.#head = start.head
    this.#safe = start.head
    this.#headConfig = start.systemConfig
    this.#safeConfig = start.systemConfig
  }

  get head(): L2BlockRef {
    return this.#head
  }
  get headConfig(): SystemConfig {
    return this.#headConfig
  }
  get safe(): L2BlockRef {
    return this.#safe
  }

  /** Begins with a block: asks for its L1 origin where that is a new one. */
  begin(batch: BatchedBlock, derivedFrom: L1BlockRef, holocene: boolean): BlockStageOutput {
    this.#batch = batch
    this.#derivedFrom = derivedFrom
    this.#holocene = holocene
    const { epoch, parent } = batch
    if (epoch.number === parent.l1Origin.number) return this.#build({ ...epoch, transactions: [], logs: [] })
    return { type: 'need', need: { type: 'l1-block', number: epoch.number, hash: epoch.hash } }
  }

  withOrigin(block: L1Block): BlockStageOutput {
    const { epoch } = this.#batch!
    if (block.number !== epoch.number) throw mismatch('L1 block', epoch.number, block.number)
    if (!sameHex(block.hash, epoch.hash)) throw reorg(epoch, block)
    return this.#build(block)
  }

  #build(origin: L1Block): BlockStageOutput {
    const { transactions, parent } = this.#batch!
    this.#built = buildAttributes({
      rollup: this.#config,
      parent,
      systemConfig: this.#headConfig,
      origin,
      logs: origin.logs,
      transactions,
      upgradeTransactions: this.#upgrades,
    })
    return this.#offer(false)
  }

  #offer(replaces: boolean): BlockStageOutput {
    const { epoch, parent } = this.#batch!
    const { attributes, sequenceNumber } = this.#built!
    return {
      type: 'attributes',
      parent,
      attributes,
      origin: { number: epoch.number, hash: epoch.hash },
      sequenceNumber,
      depositsOnly: replaces,
      concluding: this.#concluding,
      derivedFrom: this.#derivedFrom!,
    }
  }

  get #concluding(): boolean {
    return this.#batch!.concluding || this.#holocene
  }

  executed(block: ExecutedRef): void {
    const { epoch, parent, timestamp } = this.#batch!
    if (block.number !== parent.number + 1n) throw mismatch('executed block', parent.number + 1n, block.number)
    if (!sameHex(block.parentHash, parent.hash)) throw mismatch('parent hash', parent.hash, block.parentHash)
    if (block.timestamp !== timestamp) throw mismatch('timestamp', timestamp, block.timestamp)
    const { number, hash, parentHash } = block
    this.#head = {
      number,
      hash,
      parentHash,
      timestamp,
      l1Origin: { number: epoch.number, hash: epoch.hash },
      sequenceNumber: this.#built!.sequenceNumber,
    }
    this.#headConfig = configCarriedByBlock(this.#built!.systemConfig, timestamp, this.#config)
    if (this.#concluding) {
      this.#safe = this.#head
      this.#safeConfig = this.#headConfig
    }
  }

  /** @throws SequencerError `DEPOSIT_BLOCK_REFUSED` when it was one of deposits already */
  refused(): Refusal {
    const built = this.#built!
    const { parent } = this.#batch!
    if (built.attributes.transactions.length === built.depositCount) {
      throw new SequencerError(`the engine refuses the block of deposits after ${parent.number}`, {
        code: 'DEPOSIT_BLOCK_REFUSED',
        details: { parent: parent.number, hash: parent.hash },
      })
    }
    if (this.#holocene) {
      this.#built = depositsOnly(built)
      return { type: 'replaced', output: this.#offer(true) }
    }
    const tookBack = this.#head !== this.#safe
    this.#head = this.#safe
    this.#headConfig = this.#safeConfig
    return { type: 'given-up', tookBack }
  }
}
