import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { seededRandom, testSeed } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { goModule } from '../../../../scripts/go.mjs'
import { decodeCommitment } from '../commitment.js'
import { fromBase64 } from '../internal/base64.js'
import { createAnyTrustDa } from './anytrust.js'

// A program of ours around the curve library that Nitro uses.
const oracle = goModule(fileURLToPath(new URL('../../../../peers/anytrust', import.meta.url)), '.', 'anytrust-oracle', {
  say: line => process.stdout.write(`${line}\n`),
})
if (oracle === undefined) process.stdout.write('skipped: the curve library of Nitro, which needs Go\n')
const count = process.env['L2_PEERS'] === 'full' ? 400 : 15
const random = seededRandom(testSeed(8))

type Case = { keyset: string; certificate: string; data: string; valid: boolean; did: string }

describe.skipIf(oracle === undefined)('against the curve library of Nitro', () => {
  it(`comes to the same of ${count} certificates`, { timeout: 900_000 }, async () => {
    const child = spawn(oracle!, [String(random.seed), String(count)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const seen: Record<string, number> = {}
    for await (const line of createInterface({ input: child.stdout })) {
      const { keyset, certificate, data, valid, did } = JSON.parse(line) as Case
      const bytes = fromBase64(data)!
      const mirror: typeof fetch = async () => new Response(JSON.stringify({ data }))
      const da = createAnyTrustDa({ keysets: [fromBase64(keyset)!], mirrors: ['http://mirror'] }, { fetch: mirror })
      const got = await da.get(decodeCommitment(fromBase64(certificate)!)).then(
        found => Buffer.compare(found, bytes) === 0,
        error => error.code,
      )
      const context = `seed ${random.seed}, certificate ${Object.values(seen).reduce((a, b) => a + b, 0)}: ${did}`
      if (valid) expect(got, context).toBe(true)
      else expect(got, context).toBe('DA_COMMITMENT_DEAD')
      seen[`${did} ${valid}`] = (seen[`${did} ${valid}`] ?? 0) + 1
    }
    if (process.env['L2_PEERS'] === 'full') process.stdout.write(`${JSON.stringify(seen)}\n`)
    expect(Object.values(seen).reduce((a, b) => a + b, 0)).toBe(count)
    expect(seen['nothing true']).toBeGreaterThan(0)
  })
})
