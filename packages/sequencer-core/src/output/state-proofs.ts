import { bytesToHex } from '@l2/common'
import type { Address, Hash, Hex } from 'viem'
import * as z from 'zod/mini'
import { sameHex } from '../derivation/words.js'
import type { CallOptions, ExecutedBlock } from '../engine/engine.js'
import { quantity } from '../engine/rpc-state.js'
import { SequencerError } from '../errors.js'
import { checkOptions } from '../internal/options.js'
import { readItem, readList, readString, readUint } from '../rlp/rlp.js'
import { emptyTrieRoot, invalidProof, provenValue } from './trie-proof.js'

/** The contract whose storage holds every withdrawal. Source: OP specs, "L2ToL1MessagePasser". */
export const messagePasser: Address = '0x4200000000000000000000000000000000000016'

/** A slot of an account's storage, proven. */
export type StorageProof = {
  readonly slot: Hash
  /** 0 where nothing is stored. */
  readonly value: bigint
  /** Nodes of the storage trie, from its root down. */
  readonly proof: readonly Hex[]
}

/** An account at a block, proven against the block's state root (EIP-1186). */
export type AccountProof = {
  readonly address: Address
  readonly nonce: bigint
  readonly balanceWei: bigint
  readonly codeHash: Hash
  /** Root of the account's storage. */
  readonly storageHash: Hash
  /** Nodes of the state trie, from its root down. */
  readonly accountProof: readonly Hex[]
  /** In the order in which they were asked for. */
  readonly storage: readonly StorageProof[]
}

/** The block whose state is proven. */
export type ProofBlock = Pick<ExecutedBlock, 'number' | 'hash' | 'stateRoot'>

/** How far back proofs go, as {@link StateProofs.probe} found it. */
export type ProvenDepth = {
  readonly head: bigint
  /** The oldest block that was asked about, and proven. */
  readonly oldest: bigint
  /** False while the chain is younger than the depth that the engine is said to have: then nothing is known of older states yet. */
  readonly isWhole: boolean
}

/**
 * Proofs of an execution engine's states. An engine keeps states for a while only (op-geth, as it is installed, 128 blocks), and a chain whose states are gone
 * lets nobody withdraw: whoever proposes outputs knows the depth, and probes it.
 */
export interface StateProofs {
  /** Of the engine. */
  readonly name: string
  /** How many blocks behind the head can be proven; `undefined`: all. */
  readonly depthBlocks: bigint | undefined
  /**
   * An account and slots of its storage, held against the block's state root before it is given. Idempotent.
   *
   * @throws SequencerError `PROOFS_UNAVAILABLE` where the engine has not the state any more, or not yet; `PROOF_INVALID` where its answer proves nothing;
   * and whatever the request throws when the engine cannot be reached
   */
  proof(address: Address, slots: readonly Hash[], block: ProofBlock, options?: CallOptions): Promise<AccountProof>
  /**
   * Has the oldest state proven that the depth promises. Ask at a start and from time to time: a young chain cannot tell.
   *
   * @throws SequencerError `PROOFS_UNAVAILABLE` where the engine keeps fewer states, and as {@link proof}
   */
  probe(options?: CallOptions): Promise<ProvenDepth>
}

/** Options of {@link createStateProofs}. */
export type StateProofsOptions = {
  /** Of the engine, for messages. */
  name: string
  /** How many blocks behind its head it proves; `undefined`, for an archive: all. */
  depthBlocks?: bigint | undefined
  /** Below it there are no states at all. Default 0. */
  genesisNumber?: bigint | undefined
}

/** Where the engine is asked: a viem client, or anything else with JSON-RPC. What it refuses it throws with a numeric `code`, its own or a cause's. */
export type StateProofsDependencies = {
  request(call: { method: string; params: readonly unknown[] }, options?: CallOptions): Promise<unknown>
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    name: z.string().check(z.minLength(1)),
    depthBlocks: z.optional(z.bigint().check(z.positive())),
    genesisNumber: z.optional(z.bigint().check(z.nonnegative())),
  }))()

const hex = (bytes?: number) =>
  z.string().check(z.regex(bytes === undefined ? /^0x([0-9a-fA-F]{2})*$/ : new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`)))
const amount = /* @__PURE__ */ (() => z.string().check(z.regex(/^0x[0-9a-fA-F]{1,64}$/)))()
const nodes = /* @__PURE__ */ (() => z.array(hex().check(z.maxLength(2050))).check(z.maxLength(65)))()
const answerSchema = /* @__PURE__ */ (() =>
  z.object({
    address: hex(20),
    nonce: amount,
    balance: amount,
    codeHash: hex(32),
    storageHash: hex(32),
    accountProof: nodes,
    storageProof: z.array(z.object({ key: amount, value: amount, proof: nodes })),
  }))()
const blockSchema = /* @__PURE__ */ (() => z.object({ number: amount, hash: hex(32), stateRoot: hex(32) }))()

const zeroHash: Hash = `0x${'00'.repeat(32)}`
/** Of an account without code. */
const emptyCodeHash: Hash = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'

/**
 * Proofs by `eth_getProof`. For the embedded engine, op-geth and op-reth, and for anvil, whose genesis header names no state and cannot be proven.
 *
 * @throws SequencerError `ENGINE_OPTIONS`
 *
 * @example
 * ```ts no-run
 * import { createStateProofs, messagePasser } from '@l2/sequencer-core/output'
 * import { createPublicClient, http } from 'viem'
 *
 * const client = createPublicClient({ transport: http('http://127.0.0.1:8545') })
 * const request = ({ method, params }: { method: string; params: readonly unknown[] }) => client.request({ method, params } as never)
 * const proofs = createStateProofs({ name: 'op-geth', depthBlocks: 43_200n }, { request })
 * console.log(await proofs.probe())
 * const { number, hash, stateRoot } = await client.getBlock()
 * console.log((await proofs.proof(messagePasser, [], { number, hash, stateRoot })).storageHash)
 * ```
 */
export function createStateProofs(
  { name, depthBlocks, genesisNumber = 0n }: StateProofsOptions,
  { request }: StateProofsDependencies,
): StateProofs {
  checkOptions(optionsSchema, { name, depthBlocks, genesisNumber }, 'state proofs', 'ENGINE_OPTIONS')
  const ask = async (
    method: string,
    params: readonly unknown[],
    about: bigint | undefined,
    options: CallOptions | undefined,
  ): Promise<unknown> => {
    try {
      return await request({ method, params }, options)
    } catch (cause) {
      if (!isRefusal(cause)) throw cause
      throw unavailable(name, about, cause)
    }
  }
  const blockAt = async (at: bigint | undefined, options: CallOptions | undefined): Promise<ProofBlock | undefined> => {
    const tag = at === undefined ? 'latest' : quantity(at)
    const answer = await ask('eth_getBlockByNumber', [tag, false], at, options)
    if (answer === null) return undefined
    const { number, hash, stateRoot } = read(blockSchema, answer, 'a block')
    return { number: BigInt(number), hash: hash as Hash, stateRoot: stateRoot as Hash }
  }
  const proof: StateProofs['proof'] = async (address, slots, block, options) => {
    const params = [address, slots, { blockHash: block.hash }]
    const answer = await ask('eth_getProof', params, block.number, options)
    return checked(address, slots, block, read(answerSchema, answer, 'a proof'))
  }
  return {
    name,
    depthBlocks,
    proof,
    async probe(options) {
      const head = await blockAt(undefined, options)
      if (head === undefined) throw unavailable(name, undefined, undefined)
      const isWhole = depthBlocks !== undefined && head.number - genesisNumber >= depthBlocks
      const number = isWhole ? head.number - depthBlocks : genesisNumber
      const oldest = await blockAt(number, options)
      if (oldest === undefined) throw unavailable(name, number, undefined)
      // What names no state, as anvil's genesis, can be held against none.
      if (!sameHex(oldest.stateRoot, emptyTrieRoot)) await proof(messagePasser, [], oldest, options)
      return { head: head.number, oldest: number, isWhole: isWhole || depthBlocks === undefined }
    },
  }
}

function unavailable(name: string, number: bigint | undefined, cause: unknown): SequencerError {
  const why = cause instanceof Error ? `: ${cause.message.split('\n', 1)[0]!.slice(0, 200)}` : ''
  return new SequencerError(`${name} has no proof of ${number === undefined ? 'its head' : `block ${number}`}${why}`, {
    code: 'PROOFS_UNAVAILABLE',
    meta: ['try: an engine that keeps its old states (op-geth: --gcmode archive; op-engine: more history)'],
    details: { number },
    cause,
  })
}

/** Whether an engine has answered with an error object, as opposed to not at all. */
function isRefusal(error: unknown): boolean {
  let at = error as { code?: unknown; cause?: unknown } | undefined
  for (let depth = 0; depth < 16 && typeof at === 'object' && at !== null; depth++) {
    // -32005: no room just now (EIP-1474).
    if (typeof at.code === 'number') return at.code !== -32005
    at = at.cause as typeof at
  }
  return false
}

function read<T>(schema: z.ZodMiniType<T>, answer: unknown, what: string): T {
  const parsed = z.safeParse(schema, answer)
  if (parsed.success) return parsed.data
  throw invalidProof(`the engine's answer is not ${what}`)
}

/** The answer, once every part of it was held against the state root. */
function checked(
  address: Address,
  slots: readonly Hash[],
  block: ProofBlock,
  answer: z.infer<typeof answerSchema>,
): AccountProof {
  const accountProof = answer.accountProof as Hex[]
  const proven = provenAccount(provenValue(block.stateRoot, address, accountProof))
  // Of an account that is not there engines tell zero hashes, or those of nothing.
  const told = (hash: string, nothing: Hash): Hash => (hash === zeroHash ? nothing : (hash as Hash))
  const isSame =
    sameHex(answer.address as Hex, address) &&
    BigInt(answer.nonce) === proven.nonce &&
    BigInt(answer.balance) === proven.balanceWei &&
    sameHex(told(answer.codeHash, emptyCodeHash), proven.codeHash) &&
    sameHex(told(answer.storageHash, emptyTrieRoot), proven.storageHash)
  if (!isSame) {
    throw invalidProof('the account is another than the one that is proven', { address, number: block.number })
  }
  if (answer.storageProof.length !== slots.length) throw invalidProof('other slots than were asked for', { address })
  const storage = slots.map((slot, index): StorageProof => {
    const { key, value, proof } = answer.storageProof[index]! as { key: Hex; value: Hex; proof: Hex[] }
    if (BigInt(key) !== BigInt(slot)) throw invalidProof('other slots than were asked for', { address, slot })
    const bytes = provenValue(proven.storageHash, slot, proof)
    const found = bytes === undefined ? 0n : readUint(bytes, readItem(bytes, 0))
    if (found !== BigInt(value)) throw invalidProof('a slot with another value than the proven one', { address, slot })
    return { slot, value: found, proof }
  })
  return { address, ...proven, accountProof, storage }
}

function provenAccount(bytes: Uint8Array | undefined): Omit<AccountProof, 'address' | 'accountProof' | 'storage'> {
  if (bytes === undefined) return { nonce: 0n, balanceWei: 0n, storageHash: emptyTrieRoot, codeHash: emptyCodeHash }
  const items = readList(bytes, readItem(bytes, 0), 4)
  if (items.length !== 4) throw invalidProof('an account that is none')
  const [nonce, balance, storage, code] = items
  const word = (item: (typeof items)[number]): Hash => {
    const found = readString(bytes, item)
    if (found.length !== 32) throw invalidProof('an account that is none')
    return bytesToHex(found)
  }
  return {
    nonce: readUint(bytes, nonce!, 8),
    balanceWei: readUint(bytes, balance!),
    storageHash: word(storage!),
    codeHash: word(code!),
  }
}
