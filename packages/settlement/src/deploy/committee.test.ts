import { isL2Error } from '@l2/common'
import { receiptOf } from '@l2/common/testing'
import { blsCommitteeAbi } from '@l2/contracts/bls-committee'
import { committeeAbi } from '@l2/contracts/committee'
import {
  type Attestation,
  type AttestationSigner,
  type BatchStatement,
  createEcdsaAttester,
  ecdsaAttestation,
  hashBatchStatement,
  hashTurnStatement,
  type TurnStatement,
} from '@l2/control-chain'
import { blsAttestation, createBlsAttester } from '@l2/control-chain/bls'
import { type Abi, type Hash, keccak256, numberToHex, pad, zeroHash } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openArtifacts } from '../node/artifacts.js'
import { type AnvilL1, accounts, startL1 } from '../testing/dev-l1.js'
import { deploySettlement } from './deploy.js'
import { openSettlement } from './open.js'

const [deployer, batcher, next] = accounts
const artifacts = openArtifacts()
const secret = (n: number): Hash => keccak256(numberToHex(n))
const schemes: readonly { attestation: Attestation; abi: Abi; signer(n: number): AttestationSigner }[] = [
  {
    attestation: ecdsaAttestation,
    abi: committeeAbi as unknown as Abi,
    signer: n => createEcdsaAttester(privateKeyToAccount(secret(n))),
  },
  {
    attestation: blsAttestation,
    abi: blsCommitteeAbi as unknown as Abi,
    signer: n => createBlsAttester(numberToHex(BigInt(secret(n)) >> 2n, { size: 32 })),
  },
]

let l1: AnvilL1
beforeAll(async () => {
  l1 = await startL1()
})
afterAll(async () => {
  await l1?.[Symbol.asyncDispose]()
})

describe.each(schemes)('a rollup with a committee of $attestation.scheme', ({ attestation, abi, signer }) => {
  it('attests and rotates by more than two thirds of its stake, and by nothing less', async () => {
    const signers = [1, 2, 3, 4].map(signer)
    const members = signers.map(({ key }, index) => ({ id: index + 1, power: 10n, key }))
    const { addresses, l1Origin } = await deploySettlement(
      {
        ...{ l2ChainId: 901n, batcher: batcher.address },
        committee: {
          scheme: attestation.scheme,
          members: attestation.encodeMembers(members),
          handOverDelaySeconds: 60n,
        },
      },
      { client: l1.client, account: deployer, artifacts },
    )
    // A statement is about an L1 block before the one that it comes to.
    await l1.test.mine({ blocks: 1 })
    const found = await openSettlement({ systemConfig: addresses.systemConfig }, { l1: l1.client })
    expect(found.addresses).toEqual(addresses)
    const committee = addresses.committee!
    const domain = { l1ChainId: 900n, committee }
    const proof = async (digest: Hash, by: readonly number[]) => {
      const signatures = new Map(await Promise.all(by.map(async i => [i + 1, await signers[i]!.sign(digest)] as const)))
      return attestation.combine(members, signatures)
    }
    const simulate = (functionName: string, args: readonly unknown[]) =>
      l1.client.simulateContract({ address: committee, abi, functionName, args, account: next })
    const send = async (functionName: string, args: readonly unknown[]): Promise<void> => {
      await simulate(functionName, args)
      const call = { address: committee, abi, functionName, args, account: next, chain: null }
      const hash = await l1.wallet(next).writeContract({ ...call, gas: 2_000_000n } as never)
      expect((await receiptOf(l1.client, hash)).status).toBe('success')
    }

    const statement: BatchStatement = {
      ...{ chainId: 901n, sequence: 1n, committee: 0n, first: 1n, last: 10n },
      lastOrigin: { number: l1Origin.number, hash: l1Origin.hash },
      outputRoot: keccak256('0x0a'),
      dataHashes: [keccak256('0x0d')],
    }
    const { chainId, lastOrigin, ...rest } = statement
    const batch = { ...rest, l2ChainId: chainId, originNumber: lastOrigin.number, originHash: lastOrigin.hash }
    const digest = hashBatchStatement(statement, domain)
    expect(await proof(digest, [0, 1])).toBeUndefined()
    const signed = (await proof(digest, [0, 1, 3]))!
    const other = (await proof(keccak256('0x01'), [0, 1, 3]))!
    await expect(simulate('attest', [batch, other.bitmap, other.signature])).rejects.toThrow('WrongSignature')
    await expect(simulate('attest', [batch, 0b11n, signed.signature])).rejects.toThrow('NoQuorum')
    await expect(simulate('attest', [{ ...batch, last: 11n }, signed.bitmap, signed.signature])).rejects.toThrow(
      'WrongSignature',
    )
    await send('attest', [batch, signed.bitmap, signed.signature])
    expect(await l1.client.readContract({ address: committee, abi, functionName: 'lastAttested' })).toBe(10n)

    const order: TurnStatement = {
      ...{ chainId: 901n, sequence: 1n, committee: 0n, poster: next.address },
      ...{ lastAttested: 10n, nextMembers: zeroHash },
    }
    const { chainId: l2ChainId, ...turn } = order
    const { bitmap, signature } = (await proof(hashTurnStatement(order, domain), [0, 2, 3]))!
    await send('turn', [{ ...turn, l2ChainId }, '0x', bitmap, signature])
    const config = artifacts.contract('SystemConfig').abi as Abi
    const batcherHash = { address: addresses.systemConfig, abi: config, functionName: 'batcherHash' }
    expect(await l1.client.readContract(batcherHash)).toBe(pad(next.address, { size: 32 }).toLowerCase())
  })
})

it('a pool obeys an operator or a committee', async () => {
  const members = ecdsaAttestation.encodeMembers([{ id: 1, power: 1n, key: deployer.address }])
  const refused = await deploySettlement(
    {
      ...{ l2ChainId: 901n, batcher: batcher.address },
      pool: { operator: deployer.address, handOverDelaySeconds: 60n },
      committee: { members, handOverDelaySeconds: 60n },
    },
    { client: l1.client, account: deployer, artifacts },
  ).catch((error: unknown) => error)
  expect(isL2Error(refused, 'SETTLEMENT_OPTIONS_INVALID')).toBe(true)
})
