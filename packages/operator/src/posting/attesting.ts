import {
  type AttestationShare,
  adviseBatch,
  adviseTurn,
  type BatchStatement,
  type CommitteeDomain,
  type ControlState,
  type OwnBatches,
  type SignedStatement,
  signShare,
  statementTypes,
  type TurnStatement,
} from '@l2/control-chain'
import type { PublishedBlock } from '@l2/node'
import { toBatcherBlock } from '@l2/sequencer-core/batcher'
import type { SigningGuard } from '@l2/sequencer-core/block'
import type { RollupConfig } from '@l2/sequencer-core/derivation'
import type { Hash, Hex } from 'viem'
import { type SigningAccount, signTypedDataWith } from '../keys/web3signer.js'
import { carriesBlocks } from './carries.js'

export type AttestingParts = {
  id: number
  account: SigningAccount
  domain: CommitteeDomain
  rollup: RollupConfig
  /** Of the chain that is executed here; `undefined` where it is not at hand. */
  block(height: bigint): PublishedBlock | undefined
  /** How the control chain names such a block. */
  nameOf(block: PublishedBlock): Hash
  /** Of the own execution. */
  outputRoot(height: bigint): Promise<Hash | undefined>
  /** Data by their hash, of the poster or of whoever has them; `undefined` while nobody gives them. */
  data(hash: Hash, poster: number): Promise<Uint8Array | undefined>
  /** Numbers of statements, and of turns, that were signed. */
  guards: { readonly batch: Pick<SigningGuard, 'reserve'>; readonly turn: Pick<SigningGuard, 'reserve'> }
  say(message: string): void
}

/** What a member of the committee signs beside its vote. */
export type Attesting = {
  /** Looks at what is open, and signs it where it says what the own execution says. */
  step(state: ControlState): Promise<void>
  /** The signatures over what is open in this state, for the list. */
  shares(state: ControlState): { batch?: AttestationShare; turn?: AttestationShare }
}

type Signed = { readonly digest: Hash; readonly share: AttestationShare | undefined }

export function createAttesting(parts: AttestingParts): Attesting {
  const { id, account, domain, rollup, say } = parts
  const typed = { name: 'L2 Committee', version: '1', chainId: domain.l1ChainId, verifyingContract: domain.committee }
  const signed: { batch?: Signed; turn?: Signed } = {}
  /** The statement that was found to be wrong: it is not looked at again. */
  let wrong: Hash | undefined
  const key = account.address.toLowerCase() as Hex
  const sign = async (
    kind: 'batch' | 'turn',
    { sequence, digest }: { sequence: bigint; digest: Hash },
    signature: () => Promise<Hex>,
  ): Promise<void> => {
    // The digest is that of the statement that is signed as typed data: a key service signs no bare hash.
    const signer = { key, sign: signature, provePossession: signature }
    const share = await signShare({ sequence, digest }, { signer, guard: parts.guards[kind] })
    if (share === undefined) say(`another ${kind} was signed under number ${sequence} here: it is left to the others`)
    signed[kind] = { digest, share }
  }

  const stepBatch = async (state: ControlState, open: SignedStatement<BatchStatement>): Promise<void> => {
    const { statement, digest } = open
    if (signed.batch?.digest === digest || wrong === digest) return
    const newest = parts.block(statement.last)
    // Statements are about settled blocks: what stands in their place here is not what is meant.
    if (newest === undefined || parts.nameOf(newest) !== state.settled.get(statement.last)) return
    const own = await ownBatches(statement, newest, state.posting?.ordered.get(statement.sequence)?.poster ?? 0)
    if (own === undefined) return
    const advice = adviseBatch(state, id, own)
    if (typeof advice !== 'string') {
      return await sign('batch', advice, () =>
        signTypedDataWith(account, {
          domain: typed,
          types: statementTypes,
          primaryType: 'Batch',
          message: batchMessage(statement),
        }),
      )
    }
    if (advice !== 'contradicted' && advice !== 'data') return
    wrong = digest
    const range = `batch ${statement.sequence} of blocks ${statement.first} to ${statement.last}`
    const what = advice === 'data' ? 'has data of other blocks' : 'says other than was executed here'
    say(`${range} ${what}: it is not signed`)
  }
  /** `undefined` while the data cannot be had. */
  const ownBatches = async (
    { first, last, dataHashes, outputRoot }: BatchStatement,
    newest: PublishedBlock,
    poster: number,
  ): Promise<OwnBatches | undefined> => {
    const root = await parts.outputRoot(last)
    const data: Uint8Array[] = []
    // What is not signed anyhow is asked of nobody.
    for (const hash of root === outputRoot ? dataHashes : []) {
      const found = await parts.data(hash, poster)
      if (found === undefined) return undefined
      data.push(found)
    }
    return {
      outputRootAt: () => root,
      originAt: () => newest.ref.l1Origin,
      carries: () =>
        carriesBlocks(data, {
          ...{ chainId: rollup.l2ChainId, genesisTimeSeconds: rollup.genesis.l2TimeSeconds, first, last },
          blockAt(height) {
            const block = parts.block(height)
            return block === undefined ? undefined : toBatcherBlock(block.ref, block.executed.transactions)
          },
        }),
    }
  }
  const stepTurn = async (state: ControlState, open: SignedStatement<TurnStatement>): Promise<void> => {
    if (signed.turn?.digest === open.digest) return
    const advice = adviseTurn(state, id)
    if (advice === 'nothing') return
    await sign('turn', advice, () =>
      signTypedDataWith(account, {
        domain: typed,
        types: statementTypes,
        primaryType: 'Turn',
        message: turnMessage(open.statement),
      }),
    )
  }

  return {
    async step(state) {
      const { openTurn, open } = state.posting ?? {}
      if (openTurn !== undefined) await stepTurn(state, openTurn)
      if (open !== undefined) await stepBatch(state, open)
    },
    shares({ posting }) {
      const { open, openTurn } = posting ?? {}
      const batch = open !== undefined && signed.batch?.digest === open.digest ? signed.batch.share : undefined
      const turn = openTurn !== undefined && signed.turn?.digest === openTurn.digest ? signed.turn.share : undefined
      return { ...(batch && { batch }), ...(turn && { turn }) }
    },
  }
}

/** A statement as the contract and EIP-712 have it. */
export function batchMessage({ chainId, lastOrigin, ...rest }: BatchStatement) {
  return { ...rest, l2ChainId: chainId, originNumber: lastOrigin.number, originHash: lastOrigin.hash }
}

/** A change of turn as the contract and EIP-712 have it. */
export function turnMessage({ chainId, ...rest }: TurnStatement) {
  return { ...rest, l2ChainId: chainId }
}
