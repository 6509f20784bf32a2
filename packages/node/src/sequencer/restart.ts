import { isL2Error } from '@l2/common'
import {
  createHeaderSigner,
  type HeaderDomain,
  type HeaderSigner,
  resumeBlock,
  type SealedBlock,
} from '@l2/sequencer-core/block'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import type { SenderRecovery } from '@l2/sequencer-core/transaction'
import type { Address, Hash, LocalAccount } from 'viem'
import { type BlockRecord, catchUp, type EngineFamily, type NodeEngine } from '../engine/engine.js'
import type { ControlPlane } from '../pool/control-plane.js'
import { damaged } from '../storage/durable.js'
import { type BlockLog, type Followed, openBlockLog } from './block-log.js'
import { type Chain, createChain } from './chain.js'
import { type Leadership, leaderAbove } from './leadership.js'
import type { PublishedBlock } from './published.js'
import type { SequencerStorage, StoredGuard } from './storage.js'
import { guardByTerm } from './term-guard.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`

/** What a sequencer goes on from. */
export type Recovered = {
  readonly log: BlockLog
  readonly chain: Chain
  readonly signers: ReadonlyMap<Address, HeaderSigner>
  /** Blocks that keys of this node have signed, or were about to, and that the log does not have and may still have. */
  pending(): AsyncIterable<SealedBlock>
  /** Closes the guards. */
  close(): Promise<void>
}

type RecoveryOptions = {
  storage: SequencerStorage
  rollup: RollupConfig
  domain: HeaderDomain
  node: NodeEngine
  family: EngineFamily
  accounts: readonly LocalAccount[]
  recovery: SenderRecovery
  /** The control plane before the first block. */
  control: ControlPlane
  leadership?: Leadership | undefined
  bookedTo: Followed
  /** A block of the log that is not booked, in order. */
  onUnbooked(block: PublishedBlock, position: bigint): Promise<void>
  /** What is booked goes beyond the chain, since the log went back. */
  onOverbooked(to: bigint, position: bigint): void
}

/** Brings log, engine, chain and signing keys back to where they were when the process ended, however it did. */
export async function recoverSequencer(options: RecoveryOptions): Promise<Recovered> {
  const { storage, rollup, domain, node, family, bookedTo } = options
  const { engine } = node
  const log = await openBlockLog(storage)
  const guards: { readonly guard: StoredGuard; readonly signer: HeaderSigner }[] = []
  const close = async (): Promise<void> => {
    for (const { guard } of guards) await guard.close()
  }
  try {
    await executeLog(node, family, log)
    const chain = createChain(rollup, domain, options.control, options.recovery, options.leadership)
    if (bookedTo.position > log.position || (bookedTo.block > log.last && log.shared(bookedTo) > log.last)) {
      const where = ` or lost: it ends with block ${log.last}, entry ${log.position}, and the books go to block ${bookedTo.block}, entry ${bookedTo.position}`
      throw damaged(storage.placeOf('log'), where, 'put back a copy; without one, begin a new chain elsewhere')
    }
    const booked = log.shared(bookedTo)
    if (booked < bookedTo.block) options.onOverbooked(booked, log.position)
    const adopt = async (block: SealedBlock, position: bigint): Promise<void> => {
      const published = chain.adopt(block)
      if (published.ref.number > booked) await options.onUnbooked(published, position)
    }
    for await (const { block, position, term } of log.blocks(1n)) {
      if (term !== undefined) chain.raiseTerm(term)
      await adopt(block, position)
    }
    if (log.termAbove !== undefined) chain.raiseTerm(log.termAbove)
    for await (const block of log.abandoned()) chain.noteAbandoned(block)

    const signers = new Map<Address, HeaderSigner>()
    for (const account of options.accounts) {
      const address = account.address.toLowerCase() as Address
      const shown = chain.seen.get(address)
      const guard = await storage.openGuard({
        signer: address,
        chainId: rollup.l2ChainId,
        seen: shown === undefined ? [] : [shown],
      })
      const signer = createHeaderSigner({ account, domain, guard: guardByTerm(guard), recovery: options.recovery })
      guards.push({ guard, signer })
      if (guard.stale !== undefined) {
        const remedy = 'put back a copy; without one this key must not sign on this chain again'
        const why = isL2Error(guard.stale) ? guard.stale.shortMessage : guard.stale.message
        throw damaged(storage.placeOf(address), `, lost or an old copy: ${why}`, remedy)
      }
      signers.set(address, signer)
    }
    // A crash between signature and log leaves the only block that may still be signed at its place.
    const pending = async function* (): AsyncIterable<SealedBlock> {
      for (const { guard, signer } of guards) {
        const block = await resumeBlock(guard, signer)
        if (block === undefined || block.header.parentHash !== chain.head.hash) continue
        // One that the log has taken back since, and whose parent is the head again, is of a term that is over.
        const leader = leaderAbove(chain.control, options.leadership, block.header.height)
        if (block.header.term >= (leader?.term ?? 0)) yield block
      }
    }
    // Without the lease it is the other machine's to end.
    if (storage.lease() !== undefined) {
      for await (const block of pending()) {
        await engine.import(block.executed, block.attributes)
        await adopt(block, await log.append(block))
      }
    }
    await engine.setHead({ head: chain.head.hash, safe: zeroHash, finalized: zeroHash })
    node.onRestart(async restarted => {
      await executeLog(restarted, family, log)
      await restarted.engine.setHead({ head: chain.head.hash, safe: zeroHash, finalized: zeroHash })
    })
    return { log, chain, signers, pending, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the engine has from an earlier run is not executed again. */
async function executeLog(node: NodeEngine, family: EngineFamily, log: BlockLog): Promise<void> {
  const record: BlockRecord = { last: log.last, hashAt: number => log.hashAt(number) }
  await catchUp(node, family, record, async above => {
    for await (const { block } of log.blocks(above + 1n)) {
      await node.engine.import(block.executed, block.attributes)
      // With its head left behind, geth would go back to it after every block, and it refuses to go back far.
      await node.engine.setHead({ head: block.executed.hash, safe: zeroHash, finalized: zeroHash })
    }
  })
}
