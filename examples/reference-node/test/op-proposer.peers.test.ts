import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOpEngine } from '@l2/node'
import {
  anchorSettlement,
  deploySettlement,
  devnetSettlementWindows,
  disputeGameFactoryAbi,
  faultDisputeGameAbi,
} from '@l2/settlement'
import { openArtifacts } from '@l2/settlement/node'
import { createPublicClient, type Hash, http } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { startAnvilL1 } from './anvil-l1.js'
import { ask, type RunningNode, startNode } from './running-node.js'

// The OP Stack's own proposer, which asks a node of ours what the chain is.

const binary = process.env['L2_PEERS'] === undefined ? undefined : goProgram('op-proposer')
const { isThere } = await findOpEngine('wasm')
const isPossible = binary !== undefined && isThere
if (!isPossible)
  process.stdout.write('skipped: op-proposer as a program; pnpm test:peers op-proposer, which needs Go\n')

const output = async (node: RunningNode, number: bigint): Promise<Hash> => {
  const { result } = await ask(node.url, 'optimism_outputAtBlock', [`0x${number.toString(16)}`])
  return (result as unknown as { outputRoot: Hash }).outputRoot
}

describe.skipIf(!isPossible)('op-proposer on a node of ours', () => {
  it('makes games of the roots that the node comes to', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'l2-op-proposer-'))
    const closers: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })]
    try {
      const l1 = await startAnvilL1()
      closers.push(l1.close)
      const client = createPublicClient({ transport: http(l1.url), pollingInterval: 100 })
      const key = generatePrivateKey()
      const account = privateKeyToAccount(key)
      const ether = `0x${(10n ** 22n).toString(16)}`
      await client.request({ method: 'anvil_setBalance', params: [account.address, ether] } as never)
      const node = await startNode('--data', directory, '--engine', 'op-engine', '--l1', l1.url)
      closers.push(() => node.kill('SIGTERM'))

      // Games of the test's own, so that nobody else proposes in them.
      const on = { client, account, artifacts: openArtifacts() }
      const { addresses } = await deploySettlement(
        { l2ChainId: 59_900n, batcher: account.address, windows: devnetSettlementWindows },
        on,
      )
      await anchorSettlement({ addresses, output: { number: 0n, root: await output(node, 0n) } }, on)
      const factory = { address: addresses.disputeGameFactory, abi: disputeGameFactoryAbi } as const

      const proposer = spawn(
        binary!,
        [
          ...['--l1-eth-rpc', l1.url, '--rollup-rpc', node.url, '--game-factory-address', factory.address],
          ...['--game-type', '0', '--proposal-interval', '4s', '--poll-interval', '1s', '--allow-non-finalized=true'],
          ...['--private-key', key, '--num-confirmations', '1', '--rpc.addr', '127.0.0.1', '--rpc.port', '0'],
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let said = ''
      for (const stream of [proposer.stdout, proposer.stderr]) {
        stream.on('data', data => {
          said = (said + String(data)).slice(-20_000)
        })
      }
      const ended = new Promise(resolve => proposer.once('exit', resolve))
      closers.push(async () => {
        proposer.kill('SIGKILL')
        await ended
      })
      const end = Date.now() + 100_000
      while ((await client.readContract({ ...factory, functionName: 'gameCount' })) < 2n) {
        if (Date.now() > end) throw new Error(`op-proposer made no two games: ${said}`)
        await new Promise(resolve => setTimeout(resolve, 500))
      }
      for (const index of [0n, 1n]) {
        const [, , address] = await client.readContract({ ...factory, functionName: 'gameAtIndex', args: [index] })
        const game = { address, abi: faultDisputeGameAbi } as const
        const number = await client.readContract({ ...game, functionName: 'l2BlockNumber' })
        expect(number).toBeGreaterThan(0n)
        expect(await client.readContract({ ...game, functionName: 'rootClaim' })).toBe(await output(node, number))
      }
    } finally {
      for (const close of closers.reverse()) await close()
    }
  }, 400_000)
})
