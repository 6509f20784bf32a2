import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { hexToBytes } from '@l2/common'
import { vectorFiles } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { opCodec, versionedHashOf } from '../index.js'
import { cKzg } from '../kzg/c-kzg.js'

const kzg = cKzg()
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bare = (hash: string): string => hash.replace(/^0x/, '')

type Manifest = {
  kind: string
  file?: string
  encoding?: string
  reencode?: string
  expect?: { blobSha256: string; payloadBytes: number; payloadSha256: string; versionedHash?: string }
  vectors?: {
    name: string
    inputLen: number
    inputRule: string
    firstFE: string
    blobSha256: string
    versionedHash: string
  }[]
}

function checkBlob(folder: string, manifest: Manifest): void {
  const raw = readFileSync(join(folder, manifest.file!))
  const blob = manifest.encoding === 'hex' ? hexToBytes(raw.toString().trim())! : new Uint8Array(raw)
  const wanted = manifest.expect!
  expect(sha256(blob)).toBe(bare(wanted.blobSha256))
  const payload = opCodec.decode([blob])
  expect(payload.length).toBe(wanted.payloadBytes)
  expect(sha256(payload)).toBe(bare(wanted.payloadSha256))
  if (wanted.versionedHash !== undefined) {
    expect(versionedHashOf(kzg.blobToKzgCommitment(blob))).toBe(wanted.versionedHash)
  }
  if (manifest.reencode === 'identical') expect(sha256(opCodec.encode(payload)[0]!)).toBe(bare(wanted.blobSha256))
}

function inputOf(rule: string, length: number): Uint8Array {
  if (rule.startsWith('0x')) return hexToBytes(rule)!
  const linear = /^byte\[i\]=\((\d+)\*i\+(\d+)\)&255$/.exec(rule)
  if (linear === null) throw new Error(`unknown rule ${rule}`)
  return Uint8Array.from({ length }, (_, i) => Number(linear[1]) * i + Number(linear[2]))
}

function checkCodec(manifest: Manifest): void {
  for (const vector of manifest.vectors!) {
    const input = inputOf(vector.inputRule, vector.inputLen)
    expect(input.length, vector.name).toBe(vector.inputLen)
    const blobs = opCodec.encode(input)
    expect(blobs.length, vector.name).toBe(1)
    const [blob] = blobs
    expect(Buffer.from(blob!.subarray(0, 32)).toString('hex'), vector.name).toBe(vector.firstFE)
    expect(sha256(blob!), vector.name).toBe(bare(vector.blobSha256))
    expect(versionedHashOf(kzg.blobToKzgCommitment(blob!)), vector.name).toBe(vector.versionedHash)
    expect(Buffer.compare(opCodec.decode(blobs), input), vector.name).toBe(0)
  }
}

// The kinds that other packages read; their data files are named by their manifests.
const elsewhere = ['batcher-transaction', 'channel', 'span-batch']
const files = vectorFiles('opstack')

describe.skipIf(files === undefined)('OP Stack vectors: blobs', () => {
  const manifests = (files ?? []).filter(file => extname(file) === '.json')
  it.each(manifests.map(file => [basename(file), file]))('%s', (_, file) => {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
    if (elsewhere.includes(manifest.kind)) return
    if (manifest.kind === 'blob') checkBlob(dirname(file), manifest)
    else if (manifest.kind === 'blob-codec') checkCodec(manifest)
    else throw new Error(`unknown kind ${manifest.kind}`)
  })
})
