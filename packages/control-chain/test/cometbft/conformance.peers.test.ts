import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../../scripts/go.mjs'
import { cometNodeId, createCometKey, openCometBft, writeCometKeys } from '../../src/cometbft/index.js'
import { controlChainConformance } from '../../src/testing/index.js'
import { openNetwork } from '../network.js'
import { freePorts } from './localnet.js'

const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })
const size = 4

async function open() {
  const root = mkdtempSync(join(tmpdir(), 'l2-comet-'))
  const ports = await freePorts(size)
  const keys = Array.from({ length: size }, () => ({ validator: createCometKey(), node: createCometKey() }))
  const addresses = keys.map(({ node }, index) => `${cometNodeId(node.publicKey)}@127.0.0.1:${ports[index]}`)
  const genesisTimeSeconds = BigInt(Math.floor(Date.now() / 1000))
  return await openNetwork(
    size,
    operator => ({ ...operator, cometKey: keys[operator.id - 1]!.validator.publicKey }),
    async (id, options, parts) => {
      const home = join(root, String(id))
      writeCometKeys(home, keys[id - 1]!)
      const network = { listen: `127.0.0.1:${ports[id - 1]}`, peers: addresses.filter((_, at) => at !== id - 1) }
      const chain = await openCometBft(
        { ...options, controlChainId: 'control-901', home, binary: binary!, genesisTimeSeconds, network },
        parts,
      )
      expect(statSync(join(home, 'config/priv_validator_key.json')).mode & 0o777).toBe(0o600)
      expect(readFileSync(join(home, 'config/config.toml'), 'utf8')).not.toMatch(/0\.0\.0\.0/)
      return chain
    },
    async () => rmSync(root, { recursive: true, force: true }),
  )
}

describe.skipIf(binary === undefined)('a control chain on CometBFT', () => {
  for (const { name, run } of controlChainConformance(open)) it(name, run)
})
