import { describe, expect, it } from 'vitest'
import { bundleForBrowser } from './bundle.js'

/** What a page loads before anything is called: the trusted setups of the noble backend are chunks of their own. */
async function entrySize(title: string, code: string, external: string[] = ['viem']): Promise<[number, number]> {
  const [entry] = await bundleForBrowser(code, external)
  process.stdout.write(`${title}: ${entry!.bytes} bytes minified, ${entry!.gzipped} gzipped\n`)
  return [entry!.bytes, entry!.gzipped]
}

describe('size in a browser, without viem', () => {
  it.each([
    ['the core entry', `export * from './src/index.ts'`, 75_000, 28_000],
    ['the OP codec alone', `export { opCodec } from './src/index.ts'`, 5_000, 2_400],
    ['the noble backend', `export * from './src/kzg/noble.ts'`, 115_000, 42_000],
    ['the KZG entry', `export * from './src/kzg/index.browser.ts'`, 120_000, 44_000],
  ])('%s stays within its bound', async (title, code, maxBytes, maxGzipped) => {
    const [bytes, gzipped] = await entrySize(title, code)
    expect(bytes).toBeLessThanOrEqual(maxBytes)
    expect(gzipped).toBeLessThanOrEqual(maxGzipped)
  })

  it('what is for Node alone does not bundle, rather than failing in the page', async () => {
    await expect(bundleForBrowser(`export * from './src/kzg/c-kzg.ts'`)).rejects.toThrow()
  })
})
