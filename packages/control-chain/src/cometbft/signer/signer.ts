import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { isL2Error } from '@l2/common'
import type { Reservation, SigningGuard } from '@l2/sequencer-core/block'
import { ed25519 } from '@noble/curves/ed25519.js'
import { type Proposal, SignedMsgType, type Vote } from 'cosmjs-types/tendermint/types/types'
import type { Address, Hash } from 'viem'
import { refuse } from '../../errors.js'
import { cometAddress, extensionSignBytes } from '../extended-commit.js'
import {
  maxMessageBytes,
  namesBlock,
  proposalSignBytes,
  readRequest,
  type SignerAnswer,
  type SignerRequest,
  timestampIn,
  voteSignBytes,
  writeAnswer,
} from './messages.js'

/** The key of an operator's consensus engine, wherever its secret is. */
export type CometSigningKey = {
  /** ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Signs a message, 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** Options of {@link serveCometSigner}. */
export type CometSignerOptions = {
  /** The engine's `priv_validator_laddr`: `unix:///path/signer.sock`, or `tcp://127.0.0.1:1234` on this machine. */
  address: string
  /** Name of the control chain: for no other it signs. */
  controlChainId: string
}

/** What {@link serveCometSigner} works with. */
export type CometSignerDependencies = {
  key: CometSigningKey
  /**
   * Of this key, opened with {@link cometGuardSigner}. One for all machines of the operator: each place of height, round
   * and step is signed once, whichever machine asks.
   */
  guard: SigningGuard
  /** Told why something was not signed, and of connections that were lost. */
  onFault?: ((reason: string) => void) | undefined
}

/** A signer that is connected, or comes back when it is not. */
export interface CometSigner extends AsyncDisposable {
  readonly isConnected: boolean
  /** Idempotent. */
  close(): Promise<void>
}

/** Whose guard it is: the `signer` of `openFileGuard` and `openPostgresGuard`. */
export function cometGuardSigner(publicKey: Uint8Array): Address {
  return cometAddress(publicKey) as Address
}

/** From a lost connection to the next try. */
const retryMs = 100
const steps = {
  [SignedMsgType.SIGNED_MSG_TYPE_PROPOSAL]: 1n,
  [SignedMsgType.SIGNED_MSG_TYPE_PREVOTE]: 2n,
  [SignedMsgType.SIGNED_MSG_TYPE_PRECOMMIT]: 3n,
} as const
const noTime = { seconds: 0n, nanos: 0 }

/**
 * Signs for a CometBFT that does not have its key (`signerAddress` of `openCometBft`). Height, round and step are a place
 * as a header's is: it is reserved in the guard, durably, before the signature is made, and a second content for it is
 * refused; the same content once more gets the time and the signature that it had. An extension is signed each time: two
 * of them are no fault.
 *
 * When the guard does not answer nothing is signed: that costs the operator a vote and never its stake.
 *
 * @throws ControlChainError `CONFIG_INVALID` for an address that is not this machine's
 *
 * @example
 * ```ts
 * import { cometGuardSigner, createCometKey, serveCometSigner } from '@l2/control-chain/cometbft'
 * import { createMemoryGuard } from '@l2/sequencer-core/block'
 * import { ed25519 } from '@noble/curves/ed25519.js'
 *
 * const { publicKey, secret } = createCometKey()
 * const key = { publicKey, sign: async (message: Uint8Array) => ed25519.sign(message, secret) }
 * const signer = serveCometSigner(
 *   { address: 'unix:///tmp/l2-no-engine-here.sock', controlChainId: 'control-901' },
 *   { key, guard: createMemoryGuard() }, // lasting ones: openFileGuard({ signer: cometGuardSigner(publicKey), … })
 * )
 * console.log(signer.isConnected, cometGuardSigner(publicKey).length) // false 42
 * await signer.close()
 * ```
 */
export function serveCometSigner(options: CometSignerOptions, dependencies: CometSignerDependencies): CometSigner {
  const place = readAddress(options.address)
  const { onFault = () => {} } = dependencies
  let socket: Socket | undefined
  let isConnected = false
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let working: Promise<void> = Promise.resolve()
  const dial = (): void => {
    const dialled = connect(place)
    socket = dialled
    let buffer: Buffer = Buffer.alloc(0)
    dialled.on('connect', () => {
      isConnected = true
    })
    // The engine may not listen yet: that is no fault.
    dialled.on('error', () => dialled.destroy())
    dialled.on('close', () => {
      if (isConnected && !isClosed) onFault('the connection to the engine is lost')
      isConnected = false
      if (!isClosed) timer = setTimeout(dial, retryMs)
    })
    dialled.on('data', data => {
      buffer = Buffer.concat([buffer, data])
      for (let frame = takeFrame(buffer); frame !== 'more'; frame = takeFrame(buffer)) {
        const request = frame === 'wrong' ? undefined : readRequest(frame.body)
        if (frame === 'wrong' || request === undefined) {
          onFault('the engine sent what is no request')
          dialled.destroy()
          return
        }
        buffer = buffer.subarray(frame.length)
        working = working.then(async () => {
          const answer = await answerRequest(request, options.controlChainId, dependencies)
          if (answer.type === 'refused') onFault(answer.reason)
          if (!dialled.destroyed) dialled.write(writeAnswer(answer))
        })
      }
    })
  }
  dial()
  const close = async (): Promise<void> => {
    isClosed = true
    clearTimeout(timer)
    socket?.destroy()
    await working
  }
  return {
    get isConnected() {
      return isConnected
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A Unix socket, or a port of this machine: nobody else may listen to what is signed, or ask for it. */
function readAddress(address: string): { path: string } | { host: string; port: number } {
  const unix = /^unix:\/\/(\/.+)$/.exec(address)
  if (unix !== null) return { path: unix[1]! }
  const tcp = /^tcp:\/\/(127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})$/.exec(address)
  if (tcp !== null) return { host: tcp[1]!.replace(/[[\]]/g, ''), port: Number(tcp[2]) }
  return refuse('CONFIG_INVALID', `the signer's address expected unix:// or a port of this machine, got ${address}`)
}

function takeFrame(buffer: Buffer): { body: Uint8Array; length: number } | 'more' | 'wrong' {
  let size = 0
  for (let at = 0; at < buffer.length; at++) {
    size += (buffer[at]! & 127) * 2 ** (7 * at)
    if (size > maxMessageBytes || at > 2) return 'wrong'
    if (buffer[at]! >= 128) continue
    const length = at + 1 + size
    return buffer.length < length ? 'more' : { body: buffer.subarray(at + 1, length), length }
  }
  return 'more'
}

/** Signs, or says why not; never throws. */
export async function answerRequest(
  request: SignerRequest,
  controlChainId: string,
  dependencies: Pick<CometSignerDependencies, 'key' | 'guard'>,
): Promise<SignerAnswer> {
  if (request.type === 'ping') return { type: 'ping' }
  const refused = (reason: string): SignerAnswer => ({ type: 'refused', request: request.type, reason })
  if (request.chainId !== controlChainId) return refused(`the key signs for ${controlChainId} only`)
  const { key } = dependencies
  try {
    if (request.type === 'publicKey') return { type: 'publicKey', publicKey: key.publicKey }
    if (request.type === 'vote')
      return { type: 'vote', vote: await signVote(request.vote, controlChainId, dependencies) }
    return { type: 'proposal', proposal: await signProposal(request.proposal, controlChainId, dependencies) }
  } catch (error) {
    return refused(isL2Error(error) ? error.shortMessage : 'the key did not sign')
  }
}

type Signing = Pick<CometSignerDependencies, 'key' | 'guard'>

async function sign({ key }: Signing, message: Uint8Array): Promise<Uint8Array> {
  const signature = await key.sign(message)
  // A key service that answers with something else would make the operator's votes worth nothing.
  if (signature.length !== 64 || !ed25519.verify(signature, message, key.publicKey)) {
    refuse('SIGNER_FAILED', 'the signature is not by the key of the engine')
  }
  return signature
}

/** Reserves the place, and gives back what is signed there: this, or what was signed there before with another time. */
async function reserve(
  { guard }: Signing,
  place: { height: bigint; round: number; step: bigint },
  content: { signBytes: Uint8Array; timeless: Uint8Array },
): Promise<Uint8Array> {
  if (place.height < 1n || place.round < 0) refuse('SIGNER_FAILED', 'a place that no block has')
  const reservation: Reservation = {
    epoch: place.height,
    term: place.round,
    height: place.step,
    digest: `0x${createHash('sha256').update(content.timeless).digest('hex')}` as Hash,
    payload: content.signBytes,
  }
  if ((await guard.reserve(reservation)) === 'new') return content.signBytes
  const before = await guard.pending()
  // Another machine of this operator may have gone on meanwhile.
  if (before?.payload === undefined || before.digest !== reservation.digest) {
    refuse('SIGNER_FAILED', 'what was signed here before is not known any more')
  }
  return before.payload
}

async function signVote(vote: Vote, chainId: string, signing: Signing): Promise<Vote> {
  const { type, height, round, extension, blockId, timestamp } = vote
  if (type !== SignedMsgType.SIGNED_MSG_TYPE_PREVOTE && type !== SignedMsgType.SIGNED_MSG_TYPE_PRECOMMIT) {
    refuse('SIGNER_FAILED', 'a vote of no step')
  }
  if (timestamp === undefined) refuse('SIGNER_FAILED', 'a vote without a time')
  const isExtended = type === SignedMsgType.SIGNED_MSG_TYPE_PRECOMMIT && namesBlock(blockId)
  if (!isExtended && extension.length > 0) refuse('SIGNER_FAILED', 'an extension where none can be')
  const signed = await reserve(
    signing,
    { height, round, step: steps[type] },
    {
      signBytes: voteSignBytes(vote, chainId),
      timeless: voteSignBytes({ ...vote, timestamp: noTime }, chainId),
    },
  )
  const extensionSignature = isExtended
    ? await sign(signing, extensionSignBytes({ extension, height, round, chainId }))
    : new Uint8Array()
  const signature = await sign(signing, signed)
  return { ...vote, timestamp: timestampIn(signed, 'vote'), signature, extensionSignature }
}

async function signProposal(proposal: Proposal, chainId: string, signing: Signing): Promise<Proposal> {
  const { height, round, timestamp } = proposal
  if (timestamp === undefined) refuse('SIGNER_FAILED', 'a proposal without a time')
  const signed = await reserve(
    signing,
    { height, round, step: steps[SignedMsgType.SIGNED_MSG_TYPE_PROPOSAL] },
    {
      signBytes: proposalSignBytes(proposal, chainId),
      timeless: proposalSignBytes({ ...proposal, timestamp: noTime }, chainId),
    },
  )
  return { ...proposal, timestamp: timestampIn(signed, 'proposal'), signature: await sign(signing, signed) }
}
