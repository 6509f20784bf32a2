import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cometGuardSigner, createCometKey } from '@l2/control-chain/cometbft'
import { openFileGuard } from '@l2/sequencer-core/node'
import { ed25519 } from '@noble/curves/ed25519.js'
import { expect, it } from 'vitest'
import { openCometSigner } from './comet-signer.js'

it('signs nothing again of control blocks that are folded, also with a guard that has forgotten them', async () => {
  const home = mkdtempSync(join(tmpdir(), 'signer-'))
  try {
    mkdirSync(join(home, 'comet'))
    const { publicKey, secret } = createCometKey()
    const key = { publicKey, sign: async (message: Uint8Array) => ed25519.sign(message, secret) }
    const options = { home, chainId: 901n, controlChainId: 'control-901', height: 40n }
    const signer = await openCometSigner(options, key, () => {})
    expect(signer.address).toBe(`unix://${join(home, 'comet', 'signer.sock')}`)
    await expect(openCometSigner(options, key, () => {})).rejects.toMatchObject({ code: 'GUARD_LOCKED' })
    await signer.close()
    const path = join(home, 'comet.guard')
    await using guard = await openFileGuard({ path, signer: cometGuardSigner(publicKey), chainId: 901n, seen: [] })
    const at = (height: bigint, round: number) => ({
      ...{ epoch: height, term: round, height: 1n, digest: `0x${'01'.repeat(32)}` as const },
    })
    await expect(guard.reserve(at(40n, 1_000))).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
    expect(await guard.reserve(at(41n, 0))).toBe('new')
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
