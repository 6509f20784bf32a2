import { concatBytes } from '@l2/common'
import type { Hash } from 'viem'
import { keccak, sameHex, unhex } from '../derivation/words.js'
import type { CallOptions, ExecutedBlock, ExecutionEngine } from '../engine/engine.js'
import { type AccountProof, messagePasser, type ProofBlock, type StateProofs } from './state-proofs.js'
import { invalidProof } from './trie-proof.js'

const zeroHash: Hash = `0x${'00'.repeat(32)}`

/** What an output root is the hash of, under the names of the portal's `OutputRootProof`. Source: OP specs, "L2 output root". */
export type OutputRootProof = {
  readonly version: Hash
  readonly stateRoot: Hash
  readonly messagePasserStorageRoot: Hash
  readonly latestBlockhash: Hash
}

/** An L2 block as L1 speaks of it: its output root, and what that is made of. */
export type Output = {
  readonly number: bigint
  /** Of the block. */
  readonly hash: Hash
  readonly root: Hash
  readonly proof: OutputRootProof
}

/** The hash of an output's parts. */
export function hashOutputRootProof(proof: OutputRootProof): Hash {
  const { version, stateRoot, messagePasserStorageRoot, latestBlockhash } = proof
  const words = [version, stateRoot, messagePasserStorageRoot, latestBlockhash]
  return keccak(concatBytes(...words.map(word => unhex(word, 32))))
}

/**
 * The output of a block, version 0: of its hash, its state root and the storage root of the message passer at that state, which is taken from a proof. The
 * header tells it, too, from Isthmus on, but not on every engine: anvil's headers have the root of nothing there.
 *
 * @example
 * ```ts
 * import { outputRoot } from '@l2/sequencer-core/output'
 *
 * const word = (byte: string): `0x${string}` => `0x${byte.repeat(32)}`
 * const block = { number: 5n, hash: word('11'), stateRoot: word('22') }
 * console.log(outputRoot(block, { storageHash: word('33') }).root) // 0x…
 * ```
 */
export function outputRoot(block: ProofBlock, { storageHash }: Pick<AccountProof, 'storageHash'>): Output {
  const { number, hash, stateRoot } = block
  const proof = { version: zeroHash, stateRoot, messagePasserStorageRoot: storageHash, latestBlockhash: hash }
  return { number, hash, root: hashOutputRootProof(proof), proof }
}

/** Outputs of the blocks that an engine has executed. */
export interface OutputSource {
  /**
   * Of a block of the canonical chain; `undefined` where there is none at that height.
   *
   * @throws SequencerError as {@link StateProofs.proof}, and `PROOF_INVALID` where a header contradicts its state
   */
  at(number: bigint, options?: CallOptions): Promise<Output | undefined>
}

/** Options of {@link createOutputSource}. */
export type OutputSourceOptions = {
  /**
   * Whether headers tell the message passer's storage root, as those of OP engines do from Isthmus on: `(block) => isForkActive(forks, 'isthmus',
   * block.timestamp)`. Then the two are held against each other. Default: they do not.
   */
  headerTells?: ((block: ExecutedBlock) => boolean) | undefined
}

/** Outputs by an engine's blocks and proofs of its states. */
export function createOutputSource(
  { headerTells = () => false }: OutputSourceOptions,
  { engine, proofs }: { engine: Pick<ExecutionEngine, 'block'>; proofs: StateProofs },
): OutputSource {
  return {
    async at(number, options) {
      const block = await engine.block(number, options)
      if (block === undefined) return undefined
      const proof = await proofs.proof(messagePasser, [], block, options)
      if (headerTells(block) && !sameHex(block.withdrawalsRoot ?? zeroHash, proof.storageHash)) {
        throw invalidProof('the header names another storage of the message passer than its state has', {
          number,
          header: block.withdrawalsRoot,
          state: proof.storageHash,
        })
      }
      return outputRoot(block, proof)
    },
  }
}
