import {
  type Attestation,
  type AttestationProof,
  type AttestationSigner,
  type BatchStatement,
  type CommitteeMember,
  createEcdsaAttester,
  ecdsaAttestation,
  hashBatchStatement,
  hashTurnStatement,
  type TurnStatement,
} from '@l2/control-chain'
import { blsAttestation, createBlsAttester } from '@l2/control-chain/bls'
import { type Abi, type Address, type Hash, type Hex, keccak256, numberToHex, zeroAddress, zeroHash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { blsCommitteeAbi, blsCommitteeBytecode } from '../src/bls-committee/index.js'
import { committeeAbi, committeeBytecode } from '../src/committee/index.js'
import { poolAbi } from '../src/pool/index.js'
import { type At, accounts, type Chain } from './anvil.js'
import { proxy, systemConfigAt } from './settlement.js'

const l1ChainId = 900n
export const l2ChainId = 901n
export const escapeSeconds = 7n * 86_400n

const secret = (n: number): Hash => keccak256(numberToHex(n))

/** The two ways to sign, each with the contract that checks it. */
export const schemes = [
  {
    name: 'Committee',
    attestation: ecdsaAttestation as Attestation,
    signer: (n: number): AttestationSigner => createEcdsaAttester(privateKeyToAccount(secret(n))),
    contract: { abi: committeeAbi as unknown as Abi, bytecode: committeeBytecode },
  },
  {
    name: 'BlsCommittee',
    attestation: blsAttestation,
    signer: (n: number): AttestationSigner => createBlsAttester(numberToHex(BigInt(secret(n)) >> 2n, { size: 32 })),
    contract: { abi: blsCommitteeAbi as unknown as Abi, bytecode: blsCommitteeBytecode },
  },
] as const
export type Scheme = (typeof schemes)[number]

/** Operators with these powers; `firstKey` names their secrets. */
export function operators(scheme: Scheme, powers: readonly bigint[], firstKey = 1) {
  const signers = powers.map((_, index) => scheme.signer(firstKey + index))
  const members = powers.map(
    (power, index): CommitteeMember => ({ id: firstKey + index, power, key: signers[index]!.key }),
  )
  const sign = async (digest: Hash, present: readonly number[]): Promise<Map<number, Hex>> =>
    new Map(await Promise.all(present.map(async i => [members[i]!.id, await signers[i]!.sign(digest)] as const)))
  return { members, sign }
}
type Operators = ReturnType<typeof operators>

/** A committee on an L1, whose pool owns a stock system configuration. */
export async function deployCommittee(l1: Chain, scheme: Scheme, first: Operators, guardian: Address = zeroAddress) {
  const at = await proxy(l1)
  const args = [at.address, l2ChainId, 3600n, guardian, escapeSeconds, 0n]
  const committee = await l1.deploy(scheme.contract, [...args, scheme.attestation.encodeMembers(first.members)])
  const pool: At = { address: await l1.read<Address>(committee, 'pool'), abi: poolAbi as unknown as Abi }
  const config = await systemConfigAt(l1, at, pool.address, zeroAddress, zeroAddress)
  const domain = { l1ChainId, committee: committee.address }
  const origin = async (): Promise<BatchStatement['lastOrigin']> => {
    const { number, parentHash } = await l1.client.getBlock()
    return { number: number - 1n, hash: parentHash }
  }
  const statement = async (change: Partial<BatchStatement> = {}): Promise<BatchStatement> => ({
    ...{ chainId: l2ChainId, sequence: 1n, committee: 0n, first: 1n, last: 10n },
    ...{ lastOrigin: await origin(), outputRoot: keccak256('0x0a'), dataHashes: [keccak256('0x0d')] },
    ...change,
  })
  const turnOf = (change: Partial<TurnStatement> = {}): TurnStatement => ({
    ...{ chainId: l2ChainId, sequence: 1n, committee: 0n, poster: accounts[2].address },
    ...{ lastAttested: 0n, nextMembers: zeroHash },
    ...change,
  })
  /** Signed by everybody that is named, as L1 takes it. */
  const prove = async (by: Operators, digest: Hash, present: readonly number[]): Promise<AttestationProof> =>
    scheme.attestation.combine(by.members, await by.sign(digest, present))!
  const all = (by: Operators) => by.members.map((_, index) => index)
  const attestArgs = (batch: BatchStatement, { bitmap, signature }: AttestationProof) => {
    const { chainId, lastOrigin, ...rest } = batch
    const struct = { ...rest, l2ChainId: chainId, originNumber: lastOrigin.number, originHash: lastOrigin.hash }
    return [struct, bitmap, signature]
  }
  return {
    ...{ committee, pool, config, domain, statement, turnOf, prove, attestArgs },
    async attestBy(by: Operators, batch: BatchStatement, present = all(by)) {
      return attestArgs(batch, await prove(by, hashBatchStatement(batch, domain), present))
    },
    async turnBy(by: Operators, order: TurnStatement, next?: Operators, present = all(by)) {
      const members = next === undefined ? '0x' : scheme.attestation.encodeMembers(next.members)
      const { bitmap, signature } = await prove(by, hashTurnStatement(order, domain), present)
      const { chainId, ...rest } = order
      return [{ ...rest, l2ChainId: chainId }, members, bitmap, signature]
    },
  }
}
