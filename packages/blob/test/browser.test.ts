import { chromiumOrSkip } from '@l2/common/testing/chromium'
import { chromium } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { opCodec, versionedHashOf } from '../src/index.js'
import { cKzg } from '../src/kzg/c-kzg.js'
import { bundleForBrowser } from './bundle.js'
import { serve } from './http.js'

const executablePath = chromiumOrSkip()

const code = `
import { opCodec, versionedHashOf } from './src/index.ts'
import { createBlobKzg, createKzgPool } from './src/kzg/index.browser.ts'

globalThis.result = (async () => {
  const data = Uint8Array.from({ length: 130_044 }, (_, i) => (31 * i + 7) & 255)
  const [blob] = opCodec.encode(data)
  const kzg = await createBlobKzg()
  const commitment = kzg.blobToKzgCommitment(blob)
  const proof = kzg.computeBlobKzgProof(blob, commitment)
  const pool = await createKzgPool()
  const again = await pool.blobToKzgCommitment(blob)
  const decoded = opCodec.decode([blob])
  return {
    backend: kzg.backend,
    threads: pool.threads,
    hash: versionedHashOf(commitment),
    again: versionedHashOf(again),
    holds: kzg.verifyBlobKzgProof(blob, commitment, proof),
    cells: kzg.computeCells(blob).length,
    decoded: decoded.length === data.length && decoded.every((byte, i) => byte === data[i]),
  }
})()
`

describe.skipIf(executablePath === undefined)('in headless Chromium', () => {
  it('the bundle encodes a blob, commits to it and decodes it, with the bytes that Node has', async () => {
    const files = new Map((await bundleForBrowser(code)).map(({ name, text }) => [name, text]))
    const server = await serve(({ url }, response) => {
      const text = files.get(url!.slice(1))
      if (text !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(text)
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>blob</title>')
    })
    const browser = await chromium.launch({
      executablePath: executablePath!,
      headless: true,
      // Inside a container there is no sandbox to be had, and the page is our own.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    })
    try {
      const page = await browser.newPage()
      await page.goto(server.url)
      await page.addScriptTag({ url: '/entry.js', type: 'module' })
      const result = await page.evaluate(() => (globalThis as unknown as { result: Promise<unknown> }).result)
      const data = Uint8Array.from({ length: 130_044 }, (_, i) => (31 * i + 7) & 255)
      const hash = versionedHashOf(cKzg().blobToKzgCommitment(opCodec.encode(data)[0]!))
      expect(result).toEqual({
        backend: 'noble',
        threads: 'none',
        hash,
        again: hash,
        holds: true,
        cells: 128,
        decoded: true,
      })
    } finally {
      await browser.close()
      await server.close()
    }
  })
})
