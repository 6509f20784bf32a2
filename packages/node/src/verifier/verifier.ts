import { getBlobs } from '@l2/blob'
import { createDerivationDriver } from '@l2/sequencer-core'
import type { BlockId, DerivationDriver, DerivationStatus, L1Source, RollupConfig } from '@l2/sequencer-core/derivation'
import type { ExecutedBlock, ExecutionEngine } from '@l2/sequencer-core/engine'
import { nodeDecompressors } from '@l2/sequencer-core/node'
import type { Hash } from 'viem'
import { type BlockRecord, catchUp, type EngineFamily, type EngineGroup, type NodeEngine } from '../engine/engine.js'
import { NodeError } from '../errors.js'
import type { Posting } from '../posting/posting.js'
import type { PublishedBlock } from '../sequencer/published.js'
import { openVerifierJournal, type VerifierJournal } from './journal.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`

/** What the verifier has established, from L1 alone. */
export type Verified = { blocks: number; transactions: number; blobTransactions: number; submissions: number }

/** Derives the chain from L1, executes it in an engine of its own, and compares it with what the sequencer published. */
export type Verifier = {
  readonly status: DerivationStatus
  readonly verified: Verified
  /** The newest block that was derived when L1 stood at a height, and the L1 block that it came of; `undefined` for a height before the rollup's. */
  safeAt(l1Number: bigint): { readonly l1: BlockId; readonly head: BlockId } | undefined
  /** Follows L1 until aborted. Rejects with `VERIFICATION_FAILED` at the first block that differs. */
  run(signal: AbortSignal): Promise<void>
  /** One pass up to L1's head. */
  sync(): Promise<void>
  close(): Promise<void>
}

export type VerifierOptions = {
  directory: string
  rollup: RollupConfig
  engines: EngineGroup
  family: EngineFamily
  l1: L1Source
  posting: Posting
  /** What the sequencer published at a height; `undefined` while it has not. */
  published(number: bigint): PublishedBlock | undefined
  /** Told what {@link Verifier.run} waits out at present, and `undefined` when it goes on. */
  onTrouble(reason: string | undefined): void
  /** Told what a start found that a user should know. */
  say(message: string): void
}

export async function openVerifier(options: VerifierOptions): Promise<Verifier> {
  const { directory, rollup, engines, family, l1, posting, published } = options
  const { engine } = engines
  const journal = openVerifierJournal(directory)
  if (journal.discardedBytes > 0) {
    options.say(`derivation.journal: what its last ${journal.discardedBytes} bytes held is derived from L1 again`)
  }
  const verified: Verified = { blocks: 0, transactions: 0, blobTransactions: 0, submissions: 0 }

  // What was derived before and an engine has not kept is executed again, without asking L1.
  const record: BlockRecord = {
    get last() {
      return journal.last
    },
    hashAt: async number => journal.hashAt(number),
  }
  const bringUp = async (part: NodeEngine): Promise<void> => {
    const head = journal.hashAt(journal.last) ?? rollup.genesis.l2.hash
    await catchUp(part, family, record, async above => {
      for (const { number, hash, parent, attributes } of journal.blocks(above)) {
        const block = await part.engine.build(parent, attributes)
        // The journal is checked when it is opened: an engine that makes another block of it is not the one that made it.
        if (block.hash !== hash) throw mismatch(number, hash, block.hash)
        await part.engine.setHead({ head: hash, safe: hash, finalized: zeroHash })
      }
      await part.engine.setHead({ head, safe: head, finalized: zeroHash })
    })
  }
  for (const part of engines.parts) {
    await bringUp(part)
    part.onRestart(bringUp)
  }
  verified.blocks = Number(journal.last)
  verified.transactions = journal.transactions

  const compare = async ({ number, hash, stateRoot }: ExecutedBlock): Promise<void> => {
    const other = published(number)
    if (other === undefined || (other.ref.hash === hash && other.executed.stateRoot === stateRoot)) return
    const { l1Origin } = other.ref
    if ((await l1.block(l1Origin.number))?.hash === l1Origin.hash) throw mismatch(number, other.ref.hash, hash)
    const message = `L1 no longer has the block upon which block ${number} was built; the sequencer goes back`
    throw new NodeError(message, { code: 'L1_REORGED', recovery: 'retry' })
  }

  /** The engine as the driver sees it: every block it builds is compared and kept. */
  const recording: ExecutionEngine = {
    name: engine.name,
    async build(parent, attributes, callOptions) {
      const block = await engine.build(parent, attributes, callOptions)
      await compare(block)
      journal.append({ number: block.number, hash: block.hash, parent, attributes })
      verified.blocks++
      verified.transactions = journal.transactions
      return block
    },
    import: (block, attributes, callOptions) => engine.import(block, attributes, callOptions),
    setHead: (heads, callOptions) => engine.setHead(heads, callOptions),
    block: (id, callOptions) => engine.block(id, callOptions),
    close: () => engine.close(),
  }

  const driver: DerivationDriver = createDerivationDriver({
    config: rollup,
    engine: recording,
    l1,
    decompressors: nodeDecompressors,
    ...(journal.checkpoint === undefined ? {} : { start: journal.checkpoint }),
    earlier: journal.earlier,
    blobs: {
      getBlobs: async (versionedHashes, block, callOptions) => {
        const blobs = await getBlobs(posting.beacon, {
          block,
          versionedHashes,
          kzg: posting.kzg,
          signal: callOptions?.signal,
        })
        verified.blobTransactions++
        return blobs
      },
    },
    commitments: posting.commitments,
    onEvent: event => {
      if (event.type === 'channel') verified.submissions++
      if (event.type === 'l1-block-read') {
        options.onTrouble(undefined)
        journal.save(driver.status.checkpoint)
      }
      if (event.type === 'reset') {
        // A crash in between leaves an earlier checkpoint as the last, from which the next start goes on.
        const { number } = event.to.head
        verified.blocks = Number(number)
        journal.rewind(number)
        verified.transactions = journal.transactions
        journal.save(event.to)
      }
    },
  })

  return {
    get status() {
      return driver.status
    },
    verified,
    safeAt: l1Number => safeAt(journal, rollup, l1Number),
    run: signal =>
      driver.run({
        signal,
        pollIntervalMs: 250,
        onRetry: error => options.onTrouble((error as Error).message.split('\n', 1)[0]!),
      }),
    sync: async () => void (await driver.sync()),
    close: async () => journal.close(),
  }
}

/** What the journal tells of an L1 height, down to the genesis. */
function safeAt(journal: VerifierJournal, rollup: RollupConfig, l1Number: bigint): ReturnType<Verifier['safeAt']> {
  const { l1, l2 } = rollup.genesis
  if (l1Number < l1.number) return undefined
  const { l1: at, head } = journal.safeAt(l1Number) ?? { l1, head: l2 }
  return { l1: { number: at.number, hash: at.hash }, head: { number: head.number, hash: head.hash } }
}

function mismatch(number: bigint, expected: Hash, actual: Hash): NodeError {
  return new NodeError(`block ${number} differs: the sequencer published ${expected}, L1 gives ${actual}`, {
    code: 'VERIFICATION_FAILED',
    details: { number, expected, actual },
  })
}
