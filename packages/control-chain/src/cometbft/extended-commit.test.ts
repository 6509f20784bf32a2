import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ExtendedCommitInfo } from 'cosmjs-types/tendermint/abci/types'
import { describe, expect, it } from 'vitest'
import { encodeList } from '../list/list.js'
import { encodeExtendedCommit, extensionSignBytes, readExtendedCommit } from './extended-commit.js'

const secrets = [1, 2, 3, 4].map(n => new Uint8Array(32).fill(n))
const validators = secrets.map((secret, id) => ({ id, power: 1n, cometKey: ed25519.getPublicKey(secret) }))
const input = { height: 9n, chainId: 'control-1', validators, window: 16 }
const hash = `0x${'11'.repeat(32)}` as const
const extension = encodeList({ view: 0, atHeight: 8n, base: { height: 0n, hash }, hashes: [hash] })

type Change = { height?: bigint; chainId?: string; round?: number; extension?: Uint8Array }
function voteOf(id: number, change: Change = {}) {
  const signed = { extension, height: 9n, round: 0, chainId: 'control-1', ...change }
  return {
    validator: { address: sha256(validators[id]!.cometKey).subarray(0, 20), power: 1n },
    voteExtension: signed.extension,
    extensionSignature: ed25519.sign(extensionSignBytes(signed), secrets[id]!),
    blockIdFlag: 2,
  }
}
const absent = (id: number) => ({
  ...voteOf(id),
  voteExtension: new Uint8Array(),
  extensionSignature: new Uint8Array(),
  blockIdFlag: 1,
})
const commit = (votes: ReturnType<typeof voteOf>[], round = 0) =>
  encodeExtendedCommit(ExtendedCommitInfo.fromPartial({ round, votes }))

describe('the extended commit of a block', () => {
  it('gives the lists of more than two thirds who signed them', () => {
    const lists = readExtendedCommit(commit([voteOf(0), voteOf(1), voteOf(2), absent(3)]), input)
    expect(lists?.map(({ operator }) => operator)).toEqual([0, 1, 2])
    expect(lists?.[0]?.list.hashes).toEqual([hash])
  })

  it('counts a signed extension that is no list as power, and takes nothing from it', () => {
    const nothing = voteOf(2, { extension: Uint8Array.of(9) })
    expect(readExtendedCommit(commit([voteOf(0), voteOf(1), nothing]), input)).toHaveLength(2)
  })

  it.each([
    ['two of four', [voteOf(0), voteOf(1), absent(2), absent(3)]],
    ['one of them twice', [voteOf(0), voteOf(1), voteOf(1)]],
    ['an extension of another height', [voteOf(0), voteOf(1), voteOf(2, { height: 8n })]],
    ['an extension of another chain', [voteOf(0), voteOf(1), voteOf(2, { chainId: 'control-2' })]],
    ['an extension of another round', [voteOf(0), voteOf(1), voteOf(2, { round: 1 })]],
    ['another’s signature', [voteOf(0), voteOf(1), { ...voteOf(2), extensionSignature: voteOf(1).extensionSignature }]],
    ['no signature', [voteOf(0), voteOf(1), { ...voteOf(2), extensionSignature: new Uint8Array() }]],
    ['what an absent one says', [voteOf(0), voteOf(1), voteOf(2), { ...voteOf(3), blockIdFlag: 1 }]],
    [
      'a stranger',
      [voteOf(0), voteOf(1), voteOf(2), { ...voteOf(3), validator: { address: new Uint8Array(20), power: 9n } }],
    ],
  ])('is refused with %s', (_, votes) => {
    expect(readExtendedCommit(commit(votes), input)).toBeUndefined()
  })

  it('believes no power but the state’s', () => {
    const loud = { ...voteOf(0), validator: { ...voteOf(0).validator, power: 1_000n } }
    expect(readExtendedCommit(commit([loud, voteOf(1)]), input)).toBeUndefined()
  })

  it('of other bytes is none, and nothing is thrown', () => {
    const random = seededRandom(testSeed())
    const whole = commit([voteOf(0), voteOf(1), voteOf(2)])
    for (let i = 0; i < runs({ suite: 60, soak: 5_000 }); i++) {
      const bytes = random.bool() ? whole.slice() : random.bytes(random.below(300))
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 + random.below(255)
      expect(readExtendedCommit(bytes, input), `L2_SEED=${random.seed}`).toBeUndefined()
    }
  })
})
