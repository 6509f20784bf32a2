import { findOpEngine } from '@l2/node'
import { expect, it } from 'vitest'
import { surviveHangs } from './hang.js'

// The short form of `pnpm soak hang`. Who is whose child only Linux tells in files.
const isLinux = process.platform === 'linux'
const hasNative = (await findOpEngine('native')).isThere

for (const [engine, isThere] of [
  ['anvil', true],
  ['native', hasNative],
] as const) {
  it.runIf(isLinux && isThere)(
    `ends and starts again what hangs of ${engine}, and waits for an L1 that does`,
    { timeout: 900_000 },
    async () => {
      const line = await surviveHangs({ engine, silenceMs: 5000, engineStopMs: 0, l1StopMs: 8000 })
      expect(line).toContain('transactions')
    },
  )
}
