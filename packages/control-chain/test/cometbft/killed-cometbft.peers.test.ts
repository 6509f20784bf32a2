import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountSmallDisk } from '@l2/common/testing'
import { createMemoryGuard } from '@l2/sequencer-core/block'
import { ed25519 } from '@noble/curves/ed25519.js'
import { toHex } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import type { ControlChain } from '../../src/chain/control-chain.js'
import { createCometKey, openCometBft, serveCometSigner, writeCometKeys } from '../../src/cometbft/index.js'
import { defaultParameters } from '../../src/parameters.js'
import { freePorts, until } from './localnet.js'

const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })

/** The engine over a home, by its command line. */
function engineOf(home: string): number | undefined {
  for (const entry of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').includes(home)) return Number(entry)
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined
}

async function open(home: string, validator = createCometKey(), signerAddress?: string): Promise<ControlChain> {
  const isRemote = signerAddress !== undefined
  writeCometKeys(home, { validator: isRemote ? undefined : validator, node: createCometKey() })
  const [port] = await freePorts(1)
  const header = privateKeyToAddress(toHex(1, { size: 32 }))
  let saved: Uint8Array | undefined
  return await openCometBft(
    {
      ...{ home, binary: binary!, controlChainId: 'control-901', parameters: defaultParameters },
      domain: { chainId: 901n, rollup: `0x${'01'.repeat(20)}` },
      genesis: { height: 0n, hash: toHex(0, { size: 32 }) },
      genesisTimeSeconds: BigInt(Math.floor(Date.now() / 1000)),
      operators: [{ id: 1, power: 1n, header, cometKey: validator.publicKey }],
      network: { listen: `127.0.0.1:${port}`, peers: [] },
      signerAddress,
    },
    {
      plan: { slotAt: height => ({ start: height, end: height, leader: 1 }), fallback: () => 1 },
      list: ({ view, height, milestone }) => ({ view, atHeight: height, base: milestone, hashes: [] }),
      store: {
        load: () => saved,
        save: bytes => {
          saved = bytes
        },
      },
    },
  )
}

describe.skipIf(binary === undefined || process.platform !== 'linux')('the engine', () => {
  it('is started again when it was killed, and goes on, twice', async () => {
    const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
    const home = join(root, 'home')
    const chain = await open(home)
    try {
      for (let times = 0; times < 2; times++) {
        const { height } = chain.state()
        await until('control blocks', () => chain.state().height >= height + 2n)
        const pid = engineOf(home)
        expect(pid).toBeDefined()
        process.kill(pid!, 'SIGKILL')
        const killedAt = chain.state().height
        await until('control blocks of another program', () => chain.state().height >= killedAt + 3n)
        expect(engineOf(home)).not.toBe(pid)
      }
    } finally {
      await chain.close()
      rmSync(root, { recursive: true, force: true })
    }
  })

  it('is started again over the socket of its signer too', async () => {
    const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
    const home = join(root, 'home')
    const { publicKey, secret } = createCometKey()
    const address = `unix://${join(home, 'signer.sock')}`
    const chain = await open(home, { publicKey, secret }, address)
    const key = { publicKey, sign: async (message: Uint8Array) => ed25519.sign(message, secret) }
    const signer = serveCometSigner({ address, controlChainId: 'control-901' }, { key, guard: createMemoryGuard() })
    try {
      await until('control blocks', () => chain.state().height >= 2n)
      process.kill(engineOf(home)!, 'SIGKILL')
      const killedAt = chain.state().height
      await until('control blocks of another program', () => chain.state().height >= killedAt + 3n)
    } finally {
      await signer.close()
      await chain.close()
      rmSync(root, { recursive: true, force: true })
    }
  })

  it('that an operator left which was killed is ended by the next one', async () => {
    const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
    const home = join(root, 'home')
    const chain = await open(home)
    await until('control blocks', () => chain.state().height >= 2n)
    await chain.close()
    // It waits for an application, over open databases, and hears nobody.
    const left = spawn(binary!, ['start', '--home', home], { stdio: 'ignore' })
    const ended = new Promise(resolve => left.once('exit', (_, signal) => resolve(signal)))
    await new Promise(resolve => setTimeout(resolve, 2_000))
    left.kill('SIGSTOP')
    writeFileSync(join(home, 'comet.pid'), String(left.pid))
    const next = await open(home)
    try {
      expect(await ended).toBe('SIGKILL')
      await until('it runs', () => next.status.waiting === undefined)
    } finally {
      left.kill('SIGKILL')
      await next.close()
      rmSync(root, { recursive: true, force: true })
    }
  })

  it('that could not write its journal is started again when there is room', async context => {
    const disk = mountSmallDisk(64 << 20)
    if (disk === undefined) return context.skip('no disk can be mounted here')
    const chain = await open(join(disk.path, 'home'))
    try {
      await until('control blocks', () => chain.state().height >= 2n)
      disk.fill()
      await until('it says so', () => chain.status.waiting !== undefined)
      await new Promise(resolve => setTimeout(resolve, 3_000))
      const { height } = chain.state()
      disk.free()
      await until('control blocks after that', () => chain.state().height >= height + 3n)
    } finally {
      await chain.close()
      disk.unmount()
    }
  })
})
