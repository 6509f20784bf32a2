import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bytesToHex, equalBytes, isL2Error } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { goModule } from '../../../../scripts/go.mjs'
import { fromBase64, toBase64 } from '../internal/base64.js'
import { nextShareIndex, shareCommitment, subtreeWidth } from './commitment.js'
import { checkNamespace, isBlobNamespace } from './namespace.js'
import { type CommitmentProof, formatCommitmentProof, parseCommitmentProof, verifyCommitmentProof } from './proof.js'
import { joinShares, type ShareVersion, sharesNeeded, splitShares } from './shares.js'

// A program of ours around go-square, nmt, rsmt2d and CometBFT's Merkle trees.
const oracle = goModule(fileURLToPath(new URL('../../../../peers/celestia', import.meta.url)), '.', 'celestia-oracle', {
  say: line => process.stdout.write(`${line}\n`),
})
if (oracle === undefined) process.stdout.write('skipped: Celestia’s own libraries, which need Go\n')
const counts =
  process.env['L2_PEERS'] === 'full'
    ? { namespaces: 20_000, blobs: 3000, squares: 400, mutations: 30_000 }
    : { namespaces: 2000, blobs: 150, squares: 25, mutations: 1500 }
const random = seededRandom(testSeed(4))

type NamespaceCase = { kind: 'namespace'; bytes: string; valid: boolean; blob: boolean }
type BlobCase = {
  kind: 'blob'
  namespace: string
  version: ShareVersion
  signer: string | null
  data: string
  shares: number
  sharesHash: string
  commitment: string
  width: number
  cursor: number
  next: number
}
type SquareCase = {
  kind: 'square'
  width: number
  dataRoot: string
  blobs: { namespace: string; commitment: string; at: number; shares: number; proof: unknown }[]
}
type Case = NamespaceCase | BlobCase | SquareCase

async function* lines(args: readonly string[], input?: string): AsyncIterable<string> {
  const child = spawn(oracle!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  child.stdin.end(input ?? '')
  yield* createInterface({ input: child.stdout })
  expect(await ended).toBe(0)
}
async function* cases(...wanted: number[]): AsyncIterable<Case> {
  for await (const line of lines(['cases', ...[random.seed, ...wanted].map(String)])) yield JSON.parse(line) as Case
}
const bytes = (base64: string): Uint8Array => fromBase64(base64)!

describe.skipIf(oracle === undefined)('against go-square, nmt and rsmt2d', () => {
  it(`takes the same ${counts.namespaces} namespaces`, async () => {
    const seen: Record<string, number> = {}
    for await (const found of cases(counts.namespaces, 0, 0)) {
      const { bytes: text, valid, blob } = found as NamespaceCase
      const namespace = bytes(text ?? '')
      let ours = true
      try {
        checkNamespace(namespace)
      } catch (error) {
        expect(isL2Error(error)).toBe(true)
        ours = false
      }
      expect([ours, isBlobNamespace(namespace)], bytesToHex(namespace)).toEqual([valid, blob])
      seen[`${valid} ${blob}`] = (seen[`${valid} ${blob}`] ?? 0) + 1
    }
    // Each kind was there.
    for (const kind of ['false false', 'true false', 'true true']) expect(seen[kind]).toBeGreaterThan(100)
  })

  it(`makes the same shares and commitments of ${counts.blobs} blobs`, { timeout: 900_000 }, async () => {
    const versions = new Set<number>()
    for await (const found of cases(0, counts.blobs, 0)) {
      const expected = found as BlobCase
      const signer = expected.signer === null || expected.signer === '' ? undefined : bytes(expected.signer)
      const blob = {
        namespace: bytes(expected.namespace),
        data: bytes(expected.data),
        shareVersion: expected.version,
        signer,
      }
      const context = `seed ${random.seed}: version ${expected.version}, ${blob.data.length} bytes`
      const shares = splitShares(blob)
      expect(
        {
          shares: shares.length / 512,
          needed: sharesNeeded(blob.data.length, blob.shareVersion),
          sharesHash: toBase64(sha256(shares)),
          commitment: toBase64(shareCommitment(blob)),
          width: subtreeWidth(expected.shares),
          next: nextShareIndex(expected.cursor, expected.shares),
        },
        context,
      ).toEqual({
        shares: expected.shares,
        needed: expected.shares,
        sharesHash: expected.sharesHash,
        commitment: expected.commitment,
        width: expected.width,
        next: expected.next,
      })
      const joined = joinShares(shares)
      expect(equalBytes(joined.data, blob.data) && joined.shareVersion === blob.shareVersion, context).toBe(true)
      versions.add(expected.version)
    }
    expect([...versions].sort()).toEqual([0, 1, 2])
  })

  it(`takes every proof of ${counts.squares} squares, and of ${counts.mutations} changed ones none that the reference refuses`, {
    timeout: 900_000,
  }, async () => {
    const squares: SquareCase[] = []
    let proofs = 0
    for await (const found of cases(0, 0, counts.squares)) {
      const square = found as SquareCase
      squares.push(square)
      for (const { namespace, commitment, proof: json, at } of square.blobs) {
        const claim = { dataRoot: bytes(square.dataRoot), commitment: bytes(commitment), namespace: bytes(namespace) }
        const proof = parseCommitmentProof(json)
        const context = `seed ${random.seed}, square ${squares.length}, share ${at}`
        expect(() => verifyCommitmentProof(proof, claim), context).not.toThrow()
        const again = parseCommitmentProof(JSON.parse(JSON.stringify(formatCommitmentProof(proof))))
        expect(() => verifyCommitmentProof(again, claim), context).not.toThrow()
        proofs++
      }
    }
    expect(proofs).toBeGreaterThan(squares.length)

    const asked: string[] = []
    const ours: { verdict: string; did: string }[] = []
    while (asked.length < counts.mutations) {
      const square = squares[random.below(squares.length)]!
      const blob = square.blobs[random.below(square.blobs.length)]
      if (blob === undefined) continue
      const proof = parseCommitmentProof(blob.proof) as Mutable<CommitmentProof>
      // Some as they are, so that a reference that refuses everything would be noticed.
      const did = asked.length % 20 === 0 ? 'nothing' : mutate(proof)
      if (proof.subtreeRootProofs.some(({ start, end }) => start < 0 || end < 0)) continue
      const claim = { dataRoot: bytes(square.dataRoot), commitment: bytes(blob.commitment) }
      let verdict = 'yes'
      try {
        verifyCommitmentProof(proof, claim)
      } catch (error) {
        if (!isL2Error(error, 'DA_PROOF_INVALID')) throw error
        verdict = `no ${String(error.details['reason'])}`
      }
      ours.push({ verdict, did })
      const question = { proof: formatCommitmentProof(proof), dataRoot: square.dataRoot, commitment: blob.commitment }
      asked.push(JSON.stringify(question))
    }
    const table: Record<string, number> = {}
    let index = 0
    for await (const reference of lines(['verify'], `${asked.join('\n')}\n`)) {
      const { verdict, did } = ours[index]!
      const key = `ours ${/^\w+/.exec(verdict)}, reference ${/^\w+/.exec(reference)}`
      table[key] = (table[key] ?? 0) + 1
      if (verdict === 'yes' || did === 'nothing')
        expect(reference, `seed ${random.seed}, ${did}: ${asked[index]!.slice(0, 4000)}`).toBe('yes')
      index++
    }
    expect(index).toBe(asked.length)
    if (process.env['L2_PEERS'] === 'full')
      process.stdout.write(`${proofs} proofs taken; changed: ${JSON.stringify(table)}\n`)
    expect(table['ours yes, reference yes']).toBeGreaterThanOrEqual(counts.mutations / 20)
    expect(table['ours no, reference no']).toBeGreaterThan(counts.mutations / 2)
  })
})

type Mutable<T> = T extends Uint8Array ? T : { -readonly [K in keyof T]: Mutable<T[K]> }

/** Changes a proof in one to three places; says where. */
function mutate(proof: Mutable<CommitmentProof>): string {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!
  const flip = (target: Uint8Array): void => {
    target[random.below(target.length)]! ^= 1 << random.below(8)
  }
  const ranges = proof.subtreeRootProofs as { start: number; end: number; nodes: Uint8Array[] }[]
  const rows = proof.rowProof
  let did = ''
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const range = pick(ranges)
    const row = pick(rows.proofs)
    const shift = pick([-2, -1, 1, 2, 4])
    const kinds: (readonly [string, () => void])[] = [
      ['start', () => void (range.start = Math.max(0, range.start + shift))],
      ['end', () => void (range.end += shift)],
      [
        'both',
        () => {
          range.start = Math.max(0, range.start + shift)
          range.end += shift
        },
      ],
      ['node-', () => void (range.nodes.length > 0 && range.nodes.splice(random.below(range.nodes.length), 1))],
      [
        'node+',
        () =>
          void (
            range.nodes.length > 0 && range.nodes.splice(random.below(range.nodes.length + 1), 0, pick(range.nodes))
          ),
      ],
      ['node', () => void (range.nodes.length > 0 && flip(pick(range.nodes)))],
      [
        'double',
        () => {
          range.start *= 2
          range.end *= 2
        },
      ],
      [
        'rows',
        () => {
          rows.startRow += 1
          rows.endRow += 1
        },
      ],
      [
        'swap',
        () => {
          const [a, b] = [random.below(ranges.length), random.below(ranges.length)]
          ;[ranges[a], ranges[b]] = [ranges[b]!, ranges[a]!]
        },
      ],
      ['total', () => void (row.total += 1 + random.below(2))],
      ['index', () => void (row.index = Math.max(0, row.index + shift))],
      ['aunt', () => void (row.aunts.length > 0 && flip(pick(row.aunts)))],
      ['leaf', () => flip(row.leafHash)],
      ['row root', () => flip(pick(rows.rowRoots))],
      ['subtree root', () => flip(pick(proof.subtreeRoots))],
      ['subtree roots', () => void proof.subtreeRoots.push(pick(proof.subtreeRoots))],
      [
        'a row more',
        () => {
          ranges.push(range)
          rows.proofs.push(row)
          rows.rowRoots.push(pick(rows.rowRoots))
          rows.endRow += 1
        },
      ],
    ]
    const [name, change] = pick(kinds)
    change()
    did += ` ${name}`
  }
  return did
}
