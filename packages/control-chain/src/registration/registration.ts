import { bytesToHex, concatBytes, equalBytes, hexToBytes } from '@l2/common'
import { type HeaderDomain, recoverSigner } from '@l2/sequencer-core/block'
import { ed25519 } from '@noble/curves/ed25519.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash, Hex } from 'viem'
import { fixed, reader, uint } from '../bytes.js'
import { refuse } from '../errors.js'

/** What a key of an operator is for. */
export type KeyRole =
  /** Holds the stake on L1. */
  | 'owner'
  /** Signs headers and transactions of the control chain. */
  | 'header'
  /** Votes in the consensus engine. */
  | 'comet'
  /** Pays for batches on L1. */
  | 'poster'
  /** Names the operator among its peers. */
  | 'network'
  /** Signs statements about batches. */
  | 'attestation'

/** With what an operator attests to batches: its header key, or a key of a scheme that the port `Attestation` knows. */
export type AttestationKey = { readonly type: 'header' } | { readonly type: 'bls12-381'; readonly publicKey: Hex }

/** The public keys of one operator, which stand and fall together. */
export type OperatorPublicKeys = {
  readonly owner: Address
  readonly header: Address
  /** ed25519, 32 bytes. */
  readonly comet: Hex
  readonly poster: Address
  /** ed25519, 32 bytes. */
  readonly network: Hex
  readonly attestation: AttestationKey
}

/** What an operator says once for all its keys, and again when it changes one. */
export type Registration = {
  readonly keys: OperatorPublicKeys
  /** Rises with every registration of the owner: an older one does not come back. */
  readonly sequence: bigint
}

/** A {@link Registration} with a proof of possession by each of its keys. */
export type SignedRegistration = Registration & {
  readonly proofs: { readonly [Role in Exclude<KeyRole, 'attestation'>]: Hex } & {
    /** Absent where the header key attests. */
    readonly attestation?: Hex | undefined
  }
}

/**
 * Who signs with each key. All of them sign everything: no key can be taken into somebody else's registration.
 * Those of accounts answer with a signature of 65 bytes over the keccak256 of the message, `comet` and `network` with an
 * ed25519 signature over the message itself, `attestation` with what its scheme gives.
 */
export type RegistrationSigners = {
  readonly [Role in Exclude<KeyRole, 'attestation'>]: (message: Uint8Array) => Promise<Hex>
} & { readonly attestation?: ((message: Uint8Array) => Promise<Hex>) | undefined }

/** Whether a proof is by the key, for a scheme of attestations that is not the header key. */
export type VerifyPossession = (key: AttestationKey, message: Uint8Array, proof: Hex) => boolean

/** Why a registration is none. */
export type RegistrationRefusal = 'R_DECODE' | `R_PROOF_${Uppercase<KeyRole>}`

const roles: readonly KeyRole[] = ['owner', 'header', 'comet', 'poster', 'network', 'attestation']
const accountRoles = ['owner', 'header', 'poster'] as const
const engineRoles = ['comet', 'network'] as const
const schemes = { header: 0, 'bls12-381': 1 } as const
const version = 1
const fixedBytes = 1 + 8 + 20 + 20 + 32 + 20 + 32 + 1 + 1
/** Of a key or proof of attestation. */
const maxSchemeBytes = 192
const signatureBytes = 65
const engineSignatureBytes = 64
const tag = /*#__PURE__*/ new TextEncoder().encode('l2-control-chain/registration/v1')

function schemeBytes(field: string, value: Hex): Uint8Array {
  const bytes = hexToBytes(value)
  if (bytes === undefined || bytes.length === 0 || bytes.length > maxSchemeBytes) {
    refuse('ENCODING_INVALID', `${field} expected 1 to ${maxSchemeBytes} bytes`, { field })
  }
  return bytes
}

function bodyOf({ keys, sequence }: Registration): Uint8Array {
  const { attestation } = keys
  const attester = attestation.type === 'header' ? new Uint8Array() : schemeBytes('attestation', attestation.publicKey)
  return concatBytes(
    Uint8Array.of(version),
    uint('sequence', sequence, 8),
    fixed('owner', keys.owner, 20),
    fixed('header', keys.header, 20),
    fixed('comet', keys.comet, 32),
    fixed('poster', keys.poster, 20),
    fixed('network', keys.network, 32),
    Uint8Array.of(schemes[attestation.type], attester.length),
    attester,
  )
}

/**
 * What the key of a role signs: the rollup, the role and every key of the operator. A signature for one role, rollup or
 * set of keys is none for another.
 *
 * @throws ControlChainError `ENCODING_INVALID`
 */
export function registrationMessage(registration: Registration, role: KeyRole, domain: HeaderDomain): Uint8Array {
  const place = concatBytes(uint('chainId', domain.chainId, 32), fixed('rollup', domain.rollup, 20))
  return concatBytes(tag, Uint8Array.of(roles.indexOf(role)), place, bodyOf(registration))
}

/**
 * Binds the keys of an operator to each other: each one signs all of them.
 *
 * @throws ControlChainError `ENCODING_INVALID` for a key or a signature of a wrong length, `CONFIG_INVALID` where the
 * signer of the attestation key is missing
 *
 * @example
 * ```ts
 * import { readRegistration, encodeRegistration, signRegistration } from '@l2/control-chain'
 * import { ed25519 } from '@noble/curves/ed25519.js'
 * import { bytesToHex, keccak256 } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const secret = (n: number) => new Uint8Array(32).fill(n)
 * const account = (n: number) => privateKeyToAccount(bytesToHex(secret(n)))
 * const byAccount = (n: number) => (message: Uint8Array) => account(n).sign({ hash: keccak256(message) })
 * const byEd25519 = (n: number) => async (message: Uint8Array) => bytesToHex(ed25519.sign(message, secret(n)))
 * const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
 * const keys = {
 *   owner: account(1).address,
 *   header: account(2).address,
 *   comet: bytesToHex(ed25519.getPublicKey(secret(3))),
 *   poster: account(4).address,
 *   network: bytesToHex(ed25519.getPublicKey(secret(5))),
 *   attestation: { type: 'header' },
 * } as const
 * const signed = await signRegistration({ registration: { keys, sequence: 1n }, domain }, {
 *   owner: byAccount(1), header: byAccount(2), comet: byEd25519(3), poster: byAccount(4), network: byEd25519(5),
 * })
 * console.log(readRegistration(encodeRegistration(signed), { domain }).ok) // true
 * const other = { ...domain, chainId: 902n }
 * console.log(readRegistration(encodeRegistration(signed), { domain: other })) // { ok: false, reason: 'R_PROOF_OWNER' }
 * ```
 */
export async function signRegistration(
  options: { registration: Registration; domain: HeaderDomain },
  signers: RegistrationSigners,
): Promise<SignedRegistration> {
  const { registration, domain } = options
  const prove = async (role: KeyRole): Promise<Hex> => {
    const sign = signers[role]
    if (sign === undefined) refuse('CONFIG_INVALID', 'the attestation key has no signer', { role })
    return await sign(registrationMessage(registration, role, domain))
  }
  const { owner, header, comet, poster, network } = {
    owner: await prove('owner'),
    header: await prove('header'),
    comet: await prove('comet'),
    poster: await prove('poster'),
    network: await prove('network'),
  }
  const attestation = registration.keys.attestation.type === 'header' ? {} : { attestation: await prove('attestation') }
  return { ...registration, proofs: { owner, header, comet, poster, network, ...attestation } }
}

/** A registration as bytes, of which there is one form. @throws ControlChainError `ENCODING_INVALID` */
export function encodeRegistration(registration: SignedRegistration): Uint8Array {
  const { proofs, keys } = registration
  const attestation =
    keys.attestation.type === 'header'
      ? new Uint8Array()
      : schemeBytes('proofs.attestation', proofs.attestation ?? '0x')
  return concatBytes(
    bodyOf(registration),
    ...accountRoles.map(role => fixed(`proofs.${role}`, proofs[role], signatureBytes)),
    ...engineRoles.map(role => fixed(`proofs.${role}`, proofs[role], engineSignatureBytes)),
    attestation,
  )
}

/** Reads a registration of one's own, whose proofs need no check. `undefined` for bytes that are none. */
export function decodeRegistration(bytes: Uint8Array): SignedRegistration | undefined {
  const proofsLength = accountRoles.length * signatureBytes + engineRoles.length * engineSignatureBytes
  if (bytes.length < fixedBytes + proofsLength || bytes.length > fixedBytes + proofsLength + 2 * maxSchemeBytes) {
    return undefined
  }
  const read = reader(bytes)
  if (read.u8() !== version) return undefined
  const sequence = read.u64()
  const owner = read.hex(20)
  const header = read.hex(20)
  const comet = read.hex(32)
  const poster = read.hex(20)
  const network = read.hex(32)
  const scheme = read.u8()
  const length = read.u8()
  if (bytes.length < fixedBytes + length + proofsLength) return undefined
  const isHeader = scheme === schemes.header
  if (isHeader ? length !== 0 : scheme !== schemes['bls12-381'] || length === 0) return undefined
  const publicKey = read.hex(length)
  const signature = (): Hex => read.hex(signatureBytes)
  const [ownerProof, headerProof, posterProof] = [signature(), signature(), signature()]
  const [cometProof, networkProof] = [read.hex(engineSignatureBytes), read.hex(engineSignatureBytes)]
  const rest = read.rest()
  if (isHeader ? rest.length !== 0 : rest.length === 0 || rest.length > maxSchemeBytes) return undefined
  const attestation: AttestationKey = isHeader ? { type: 'header' } : { type: 'bls12-381', publicKey }
  return {
    keys: { owner, header, comet, poster, network, attestation },
    sequence,
    proofs: {
      owner: ownerProof,
      header: headerProof,
      poster: posterProof,
      comet: cometProof,
      network: networkProof,
      ...(isHeader ? {} : { attestation: bytesToHex(rest) }),
    },
  }
}

function isByEngineKey(proof: Hex, message: Uint8Array, key: Hex): boolean {
  try {
    return ed25519.verify(hexToBytes(proof)!, message, hexToBytes(key)!)
  } catch {
    return false
  }
}

/**
 * Reads a registration and believes none that one of its keys has not signed. Pure and bounded: what is refused here,
 * everybody refuses. Longer bytes than any registration's are not looked at; never throws.
 *
 * @param context.verifyPossession of the scheme of attestations; without it only registrations that attest with their
 * header key are taken
 */
export function readRegistration(
  bytes: Uint8Array,
  context: { domain: HeaderDomain; verifyPossession?: VerifyPossession | undefined },
): { ok: true; registration: SignedRegistration } | { ok: false; reason: RegistrationRefusal } {
  const registration = decodeRegistration(bytes)
  if (registration === undefined || !equalBytes(encodeRegistration(registration), bytes)) {
    return { ok: false, reason: 'R_DECODE' }
  }
  const { keys, proofs } = registration
  const refused = (role: KeyRole) =>
    ({ ok: false, reason: `R_PROOF_${role.toUpperCase() as Uppercase<KeyRole>}` }) as const
  for (const role of accountRoles) {
    const digest = bytesToHex(keccak_256(registrationMessage(registration, role, context.domain))) as Hash
    if (recoverSigner(digest, proofs[role]) !== keys[role]) return refused(role)
  }
  for (const role of engineRoles) {
    const message = registrationMessage(registration, role, context.domain)
    if (!isByEngineKey(proofs[role], message, keys[role])) return refused(role)
  }
  if (keys.attestation.type !== 'header') {
    const message = registrationMessage(registration, 'attestation', context.domain)
    const isProven = context.verifyPossession?.(keys.attestation, message, proofs.attestation ?? '0x') ?? false
    if (!isProven) return refused('attestation')
  }
  return { ok: true, registration }
}
