import { runs } from '@l2/common/testing'
import fc from 'fast-check'
import {
  concat,
  encodeAbiParameters,
  type Hash,
  type Hex,
  keccak256,
  parseSignature,
  serializeSignature,
  stringToBytes,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { createMemoryGuard } from '../guard/guard.js'
import { recoverSigner } from '../transaction/signer.js'
import { hashSequencerHeader, type SequencerHeader, sequencerHeaderTypes } from './header.js'
import { checkHeader, type LeaderSchedule } from './leader.js'
import { createHeaderSigner } from './sign.js'

const uint64 = fc.bigInt(0n, 2n ** 64n - 1n)
const bytes32 = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes): Hash => `0x${Buffer.from(bytes).toString('hex')}`)
const anyHeader: fc.Arbitrary<SequencerHeader> = fc.record({
  epochId: uint64,
  term: fc.integer({ min: 0, max: 0xffffffff }),
  height: uint64,
  parentHash: bytes32,
  txRoot: bytes32,
  stateRoot: bytes32,
  timestamp: uint64,
  l1OriginNumber: uint64,
  l1OriginHash: bytes32,
  forcedUpTo: uint64,
})
const domain = { chainId: 901n, rollup: `0x${'0f'.repeat(20)}` } as const
const account = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const other = privateKeyToAccount(`0x${'22'.repeat(32)}`)
const signer = () => createHeaderSigner({ account, domain, guard: createMemoryGuard() })

const parent: SequencerHeader = {
  epochId: 4n,
  term: 1,
  height: 100n,
  parentHash: `0x${'01'.repeat(32)}`,
  txRoot: `0x${'02'.repeat(32)}`,
  stateRoot: `0x${'03'.repeat(32)}`,
  timestamp: 1_700_000_000n,
  l1OriginNumber: 50n,
  l1OriginHash: `0x${'04'.repeat(32)}`,
  forcedUpTo: 7n,
}
const parentHash: Hash = `0x${'aa'.repeat(32)}`
const child: SequencerHeader = { ...parent, height: 101n, parentHash, timestamp: parent.timestamp + 2n }
const schedule: LeaderSchedule = {
  leaderAt: height => (height < 200n ? { sequencer: account.address, epoch: 4n, term: 1 } : undefined),
}
const context = { domain, schedule, parent: { header: parent, blockHash: parentHash } }

describe('hashSequencerHeader', () => {
  it('is the digest of EIP-712, put together here from its words', () => {
    const typeHash = (text: string): Hash => keccak256(stringToBytes(text))
    const hashOf = (...words: [type: string, value: unknown][]): Hash =>
      keccak256(
        encodeAbiParameters(
          words.map(([type]) => ({ type })),
          words.map(([, value]) => value),
        ),
      )
    const fields = sequencerHeaderTypes.SequencerHeader
    const type = typeHash(`SequencerHeader(${fields.map(field => `${field.type} ${field.name}`).join(',')})`)
    const domainType = typeHash('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)')
    fc.assert(
      fc.property(anyHeader, uint64, (header, chainId) => {
        const separator = hashOf(
          ['bytes32', domainType],
          ['bytes32', typeHash('L2 Sequencer')],
          ['bytes32', typeHash('1')],
          ['uint256', chainId],
          ['address', domain.rollup],
        )
        const struct = hashOf(
          ['bytes32', type],
          ...fields.map((field): [string, unknown] => [field.type, header[field.name]]),
        )
        const digest = hashSequencerHeader(header, { ...domain, chainId })
        expect(digest).toBe(keccak256(concat(['0x1901', separator, struct])))
      }),
      { numRuns: runs({ suite: 50, soak: 1_000 }) },
    )
  })

  it('takes an address as it is written, in capitals as well', () => {
    const shouted = `0x${'0F'.repeat(20)}` as const
    expect(hashSequencerHeader(child, { ...domain, rollup: shouted })).toBe(hashSequencerHeader(child, domain))
  })

  it('refuses values that do not fit their field', () => {
    const wrong: Partial<SequencerHeader>[] = [
      { height: 2n ** 64n },
      { timestamp: -1n },
      { term: 2 ** 32 },
      { term: 0.5 },
      { parentHash: '0x01' },
      { l1OriginHash: 'no hex' as Hex },
    ]
    const refused = expect.objectContaining({ code: 'HEADER_INVALID' })
    for (const field of wrong) expect(() => hashSequencerHeader({ ...child, ...field }, domain)).toThrow(refused)
    for (const place of [{ chainId: -1n }, { rollup: '0x01' as Hex }])
      expect(() => hashSequencerHeader(child, { ...domain, ...place })).toThrow(refused)
  })
})

describe('recoverSigner', () => {
  it('finds the signer of the canonical form, and nobody in any other', async () => {
    const digest = hashSequencerHeader(child, domain)
    const signature = await signer().sign(child)
    expect(recoverSigner(digest, signature)).toBe(account.address.toLowerCase())
    const { r, s, yParity } = parseSignature(signature)
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const malleable = serializeSignature({
      r,
      s: `0x${(order - BigInt(s)).toString(16).padStart(64, '0')}`,
      yParity: 1 - yParity!,
    })
    expect(recoverSigner(digest, malleable)).toBeUndefined()
    for (const bad of [
      '0x',
      '0x00',
      signature.slice(0, -2),
      `${signature}00`,
      `${signature.slice(0, -2)}00`,
      `${signature.slice(0, -2)}1d`,
    ]) {
      expect(recoverSigner(digest, bad as Hex)).toBeUndefined()
    }
    expect(recoverSigner(digest, `0x${'00'.repeat(64)}1b`)).toBeUndefined()
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), bytes32, (bytes, digest) => {
        const found = recoverSigner(digest, `0x${Buffer.from(bytes).toString('hex')}`)
        expect(found === undefined || found.length === 42).toBe(true)
      }),
    )
  })
})

describe('createHeaderSigner', () => {
  it('signs one header at a place, again and again', async () => {
    const { sign } = signer()
    const first = await sign(child)
    expect(await sign(child)).toBe(first)
    const { sign: _, ...typedDataOnly } = account
    expect(await createHeaderSigner({ account: typedDataOnly, domain, guard: createMemoryGuard() }).sign(child)).toBe(
      first,
    )
    await expect(sign({ ...child, stateRoot: parentHash })).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
    await expect(sign(parent)).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
  })

  it('has reserved the place before the key is asked', async () => {
    const guard = createMemoryGuard()
    const asked: unknown[] = []
    const { sign } = createHeaderSigner({
      account: {
        address: account.address,
        signTypedData: async request => {
          asked.push(guard.watermark?.height)
          return account.signTypedData(request)
        },
      },
      domain,
      guard,
    })
    await sign(child)
    await sign({ ...child, stateRoot: parentHash }).catch(() => undefined)
    expect(asked).toEqual([101n])
  })

  it("refuses the signature of another key, and passes on a failure without the key's secrets", async () => {
    const wrongKey = createHeaderSigner({
      account: { address: account.address, signTypedData: request => other.signTypedData(request) },
      domain,
      guard: createMemoryGuard(),
    })
    await expect(wrongKey.sign(child)).rejects.toMatchObject({ code: 'SIGNER_FAILED' })
    const broken = createHeaderSigner({
      account: {
        address: account.address,
        signTypedData: async () => {
          throw new RangeError('the key service is down')
        },
      },
      domain,
      guard: createMemoryGuard(),
    })
    await expect(broken.sign(child)).rejects.toMatchObject({ code: 'SIGNER_FAILED', recovery: 'retry' })
  })
})

describe('checkHeader', () => {
  it("accepts the leader's header on its parent, and names what is wrong with any other", async () => {
    const judge = async (change: Partial<SequencerHeader>, key = account) => {
      const header = { ...child, ...change }
      const signature = await createHeaderSigner({ account: key, domain, guard: createMemoryGuard() }).sign(header)
      const verdict = checkHeader(header, signature, context)
      return verdict.ok ? 'ok' : verdict.fault
    }
    expect(await judge({})).toBe('ok')
    expect(await judge({}, other)).toBe('wrong-signer')
    expect(await judge({ epochId: 5n })).toBe('wrong-term')
    expect(await judge({ term: 0 })).toBe('wrong-term')
    expect(await judge({ height: 300n })).toBe('no-leader')
    expect(await judge({ height: 102n })).toBe('parent')
    expect(await judge({ parentHash: `0x${'bb'.repeat(32)}` })).toBe('parent')
    expect(await judge({ timestamp: parent.timestamp - 1n })).toBe('regression')
    expect(await judge({ l1OriginNumber: 49n })).toBe('regression')
    expect(await judge({ l1OriginHash: `0x${'cc'.repeat(32)}` })).toBe('regression')
    expect(await judge({ l1OriginNumber: 51n, l1OriginHash: `0x${'cc'.repeat(32)}` })).toBe('ok')
    expect(await judge({ forcedUpTo: 6n })).toBe('regression')
  })

  it('binds a signature to its chain and contract', async () => {
    const signature = await signer().sign(child)
    for (const elsewhere of [
      { ...domain, chainId: 902n },
      { ...domain, rollup: `0x${'10'.repeat(20)}` as const },
    ]) {
      expect(checkHeader(child, signature, { ...context, domain: elsewhere })).toMatchObject({ ok: false })
    }
  })
})
