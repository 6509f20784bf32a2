import { bytesToHex, hexToBytes } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import { ed25519 } from '@noble/curves/ed25519.js'
import { keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import {
  encodeRegistration,
  type KeyRole,
  type OperatorPublicKeys,
  type RegistrationSigners,
  readRegistration,
  registrationMessage,
  signRegistration,
} from './registration.js'

const secret = (n: number) => new Uint8Array(32).fill(n)
const account = (n: number) => privateKeyToAccount(bytesToHex(secret(n)))
const byAccount = (n: number) => (message: Uint8Array) => account(n).sign({ hash: keccak256(message) })
const byEd25519 = (n: number) => async (message: Uint8Array) => bytesToHex(ed25519.sign(message, secret(n)))
const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
const keysFrom = (first: number): OperatorPublicKeys => ({
  owner: account(first).address,
  header: account(first + 1).address,
  comet: bytesToHex(ed25519.getPublicKey(secret(first + 2))),
  poster: account(first + 3).address,
  network: bytesToHex(ed25519.getPublicKey(secret(first + 4))),
  attestation: { type: 'header' },
})
const signersFrom = (first: number): RegistrationSigners => ({
  owner: byAccount(first),
  header: byAccount(first + 1),
  comet: byEd25519(first + 2),
  poster: byAccount(first + 3),
  network: byEd25519(first + 4),
})
const sign = (first = 10, signers: RegistrationSigners = signersFrom(first)) =>
  signRegistration({ registration: { keys: keysFrom(first), sequence: 3n }, domain }, signers)
const otherKey: Record<Exclude<KeyRole, 'attestation'>, RegistrationSigners[KeyRole]> = {
  owner: byAccount(99),
  header: byAccount(99),
  poster: byAccount(99),
  comet: byEd25519(99),
  network: byEd25519(99),
}

describe('a registration', () => {
  it('comes back from its bytes as it was signed', async () => {
    const signed = await sign()
    const read = readRegistration(encodeRegistration(signed), { domain })
    expect(read).toMatchObject({ ok: true, registration: { sequence: 3n, keys: { comet: signed.keys.comet } } })
    if (read.ok) expect(encodeRegistration(read.registration)).toEqual(encodeRegistration(signed))
  })

  it('is none where one of its keys has not signed, whichever', async () => {
    for (const role of Object.keys(otherKey) as (keyof typeof otherKey)[]) {
      const signed = await sign(10, { ...signersFrom(10), [role]: otherKey[role] })
      expect(readRegistration(encodeRegistration(signed), { domain })).toEqual({
        ok: false,
        reason: `R_PROOF_${role.toUpperCase()}`,
      })
    }
  })

  it('is none of another rollup, another sequence or another set of keys', async () => {
    const signed = await sign()
    for (const elsewhere of [
      { ...domain, chainId: 902n },
      { ...domain, rollup: `0x${'02'.repeat(20)}` as const },
    ]) {
      expect(readRegistration(encodeRegistration(signed), { domain: elsewhere }).ok).toBe(false)
    }
    expect(readRegistration(encodeRegistration({ ...signed, sequence: 4n }), { domain }).ok).toBe(false)
    // The proofs that an honest operator gave for its own keys, taken into a registration with the liar's owner.
    const stolen = { ...signed, keys: { ...signed.keys, owner: account(99).address } }
    const proofs = { ...signed.proofs, owner: await byAccount(99)(registrationMessage(stolen, 'owner', domain)) }
    expect(readRegistration(encodeRegistration({ ...stolen, proofs }), { domain })).toEqual({
      ok: false,
      reason: 'R_PROOF_HEADER',
    })
  })

  it('takes a key of another scheme only by that scheme', async () => {
    const registration = {
      keys: { ...keysFrom(10), attestation: { type: 'bls12-381', publicKey: `0x${'ab'.repeat(96)}` } },
      sequence: 1n,
    } as const
    const signed = await signRegistration(
      { registration, domain },
      { ...signersFrom(10), attestation: async message => keccak256(message) },
    )
    const bytes = encodeRegistration(signed)
    expect(readRegistration(bytes, { domain })).toEqual({ ok: false, reason: 'R_PROOF_ATTESTATION' })
    const verifyPossession = (_: unknown, message: Uint8Array, proof: string) => proof === keccak256(message)
    expect(readRegistration(bytes, { domain, verifyPossession }).ok).toBe(true)
    expect(readRegistration(bytes, { domain, verifyPossession: () => false }).ok).toBe(false)
    await expect(signRegistration({ registration, domain }, signersFrom(10))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })

  it('is never read out of bytes that somebody has changed, cut or made up', async () => {
    const random = seededRandom(testSeed(21))
    const bytes = encodeRegistration(await sign())
    for (let round = 0; round < 40; round++) {
      const changed = bytes.slice()
      changed[random.below(bytes.length)]! ^= 1 + random.below(255)
      expect(readRegistration(changed, { domain }).ok).toBe(false)
      expect(readRegistration(bytes.subarray(0, random.below(bytes.length)), { domain }).ok).toBe(false)
      expect(readRegistration(random.bytes(random.below(900)), { domain }).ok).toBe(false)
    }
    expect(readRegistration(new Uint8Array(2 ** 20), { domain })).toEqual({ ok: false, reason: 'R_DECODE' })
    expect(hexToBytes(bytesToHex(bytes))).toEqual(bytes)
  })

  it('refuses to be made of what are no keys', async () => {
    const short = { ...keysFrom(10), comet: '0x00' as const }
    await expect(
      signRegistration({ registration: { keys: short, sequence: 1n }, domain }, signersFrom(10)),
    ).rejects.toMatchObject({ code: 'ENCODING_INVALID' })
  })
})
