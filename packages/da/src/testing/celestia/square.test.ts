import { createHash } from 'node:crypto'
import { seededRandom } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { namespaceV0 } from '../../celestia/namespace.js'
import { formatCommitmentProof, parseCommitmentProof, verifyCommitmentProof } from '../../celestia/proof.js'
import { extendShards } from './leopard.js'
import { buildSquare } from './square.js'

describe('extendShards', () => {
  it('makes the parity of klauspost/reedsolomon with its Leopard field', () => {
    // sha256 of the parity of k shards with byte[i][j] = 31i + 7j + ij, made with v1.12.4 of that module.
    const expected: Record<number, string> = {
      1: 'c029dfc944a023bec6662861a4e633237ad3e4f4bca787399fdd487ca52af8f5',
      2: '3bfb14cb5ab69d5d3315f04b7b59b07add709d2839863f1287a46933caf209a2',
      4: 'f5ebc26fd13c2d091c1118b2a79e8cabc2474add5e65386b26e9f263d8891e2e',
      8: '9888a330c0b676167578d952685e5e55599d067249aecb8a7079d3fde26d1e50',
      16: '146dd1282967ad945f0ec62ad4bb9638cb6547c8e7899529138f15d342537653',
      32: '5923a7fa870f8fd6f75cf018eca21180ca55ccf82733df387c6eac891fa54d5a',
      64: '0ced7f7b0f30512ecfc253b503db7b22dd770f0be3944c85f9e9f42b398eede3',
      128: 'b8ee81b580ea19455683ebee9691312cf78e0c10abe78dc922c1894f868887ee',
    }
    for (const [count, hash] of Object.entries(expected)) {
      const data = Array.from({ length: Number(count) }, (_, i) =>
        Uint8Array.from({ length: 512 }, (_, j) => (i * 31 + j * 7 + i * j) & 255),
      )
      const digest = createHash('sha256')
      for (const shard of extendShards(data)) digest.update(shard)
      expect(digest.digest('hex')).toBe(hash)
    }
  })
})

describe('buildSquare', () => {
  it('gives an empty block the data hash that the network gives it', () => {
    const hash = Buffer.from(buildSquare([]).dataHash).toString('hex').toUpperCase()
    expect(hash.slice(0, 8)).toBe('3D96B7D2')
    expect(hash.slice(-4)).toBe('0353')
  })

  it('proves every blob of any block, and nothing else', () => {
    const random = seededRandom(11)
    for (let round = 0; round < 12; round++) {
      const blobs = Array.from({ length: 1 + random.below(5) }, () => ({
        namespace: namespaceV0(Uint8Array.of(1 + random.below(3), 7)),
        data: random.bytes(1 + random.below(round % 3 === 0 ? 60_000 : 3000)),
        shareVersion: 0 as const,
      }))
      const square = buildSquare(blobs)
      for (const blob of square.blobs) {
        const proof = parseCommitmentProof(
          JSON.parse(JSON.stringify(formatCommitmentProof(square.commitmentProof(blob)))),
        )
        const claim = { dataRoot: square.dataHash, commitment: blob.commitment, namespace: blob.namespace }
        verifyCommitmentProof(proof, claim)
        const other = namespaceV0(Uint8Array.of(99))
        expect(() => verifyCommitmentProof(proof, { ...claim, namespace: other })).toThrow('another namespace')
        const json = JSON.stringify(formatCommitmentProof(proof))
        // Every byte of the proof matters: a changed base64 letter is noticed.
        for (let tries = 0; tries < 8; tries++) {
          const at = json.indexOf('"', random.below(json.length - 200)) + 3 + random.below(20)
          const letter = json[at]!
          if (!/[A-Za-z0-9]/.test(letter)) continue
          const changed = `${json.slice(0, at)}${letter === 'B' ? 'C' : 'B'}${json.slice(at + 1)}`
          if (!isSameShape(json, changed)) continue
          expect(() => verifyCommitmentProof(parseCommitmentProof(JSON.parse(changed)), claim)).toThrow()
        }
      }
    }
  })
})

describe('verifyCommitmentProof', () => {
  it('takes a blob for one run of shares in the rows of data, and nothing else', () => {
    const blob = {
      namespace: namespaceV0(Uint8Array.of(7, 7)),
      data: new Uint8Array(9000).fill(1),
      shareVersion: 0 as const,
    }
    const square = buildSquare([blob])
    const placed = square.blobs[0]!
    const claim = { dataRoot: square.dataHash, commitment: placed.commitment, namespace: blob.namespace }
    const proof = square.commitmentProof(placed)
    const rows = proof.subtreeRootProofs
    expect(rows.length).toBeGreaterThan(2)
    verifyCommitmentProof(proof, claim)
    const withRows = (change: (row: (typeof rows)[number], index: number) => object) => ({
      ...proof,
      subtreeRootProofs: rows.map((row, index) => ({ ...row, ...change(row, index) })),
    })
    const { rowProof } = proof
    const moved = (by: number) => ({
      ...proof,
      rowProof: { ...rowProof, startRow: rowProof.startRow + by, endRow: rowProof.endRow + by },
    })
    const table = [
      [withRows(({ start, end }, index) => (index === 1 ? { start: start + 1, end } : {})), 'one run of shares'],
      [withRows(({ end }, index) => (index === 0 ? { end: end - 1 } : {})), 'one run of shares'],
      [withRows(({ end }) => ({ end: end + 1 })), 'empty or too long'],
      // Rows of parity, and the roots of columns that follow those of rows.
      [moved(square.size), 'beyond the data'],
      [moved(2 * square.size), 'beyond the data'],
    ] as const
    for (const [changed, reason] of table) expect(() => verifyCommitmentProof(changed, claim)).toThrow(reason)
  })
})

/** Whether only a value changed, not the name of a field. */
function isSameShape(a: string, b: string): boolean {
  const names = (text: string) => JSON.stringify([...text.matchAll(/"(\w+)":/g)].map(match => match[1]))
  return names(a) === names(b)
}
