import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isL2Error } from '@l2/common'
import { openFileGuard } from '@l2/sequencer-core/node'
import { ed25519 } from '@noble/curves/ed25519.js'
import { BinaryReader } from 'cosmjs-types/binary'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import type { ControlChain } from '../../src/chain/control-chain.js'
import {
  type CometSigner,
  cometGuardSigner,
  cometNodeId,
  createCometKey,
  openCometBft,
  serveCometSigner,
  writeCometKeys,
} from '../../src/cometbft/index.js'
import { openNetwork } from '../network.js'
import { freePorts, until } from './localnet.js'

const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })
const size = 4

/** Type, height and round of a vote or proposal out of what is signed of it; `undefined` for an extension. */
function placeOf(signed: Uint8Array): string | undefined {
  const body = new BinaryReader(new BinaryReader(signed).bytes())
  if (body.uint32() !== 8) return undefined
  const type = body.uint32()
  body.uint32()
  const height = body.sfixed64()
  const round = body.uint32() === 25 ? body.sfixed64() : 0n
  return `${type}/${height}/${round}`
}

describe.skipIf(binary === undefined)('keys of CometBFT behind signers of their own', () => {
  it('sign on two machines of one operator, each place once, and on one when the other is gone', async () => {
    const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
    const ports = await freePorts(size + 1)
    const keys = Array.from({ length: size + 1 }, () => ({ validator: createCometKey(), node: createCometKey() }))
    const addresses = keys.map(({ node }, index) => `${cometNodeId(node.publicKey)}@127.0.0.1:${ports[index]}`)
    const genesisTimeSeconds = BigInt(Math.floor(Date.now() / 1000))
    /** By place: everything that the key of operator 1 has signed there. */
    const signed = new Map<string, Set<string>>()
    const asked = [0, 0]
    const faults: string[] = []
    const signers: CometSigner[] = []
    const { publicKey, secret } = keys[0]!.validator
    const path = join(root, 'comet.guard')
    const guard = await openFileGuard({ path, signer: cometGuardSigner(publicKey), chainId: 901n, seen: [] })
    let twin: ControlChain | undefined
    const network = await openNetwork(
      size,
      operator => ({ ...operator, cometKey: keys[operator.id - 1]!.validator.publicKey }),
      async (id, options, parts) => {
        const bring = async (machine: number): Promise<ControlChain> => {
          const at = machine === 0 ? id - 1 : size
          const home = join(root, `${id}-${machine}`)
          // Operator 1 has its key in no file of the engine's.
          writeCometKeys(home, { node: keys[at]!.node, validator: id === 1 ? undefined : keys[at]!.validator })
          const address = `unix://${join(home, 'signer.sock')}`
          if (id === 1) {
            const key = {
              publicKey,
              sign: async (message: Uint8Array) => {
                asked[machine]!++
                const place = placeOf(message)
                if (place !== undefined) {
                  const contents = signed.get(place) ?? new Set()
                  signed.set(place, contents.add(Buffer.from(message).toString('hex')))
                }
                return ed25519.sign(message, secret)
              },
            }
            const onFault = (reason: string) => void faults.push(reason)
            signers[machine] = serveCometSigner({ address, controlChainId: 'control-901' }, { key, guard, onFault })
          }
          return await openCometBft(
            {
              ...options,
              controlChainId: 'control-901',
              home,
              binary: binary!,
              genesisTimeSeconds,
              network: { listen: `127.0.0.1:${ports[at]}`, peers: addresses.filter((_, other) => other !== at) },
              signerAddress: id === 1 ? address : undefined,
            },
            machine === 0 ? parts : { ...parts, store: { load: () => undefined, save: () => {} }, onBlock: () => {} },
          )
        }
        if (id === 1) twin = await bring(1)
        return await bring(0)
      },
    )
    const [first, second] = network.peers
    try {
      await until(
        'control blocks with both machines of operator 1',
        () => second!.chain.state().height >= 15n && twin!.state().height >= 10n,
      )
      // The engine makes itself a key where it finds none, and does not use it.
      const file = readFileSync(join(root, '1-0', 'config/priv_validator_key.json'), 'utf8')
      expect(file).not.toContain(Buffer.from(publicKey).toString('base64'))
      for (const [place, contents] of signed) expect([place, contents.size]).toEqual([place, 1])
      expect(asked[0]! + asked[1]!).toBeGreaterThan(30)

      // The machine that signed is gone: the other one votes for the operator.
      await signers[0]!.close()
      await first!.chain.close()
      const before = asked[1]!
      const from = second!.chain.state().height
      await until('the other machine votes', () => second!.chain.state().height >= from + 8n && asked[1]! > before + 6)
      await until('operator 1 is among the voters', () => second!.chain.status.quorum.present.includes(1))
      for (const [place, contents] of signed) expect([place, contents.size]).toEqual([place, 1])
      expect(second!.chain.state().jailed.size).toBe(0)

      // Without a guard that answers nothing is signed, and three of four go on.
      await guard.close()
      await expect(
        guard.reserve({ epoch: 10n ** 6n, term: 0, height: 1n, digest: `0x${'00'.repeat(32)}` }),
      ).rejects.toSatisfy(error => isL2Error(error, 'GUARD_FAILED'))
      const last = asked[1]!
      const height = second!.chain.state().height
      await until('three go on', () => second!.chain.state().height >= height + 4n)
      expect(asked[1]! - last).toBeLessThanOrEqual(1)
      expect(faults.some(fault => fault.includes('the guard is closed'))).toBe(true)
    } finally {
      await Promise.all([...network.peers.map(({ chain }) => chain.close()), twin?.close()])
      await Promise.all(signers.map(signer => signer.close()))
      await guard.close()
      await network.close()
      rmSync(root, { recursive: true, force: true })
    }
  })
})
