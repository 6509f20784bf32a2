import { bytesToHex } from '@l2/common'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  addSignatures,
  type CommitteeFault,
  committeeMember,
  keysetOf,
  startCommittee,
} from '../../test/anytrust-committee.js'
import { type Commitment, commitmentToBatcherData, daLayer, encodeCommitment } from '../commitment.js'
import { createCommitmentSource, type SkippedCommitment } from '../inbox/commitment-source.js'
import { createMemoryStore } from '../store.js'
import { conformanceCases } from '../testing/conformance.js'
import { type AnyTrustOptions, createAnyTrustDa } from './anytrust.js'
import { formatAnyTrustCertificate, parseAnyTrustCertificate, signedFields } from './certificate.js'
import { parseAnyTrustKeyset } from './keyset.js'
import { treeHash } from './tree.js'

const data = Uint8Array.of(0, 1, 2)
const replaced = (bytes: Uint8Array, at: number, value: number) =>
  bytes.map((byte, index) => (index === at ? value : byte))

async function open(options: Partial<AnyTrustOptions> = {}) {
  const committee = await startCommittee()
  onTestFinished(committee.close)
  const { urls, keyset } = committee
  const da = createAnyTrustDa({ keysets: [keyset], members: urls, mirrors: urls, ...options })
  return { ...committee, da }
}

describe('createAnyTrustDa, on a committee of ours', () => {
  const cases = conformanceCases({
    open: async () => {
      const { state, stores, urls, keyset, close } = await startCommittee()
      const store = createMemoryStore()
      const secret = 'key-that-nobody-may-see'
      const withKey = urls.map(url => `${url}?apikey=${secret}`)
      const make = () => createAnyTrustDa({ keysets: [keyset], members: withKey, mirrors: withKey }, { store })
      const da = make()
      const set = (fault: CommitteeFault | undefined) => {
        state.fault = fault
      }
      return {
        da,
        restart: async () => make(),
        posted: async () => stores[0]!.size,
        cutOff: async () => set('down'),
        restore: async () => set(undefined),
        lie: change => set(change && { change }),
        loseAnswer: () => set('lose-answer'),
        prune: async () => {
          for (const kept of stores) kept.clear()
        },
        secrets: [secret],
        close: async () => {
          await da.close()
          await close()
        },
      }
    },
  })
  for (const { name, run } of cases) it(name, run)

  it('makes a certificate of those who answer, as long as they are enough, and reads from anybody', async () => {
    const { da, state, stores, keyset } = await open()
    state.down.add(1)
    const { commitments } = await da.submit([data])
    const certificate = parseAnyTrustCertificate(commitments[0]!)
    expect(certificate.signersMask).toBe(0b101n)
    expect(certificate.keysetHash).toEqual(parseAnyTrustKeyset(keyset).hash)
    // The bytes on L1 are Nitro's, behind the version and the type.
    expect(bytesToHex(commitmentToBatcherData(commitments[0]!)).slice(0, 8)).toBe('0x010188')
    stores[0]!.clear()
    expect(await da.get(commitments[0]!)).toEqual(data)
    state.down.add(2)
    await expect(da.submit([Uint8Array.of(9)])).rejects.toMatchObject({
      code: 'DA_UNAVAILABLE',
      retry: 'failover',
      details: { signed: 1, needed: 2 },
    })
  })

  it('calls data lost when nobody has it, and not while somebody cannot be asked', async () => {
    const { da, state, stores } = await open()
    const { commitments } = await da.submit([data])
    for (const kept of stores) kept.clear()
    expect(await da.status(commitments[0]!)).toBe('lost')
    await expect(da.get(commitments[0]!)).rejects.toMatchObject({ code: 'DA_NOT_FOUND' })
    state.down.add(2)
    await expect(da.status(commitments[0]!)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    await expect(da.get(commitments[0]!)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
  })

  it('skips what the committee does not stand behind, whoever has the data', async () => {
    const { da, members, keyset } = await open()
    const { commitments } = await da.submit([data])
    const good = parseAnyTrustCertificate(commitments[0]!)
    const fields = signedFields(good)
    const two = addSignatures([members[0]!.sign(fields), members[1]!.sign(fields)])
    const stranger = committeeMember(99n)
    const skipped: SkippedCommitment[] = []
    const source = createCommitmentSource({}, { layers: [da], onSkipped: commitment => skipped.push(commitment) })
    const block = { number: 7n, timestamp: good.timeoutSeconds - 7n * 86_400n }
    const read = (commitment: Commitment, at = block) =>
      source.getCommitted(bytesToHex(commitmentToBatcherData(commitment).subarray(1)), at)
    const changed = (change: object) => formatAnyTrustCertificate({ ...good, ...change })
    expect(await read(commitments[0]!)).toEqual(data)
    expect(await read(changed({ signersMask: 0b011n, signature: two }))).toEqual(data)
    const void_ = [
      changed({ signersMask: 0b001n, signature: members[0]!.sign(fields) }),
      changed({ signersMask: 0b111n, signature: two }),
      changed({ signersMask: 0b101n, signature: two }),
      changed({ signersMask: 0n, signature: two }),
      changed({ timeoutSeconds: good.timeoutSeconds + 1n }),
      changed({ dataHash: treeHash(Uint8Array.of(7)) }),
      changed({ keysetHash: new Uint8Array(32) }),
      changed({ signature: new Uint8Array(96) }),
      changed({ signature: new Uint8Array(96).fill(0xff) }),
      // Two who are not in the committee, under the bits of two who are.
      changed({ signersMask: 0b011n, signature: addSignatures([stranger.sign(fields), stranger.sign(fields)]) }),
    ]
    for (const commitment of void_) expect(await read(commitment)).toBeUndefined()
    // A day more of its life had passed when L1 named it.
    expect(await read(commitments[0]!, { ...block, timestamp: block.timestamp + 1n })).toBeUndefined()
    const { payload } = commitments[0]!
    for (const wrong of [payload.slice(0, -1), Uint8Array.of(...payload, 0), replaced(payload, 72, 2)]) {
      expect(await read({ layer: daLayer.anyTrust, payload: wrong })).toBeUndefined()
    }
    const count = (reason: string) => skipped.filter(one => one.reason === reason).length
    expect([count('dead'), count('malformed')]).toEqual([void_.length + 1, 3])
    // Another committee of the chain is taken, too.
    const other = createAnyTrustDa({
      keysets: [keysetOf(1, [stranger.entry]), keyset],
      mirrors: ['http://127.0.0.1:1'],
    })
    await expect(other.get(commitments[0]!)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    await expect(other.submit([data])).rejects.toMatchObject({ code: 'DA_READ_ONLY' })
  })

  it('asks each member as Nitro does, signed if wanted, and takes no signature that is not its own', async () => {
    const committee = await startCommittee()
    onTestFinished(committee.close)
    const asked: { params: string[] }[] = []
    const digests: Uint8Array[] = []
    const swapping: typeof fetch = async (url, init) => {
      if (init?.body !== undefined) asked.push(JSON.parse(String(init.body)))
      // The second member gets the answer of the first.
      return fetch(String(url).replace(/\/1$/, '/0'), init)
    }
    const da = createAnyTrustDa(
      { keysets: [committee.keyset], members: committee.urls, mirrors: committee.urls },
      {
        fetch: swapping,
        sign: digest => {
          digests.push(digest)
          return new Uint8Array(65).fill(7)
        },
      },
    )
    const { commitments } = await da.submit([data])
    expect(parseAnyTrustCertificate(commitments[0]!).signersMask).toBe(0b101n)
    expect(asked[0]).toMatchObject({
      method: 'das_store',
      params: ['0x000102', expect.stringMatching(/^0x[0-9a-f]+$/), `0x${'07'.repeat(65)}`],
    })
    const timeout = Buffer.alloc(8)
    timeout.writeBigUInt64BE(BigInt(asked[0]!.params[1]!))
    const request = Buffer.concat([Buffer.from('Arbitrum Nitro DAS API Store:'), timeout, data])
    expect(digests[0]).toEqual(treeHash(Uint8Array.from(request)))
    expect(encodeCommitment(commitments[0]!)).toHaveLength(178)
  })
})

describe('parseAnyTrustKeyset', () => {
  it('takes no key that does not prove itself, or is none', () => {
    const [a, b] = [committeeMember(5n), committeeMember(6n)]
    expect(parseAnyTrustKeyset(keysetOf(1, [a.entry, b.entry])).keys).toHaveLength(2)
    const trusted = Uint8Array.of(0, ...a.key)
    expect(parseAnyTrustKeyset(keysetOf(1, [trusted])).keys).toEqual([a.key])
    const stolen = Uint8Array.from(a.entry)
    stolen.set(b.key, 97)
    // An ordinary signature of the key is no proof.
    const ordinary = Uint8Array.of(96, ...a.sign(a.key), ...a.key)
    const whole = keysetOf(1, [a.entry])
    const wrong = [
      keysetOf(1, [stolen]),
      keysetOf(1, [ordinary]),
      keysetOf(1, [Uint8Array.of(0, ...new Uint8Array(192))]),
      keysetOf(1, [Uint8Array.of(0, ...replaced(a.key, 3, a.key[3]! ^ 1))]),
      keysetOf(2, [a.entry]),
      keysetOf(0, Array(65).fill(trusted)),
      whole.slice(0, -1),
      Uint8Array.of(...whole, 0),
      new Uint8Array(15),
      new Uint8Array(0),
    ]
    for (const [index, bytes] of wrong.entries()) {
      expect(() => parseAnyTrustKeyset(bytes), String(index)).toThrow(
        expect.objectContaining({ code: 'DA_OPTIONS_INVALID' }),
      )
    }
  })
})
