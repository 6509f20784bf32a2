import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { type AttestationProof, hashBatchStatement, hashTurnStatement } from '@l2/control-chain'
import { type Hex, keccak256, numberToHex, pad, zeroAddress, zeroHash } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accounts, type Chain, startAnvil } from './anvil.js'
import { deployCommittee, escapeSeconds, l2ChainId, operators, type Scheme, schemes } from './committee.js'

const [, , poster, stranger] = accounts

let l1: Chain
beforeAll(async () => {
  l1 = await startAnvil(900)
})
afterAll(() => l1?.close())

const deployed = (scheme: Scheme, powers: readonly bigint[], guardian?: Hex) => {
  const first = operators(scheme, powers)
  return deployCommittee(l1, scheme, first, guardian).then(at => ({ ...at, first }))
}
const reasons = { malformed: 'Malformed', quorum: 'NoQuorum', signature: 'WrongSignature' } as const

describe.each(schemes)('$name', scheme => {
  it('judges every proof as the library does', async () => {
    const random = seededRandom(testSeed())
    const say = `L2_SEED=${random.seed}`
    const seen = new Set<string>()
    for (let run = 0; run < runs({ suite: 3, soak: 60 }); run++) {
      const count = 1 + random.below(6)
      const powers = Array.from({ length: count }, () => 1n + (BigInt(random.uint32()) << BigInt(random.below(60))))
      const { committee, domain, statement, attestArgs, first } = await deployed(scheme, powers)
      const batch = await statement()
      const digest = hashBatchStatement(batch, domain)
      expect(await l1.read(committee, 'hashBatch', [attestArgs(batch, { bitmap: 0n, signature: '0x' })[0]])).toBe(
        digest,
      )
      const everybody = first.members.map((_, index) => index)
      const good = await first.sign(digest, everybody)
      const other = await first.sign(keccak256('0x'), everybody)
      for (let each = 0; each < 12; each++) {
        const bits = each === 0 ? (1 << count) - 1 : random.below(1 << (count + (each % 4 === 1 ? 1 : 0)))
        const isWrong = each % 3 === 2
        const signatures = new Map<number, Hex>()
        for (const [index, { id }] of first.members.entries()) {
          if (((bits >> index) & 1) === 1) signatures.set(id, (isWrong && random.bool() ? other : good).get(id)!)
        }
        const whole = scheme.attestation.combine(first.members, signatures)
        // Half of them as they are put together, the others with whatever bits and bytes.
        let { bitmap, signature } = whole ?? { bitmap: BigInt(bits), signature: [...signatures.values()][0] ?? '0x' }
        if (each % 4 === 1) bitmap = BigInt(bits)
        if (each % 4 === 3) bitmap = (1n << BigInt(count)) - 1n
        if (each % 5 === 4) signature = `${signature}00`
        const proof: AttestationProof = { bitmap, signature }
        const verdict = scheme.attestation.verify(first.members, digest, proof)
        seen.add(verdict ?? 'taken')
        const refusal = await l1.refusal(committee, 'attest', attestArgs(batch, proof))
        expect(refusal, say).toBe(verdict === undefined ? 'not refused' : reasons[verdict])
      }
    }
    expect([...seen].sort()).toEqual(['malformed', 'quorum', 'signature', 'taken'])
  })

  it('takes statements without a gap, each number once, and refuses all others', async () => {
    const { committee, statement, attestArgs, attestBy, first, domain, prove } = await deployed(scheme, [
      3n,
      2n,
      2n,
      2n,
    ])
    const receipt = await l1.send(committee, 'attest', await attestBy(first, await statement({ sequence: 3n })))
    expect(receipt.logs).toHaveLength(1)
    const numbers = async () =>
      Promise.all(['lastSequence', 'lastAttested', 'committee', 'lastTurn'].map(name => l1.read(committee, name)))
    expect(await numbers()).toEqual([3n, 10n, 0n, 0n])
    const next = await statement({ sequence: 4n, first: 11n, last: 20n })
    const many = Array.from({ length: 65 }, (_, index) => keccak256(numberToHex(index)))
    for (const [change, reason] of [
      [{ chainId: 902n }, 'WrongChain'],
      [{ sequence: 3n }, 'NotGrowing'],
      [{ sequence: 2n }, 'NotGrowing'],
      [{ first: 12n }, 'Gap'],
      [{ first: 11n, last: 10n }, 'Gap'],
      [{ first: 1n, last: 10n }, 'NothingNew'],
      [{ dataHashes: [] }, 'NoData'],
      [{ dataHashes: many }, 'NoData'],
      [{ lastOrigin: { ...next.lastOrigin, hash: keccak256('0x') } }, 'WrongOrigin'],
      [{ lastOrigin: { ...next.lastOrigin, number: next.lastOrigin.number - 1n } }, 'WrongOrigin'],
      [{ lastOrigin: { number: 1n << 40n, hash: zeroHash } }, 'WrongOrigin'],
      [{ committee: 1n }, 'NotInForce'],
    ] as const) {
      const batch = { ...next, ...change }
      const args = attestArgs(batch, await prove(first, hashBatchStatement(batch, domain), [0, 1, 2, 3]))
      expect(await l1.refusal(committee, 'attest', args), JSON.stringify(Object.keys(change))).toBe(reason)
      expect((await l1.attempt(committee, 'attest', args)).status).toBe('reverted')
    }
    // Signed for another contract.
    const elsewhere = hashBatchStatement(next, { ...domain, committee: stranger.address })
    const foreign = attestArgs(next, await prove(first, elsewhere, [0, 1, 2]))
    expect(await l1.refusal(committee, 'attest', foreign)).toBe('WrongSignature')
    expect(await numbers()).toEqual([3n, 10n, 0n, 0n])
    // It may begin further below: two statements of two turns overlap.
    await l1.send(committee, 'attest', await attestBy(first, { ...next, sequence: 9n, first: 5n }))
    expect(await numbers()).toEqual([9n, 20n, 0n, 0n])
  })

  it('sets who posts through its pool, as derivation reads it, and hands over at the first word of the next', async () => {
    const { committee, config, pool, statement, turnOf, attestBy, turnBy, first } = await deployed(scheme, [
      1n,
      1n,
      1n,
      1n,
    ])
    const second = operators(scheme, [5n, 1n, 1n], 20)
    const encoded = scheme.attestation.encodeMembers(second.members)
    await l1.send(committee, 'attest', await attestBy(first, await statement()))
    const order = turnOf({ lastAttested: 10n, nextMembers: scheme.attestation.membersHash(second.members) })
    expect(await l1.read(committee, 'hashTurn', [(await turnBy(first, order, second))[0]])).toBe(
      hashTurnStatement(order, { l1ChainId: 900n, committee: committee.address }),
    )
    for (const [change, next, reason] of [
      [{ chainId: 902n }, second, 'WrongChain'],
      [{ sequence: 0n }, second, 'NotGrowing'],
      [{ lastAttested: 9n }, second, 'Behind'],
      [{ committee: 1n }, second, 'NotInForce'],
      [{}, undefined, 'WrongMembers'],
      [{}, first, 'WrongMembers'],
      [{ nextMembers: zeroHash }, second, 'WrongMembers'],
    ] as const) {
      const args = await turnBy(first, { ...order, ...change }, next)
      expect(await l1.refusal(committee, 'turn', args), `${JSON.stringify(Object.keys(change))} ${reason}`).toBe(reason)
    }
    const none = await turnBy(first, order, second, [0, 1, 2])
    expect(await l1.refusal(committee, 'turn', [none[0], none[1], 3n, none[3]])).toBe('NoQuorum')
    await l1.send(committee, 'turn', none)
    expect(await l1.read(config, 'batcherHash')).toBe(pad(poster.address).toLowerCase())
    expect(await l1.read(pool, 'sequenceNumber')).toBe(1n)
    expect([await l1.read(committee, 'members', [1n]), await l1.read(committee, 'members', [2n])]).toEqual([
      encoded,
      '0x',
    ])
    expect(await l1.refusal(committee, 'turn', none)).toBe('NotGrowing')

    // Both have a word until the next one has used it.
    const batch = await statement({ sequence: 2n, first: 11n, last: 20n })
    const late = await attestBy(first, batch)
    expect(await l1.refusal(committee, 'attest', late)).toBe('not refused')
    expect(await l1.refusal(committee, 'attest', await attestBy(first, { ...batch, committee: 1n }))).toMatch(
      /Malformed|WrongSignature/,
    )
    await l1.send(committee, 'attest', await attestBy(second, { ...batch, committee: 1n }, [0, 1]))
    expect(await l1.read(committee, 'committee')).toBe(1n)
    expect(await l1.read(committee, 'members', [0n])).toBe('0x')
    const again = await statement({ sequence: 3n, first: 21n, last: 30n })
    expect(await l1.refusal(committee, 'attest', await attestBy(first, again))).toBe('NotInForce')
    const old = turnOf({ sequence: 7n, lastAttested: 20n, poster: stranger.address })
    expect(await l1.refusal(committee, 'turn', await turnBy(first, old))).toBe('NotInForce')
    // Gaps in numbers are no harm; without a poster it stays who it was.
    const keeps = {
      ...old,
      committee: 1n,
      poster: zeroAddress,
      nextMembers: scheme.attestation.membersHash(first.members),
    }
    await l1.send(committee, 'turn', await turnBy(second, keeps, first))
    expect(await l1.read(config, 'batcherHash')).toBe(pad(poster.address).toLowerCase())
    await l1.send(committee, 'turn', await turnBy(first, { ...old, committee: 2n, sequence: 8n }))
    expect(await l1.read(config, 'batcherHash')).toBe(pad(stranger.address).toLowerCase())
  })

  it('has a way out when the committee is silent, and only then', async () => {
    const guardian = accounts[1]
    const { committee, config, pool, statement, attestBy, first } = await deployed(scheme, [1n, 1n], guardian.address)
    const second = operators(scheme, [1n], 30)
    const args = [scheme.attestation.encodeMembers(second.members), poster.address]
    const as = { from: guardian }
    expect(await l1.refusal(committee, 'appoint', args, as)).toBe('TooEarly')
    expect(await l1.refusal(committee, 'appoint', args)).toBe('NotTheGuardian')
    await l1.pass(Number(escapeSeconds) - 60)
    await l1.send(committee, 'attest', await attestBy(first, await statement()))
    await l1.pass(120)
    expect(await l1.refusal(committee, 'appoint', args, as)).toBe('TooEarly')
    expect(await l1.refusal(committee, 'announceSuccessor', [guardian.address], as)).toBe('TooEarly')
    await l1.pass(Number(escapeSeconds))
    await l1.send(committee, 'announceSuccessor', [guardian.address], as)
    expect(await l1.read(pool, 'successor')).toBe(guardian.address)
    await l1.send(committee, 'appoint', args, as)
    expect(await l1.read(config, 'batcherHash')).toBe(pad(poster.address).toLowerCase())
    const batch = await statement({ sequence: 2n, first: 11n, last: 20n })
    expect(await l1.refusal(committee, 'attest', await attestBy(first, batch))).toBe('NotInForce')
    await l1.send(committee, 'attest', await attestBy(second, { ...batch, committee: 2n }))
    const nobody = await deployed(scheme, [1n])
    await l1.pass(Number(escapeSeconds))
    expect(await l1.refusal(nobody.committee, 'appoint', args)).toBe('NotTheGuardian')
  })

  it('is not deployed with members that are none', async () => {
    const members = scheme.attestation.encodeMembers(operators(scheme, [1n, 2n]).members)
    const at = accounts[0].address
    for (const bytes of ['0x', `${members}00`, members.slice(0, -2), `0x${'00'.repeat((members.length - 2) / 2)}`]) {
      const args = [at, l2ChainId, 3600n, zeroAddress, escapeSeconds, 0n, bytes]
      await expect(l1.deploy(scheme.contract, args)).rejects.toThrow(/reverted/)
    }
  })
})

it('knows origins of more than 256 blocks ago where L1 keeps them, and refuses them where it does not', async () => {
  const { committee, statement, attestBy, first } = await deployed(schemes[0], [1n])
  const batch = await statement()
  await l1.client.mine({ blocks: 300 })
  expect(await l1.refusal(committee, 'attest', await attestBy(first, batch))).toBe('not refused')
  // An L1 without EIP-2935.
  await l1.client.setCode({ address: '0x0000F90827F1C53a10cb7A02335B175320002935', bytecode: '0x' })
  expect(await l1.refusal(committee, 'attest', await attestBy(first, batch))).toBe('WrongOrigin')
})
